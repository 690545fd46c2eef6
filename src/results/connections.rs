//! How a run's connections were opened and shared, as `run.json` has it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::scenario::{Dns, Policy, Sharing};
use crate::wire::Preopened;

/// How connections were opened and shared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// How requests shared connections.
    pub sharing: Sharing,
    /// The version of HTTP, in words.
    pub http: String,
    /// When the host's name was looked up.
    pub dns: Dns,
    /// The addresses that it had before the load; empty where nothing was looked up then.
    pub addresses: Vec<SocketAddr>,
    /// How long that lookup took, in milliseconds; it is in no request's time.
    pub lookup_ms: Option<f64>,
    /// Where connections went instead of the URL's host and port.
    pub connect_to: Option<String>,
    /// The file of the only authorities that were trusted; absent: the system's.
    pub ca: Option<String>,
    /// The file of the client's certificate.
    pub cert: Option<String>,
    /// Whether whoever answered was trusted: neither certificate nor name was checked.
    pub insecure: bool,
    /// The most connections that were to be opened before a phase.
    pub preopen: u32,
}

impl ConnectionInfo {
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            sharing: policy.sharing,
            http: policy.http.to_string(),
            dns: policy.dns,
            addresses: Vec::new(),
            lookup_ms: None,
            connect_to: policy.connect_to.as_ref().map(ToString::to_string),
            ca: policy.tls.ca.as_ref().map(|ca| ca.file.clone()),
            cert: policy.tls.identity.as_ref().map(|me| me.file.clone()),
            insecure: policy.tls.insecure,
            preopen: policy.preopen,
        }
    }

    /// Takes over what the lookup before the load found.
    pub fn looked_up(&mut self, addresses: Option<&[SocketAddr]>, took: Option<Duration>) {
        self.addresses = addresses.unwrap_or_default().to_vec();
        self.lookup_ms = took.map(ms);
    }

    /// What is not as it is by default, in words; empty where all is.
    pub fn in_words(&self) -> String {
        let sharing = match self.sharing {
            Sharing::Pool => None,
            Sharing::PerUser => Some("one connection for each user".to_owned()),
            Sharing::New => Some("a new connection for each request".to_owned()),
        };
        let dns = match self.dns {
            Dns::Once => None,
            Dns::Each => Some("a lookup for each connection".to_owned()),
        };
        let said = |what: &str, value: &Option<String>| {
            let value = value.as_ref()?;
            Some(format!("{what} {value}"))
        };
        let preopen = (self.preopen > 0).then(|| format!("up to {} opened ahead", self.preopen));
        let parts = [
            sharing,
            dns,
            said("connected to", &self.connect_to),
            said("trusting only", &self.ca),
            said("as", &self.cert),
            preopen,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

/// The connections that were opened before a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PreopenInfo {
    /// Idle connections that were wanted, of all workers.
    pub wanted: u32,
    /// How many were there, those that were open before included.
    pub idle: u32,
    /// How long the slowest worker took; it is before the phase.
    pub took_ms: f64,
}

impl PreopenInfo {
    /// Adds what came of it for one worker.
    pub fn add(&mut self, worker: &Preopened) {
        self.wanted += worker.wanted;
        self.idle += worker.idle;
        self.took_ms = self.took_ms.max(ms(worker.took));
    }
}

fn ms(time: Duration) -> f64 {
    // To the microsecond: what is below is noise.
    time.as_micros() as f64 / 1e3
}
