//! The socket side of the stand-ins: connections that end at shutdown, and answers that break off.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::serve::Listener;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::clock::{Clock, wait_until};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 8_192;
/// How long to wait before a port is asked for again that is still taken.
const RETRY: Duration = Duration::from_millis(5);

/// A listener whose connections send each write at once, and all end when `shutdown` is cancelled,
/// whatever is under way on them. Where a clock says so, nobody listens for a while.
#[derive(Debug)]
pub(super) struct Door {
    /// None while it is closed.
    listener: Option<TcpListener>,
    addr: SocketAddr,
    shutdown: CancellationToken,
    /// Ends the connections of the time since the listener was opened.
    lines: CancellationToken,
    /// Whose times without a listener it keeps.
    clock: Option<Arc<Clock>>,
}

impl Door {
    pub(super) fn new(listener: TcpListener, shutdown: CancellationToken) -> io::Result<Self> {
        Ok(Self {
            addr: listener.local_addr()?,
            listener: Some(listener),
            lines: shutdown.child_token(),
            shutdown,
            clock: None,
        })
    }

    /// Closes and opens as the clock says.
    pub(super) fn by(mut self, clock: Arc<Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Lets nobody in until `up`, and opens again.
    async fn stay_closed(&mut self, up: Instant) -> TcpListener {
        self.listener = None;
        self.lines.cancel();
        loop {
            // The port stays ours meanwhile: bound, but nobody listens.
            if let Ok(socket) = bound(self.addr) {
                wait_until(up).await;
                if let Ok(listener) = socket.listen(BACKLOG) {
                    self.lines = self.shutdown.child_token();
                    return listener;
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn goes_down(clock: Option<&Arc<Clock>>) -> Instant {
    match clock {
        Some(clock) => clock.goes_down().await,
        None => std::future::pending().await,
    }
}

async fn enter(listener: Option<&mut TcpListener>) -> (TcpStream, SocketAddr) {
    match listener {
        Some(listener) => Listener::accept(listener).await,
        None => std::future::pending().await,
    }
}

fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Connections that were just closed still hold the port.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

/// A listener with room for all users of a load that come at once.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    bound(addr)?.listen(BACKLOG)
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let up = tokio::select! {
                biased;
                up = goes_down(self.clock.as_ref()) => up,
                (stream, from) = enter(self.listener.as_mut()) => {
                    // It fails only on a connection that is already dead, which the first read will tell.
                    let _ = stream.set_nodelay(true);
                    let closing = Box::pin(self.lines.clone().cancelled_owned());
                    return (Line { stream, closing }, from);
                }
            };
            self.listener = Some(self.stay_closed(up).await);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

/// A connection that ends at shutdown.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl AsyncRead for Line {
    /// The server reads on while it answers, to see a client leave: so this sees a shutdown at all
    /// times.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Why a body ends in the middle. The server closes the connection at it.
#[derive(Debug, thiserror::Error)]
#[error("the answer is broken off")]
pub(super) struct BrokenOff;

/// A body that is nothing but an end in the middle: since no byte of it came, the server closes the
/// connection without even the headers.
pub(super) fn refused() -> Body {
    Body::from_stream(stream::iter([Err::<Bytes, _>(BrokenOff)]))
}

/// A body that is broken off where `stream` fails, after all that came before has gone out.
pub(super) fn breakable<S, E>(stream: S) -> Body
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    E: std::error::Error + Send + Sync + Unpin + 'static,
{
    Body::from_stream(Breakable {
        stream,
        error: None,
    })
}

struct Breakable<S, E> {
    stream: S,
    error: Option<E>,
}

impl<S, E> Stream for Breakable<S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let item = std::task::ready!(Pin::new(&mut self.stream).poll_next(cx));
        let Some(Err(error)) = item else {
            return Poll::Ready(item);
        };
        // At an error the server drops what it has not written: it gets a turn to write it first.
        self.error = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
