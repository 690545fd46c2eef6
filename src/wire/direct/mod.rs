//! The wire that measures: each phase of a connection, a request and an answer is timed.
//!
//! Connections are ours. Over HTTP/1.1 each has one request in flight, never more are open than are in
//! flight, and connection, request and answer are driven by one task: no channel and no other task's
//! turn lies between the read and its stamp. On Linux the stamp is the kernel's, so that a busy
//! client's marks are not late.

mod connect;
mod http1;
mod http2;
mod kernel;
mod patience;
mod pool;
mod socket;
mod stamped;
mod stamping;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::sync::Arc;

use http::{HeaderValue, Uri};

use super::{Clock, Connecting, Endpoint, Failure, Preopened, Reading, TimeoutKind, Wire};
use crate::scenario::{Http, Timeouts, Timestamps};
use crate::shot::Shot;
use connect::{Connector, Opened};
use http1::{Connection, Preamble, Scratch};
use http2::Shared;
use patience::Patience;
use pool::Pool;

pub(super) use http2::failure as http_failure;
pub use stamping::{StampTally, Stamping};

/// How long to wait for the end of a body after its answer said that it was over: then the connection
/// can be used again, and accounts that follow are heard.
const LINGER: std::time::Duration = std::time::Duration::from_millis(100);

/// Sends requests over connections of its own.
#[derive(Debug)]
pub struct DirectWire {
    connector: Connector,
    pool: Pool,
    scratch: Arc<Scratch>,
    preamble: Preamble,
    /// The connection of all requests, where HTTP/2 was asked for.
    http2: Option<Shared>,
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
    /// The certificates can't be used.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl DirectWire {
    /// A wire to `endpoint` with connections of its own, stamped by the kernel where it can.
    pub fn new(endpoint: &Endpoint, timeouts: Timeouts, clock: Clock) -> Result<Self, DirectError> {
        let url = || DirectError::Url(endpoint.base_url.clone());
        let base: Uri = endpoint.base_url.parse().map_err(|_| url())?;
        let authorization = endpoint.key.as_ref().map(|key| {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
            value.map_err(|_| DirectError::Key)
        });
        let authorization = authorization.transpose()?;
        let connector = Connector::new(endpoint, clock)?.ok_or_else(url)?;
        let pool = Pool::new(endpoint.policy.sharing);
        let preamble = Preamble::new(
            // The path of a URL without one is a slash.
            base.path().trim_end_matches('/'),
            connector.host_header(),
            authorization.as_ref().and_then(|value| value.to_str().ok()),
            pool.is_once(),
        );
        let http2 = match endpoint.policy.http {
            Http::One => None,
            Http::Two => Some(Shared::new(&endpoint.base_url, authorization)),
        };
        Ok(Self {
            connector,
            pool,
            scratch: Arc::default(),
            preamble,
            http2,
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

    async fn open(&self) -> Result<Opened, Failure> {
        let opening = self.connector.open(&self.stamping);
        match tokio::time::timeout(self.timeouts.connect, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::Timeout(TimeoutKind::Connect)),
        }
    }

    /// A connection of HTTP/1.1, and how it was opened, where it was not there.
    async fn connection(
        &self,
        user: Option<u32>,
    ) -> Result<(Connection, Option<Connecting>), Failure> {
        if let Some(connection) = self.pool.take(user).await {
            return Ok((connection, None));
        }
        let opened = self.open().await?;
        let phases = opened.phases;
        Ok((self.begin(opened), Some(phases)))
    }

    /// Begins HTTP/1.1 on a connection.
    fn begin(&self, opened: Opened) -> Connection {
        let patience = Patience::new(self.timeouts, self.clock);
        Connection::new(opened, patience, &self.scratch)
    }

    async fn send_over_http1(
        &self,
        shot: &Shot,
        user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        loop {
            let (mut connection, opened) = self.connection(user).await?;
            reading.connected(opened);
            reading.sent(self.clock.now());
            match connection.exchange(&self.preamble, shot, reading).await {
                // A connection that was closed while it was idle, before a byte of the request was
                // written, is no failure: the request goes to another one.
                Err(Failure::Lost(_))
                    if reading.is_reused() && connection.first_write().is_none() => {}
                Err(failure) => return Err(failure),
                Ok(keeps) => {
                    if keeps && !self.pool.is_once() {
                        self.pool.give(user, connection);
                    }
                    return Ok(());
                }
            }
        }
    }
}

impl Wire for DirectWire {
    async fn send(
        &self,
        shot: &Shot,
        user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        match &self.http2 {
            None => self.send_over_http1(shot, user, reading).await,
            Some(shared) => shared.send(self, shot, reading).await,
        }
    }

    async fn preopen(&self, wanted: u32) -> Preopened {
        match &self.http2 {
            None => pool::preopen(self, wanted).await,
            Some(shared) => shared.preopen(self, wanted).await,
        }
    }
}
