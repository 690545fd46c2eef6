//! The one way an instant is written down: nanoseconds since the run's start.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant, in nanoseconds since the run's start, on the run's one monotonic clock.
///
/// In files it is a number of milliseconds. The conversion is exact both ways up to 13 days
/// (2^50 ns), so a file read back gives the same instants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(u64);

impl Offset {
    /// The run's start.
    pub const ZERO: Self = Self(0);

    /// An instant `nanos` ns after the run's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the run's start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the run's start.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time since the run's start.
    pub const fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time from `earlier` to here, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Offset {
    /// Durations beyond 584 years are clamped.
    fn from(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Offset {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(later).0))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.seconds())
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        if !(0.0..1e13).contains(&millis) {
            return Err(serde::de::Error::custom(format!(
                "{millis} ms is no instant of a run"
            )));
        }
        Ok(Self((millis * 1e6).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_instant_before_the_start_is_the_start() {
        assert_eq!(Offset::ZERO.since(Offset::from_nanos(5)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn an_instant_read_back_from_a_file_is_the_same(nanos in 0_u64..(1 << 50)) {
            let text = serde_json::to_string(&Offset::from_nanos(nanos)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Offset>(&text).unwrap(), Offset::from_nanos(nanos));
        }
    }
}
