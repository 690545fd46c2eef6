//! Reads that bring along when the kernel received their bytes.
//!
//! A TCP socket with `SO_TIMESTAMPNS` gives, with each read, the instant at which the network stack
//! took in the last segment that the read touched, by the wall clock. Of a read that carries several
//! segments the earlier instants are lost; its chunks count as coalesced in any case.

#[cfg(target_os = "linux")]
pub(super) use linux::{Hold, KernelReads, wall};
#[cfg(not(target_os = "linux"))]
pub(super) use none::{Hold, KernelReads, wall};

/// An instant by the wall clock, in nanoseconds since 1970: good until the year 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wall(pub(super) i64);

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
    use std::task::{Context, Poll, ready};

    use nix::sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, setsockopt,
        socket, sockopt,
    };
    use nix::sys::time::TimeSpec;
    use rustix::time::{ClockId, clock_gettime};
    use tokio::io::{Interest, ReadBuf};
    use tokio::net::TcpStream;

    use super::Wall;

    /// The most bytes of one read, which bears one stamp. The room for a read is zeroed first where it
    /// is not yet known to be, and hyper offers up to 400 KiB after large answers.
    const MOST: usize = 16 * 1024;

    /// The wall clock's time.
    pub(in super::super) fn wall() -> Wall {
        let now = clock_gettime(ClockId::Realtime);
        at(now.tv_sec, now.tv_nsec)
    }

    fn at(seconds: i64, nanos: i64) -> Wall {
        Wall(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    fn stamp_reads(socket: &impl AsFd) -> bool {
        setsockopt(socket, sockopt::ReceiveTimestampns, &true).is_ok()
    }

    /// A socket for which the kernel keeps stamping what arrives: it stamps only while somebody asks
    /// for it, and takes a moment to begin.
    #[derive(Debug)]
    pub(in super::super) struct Hold {
        _socket: OwnedFd,
    }

    impl Hold {
        /// `None` where the kernel doesn't stamp.
        pub(in super::super) fn new() -> Option<Self> {
            let (stream, flags) = (SockType::Stream, SockFlag::SOCK_CLOEXEC);
            let socket = socket(AddressFamily::Inet, stream, flags, None).ok()?;
            stamp_reads(&socket).then_some(Self { _socket: socket })
        }
    }

    /// How a socket is read together with its stamps.
    #[derive(Debug)]
    pub(in super::super) struct KernelReads {
        /// Room for the stamp; kept, so that a read allocates nothing.
        control: Vec<u8>,
    }

    impl KernelReads {
        /// Asks for stamps on `socket`; `None` where it has none.
        pub(in super::super) fn new(socket: &TcpStream) -> Option<Self> {
            let control = nix::cmsg_space!(TimeSpec);
            stamp_reads(socket).then_some(Self { control })
        }

        /// Reads as the socket itself does, and says when the kernel received the last of the bytes.
        pub(in super::super) fn poll_read(
            &mut self,
            socket: &TcpStream,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<Option<Wall>>> {
            let fd = socket.as_fd().as_raw_fd();
            loop {
                ready!(socket.poll_read_ready(cx))?;
                let room = buffer.initialize_unfilled_to(buffer.remaining().min(MOST));
                let mut drained = None;
                let read = socket.try_io(Interest::READABLE, || {
                    let read = receive(fd, room, &mut self.control)?;
                    // Less than there was room for: the socket is drained. Said so, the next poll
                    // waits for readiness; else it would cost a system call that reads nothing.
                    if 0 < read.0 && read.0 < room.len() {
                        drained = Some(read);
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    Ok(read)
                });
                let (read, stamp) = match (drained, read) {
                    (Some(read), _) | (None, Ok(read)) => read,
                    (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    (None, Err(error)) => return Poll::Ready(Err(error)),
                };
                buffer.advance(read);
                return Poll::Ready(Ok(stamp));
            }
        }
    }

    /// One read: how many bytes, and their stamp.
    fn receive(
        fd: RawFd,
        room: &mut [u8],
        control: &mut [u8],
    ) -> io::Result<(usize, Option<Wall>)> {
        let mut slices = [IoSliceMut::new(room)];
        let message = recvmsg::<()>(fd, &mut slices, Some(control), MsgFlags::empty())?;
        let stamp = message.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(stamp) => {
                    Some(at(stamp.tv_sec(), stamp.tv_nsec()))
                }
                _ => None,
            })
        });
        Ok((message.bytes, stamp))
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::io;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;
    use tokio::net::TcpStream;

    use super::Wall;

    /// Never asked for: there is no stamp to compare it with.
    pub(in super::super) fn wall() -> Wall {
        Wall(0)
    }

    /// There is none: this kernel's stamps are not used.
    #[derive(Debug)]
    pub(in super::super) enum Hold {}

    impl Hold {
        pub(in super::super) fn new() -> Option<Self> {
            None
        }
    }

    /// There is none: this kernel's stamps are not used.
    #[derive(Debug)]
    pub(in super::super) enum KernelReads {}

    impl KernelReads {
        pub(in super::super) fn new(_: &TcpStream) -> Option<Self> {
            None
        }

        pub(in super::super) fn poll_read(
            &mut self,
            _: &TcpStream,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<Option<Wall>>> {
            match *self {}
        }
    }
}
