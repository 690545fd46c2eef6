//! The wire that measures: one connection for one request in flight, each of its phases timed.
//!
//! Connections are ours, so that never more are open than are in flight, and the connection, the
//! request and the answer are driven by one task: no channel and no other task's turn lies between the
//! read and its stamp. On Linux the stamp is the kernel's, so that a busy client's marks are not late.

mod connect;
mod connection;
mod kernel;
mod pool;
mod socket;
mod stamped;
mod stamping;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::{Clock, Endpoint, Failure, Preopened, Reading, Wire};
use crate::scenario::{Http, Timeouts, Timestamps};
use crate::shot::Shot;
use connect::Connector;
use connection::{Connection, Patience};
use pool::Pool;
pub use stamping::{StampTally, Stamping};

pub(super) use connection::failure as http_failure;

/// How long to wait for a connection to become reusable after an answer said that it was over.
const LINGER: std::time::Duration = std::time::Duration::from_millis(100);

/// Sends requests over HTTP/1.1 connections of its own.
#[derive(Debug)]
pub struct DirectWire {
    connector: Connector,
    pool: Pool,
    base: Uri,
    authorization: Option<HeaderValue>,
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
    /// This wire speaks HTTP/1.1 only.
    #[error("the direct client does not speak HTTP/2")]
    Http2,
    /// The certificates can't be used.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl DirectWire {
    /// A wire to `endpoint` with connections of its own, stamped by the kernel where it can.
    pub fn new(endpoint: &Endpoint, timeouts: Timeouts, clock: Clock) -> Result<Self, DirectError> {
        if endpoint.policy.http == Http::Two {
            return Err(DirectError::Http2);
        }
        let url = || DirectError::Url(endpoint.base_url.clone());
        let base: Uri = endpoint.base_url.parse().map_err(|_| url())?;
        let authorization = match &endpoint.key {
            None => None,
            Some(key) => {
                let text = format!("Bearer {}", key.expose());
                let mut value = HeaderValue::try_from(text).map_err(|_| DirectError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let connector = Connector::new(endpoint, clock)?.ok_or_else(url)?;
        Ok(Self {
            connector,
            pool: Pool::new(endpoint.policy.sharing),
            base,
            authorization,
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

    fn request(&self, shot: &Shot) -> Result<Request<Full<Bytes>>, Failure> {
        let accept = if shot.stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        // The path of a URL without one is a slash.
        let base = self.base.path().trim_end_matches('/');
        let mut request = Request::post(format!("{base}{}", shot.path))
            .header(header::HOST, self.connector.host_header())
            .header(
                header::USER_AGENT,
                concat!("tollgate/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if self.pool.is_once() {
            request = request.header(header::CONNECTION, "close");
        }
        let request = request.body(Full::new(shot.body.clone()));
        request.map_err(|error| Failure::Malformed(format!("the request can't be made: {error}")))
    }

    async fn connection(
        &self,
        user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<Connection, Failure> {
        if let Some(connection) = self.pool.take(user).await {
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

    /// Reads the body until the answer or the connection is over. `true`: the body was read to its end.
    async fn body(
        &self,
        connection: &mut Connection,
        mut body: Incoming,
        patience: &mut Patience,
        reading: &mut Reading,
    ) -> Result<bool, Failure> {
        while !reading.is_done() {
            let frame = connection.drive(body.frame(), patience, reading).await?;
            match frame {
                None => return Ok(true),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        reading.bytes(&bytes, connection.last_read())?;
                    }
                }
                Some(Err(error)) => return Err(connection::failure(&error)),
            }
        }
        // The answer is over; reading on to the end of the body keeps the connection for reuse, and
        // may bring accounts.
        let rest = async {
            loop {
                match connection.drive(body.frame(), patience, reading).await {
                    Ok(None) => return true,
                    Ok(Some(Ok(frame))) => {
                        let bytes = frame.into_data().unwrap_or_default();
                        if reading.bytes(&bytes, connection.last_read()).is_err() {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        };
        Ok(tokio::time::timeout(LINGER, rest).await.unwrap_or(false))
    }
}

impl DirectWire {
    /// Sends a request and reads the answer's head. A connection that was closed while it was idle,
    /// before a byte of the request was written, is no failure: the request goes to another one.
    async fn head(
        &self,
        mut request: Request<Full<Bytes>>,
        user: Option<u32>,
        patience: &mut Option<Patience>,
        reading: &mut Reading,
    ) -> Result<(Connection, Response<Incoming>), Failure> {
        loop {
            let mut connection = self.connection(user, reading).await?;
            let handed_over = self.clock.now();
            reading.sent(handed_over);
            connection.begin();
            let patience = patience.insert(Patience::new(self.timeouts, self.clock, reading));
            let answer = connection.send(request);
            let answer = connection.drive(answer, patience, reading).await;
            // The first byte goes a little later than the request was handed over.
            reading.sent(connection.first_write().unwrap_or(handed_over));
            match answer? {
                Ok(answer) => return Ok((connection, answer)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if reading.is_reused() => request = unsent,
                    _ => return Err(connection::failure(error.error())),
                },
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
        let request = self.request(shot)?;
        let mut patience = None;
        let (mut connection, answer) = self.head(request, user, &mut patience, reading).await?;
        let mut patience = patience.expect("set before the head is awaited");
        let (head, body) = answer.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        reading.head(head.status.as_u16(), header, connection.last_read());
        let whole = self
            .body(&mut connection, body, &mut patience, reading)
            .await?;
        if whole {
            self.pool.give(user, connection).await;
        }
        Ok(())
    }

    async fn preopen(&self, wanted: u32) -> Preopened {
        pool::preopen(self, wanted).await
    }
}
