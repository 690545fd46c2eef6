//! `CLOCK_MONOTONIC`: the one clock that all processes of a machine share.
//!
//! An [`Instant`] can't leave its process, so each process maps its own instants to nanoseconds of the
//! kernel's clock, and says how far off the mapping may be.

use std::time::Duration;

use tokio::time::Instant;

/// How often the two clocks are read side by side; the tightest reading holds.
#[cfg(target_os = "linux")]
const TRIES: usize = 256;

/// How instants of this process map to `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic {
    at: Instant,
    nanos: u64,
    error: Duration,
}

impl Monotonic {
    /// Reads both clocks side by side. `None` where the platform has no such clock to read.
    #[cfg(target_os = "linux")]
    pub fn map() -> Option<Self> {
        use rustix::time::{ClockId, clock_gettime};
        let read = || {
            let before = Instant::now();
            let shared = clock_gettime(ClockId::Monotonic);
            let bracket = before.elapsed();
            let nanos = Duration::try_from(shared).ok()?.as_nanos();
            Some(Self {
                at: before + bracket / 2,
                nanos: u64::try_from(nanos).ok()?,
                // Rounded up: the reading lies somewhere within the bracket.
                error: bracket / 2 + Duration::from_nanos(1),
            })
        };
        (0..TRIES)
            .filter_map(|_| read())
            .min_by_key(|map| map.error)
    }

    /// Reads both clocks side by side. `None` where the platform has no such clock to read.
    #[cfg(not(target_os = "linux"))]
    pub const fn map() -> Option<Self> {
        None
    }

    /// An instant in nanoseconds of `CLOCK_MONOTONIC`.
    pub fn nanos(&self, at: Instant) -> u64 {
        let after = at.saturating_duration_since(self.at).as_nanos() as u64;
        let before = self.at.saturating_duration_since(at).as_nanos() as u64;
        self.nanos.saturating_add(after).saturating_sub(before)
    }

    /// The most by which the mapping may be off, either way.
    pub const fn error(&self) -> Duration {
        self.error
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_agree_within_their_errors() {
        let (one, other) = (Monotonic::map().unwrap(), Monotonic::map().unwrap());
        let (before, now) = (one.at, Instant::now());
        assert!(one.nanos(before) <= one.nanos(now));
        let apart = one.nanos(now).abs_diff(other.nanos(now));
        let allowed = (one.error() + other.error()).as_nanos();
        assert!(
            u128::from(apart) <= allowed,
            "{apart} ns, {allowed} allowed"
        );
    }
}
