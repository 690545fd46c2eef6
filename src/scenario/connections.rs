//! How connections are opened and shared: what a target says of it, and what goes together.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use url::{Host, Url};

use super::check::Checker;
use super::document::Spanned;
use super::file::{self, File, GatewayTarget};
use super::{Address, Authorities, Client, Http, Identity, Policy, Sharing, Tls};

/// What the rest of the file says that a policy has to go with.
#[derive(Clone, Debug)]
pub(super) struct Around {
    client: Client,
    /// The name of a phase that is an open loop.
    open_loop: Option<String>,
}

impl Around {
    pub(super) fn new(file: &File) -> Self {
        let mut phases = file.load.iter().flat_map(|load| &load.value);
        let open = |phase: &&Spanned<file::Phase>| {
            phase.constant.is_some() || phase.poisson.is_some() || phase.ramp.is_some()
        };
        Self {
            client: file.client.unwrap_or_default(),
            open_loop: phases.find(open).map(|phase| phase.name.value.clone()),
        }
    }
}

impl Checker<'_> {
    pub(super) fn policy(&mut self, target: &GatewayTarget, url: &Url, around: &Around) -> Policy {
        let http = match &target.http {
            Some(http) => self.http(http),
            None => Http::One,
        };
        let connect_to = target.connect_to.as_ref().filter(|to| !to.is_empty());
        let sharing = target.connections.as_ref().map(|sharing| sharing.value);
        let tls = target.tls.as_ref().map(|tls| self.tls(tls, url));
        let policy = Policy {
            sharing: sharing.unwrap_or_default(),
            http,
            dns: target.dns.unwrap_or_default(),
            connect_to: connect_to.and_then(|to| self.address(to)),
            tls: tls.unwrap_or_default(),
            preopen: target.preopen.as_ref().map_or(0, |preopen| preopen.value),
        };
        self.sharing(target, &policy, around);
        if around.client == Client::Reqwest {
            self.by_reqwest(target, url, &policy);
        }
        policy
    }

    fn http(&mut self, http: &Spanned<u8>) -> Http {
        match http.value {
            1 => Http::One,
            2 => Http::Two,
            other => {
                let message = format!("`http: {other}` is no version that can be spoken here");
                self.problem(http.span.clone(), message, "write 1 or 2");
                Http::One
            }
        }
    }

    fn address(&mut self, text: &Spanned<String>) -> Option<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !cfg!(unix) {
                let message = "this system has no Unix sockets to connect to";
                self.problem(text.span.clone(), message, "write host:port");
                return None;
            }
            if !path.is_empty() {
                return Some(Address::Unix(self.folder.join(path)));
            }
        }
        let address = text.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok().filter(|port| *port > 0)?;
            let host = match Host::parse(host).ok()? {
                Host::Domain(name) => name,
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            };
            Some(Address::Tcp { host, port })
        });
        if address.is_none() {
            let message = format!("`{}` is no place to connect to", text.value);
            let help = "write host:port, [address]:port or unix:/path/to/socket";
            self.problem(text.span.clone(), message, help);
        }
        address
    }

    /// What does not go with how requests share connections.
    fn sharing(&mut self, target: &GatewayTarget, policy: &Policy, around: &Around) {
        if let (Sharing::PerUser, Some(given), Some(phase)) =
            (policy.sharing, &target.connections, &around.open_loop)
        {
            let message = format!("an open loop has no users: the phase `{phase}` is one");
            let help = "write `connections: pool`, or make each phase `closed`";
            self.problem(given.span.clone(), message, help);
        }
        if let (Http::Two, Sharing::PerUser | Sharing::New, Some(given)) =
            (policy.http, policy.sharing, &target.connections)
        {
            let message = "over HTTP/2 all requests of a worker share one connection";
            let help = "leave `connections` out, or write `http: 1`";
            self.problem(given.span.clone(), message, help);
        }
        if let (Sharing::New, Some(given)) = (policy.sharing, &target.preopen)
            && given.value > 0
        {
            let message =
                "`preopen` has no effect: with `connections: new` each request opens its own";
            self.problem(given.span.clone(), message, "leave one of the two out");
        }
    }

    /// What the client library can't do.
    fn by_reqwest(&mut self, target: &GatewayTarget, url: &Url, policy: &Policy) {
        let help = "leave it out, or write `client: direct`";
        if let (Sharing::PerUser, Some(given)) = (policy.sharing, &target.connections) {
            let message = "`client: reqwest` has one pool for all users";
            self.problem(given.span.clone(), message, help);
        }
        if let Some(given) = target.preopen.as_ref().filter(|given| given.value > 0) {
            let message = "`client: reqwest` opens connections for requests only";
            self.problem(given.span.clone(), message, help);
        }
        let (Some(Address::Tcp { .. }), Some(given)) = (&policy.connect_to, &target.connect_to)
        else {
            return;
        };
        let named = matches!(url.host(), Some(Host::Domain(_)));
        if url.scheme() == "https" && !named {
            let message = "`client: reqwest` can't connect elsewhere than to an https address";
            let help = "give the URL a host name, or write `client: direct`";
            self.problem(given.span.clone(), message, help);
        } else if policy.http == Http::Two {
            let message = "`client: reqwest` can't connect elsewhere over HTTP/2";
            self.problem(given.span.clone(), message, help);
        }
    }

    fn tls(&mut self, tls: &Spanned<file::Tls>, url: &Url) -> Tls {
        if url.scheme() != "https" {
            let message = "`tls` has no effect: the URL is not https";
            let help = "write https://, or leave `tls` out";
            self.problem(tls.span.clone(), message, help);
        }
        let there = |path: &Option<Spanned<String>>| path.clone().filter(|path| !path.is_empty());
        let [ca, cert, key] = [&tls.ca, &tls.cert, &tls.key].map(there);
        if let (true, Some(ca)) = (tls.insecure, &ca) {
            let message = "`ca` has no effect: with `insecure` whoever answers is trusted";
            self.problem(ca.span.clone(), message, "leave one of the two out");
        }
        let identity = match (&cert, &key) {
            (Some(cert), Some(key)) => self.identity(cert, key),
            (Some(alone), None) => {
                let message = "a client's certificate needs its private key";
                self.problem(alone.span.clone(), message, "give `key` too");
                None
            }
            (None, Some(alone)) => {
                let message = "a private key needs the certificate that it is for";
                self.problem(alone.span.clone(), message, "give `cert` too");
                None
            }
            (None, None) => None,
        };
        Tls {
            ca: ca.and_then(|ca| self.authorities(&ca)),
            identity: identity.map(Arc::new),
            insecure: tls.insecure,
        }
    }

    fn authorities(&mut self, path: &Spanned<String>) -> Option<Authorities> {
        let certificates = self.certificates(path)?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in &certificates {
            if let Err(error) = roots.add(certificate.clone()) {
                let message = format!("`{}` holds no authority to trust: {error}", path.value);
                self.problem(path.span.clone(), message, PEM_HELP);
                return None;
            }
        }
        Some(Authorities {
            file: path.value.clone(),
            certificates,
        })
    }

    fn certificates(&mut self, path: &Spanned<String>) -> Option<Vec<CertificateDer<'static>>> {
        let source = self.open(path)?;
        let found: Result<Vec<_>, pem::Error> =
            CertificateDer::pem_slice_iter(source.text.as_bytes()).collect();
        let message = match found {
            Ok(found) if !found.is_empty() => return Some(found),
            Ok(_) => format!("`{}` holds no certificate", path.value),
            Err(error) => format!("`{}` can't be read as PEM: {error}", path.value),
        };
        self.problem(path.span.clone(), message, PEM_HELP);
        None
    }

    fn identity(&mut self, cert: &Spanned<String>, key: &Spanned<String>) -> Option<Identity> {
        let chain = self.certificates(cert);
        let source = self.open(key)?;
        // What is wrong is not told with the text around it, which may be the key.
        let Ok(private) = PrivateKeyDer::from_pem_slice(source.text.as_bytes()) else {
            let message = format!("`{}` holds no private key that can be read", key.value);
            let help = if source.text.contains("ENCRYPTED") {
                "the key is encrypted: decrypt it first, for example with `openssl pkey`"
            } else {
                "a key in PEM begins with a line like -----BEGIN PRIVATE KEY-----"
            };
            self.problem(key.span.clone(), message, help);
            return None;
        };
        let chain = chain?;
        let pair = CertifiedKey::from_der(
            chain.clone(),
            private.clone_key(),
            &ring::default_provider(),
        );
        match pair {
            Ok(_) => Some(Identity {
                file: cert.value.clone(),
                chain,
                key: private,
            }),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let message = format!("`{}` is not the key of `{}`", key.value, cert.value);
                let help = "give the key that the certificate was made for; of several certificates, the client's comes first";
                self.problem(key.span.clone(), message, help);
                None
            }
            Err(error) => {
                let message = format!("`{}` and its key can't be used: {error}", cert.value);
                self.problem(cert.span.clone(), message, PEM_HELP);
                None
            }
        }
    }
}

const PEM_HELP: &str = "a certificate in PEM begins with the line -----BEGIN CERTIFICATE-----";
