//! A socket that says when it moved bytes: each read is stamped as it returns, before TLS, HTTP or
//! JSON look at it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::base::Offset;
use crate::wire::Clock;

/// The instants of a socket, for whoever reads what came through it. Zero is: not yet.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    last_read: AtomicU64,
    first_write: AtomicU64,
}

impl Stamps {
    /// A new request begins.
    pub(super) fn begin(&self) {
        self.first_write.store(0, Ordering::Relaxed);
    }

    /// When the last read returned.
    pub(super) fn last_read(&self) -> Offset {
        Offset::from_nanos(self.last_read.load(Ordering::Relaxed))
    }

    /// When the first byte since [`Self::begin`] was taken by the socket.
    pub(super) fn first_write(&self) -> Option<Offset> {
        let at = self.first_write.load(Ordering::Relaxed);
        (at > 0).then(|| Offset::from_nanos(at))
    }
}

/// A socket that stamps.
#[derive(Debug)]
pub(super) struct Stamped {
    socket: TcpStream,
    clock: Clock,
    stamps: Arc<Stamps>,
}

impl Stamped {
    pub(super) fn new(socket: TcpStream, clock: Clock) -> (Self, Arc<Stamps>) {
        let stamps = Arc::new(Stamps::default());
        (
            Self {
                socket,
                clock,
                stamps: Arc::clone(&stamps),
            },
            stamps,
        )
    }

    /// Stamps the first write of a request.
    fn wrote(&self, written: &io::Result<usize>) {
        if matches!(written, Ok(n) if *n > 0) && self.stamps.first_write().is_none() {
            self.stamps
                .first_write
                .store(self.clock.now().nanos(), Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.socket).poll_read(cx, buffer));
        self.stamps
            .last_read
            .store(self.clock.now().nanos(), Ordering::Relaxed);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes));
        self.wrote(&written);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, slices));
        self.wrote(&written);
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
