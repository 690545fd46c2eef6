//! One HTTP/1.1 connection, driven by the task of the request that uses it.
//!
//! The codec is our own: between the kernel's read and its mark there is nothing but a slice of
//! the bytes, and an idle connection holds no buffer.

mod framing;
mod head;
mod request;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::either::Either;

use super::LINGER;
use super::connect::{Opened, Transport};
use super::patience::Patience;
use super::stamped::Stamps;
use crate::base::Offset;
use crate::shot::Shot;
use crate::wire::{Failure, Reading};
use framing::Framing;
use request::Outgoing;

pub(super) use request::Preamble;

/// The most bytes of one read. More would be fewer reads, and fewer stamps.
const READ: usize = 16 << 10;

/// Room for a read, shared by the connections of a wire: what was read is understood before anybody
/// reads again.
#[derive(Debug)]
pub(super) struct Scratch(Mutex<Box<[u8]>>);

impl Default for Scratch {
    fn default() -> Self {
        Self(Mutex::new(vec![0; READ].into()))
    }
}

/// A connection.
pub(super) struct Connection {
    transport: Transport,
    stamps: Arc<Stamps>,
    patience: Patience,
    scratch: Arc<Scratch>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = matches!(self.transport, Either::Right(_));
        write!(f, "Connection(tls: {tls})")
    }
}

/// A request and its answer on their way.
struct Transfer<'r> {
    outgoing: Outgoing,
    reading: &'r mut Reading,
    /// The beginning of a head that came in pieces.
    kept: Vec<u8>,
    /// How the rest of the body is delimited, once the head was read.
    framing: Option<Framing>,
    /// Whether the connection is good for another request, as far as is known.
    keeps: bool,
}

impl Connection {
    pub(super) fn new(opened: Opened, patience: Patience, scratch: &Arc<Scratch>) -> Self {
        Self {
            transport: opened.transport,
            stamps: opened.stamps,
            patience,
            scratch: Arc::clone(scratch),
        }
    }

    /// When the first byte of the request went to the socket.
    pub(super) fn first_write(&self) -> Option<Offset> {
        self.stamps.first_write()
    }

    /// Whether it can be used again: nothing has come on it since its last answer, not even its end.
    pub(super) async fn is_idle(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_read(cx, |_, _| ()).is_pending())).await
    }

    /// Sends a request and reads its answer until that or the connection is over. `true`: the
    /// connection is good for another request.
    pub(super) async fn exchange(
        &mut self,
        preamble: &Preamble,
        shot: &Shot,
        reading: &mut Reading,
    ) -> Result<bool, Failure> {
        self.stamps.begin();
        let mut transfer = Transfer {
            outgoing: Outgoing::new(preamble, shot),
            reading,
            kept: Vec::new(),
            framing: None,
            keeps: true,
        };
        while !transfer.is_over() && !transfer.reading.is_done() {
            self.advance(&mut transfer).await?;
        }
        if !transfer.is_over() {
            let rest = async {
                while !transfer.is_over() {
                    self.advance(&mut transfer).await?;
                }
                Ok::<(), Failure>(())
            };
            // How it goes on is no part of the answer any more.
            if !matches!(tokio::time::timeout(LINGER, rest).await, Ok(Ok(()))) {
                return Ok(false);
            }
        }
        Ok(transfer.keeps && transfer.outgoing.is_over())
    }

    /// Waits for the next read, writing meanwhile what is to be written, until patience ends.
    async fn advance(&mut self, transfer: &mut Transfer<'_>) -> Result<(), Failure> {
        let last_read = self.stamps.last_read();
        self.patience.begin(transfer.reading, last_read)?;
        poll_fn(|cx| {
            self.poll_write(cx, transfer)?;
            // The first byte goes a little later than the request was handed over.
            if let Some(at) = self.stamps.first_write() {
                transfer.reading.sent(at);
            }
            let read = self.poll_read(cx, |bytes, at| transfer.take(bytes, at));
            match read {
                Poll::Ready(Ok(taken)) => Poll::Ready(taken),
                Poll::Ready(Err(error)) => Poll::Ready(Err(lost(&error))),
                Poll::Pending => {
                    let last_read = self.stamps.last_read();
                    self.patience.poll(cx, transfer.reading, last_read).map(Err)
                }
            }
        })
        .await
    }

    /// Writes what the socket takes. Where it takes no more for good, the answer may still be there to
    /// be read: only a request that was not even begun has failed.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        transfer: &mut Transfer<'_>,
    ) -> Result<(), Failure> {
        let outgoing = &mut transfer.outgoing;
        while !outgoing.is_over() {
            let socket = Pin::new(&mut self.transport);
            let progress = if outgoing.is_written() {
                socket.poll_flush(cx).map_ok(|()| outgoing.finish())
            } else {
                let written = socket.poll_write(cx, outgoing.rest());
                written.map(|written| match written {
                    Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                    written => written.map(|count| outgoing.advance(count)),
                })
            };
            match progress {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) if outgoing.has_begun() => {
                    outgoing.finish();
                    transfer.keeps = false;
                }
                Poll::Ready(Err(error)) => return Err(lost(&error)),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Reads once, and hands on what there is and when it arrived; nothing is the connection's end.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8], Offset) -> T,
    ) -> Poll<io::Result<T>> {
        // What an earlier panic left in the room is overwritten.
        let mut room = self
            .scratch
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled(), self.stamps.last_read())))
    }
}

impl Transfer<'_> {
    fn is_over(&self) -> bool {
        self.framing.as_ref().is_some_and(Framing::is_over)
    }

    /// A read brought these bytes, which arrived at `at`; none: the connection ended.
    fn take(&mut self, read: &[u8], at: Offset) -> Result<(), Failure> {
        if read.is_empty() {
            return self.end();
        }
        if self.framing.is_some() {
            return self.body(read, at);
        }
        let mut kept = std::mem::take(&mut self.kept);
        let bytes = if kept.is_empty() {
            read
        } else {
            kept.extend_from_slice(read);
            &kept
        };
        let reading = &mut *self.reading;
        let head = head::parse(bytes, |status, headers| {
            reading.head(status, |name| headers.get(name), at);
        })?;
        let Some(head) = head else {
            self.kept = if kept.is_empty() { read.to_vec() } else { kept };
            return Ok(());
        };
        self.framing = Some(head.framing);
        self.keeps &= head.keeps;
        self.body(&bytes[head.length..], at)
    }

    fn body(&mut self, bytes: &[u8], at: Offset) -> Result<(), Failure> {
        let (framing, reading) = (&mut self.framing, &mut *self.reading);
        let framing = framing.as_mut().expect("the head was read");
        let used = framing.feed(bytes, |piece| reading.bytes(piece, at))?;
        // What nobody asked for is the answer to nothing.
        self.keeps &= used == bytes.len();
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.keeps = false;
        match &mut self.framing {
            Some(framing @ Framing::UntilClose) => {
                *framing = Framing::Length(0);
                Ok(())
            }
            Some(_) => Err(Failure::Lost(
                "the connection ended within the body".to_owned(),
            )),
            None => Err(Failure::Lost(
                "the connection ended before an answer".to_owned(),
            )),
        }
    }
}

/// What went wrong on a connection that was open.
fn lost(error: &io::Error) -> Failure {
    let garbled = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    if garbled.contains(&error.kind()) {
        Failure::Malformed(error.to_string())
    } else {
        Failure::Lost(error.to_string())
    }
}
