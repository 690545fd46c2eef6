//! How much is going on right now, for whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the workers keep; reading them costs the workers nothing.
#[derive(Debug, Default)]
pub struct Gauges {
    arrived: AtomicU64,
    sent: AtomicU64,
    done: AtomicU64,
}

impl Gauges {
    /// Arrivals so far.
    pub fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> u64 {
        self.sent
            .load(Ordering::Relaxed)
            .saturating_sub(self.done.load(Ordering::Relaxed))
    }

    pub(super) fn arrive(&self) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}
