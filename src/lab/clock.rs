//! The provider's one clock, and the times when it stands still.
//!
//! What is planned is work: so much time after the start of service. The calendar turns it into the
//! instant at which it is done, so that a freeze shifts all that is under way without anybody
//! being told.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Action, Fault};
use crate::base::Offset;

/// The provider's clock.
#[derive(Debug)]
pub(super) struct Clock {
    /// What all recorded instants count from.
    pub(super) started: Instant,
    /// When the first chat request was in: what windows count from.
    first: OnceLock<Instant>,
    calendar: Calendar,
}

impl Clock {
    pub(super) fn new(calendar: Calendar) -> Self {
        Self {
            started: Instant::now(),
            first: OnceLock::new(),
            calendar,
        }
    }

    /// An instant as it is recorded.
    pub(super) fn offset(&self, at: Instant) -> Offset {
        at.saturating_duration_since(self.started).into()
    }

    /// How long after the first chat request `at` is. The first one to ask is the first.
    pub(super) fn since_first(&self, at: Instant) -> Duration {
        at.saturating_duration_since(*self.first.get_or_init(|| at))
    }

    /// When `work` begun at `start` is done.
    pub(super) fn done(&self, start: Instant, work: Duration) -> Instant {
        let (false, Some(&first)) = (self.calendar.freezes.is_empty(), self.first.get()) else {
            return start + work;
        };
        first
            + self
                .calendar
                .done(start.saturating_duration_since(first), work)
    }

    /// Waits while the provider stands still, where it does so `now`.
    pub(super) async fn thawed(&self, now: Instant) {
        wait_until(self.done(now, Duration::ZERO)).await;
    }
}

/// Waits until `due`. There is not even a timer for what is due already: it would wait for the next
/// millisecond.
pub(super) async fn wait_until(due: Instant) {
    if due > Instant::now() {
        tokio::time::sleep_until(due).await;
    }
}

/// When the provider stands still. It turns work to be done into an instant at which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calendar {
    /// From and to, in order and apart, since the first request.
    freezes: Vec<(Duration, Duration)>,
}

impl Calendar {
    pub(super) fn new(faults: &[Fault]) -> Self {
        let frozen = faults
            .iter()
            .filter(|fault| matches!(fault.action, Action::Freeze));
        let mut windows: Vec<_> = frozen
            .filter_map(|fault| fault.when.window)
            .map(|window| (window.from.0, window.end()))
            .collect();
        windows.sort_unstable();
        let mut freezes: Vec<(Duration, Duration)> = Vec::new();
        for (from, to) in windows {
            match freezes.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => freezes.push((from, to)),
            }
        }
        Self { freezes }
    }

    /// When `work` begun at `start` is done: that much later, frozen time not counted. Nothing is
    /// done within a freeze.
    pub(super) fn done(&self, start: Duration, work: Duration) -> Duration {
        let (mut now, mut left) = (start, work);
        for &(from, to) in &self.freezes {
            if to <= now {
                continue;
            }
            if now.saturating_add(left) < from {
                break;
            }
            left = left.saturating_sub(from.saturating_sub(now));
            now = to;
        }
        now.saturating_add(left)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{When, Window};
    use super::*;
    use crate::base::HumanDuration;

    fn calendar(windows: &[(u64, u64)]) -> Calendar {
        let ms = |ms| HumanDuration(Duration::from_millis(ms));
        let freeze = |&(from, length): &(u64, u64)| Fault {
            when: When {
                window: Some(Window {
                    from: ms(from),
                    length: ms(length),
                }),
                ..When::default()
            },
            action: Action::Freeze,
        };
        Calendar::new(&windows.iter().map(freeze).collect::<Vec<_>>())
    }

    fn done(calendar: &Calendar, start: u64, work: u64) -> u128 {
        calendar
            .done(Duration::from_millis(start), Duration::from_millis(work))
            .as_millis()
    }

    #[test]
    fn work_stands_still_while_the_provider_is_frozen() {
        let one = calendar(&[(100, 50)]);
        assert_eq!(done(&one, 0, 99), 99, "done before");
        assert_eq!(done(&one, 0, 100), 150, "due at its first instant");
        assert_eq!(done(&one, 90, 20), 160, "begun before, ended after");
        assert_eq!(done(&one, 120, 0), 150, "taken up within");
        assert_eq!(done(&one, 150, 5), 155, "after");
    }

    #[test]
    fn freezes_that_touch_are_one_and_those_apart_add_up() {
        assert_eq!(calendar(&[(120, 50), (100, 30)]), calendar(&[(100, 70)]));
        let two = calendar(&[(300, 100), (100, 100)]);
        assert_eq!(
            done(&two, 50, 150),
            400,
            "50 before, 100 between, due as the second begins"
        );
        assert_eq!(done(&two, 50, 160), 410);
    }
}
