//! The socket side of the stand-ins: connections that end at shutdown, and answers that break off.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::serve::Listener;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A listener whose connections send each write at once, and all end when `shutdown` is cancelled,
/// whatever is under way on them.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) shutdown: CancellationToken,
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.listener).await;
        // It fails only on a connection that is already dead, which the first read will tell.
        let _ = stream.set_nodelay(true);
        let closing = Box::pin(self.shutdown.child_token().cancelled_owned());
        (Line { stream, closing }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
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
