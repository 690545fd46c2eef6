//! A socket that says when it moved bytes: each read is stamped by the kernel as its bytes arrive, or
//! else as it returns, before TLS, HTTP or JSON look at it.
//!
//! With the kernel's stamp a mark doesn't depend on how long a busy client leaves its bytes waiting. A
//! read of several segments has the stamp of the last. Only bytes are stamped: the end of a
//! connection leaves the stamp of the last bytes as it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::kernel::KernelReads;
use super::socket::Socket;
use super::stamping::{Placer, Stamping};
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

    /// When the bytes of the last read arrived; by user stamps: when it returned.
    pub(super) fn last_read(&self) -> Offset {
        Offset::from_nanos(self.last_read.load(Ordering::Relaxed))
    }

    /// When the first byte since [`Self::begin`] went to the socket.
    pub(super) fn first_write(&self) -> Option<Offset> {
        let at = self.first_write.load(Ordering::Relaxed);
        (at > 0).then(|| Offset::from_nanos(at))
    }
}

/// A socket that stamps.
#[derive(Debug)]
pub(super) struct Stamped {
    socket: Socket,
    clock: Clock,
    stamps: Arc<Stamps>,
    /// `None`: reads are stamped as they return.
    kernel: Option<KernelReads>,
    placer: Placer,
}

impl Stamped {
    pub(super) fn new(
        socket: impl Into<Socket>,
        clock: Clock,
        stamping: &Stamping,
    ) -> (Self, Arc<Stamps>) {
        let socket = socket.into();
        let stamps = Arc::new(Stamps::default());
        let tcp = socket.tcp().filter(|_| stamping.by_kernel());
        let kernel = tcp.and_then(KernelReads::new);
        (
            Self {
                socket,
                clock,
                stamps: Arc::clone(&stamps),
                kernel,
                placer: Placer::new(stamping.clone(), clock),
            },
            stamps,
        )
    }

    /// The time now, where the next write is the first of a request.
    ///
    /// It is taken before the write: the answer may arrive, and the kernel stamp it, before a busy
    /// client comes back from the write, and no answer is earlier than its request.
    fn writing(&self) -> Option<Offset> {
        let first = self.stamps.first_write().is_none();
        first.then(|| self.clock.now())
    }

    /// Stamps the first write of a request.
    fn wrote(&self, began: Option<Offset>, written: &io::Result<usize>) {
        if let (Some(began), Ok(1..)) = (began, written) {
            self.stamps
                .first_write
                .store(began.nanos(), Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = if let (Some(kernel), Some(tcp)) = (&mut this.kernel, this.socket.tcp()) {
            ready!(kernel.poll_read(tcp, cx, buffer))
        } else {
            ready!(Pin::new(&mut this.socket).poll_read(cx, buffer)).map(|()| None)
        };
        let returned = this.clock.now();
        // An end is read at once after the last bytes, before anybody looked at their stamp.
        if let Ok(stamp) = &read
            && buffer.filled().len() > before
        {
            let at = this.placer.mark(*stamp, returned);
            this.stamps.last_read.store(at.nanos(), Ordering::Relaxed);
        }
        Poll::Ready(read.map(drop))
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let began = self.writing();
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes));
        self.wrote(began, &written);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let began = self.writing();
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, slices));
        self.wrote(began, &written);
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
