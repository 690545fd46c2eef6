//! Waking at an instant of the run, to a tenth of a millisecond.

use crate::base::{self, Offset};
use crate::wire::Clock;

/// Wakes one task at one instant at a time.
#[derive(Debug)]
pub(super) struct Alarm {
    clock: Clock,
    alarm: base::Alarm,
}

impl Alarm {
    /// The best alarm that the platform has.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            alarm: base::Alarm::new(),
        }
    }

    /// Returns at `at`, or at once if that is over.
    pub(super) async fn until(&mut self, at: Offset) {
        self.alarm.until(self.clock.instant(at)).await;
    }
}
