//! Where requests go, and which addresses that is.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;

use super::Failure;
use crate::base::Secret;
use crate::scenario::{Address, Dns, Policy};

/// Where requests go.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The base URL without a slash at its end.
    pub base_url: String,
    /// The bearer key.
    pub key: Option<Secret>,
    /// How connections are opened and shared.
    pub policy: Policy,
    /// The addresses of the host, as [`Endpoint::look_up`] found them; `None`: each connection looks
    /// them up.
    pub addresses: Option<Vec<SocketAddr>>,
}

impl Endpoint {
    /// Looks the host's name up, where the policy wants that once; how long it took. Nothing is looked
    /// up for a host that is an address, or for a Unix socket.
    pub async fn look_up(&mut self) -> Result<Option<Duration>, Failure> {
        let Some(Address::Tcp { host, port }) = self.destination() else {
            return Ok(None);
        };
        if self.policy.dns == Dns::Each || host.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let began = Instant::now();
        self.addresses = Some(look_up(&host, port).await?);
        Ok(Some(began.elapsed()))
    }

    /// Where connections go: as the policy says, or else as the URL does. `None`: the URL has no host.
    pub(super) fn destination(&self) -> Option<Address> {
        if let Some(address) = &self.policy.connect_to {
            return Some(address.clone());
        }
        let url: Uri = self.base_url.parse().ok()?;
        let standard = if url.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Some(Address::Tcp {
            host: plain(url.host()?).to_owned(),
            port: url.port_u16().unwrap_or(standard),
        })
    }
}

/// A host without the brackets around an address.
pub(super) fn plain(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

/// The addresses of a host, as the system's resolver orders them; at least one.
pub(super) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found
        .map_err(|error| Failure::of_system(&error, Failure::Dns))?
        .collect();
    if found.is_empty() {
        return Err(Failure::Dns(format!("{host} has no address")));
    }
    Ok(found)
}
