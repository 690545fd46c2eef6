//! How connections to a target are opened and shared: the plain types.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Serialize;

use super::{Dns, Sharing};

/// How connections to a target are opened and shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// How requests share connections.
    pub sharing: Sharing,
    /// The version of HTTP.
    pub http: Http,
    /// When the name of the host is looked up.
    pub dns: Dns,
    /// Where to connect instead of the URL's host and port.
    pub connect_to: Option<Address>,
    /// Whom to trust, and how to be trusted; it changes nothing of what is asked.
    #[serde(skip)]
    pub tls: Tls,
    /// The most connections to open before a phase begins.
    pub preopen: u32,
}

impl Policy {
    /// Whether a scenario says nothing of it.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Http {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2: by ALPN on https, and without asking on http.
    Two,
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::One => "HTTP/1.1",
            Self::Two => "HTTP/2",
        })
    }
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// A host and a port.
    Tcp {
        /// The host's name, or its address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Whom to trust, and how to be trusted. What was read can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The only authorities to trust; `None`: the system's.
    pub ca: Option<Authorities>,
    /// Who the client is.
    pub identity: Option<Arc<Identity>>,
    /// Whether whoever answers is trusted.
    pub insecure: bool,
}

/// Authorities to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    /// The file, as the scenario names it.
    pub file: String,
    /// Their certificates; at least one.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// The client's certificate and its key, which match.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's file, as the scenario names it.
    pub file: String,
    /// The certificate, and those between it and an authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key; never written to a file.
    pub key: PrivateKeyDer<'static>,
}
