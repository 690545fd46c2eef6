//! Waking at an instant, to a tenth of a millisecond.
//!
//! The runtime's own timers tick in milliseconds and round up, so that what waits wakes 1 to 2 ms late.
//! On Linux the kernel's timerfd wakes within some 50 microseconds; elsewhere, and on a paused clock, the
//! runtime's timers must do.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// Wakes one task at one instant at a time.
#[derive(Debug, Default)]
pub struct Alarm {
    #[cfg(target_os = "linux")]
    timer: Option<timer::Timer>,
    /// What wakes where there is no such timer.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// The best alarm that the platform has. It takes a file from when it is first set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns at `at`, or at once if that is over.
    pub async fn until(&mut self, at: Instant) {
        std::future::poll_fn(|cx| self.poll_until(at, cx)).await;
    }

    /// Ready at `at`, and when that is over.
    pub fn poll_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        #[cfg(target_os = "linux")]
        {
            // A paused clock is ahead of the kernel's, which would let a test wait for real.
            if self.timer.is_none() && self.sleep.is_none() && !cfg!(test) {
                self.timer = timer::Timer::new();
            }
            if let Some(timer) = &mut self.timer {
                match timer.poll_until(at, cx) {
                    Ok(ready) => return ready,
                    Err(_) => self.timer = None,
                }
            }
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    /// A timer of the kernel's.
    #[derive(Debug)]
    pub(super) struct Timer {
        file: AsyncFd<OwnedFd>,
        /// What it is set to.
        set: Option<Instant>,
    }

    impl Timer {
        pub(super) fn new() -> Option<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok()?;
            #[expect(
                deprecated,
                reason = "sound here: an OwnedFd can't name another descriptor; what replaces it is unsafe"
            )]
            let file = AsyncFd::new(timer).ok()?;
            Some(Self { file, set: None })
        }

        pub(super) fn poll_until(
            &mut self,
            at: Instant,
            cx: &mut Context<'_>,
        ) -> io::Result<Poll<()>> {
            loop {
                let wait = at.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    return Ok(Poll::Ready(()));
                }
                if self.set != Some(at) {
                    let none = Timespec {
                        tv_sec: 0,
                        tv_nsec: 0,
                    };
                    let once = Itimerspec {
                        it_interval: none,
                        it_value: Timespec::try_from(wait)
                            .map_err(|_| io::ErrorKind::InvalidInput)?,
                    };
                    timerfd_settime(self.file.get_ref(), TimerfdTimerFlags::empty(), &once)?;
                    self.set = Some(at);
                }
                match self.poll_rung(cx) {
                    Poll::Ready(rung) => rung?,
                    Poll::Pending => return Ok(Poll::Pending),
                }
            }
        }

        /// Ready when it has rung since it was last asked.
        fn poll_rung(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            loop {
                let mut ready = ready!(self.file.poll_read_ready(cx))?;
                let mut expirations = [0_u8; 8];
                let read =
                    ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?));
                if let Ok(read) = read {
                    self.set = None;
                    return Poll::Ready(read.map(|_| ()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_its_instant_and_not_before_and_at_once_for_what_is_over() {
        let (began, mut alarm) = (Instant::now(), Alarm::new());
        for ms in [5, 9, 9, 3, 20] {
            alarm.until(began + Duration::from_millis(ms)).await;
            assert!(began.elapsed() >= Duration::from_millis(ms));
        }
        assert!(began.elapsed() < Duration::from_millis(30));
    }
}
