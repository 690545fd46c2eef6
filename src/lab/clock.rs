//! The provider's one clock, the times when it stands still, and those when nobody listens.
//!
//! What is planned is work: so much time after the start of service. The calendar turns it into the
//! instant at which it is done, so that a freeze shifts all that is under way without anybody
//! being told.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::fault::{Action, Fault};
use crate::base::Offset;

/// The provider's clock.
#[derive(Debug)]
pub(super) struct Clock {
    /// What all recorded instants count from.
    pub(super) started: Instant,
    /// What windows count from: when the first chat request was in, or what somebody said.
    first: watch::Sender<Option<Instant>>,
    freezes: Calendar,
    downs: Calendar,
}

impl Clock {
    pub(super) fn new(faults: &[Fault]) -> Self {
        Self {
            started: Instant::now(),
            first: watch::Sender::new(None),
            freezes: Calendar::new(faults, &Action::Freeze),
            downs: Calendar::new(faults, &Action::Down),
        }
    }

    /// Lets windows count from `at`, whatever came before.
    pub(super) fn begin(&self, at: Instant) {
        self.first.send_replace(Some(at));
    }

    fn first(&self) -> Option<Instant> {
        *self.first.borrow()
    }

    /// An instant as it is recorded.
    pub(super) fn offset(&self, at: Instant) -> Offset {
        at.saturating_duration_since(self.started).into()
    }

    /// How long after the first chat request `at` is. The first one to ask is the first.
    pub(super) fn since_first(&self, at: Instant) -> Duration {
        let first = self.first().or_else(|| {
            self.first.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(at);
                is_first
            });
            self.first()
        });
        at.saturating_duration_since(first.unwrap_or(at))
    }

    /// When `work` begun at `start` is done.
    pub(super) fn done(&self, start: Instant, work: Duration) -> Instant {
        if self.freezes.is_empty() {
            return start + work;
        }
        let Some(first) = self.first() else {
            return start + work;
        };
        let since = start.saturating_duration_since(first);
        first + self.freezes.done(since, work)
    }

    /// Whether nobody listens at `now`.
    pub(super) fn is_down(&self, now: Instant) -> bool {
        self.down(now).is_some_and(|(from, _)| from <= now)
    }

    /// The time without a listener that is under way at `now`, or else the next one: from and to.
    fn down(&self, now: Instant) -> Option<(Instant, Instant)> {
        if self.downs.is_empty() {
            return None;
        }
        let first = self.first()?;
        let times = self.downs.times.iter();
        times
            .map(|&(from, to)| (first + from, first + to))
            .find(|(_, to)| *to > now)
    }

    /// Waits until the listener is to close; says when it is to open again.
    pub(super) async fn goes_down(&self) -> Instant {
        if self.downs.is_empty() {
            return pending().await;
        }
        let mut first = self.first.subscribe();
        loop {
            // Told anew what windows count from, it looks again.
            let Some((from, to)) = self.down(Instant::now()) else {
                let _ = first.changed().await;
                continue;
            };
            tokio::select! {
                () = wait_until(from) => return to,
                _ = first.changed() => {}
            }
        }
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

/// The times of one state of the provider. Where it is a freeze, it turns work to be done into an instant
/// at which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Calendar {
    /// From and to, in order and apart, since the first request.
    times: Vec<(Duration, Duration)>,
}

impl Calendar {
    fn new(faults: &[Fault], state: &Action) -> Self {
        let such = faults.iter().filter(|fault| fault.action == *state);
        let mut windows: Vec<_> = such
            .filter_map(|fault| fault.when.window)
            .map(|window| (window.from.0, window.end()))
            .collect();
        windows.sort_unstable();
        let mut times: Vec<(Duration, Duration)> = Vec::new();
        for (from, to) in windows {
            match times.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => times.push((from, to)),
            }
        }
        Self { times }
    }

    const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// When `work` begun at `start` is done: that much later, frozen time not counted. Nothing is
    /// done within a freeze.
    fn done(&self, start: Duration, work: Duration) -> Duration {
        let (mut now, mut left) = (start, work);
        for &(from, to) in &self.times {
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
        let freezes: Vec<_> = windows.iter().map(freeze).collect();
        Calendar::new(&freezes, &Action::Freeze)
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
