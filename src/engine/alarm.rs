//! Waking at an instant, to a tenth of a millisecond.
//!
//! The runtime's own timers tick in milliseconds and round up, which would make every departure 1 to
//! 2 ms late. On Linux the kernel's timerfd wakes within some 50 microseconds; elsewhere, and on a
//! paused clock, the runtime's timers must do.

use tokio::time::sleep_until;

use crate::base::Offset;
use crate::wire::Clock;

/// Wakes one task at one instant at a time.
#[derive(Debug)]
pub(super) struct Alarm {
    clock: Clock,
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Alarm {
    /// The best alarm that the platform has.
    #[cfg(target_os = "linux")]
    pub(super) fn new(clock: Clock) -> Self {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok();
        // A paused clock is ahead of the kernel's, which would let a test wait for real.
        let timer = timer.filter(|_| !cfg!(test));
        #[expect(
            deprecated,
            reason = "sound here: an OwnedFd can't name another descriptor; what replaces it is unsafe"
        )]
        let timer = timer.and_then(|timer| tokio::io::unix::AsyncFd::new(timer).ok());
        Self { clock, timer }
    }

    /// The best alarm that the platform has.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Returns at `at`, or at once if that is over.
    pub(super) async fn until(&self, at: Offset) {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer
            && self.until_timer(timer, at).await.is_ok()
        {
            return;
        }
        if self.clock.now() < at {
            sleep_until(self.clock.instant(at)).await;
        }
    }

    #[cfg(target_os = "linux")]
    async fn until_timer(
        &self,
        timer: &tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>,
        at: Offset,
    ) -> std::io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let wait = at.since(self.clock.now());
        if wait.is_zero() {
            return Ok(());
        }
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec::try_from(wait).map_err(|_| std::io::ErrorKind::InvalidInput)?,
        };
        timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        loop {
            let mut ready = timer.readable().await?;
            let mut expirations = [0_u8; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?)) {
                Ok(read) => return read.map(|_| ()),
                Err(_would_block) => {}
            }
        }
    }
}
