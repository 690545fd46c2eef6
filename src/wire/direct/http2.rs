//! HTTP/2: all requests of a worker over one connection.
//!
//! The connection is driven by a task of its own, so that a chunk's mark is later than its arrival by
//! that task's turn: it is the stamp of the last read of the socket when the chunk was handed on, and
//! never earlier than the truth.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::Opened;
use super::patience::Patience;
use super::stamped::Stamps;
use super::{DirectWire, LINGER};
use crate::base::Offset;
use crate::shot::Shot;
use crate::wire::{Connecting, Failure, Preopened, Reading};

/// So much may come on one stream, and on all of them, before it is read: enough that flow control
/// does not shape what is measured.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
/// The most bytes of a head.
const HEAD_CAP: u32 = 64 << 10;

/// The one connection that the requests of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    base_url: String,
    authorization: Option<HeaderValue>,
    /// Held while it is opened: meanwhile the others wait, as they would for a connection's turn.
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone, Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    stamps: Arc<Stamps>,
}

/// A request's way over the connection.
struct Stream<'r> {
    stamps: Arc<Stamps>,
    patience: Patience,
    reading: &'r mut Reading,
    /// When something of this stream came last.
    heard: Offset,
}

impl Shared {
    pub(super) fn new(base_url: &str, mut authorization: Option<HeaderValue>) -> Self {
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            authorization,
            connection: Mutex::default(),
        }
    }

    /// Sends a request. A connection that had ended before a byte of it was sent is no failure: the
    /// request goes to another one.
    pub(super) async fn send(
        &self,
        wire: &DirectWire,
        shot: &Shot,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        let request = self.request(shot)?;
        loop {
            let (mut connection, opened) = self.connection(wire).await?;
            reading.connected(opened);
            reading.sent(wire.clock.now());
            let mut stream = Stream {
                stamps: connection.stamps,
                patience: Patience::new(wire.timeouts, wire.clock),
                reading,
                heard: wire.clock.now(),
            };
            match stream.wait(connection.sender.ready()).await? {
                Ok(()) => {
                    stream.reading.sent(wire.clock.now());
                    let answer = connection.sender.send_request(request);
                    return stream.read(answer).await;
                }
                Err(_) if stream.reading.is_reused() => self.forget().await,
                Err(error) => return Err(failure(&error)),
            }
        }
    }

    /// Opens the connection, where it is not there.
    pub(super) async fn preopen(&self, wire: &DirectWire, wanted: u32) -> Preopened {
        if wanted == 0 {
            return Preopened::default();
        }
        let began = Instant::now();
        let opened = self.connection(wire).await.is_ok();
        Preopened {
            wanted: 1,
            idle: u32::from(opened),
            took: began.elapsed(),
        }
    }

    /// The connection, and how it was opened, where it was not there.
    async fn connection(
        &self,
        wire: &DirectWire,
    ) -> Result<(Connection, Option<Connecting>), Failure> {
        let mut shared = self.connection.lock().await;
        if let Some(connection) = shared.as_ref().filter(|c| !c.sender.is_closed()) {
            return Ok((connection.clone(), None));
        }
        let opened = wire.open().await?;
        let phases = opened.phases;
        let connection = handshake(opened).await?;
        *shared = Some(connection.clone());
        Ok((connection, Some(phases)))
    }

    async fn forget(&self) {
        *self.connection.lock().await = None;
    }

    fn request(&self, shot: &Shot) -> Result<Request<Full<Bytes>>, Failure> {
        let accept = if shot.stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        let mut request = Request::post(format!("{}{}", self.base_url, shot.path))
            .header(USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in shot.headers.iter() {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(shot.body.clone()));
        request.map_err(|error| Failure::Malformed(format!("the request can't be made: {error}")))
    }
}

/// Begins HTTP/2 on a connection. Its task ends with the connection, or with its last request.
async fn handshake(opened: Opened) -> Result<Connection, Failure> {
    let (sender, driver) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD_CAP)
        .handshake(TokioIo::new(opened.transport))
        .await
        .map_err(|error| failure(&error))?;
    // How it ended is told to its requests, too.
    tokio::spawn(async move { drop(driver.await) });
    Ok(Connection {
        sender,
        stamps: opened.stamps,
    })
}

impl Stream<'_> {
    /// Reads the answer to its end.
    async fn read(
        &mut self,
        answer: impl Future<Output = hyper::Result<http::Response<Incoming>>>,
    ) -> Result<(), Failure> {
        let answer = self.wait(answer).await?.map_err(|error| failure(&error))?;
        let (head, mut body) = answer.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        self.reading.head(head.status.as_u16(), header, self.heard);
        while !self.reading.is_done() {
            if !self.frame(&mut body).await? {
                return Ok(());
            }
        }
        // What follows may bring accounts; how it goes on is no part of the answer any more.
        let rest = async { while matches!(self.frame(&mut body).await, Ok(true)) {} };
        let _ = tokio::time::timeout(LINGER, rest).await;
        Ok(())
    }

    /// Reads a piece of the body; `false`: there was none left.
    async fn frame(&mut self, body: &mut Incoming) -> Result<bool, Failure> {
        let Some(frame) = self.wait(body.frame()).await? else {
            return Ok(false);
        };
        let frame = frame.map_err(|error| failure(&error))?;
        if let Ok(bytes) = frame.into_data() {
            self.reading.bytes(&bytes, self.heard)?;
        }
        Ok(true)
    }

    /// Waits for something of this stream until patience ends.
    async fn wait<F: Future>(&mut self, wanted: F) -> Result<F::Output, Failure> {
        self.patience.begin(self.reading, self.heard)?;
        let mut wanted = std::pin::pin!(wanted);
        let (patience, reading, heard) = (&mut self.patience, &*self.reading, self.heard);
        let output = std::future::poll_fn(|cx| match wanted.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Ok(output)),
            std::task::Poll::Pending => patience.poll(cx, reading, heard).map(Err),
        })
        .await?;
        self.heard = self.stamps.last_read().max(self.heard);
        Ok(output)
    }
}

/// What went wrong on a connection that was open.
pub(in crate::wire) fn failure(error: &hyper::Error) -> Failure {
    let mut root: &dyn std::error::Error = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    let kind = root
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    let said = root.to_string();
    let garbled = matches!(
        kind,
        Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput)
    );
    // What our side of HTTP/2 refused, the server did wrong.
    let refused = root
        .downcast_ref::<h2::Error>()
        .is_some_and(h2::Error::is_library);
    if error.is_parse() || garbled || refused {
        Failure::Malformed(said)
    } else {
        Failure::Lost(said)
    }
}
