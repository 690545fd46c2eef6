//! Opening a connection, phase by phase: name, socket, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::{self, Connection};
use super::stamped::Stamped;
use super::stamping::Stamping;
use crate::wire::{Clock, Connecting, Failure};

/// Opens connections to one server.
pub(super) struct Connector {
    host: String,
    port: u16,
    host_header: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Clock,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Connector({}, tls: {})",
            self.host_header,
            self.tls.is_some()
        )
    }
}

impl Connector {
    /// A connector to the server of a base URL; `None` where that has no host or another scheme.
    pub(super) fn new(base: &Uri, clock: Clock) -> Result<Option<Self>, rustls::Error> {
        let (Some(host), Some(authority)) = (base.host(), base.authority()) else {
            return Ok(None);
        };
        let plain = host.trim_matches(['[', ']']).to_owned();
        let tls = match base.scheme_str() {
            Some("http") => None,
            Some("https") => {
                let Ok(name) = ServerName::try_from(plain.clone()) else {
                    return Ok(None);
                };
                Some((TlsConnector::from(Arc::new(tls_config()?)), name))
            }
            _ => return Ok(None),
        };
        let standard = if tls.is_some() { 443 } else { 80 };
        let port = base.port_u16().unwrap_or(standard);
        // What stands before an @ is no part of the header.
        let host_header = authority
            .as_str()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Some(Self {
            host: plain,
            port,
            host_header,
            tls,
            clock,
        }))
    }

    pub(super) fn host_header(&self) -> &str {
        &self.host_header
    }

    /// Opens a connection and times its phases.
    pub(super) async fn open(
        &self,
        stamping: &Stamping,
    ) -> Result<(Connection, Connecting), Failure> {
        let began = self.clock.now();
        let addresses = self.resolve().await?;
        let resolved = self.clock.now();
        let socket = first_that_answers(&addresses).await?;
        let connected = self.clock.now();
        let (socket, stamps) = Stamped::new(socket, self.clock, stamping);
        let mut phases = Connecting {
            dns: resolved.since(began),
            connect: connected.since(resolved),
            tls: Duration::ZERO,
        };
        let connection = match &self.tls {
            None => connection::handshake(TokioIo::new(socket), stamps).await,
            Some((tls, name)) => {
                let secured = tls.connect(name.clone(), socket).await;
                let secured = secured.map_err(|error| Failure::Tls(error.to_string()))?;
                phases.tls = self.clock.now().since(connected);
                connection::handshake(TokioIo::new(secured), stamps).await
            }
        };
        Ok((connection?, phases))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = self.host.parse() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found
            .map_err(|error| Failure::of_system(&error, Failure::Dns))?
            .collect();
        if found.is_empty() {
            return Err(Failure::Dns(format!("{} has no address", self.host)));
        }
        Ok(found)
    }
}

/// Tries one address after the other, as resolvers order them.
async fn first_that_answers(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // Requests and chunks are small: waiting to fill a packet would be measured as latency.
                socket
                    .set_nodelay(true)
                    .map_err(|error| Failure::of_system(&error, Failure::Connect))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(Failure::of_system(&last, Failure::Connect))
}

/// TLS with the system's certificates, and HTTP/1.1 named in the handshake.
fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
