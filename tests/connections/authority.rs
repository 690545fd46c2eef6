//! An authority of the tests' own, and what it signs.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// The name that the server's certificate is for.
pub(crate) const NAME: &str = "gateway.test";

/// Whom the server lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Anybody,
    /// Those with a certificate of the authority.
    Known,
}

/// Writes `ca.pem`, `client.pem`, `client.key` and `other.key` into `folder`, and gives the server's
/// side of it.
pub(crate) fn found(folder: &Path, clients: Clients) -> rustls::ServerConfig {
    let mut params = CertificateParams::new(vec!["authority.test".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        (certificate.der().clone(), key.serialize_der())
    };
    let (client, client_key) = signed("client.test");
    let write = |name: &str, label: &str, der: &[u8]| {
        std::fs::write(folder.join(name), pem(label, der)).unwrap();
    };
    write("ca.pem", "CERTIFICATE", &ca);
    write("client.pem", "CERTIFICATE", &client);
    write("client.key", "PRIVATE KEY", &client_key);
    write("other.key", "PRIVATE KEY", &signed("other.test").1);

    let (server, server_key) = signed(NAME);
    config(clients, ca, server, server_key)
}

fn config(
    clients: Clients,
    ca: CertificateDer<'static>,
    server: CertificateDer<'static>,
    key: Vec<u8>,
) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if clients == Clients::Anybody {
        builder.with_no_client_auth()
    } else {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
    let mut config = builder.with_single_cert(vec![server], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
