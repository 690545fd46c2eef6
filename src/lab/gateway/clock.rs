//! The gateway's calendar: an epoch, and the time since its start.
//!
//! The time of day enters from outside: a stand-in that looked at the clock by itself would not
//! repeat itself.

use std::sync::OnceLock;

use time::OffsetDateTime;
use time::macros::format_description;
use tokio::time::Instant;

use crate::lab::answer::CREATED;

/// The gateway's clock.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    /// The date of the start; the instant of all answers where nobody says.
    epoch: OnceLock<OffsetDateTime>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            epoch: OnceLock::new(),
        }
    }

    /// Says what time it is. The first one to say it is right.
    pub(super) fn set(&self, now: OffsetDateTime) {
        self.epoch.get_or_init(|| now - self.started.elapsed());
    }

    /// An instant as rows write it.
    pub(super) fn written(&self, at: Instant) -> String {
        let fixed = || OffsetDateTime::from_unix_timestamp(CREATED.cast_signed());
        let epoch = self.epoch.get().copied();
        let epoch = epoch.or_else(|| fixed().ok());
        let epoch = epoch.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        written(epoch + at.saturating_duration_since(self.started))
    }
}

/// An instant in UTC with microseconds. Later ones sort behind earlier ones as text.
pub(super) fn written(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    at.to_offset(time::UtcOffset::UTC)
        .format(format)
        .unwrap_or_default()
}
