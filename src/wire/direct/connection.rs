//! One HTTP/1.1 connection, driven by the task of the request that uses it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::time::Sleep;

use super::stamped::Stamps;
use crate::base::Offset;
use crate::scenario::Timeouts;
use crate::wire::{Clock, Deadline, Failure, Reading};

/// A connection and the future that moves its bytes.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
    stamps: Arc<Stamps>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection(open: {})", self.driver.is_some())
    }
}

/// Begins HTTP on a socket.
pub(super) async fn handshake<T>(io: T, stamps: Arc<Stamps>) -> Result<Connection, Failure>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, driver) = Builder::new()
        .handshake(io)
        .await
        .map_err(|error| failure(&error))?;
    Ok(Connection {
        sender,
        driver: Some(Box::pin(driver)),
        stamps,
    })
}

/// The deadlines of a request, kept by one timer. It is moved only when it goes off, or to an earlier
/// deadline: most chunks come long before, and moving a timer for each would cost more than reading it.
pub(super) struct Patience {
    timeouts: Timeouts,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    pub(super) fn new(timeouts: Timeouts, clock: Clock, reading: &Reading) -> Self {
        let set = Deadline::nearest(&timeouts, reading, clock.now());
        let timer = Box::pin(tokio::time::sleep_until(clock.instant(set.at)));
        Self {
            timeouts,
            clock,
            timer,
        }
    }

    /// The deadline of what is waited for, with what was read last at `last_read`.
    fn next(&self, reading: &Reading, last_read: Offset) -> (Offset, Deadline) {
        let from = last_read.max(reading.marks().sent.unwrap_or_default());
        (from, Deadline::nearest(&self.timeouts, reading, from))
    }

    /// Begins to wait. A deadline that the last read came after is over, though the timer never had
    /// its turn: with bytes at hand nobody looks at it.
    fn begin(&mut self, reading: &Reading, last_read: Offset) -> Result<(), Failure> {
        let (from, next) = self.next(reading, last_read);
        if next.at <= from {
            return Err(Failure::Timeout(next.kind));
        }
        let at = self.clock.instant(next.at);
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
        Ok(())
    }

    /// Whether patience has ended, with what was read last at `last_read`.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reading: &Reading,
        last_read: Offset,
    ) -> Poll<Failure> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let (_, next) = self.next(reading, last_read);
            if next.at <= self.clock.now() {
                return Poll::Ready(Failure::Timeout(next.kind));
            }
            self.timer.as_mut().reset(self.clock.instant(next.at));
        }
        Poll::Pending
    }
}

impl Connection {
    /// A new request begins.
    pub(super) fn begin(&self) {
        self.stamps.begin();
    }

    /// Hands a request over; the future is to be driven. A request that was not written comes back.
    pub(super) fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>>> + use<>
    {
        self.sender.try_send_request(request)
    }

    /// When the bytes of the socket's last read arrived; by user stamps: when it returned.
    pub(super) fn last_read(&self) -> Offset {
        self.stamps.last_read()
    }

    /// When the first byte of the request went to the socket.
    pub(super) fn first_write(&self) -> Option<Offset> {
        self.stamps.first_write()
    }

    /// Moves bytes until `wanted` is there or patience ends.
    pub(super) async fn drive<F: Future>(
        &mut self,
        wanted: F,
        patience: &mut Patience,
        reading: &Reading,
    ) -> Result<F::Output, Failure> {
        patience.begin(reading, self.stamps.last_read())?;
        let mut wanted = std::pin::pin!(wanted);
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = wanted.as_mut().poll(cx) {
                    return Poll::Ready(Ok(output));
                }
                match self.poll_driver(cx) {
                    // The connection ended: what is wanted learns of it, and is asked once more.
                    Poll::Ready(()) => {}
                    Poll::Pending => break,
                }
            }
            // The driver may just have brought what is wanted.
            if let Poll::Ready(output) = wanted.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            patience.poll(cx, reading, self.stamps.last_read()).map(Err)
        })
        .await
    }

    /// Moves bytes; ready once, when the connection has just ended.
    fn poll_driver(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Pending;
        };
        // How it ended is told to the request, too.
        let ended = driver.as_mut().poll(cx).map(drop);
        if ended.is_ready() {
            self.driver = None;
        }
        ended
    }

    /// Whether another request can use it: it still lives, and the last answer is read to its end.
    pub(super) async fn is_ready(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            let ended = self.poll_driver(cx).is_ready() || self.driver.is_none();
            let ready = matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())));
            Poll::Ready(!ended && ready)
        })
        .await
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
    if error.is_parse() || garbled {
        Failure::Malformed(said)
    } else {
        Failure::Lost(said)
    }
}
