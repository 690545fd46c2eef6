//! Places of service: so many at once, the others in a queue, first come first served.
//!
//! A place, in service or in the queue, is a value that gives itself back when it is dropped: a
//! client that leaves takes nothing with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many are inside, now and at most so far.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

/// One that is inside a gauge, until it is dropped.
#[derive(Debug)]
pub(super) struct Inside {
    gauge: Arc<Gauge>,
    /// How many were inside before.
    before: u64,
}

impl Gauge {
    pub(super) fn enter(self: &Arc<Self>) -> Inside {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(before + 1, Ordering::Relaxed);
        Inside {
            gauge: Arc::clone(self),
            before,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(super) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.gauge.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The slots of one model, and the queue before them.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    queue: Option<u32>,
    /// Those who wait here; the provider's own gauge counts all queues.
    waiting: Arc<Gauge>,
    all_waiting: Arc<Gauge>,
    serving: Arc<Gauge>,
}

/// A slot that is held, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _serving: Inside,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Slots {
    pub(super) fn new(
        slots: u32,
        queue: Option<u32>,
        all_waiting: Arc<Gauge>,
        serving: Arc<Gauge>,
    ) -> Self {
        let free = Arc::new(Semaphore::new(slots as usize));
        Self {
            free,
            queue,
            waiting: Arc::default(),
            all_waiting,
            serving,
        }
    }

    /// A slot, as soon as all who came before have theirs.
    pub(super) async fn take(&self) -> Result<Slot, Full> {
        // The semaphore hands what is given back to the first in its queue, so this never overtakes.
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        Ok(Slot {
            _permit: permit,
            _serving: self.serving.enter(),
        })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, Full> {
        let place = self.waiting.enter();
        if self
            .queue
            .is_some_and(|most| place.before >= u64::from(most))
        {
            return Err(Full);
        }
        let _counted = self.all_waiting.enter();
        Arc::clone(&self.free)
            .acquire_owned()
            .await
            .map_err(|_| Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn slots(slots: u32, queue: Option<u32>) -> Slots {
        Slots::new(slots, queue, Arc::default(), Arc::default())
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let slots = slots(1, None);
        let held = slots.take().now_or_never().unwrap().unwrap();
        let (mut second, mut third) = (Box::pin(slots.take()), Box::pin(slots.take()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(held);
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_some());
        assert!(
            (&mut third).now_or_never().is_some(),
            "the second was dropped with its slot"
        );
    }

    #[test]
    fn a_full_queue_turns_away_and_who_leaves_it_makes_room() {
        let slots = slots(1, Some(1));
        let _held = slots.take().now_or_never().unwrap().unwrap();
        let mut waits = Box::pin(slots.take());
        assert!((&mut waits).now_or_never().is_none());
        assert_eq!(slots.take().now_or_never().unwrap().unwrap_err(), Full);
        assert_eq!(slots.all_waiting.now(), 1);
        drop(waits);
        assert!(
            slots.take().now_or_never().is_none(),
            "there is room to wait again"
        );
        assert_eq!((slots.all_waiting.now(), slots.serving.now()), (0, 1));
    }
}
