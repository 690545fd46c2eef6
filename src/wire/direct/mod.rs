//! The wire that measures: one connection for one request in flight, each of its phases timed.
//!
//! Connections are ours, so that never more are open than are in flight, and the connection, the
//! request and the answer are driven by one task: no channel and no other task's turn lies between the
//! read and its stamp. On Linux the stamp is the kernel's, so that a busy client's marks are not late.

mod connect;
mod http1;
mod http2;
mod kernel;
mod patience;
mod stamped;
mod stamping;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::sync::Mutex;

use http::{HeaderValue, Uri};

use super::{Clock, Endpoint, Failure, Reading, Wire};
use crate::scenario::{Timeouts, Timestamps};
use crate::shot::Shot;
use connect::Connector;
use http1::{Connection, Preamble, Scratch};
pub(super) use http2::failure as http_failure;
use patience::Patience;
pub use stamping::{StampTally, Stamping};

/// Sends requests over HTTP/1.1 connections of its own.
#[derive(Debug)]
pub struct DirectWire {
    connector: Connector,
    idle: Mutex<Vec<Connection>>,
    scratch: Scratch,
    preamble: Preamble,
    timeouts: Timeouts,
    clock: Clock,
    stamping: Stamping,
}

/// Why a wire can't be made for an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// The base URL can't be used.
    #[error("`{0}` is no base URL")]
    Url(String),
    /// The key can't stand in a header.
    #[error("the key holds characters that can't be sent in a header")]
    Key,
    /// The system's certificates can't be used.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl DirectWire {
    /// A wire to `endpoint` with connections of its own, stamped by the kernel where it can.
    pub fn new(endpoint: &Endpoint, timeouts: Timeouts, clock: Clock) -> Result<Self, DirectError> {
        let url = || DirectError::Url(endpoint.base_url.clone());
        let base: Uri = endpoint.base_url.parse().map_err(|_| url())?;
        let authorization = match &endpoint.key {
            None => None,
            Some(key) => {
                let text = format!("Bearer {}", key.expose());
                HeaderValue::try_from(&text).map_err(|_| DirectError::Key)?;
                Some(text)
            }
        };
        let connector = Connector::new(&base, clock)?.ok_or_else(url)?;
        // The path of a URL without one is a slash.
        let path = base.path().trim_end_matches('/');
        let preamble = Preamble::new(path, connector.host_header(), authorization.as_deref());
        Ok(Self {
            connector,
            idle: Mutex::default(),
            scratch: Scratch::default(),
            preamble,
            timeouts,
            clock,
            stamping: Stamping::new(Timestamps::default()),
        })
    }

    /// The same wire with its reads stamped, and counted, by `stamping`.
    #[must_use]
    pub fn with_stamping(self, stamping: &Stamping) -> Self {
        Self {
            stamping: stamping.clone(),
            ..self
        }
    }

    /// An idle connection that still lives, if there is one.
    async fn reuse(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().expect("never held over a panic").pop()?;
            if connection.is_idle(&self.scratch).await {
                return Some(connection);
            }
        }
    }

    async fn connection(&self, reading: &mut Reading) -> Result<Connection, Failure> {
        if let Some(connection) = self.reuse().await {
            reading.connected(None);
            return Ok(connection);
        }
        let patience = self.timeouts.connect;
        let opening = self.connector.open(&self.stamping);
        let (connection, phases) = match tokio::time::timeout(patience, opening).await {
            Ok(opened) => opened?,
            Err(_) => return Err(Failure::Timeout(super::TimeoutKind::Connect)),
        };
        reading.connected(Some(phases));
        Ok(connection)
    }
}

impl Wire for DirectWire {
    async fn send(&self, shot: &Shot, reading: &mut Reading) -> Result<(), Failure> {
        loop {
            let mut connection = self.connection(reading).await?;
            let handed_over = self.clock.now();
            reading.sent(handed_over);
            let mut patience = Patience::new(self.timeouts, self.clock, reading);
            let exchange =
                connection.exchange(&self.preamble, shot, &mut patience, reading, &self.scratch);
            match exchange.await {
                // A connection that was closed while it was idle, before a byte of the request was
                // written, is no failure: the request goes to another one.
                Err(Failure::Lost(_))
                    if reading.is_reused() && connection.first_write().is_none() => {}
                Err(failure) => return Err(failure),
                Ok(keeps) => {
                    if keeps {
                        let mut idle = self.idle.lock().expect("never held over a panic");
                        idle.push(connection);
                    }
                    return Ok(());
                }
            }
        }
    }
}
