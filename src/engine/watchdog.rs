//! How long a worker was away: a task that wakes by the clock and notes how late its turn came.
//!
//! A worker that does not come round sends late and stamps late, whatever kept it: work of its own, a
//! neighbour on its core, or a process that stood still. All its wakes together take less than 1 % of a
//! core.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::base::Offset;
use crate::wire::Clock;

/// How often it wakes.
const PERIOD: Duration = Duration::from_millis(5);
/// How much later the runtime's timers may go off by themselves: they tick in milliseconds, and both the
/// deadline and the wait for it are rounded up.
const TICK: Duration = Duration::from_millis(2);

/// How long a worker was away while requests were measured. Each stall is told up to seven milliseconds
/// too short, since it begins somewhere between two wakes, and never too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// The longest time without a turn.
    pub longest: Duration,
    /// All such times together.
    pub lost: Duration,
    /// How long it was watched.
    pub watched: Duration,
}

/// Watches the runtime that it is started in, from the first measured phase on.
#[derive(Debug)]
pub(super) struct Watchdog {
    clock: Clock,
    since: OnceLock<Offset>,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What is seen so far, in nanoseconds.
#[derive(Debug, Default)]
struct Seen {
    longest: AtomicU64,
    lost: AtomicU64,
    /// When the next wake is due.
    due: AtomicU64,
}

impl Watchdog {
    pub(super) fn start(clock: Clock) -> Self {
        let seen = Arc::new(Seen::default());
        let watching = Arc::clone(&seen);
        watching.expect(clock);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(PERIOD).await;
                watching.note(clock);
                watching.expect(clock);
            }
        });
        Self {
            clock,
            since: OnceLock::new(),
            seen,
            task,
        }
    }

    /// What follows counts; what came before was warm-up.
    pub(super) fn begin(&self) {
        self.since.get_or_init(|| {
            self.seen.expect(self.clock);
            self.seen.longest.store(0, Ordering::Relaxed);
            self.seen.lost.store(0, Ordering::Relaxed);
            self.clock.now()
        });
    }

    /// What was seen, a stall that has just ended included: its wake may not have had its turn.
    pub(super) fn finish(self) -> Stalls {
        self.task.abort();
        let Some(since) = self.since.get() else {
            return Stalls::default();
        };
        self.seen.note(self.clock);
        let read = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Ordering::Relaxed));
        Stalls {
            longest: read(&self.seen.longest),
            lost: read(&self.seen.lost),
            watched: self.clock.now().since(*since),
        }
    }
}

impl Seen {
    fn expect(&self, clock: Clock) {
        let due = clock.now() + PERIOD + TICK;
        self.due.store(due.nanos(), Ordering::Relaxed);
    }

    fn note(&self, clock: Clock) {
        let due = Offset::from_nanos(self.due.load(Ordering::Relaxed));
        let late = clock.now().since(due);
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
        self.lost.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_millis(400);

    /// Lets the watchdog have its turns for so long.
    async fn calm(length: Duration) {
        tokio::time::sleep(length).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_comes_round_in_time_has_no_stalls() {
        let watchdog = Watchdog::start(Clock::start());
        watchdog.begin();
        calm(Duration::from_secs(3)).await;
        let stalls = watchdog.finish();
        assert_eq!((stalls.longest, stalls.lost), Default::default());
        assert_eq!(stalls.watched, Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn stalls_are_summed_and_the_longest_is_kept() {
        let watchdog = Watchdog::start(Clock::start());
        watchdog.begin();
        for stall in [STALL, STALL / 4] {
            calm(Duration::from_millis(51)).await;
            tokio::time::advance(stall).await;
        }
        calm(Duration::from_millis(51)).await;
        let stalls = watchdog.finish();
        // A stall begins somewhere between two wakes.
        let near = |time: Duration, truth: Duration| time <= truth && time + PERIOD + TICK >= truth;
        assert!(near(stalls.longest, STALL), "{stalls:?}");
        let lost = stalls.lost + PERIOD + TICK;
        assert!(near(lost, STALL + STALL / 4), "{stalls:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_counts_though_the_run_ends_with_it_and_none_of_the_warm_up_does() {
        let watchdog = Watchdog::start(Clock::start());
        tokio::time::advance(STALL).await;
        calm(Duration::from_millis(51)).await;
        watchdog.begin();
        calm(Duration::from_millis(51)).await;
        tokio::time::advance(STALL / 2).await;
        let stalls = watchdog.finish();
        assert!(stalls.longest + PERIOD + TICK >= STALL / 2, "{stalls:?}");
        assert!(stalls.longest < STALL, "{stalls:?}");
    }
}
