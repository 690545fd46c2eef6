//! How much is going on right now, for whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the workers keep; reading them costs the workers nothing.
#[derive(Debug, Default)]
pub struct Gauges {
    arrived: AtomicU64,
    sent: AtomicU64,
    done: AtomicU64,
    waiting: AtomicU64,
    most_waiting: AtomicU64,
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

    /// Rows that wait for the file.
    pub fn rows_waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The most rows that waited for the file at one time.
    pub fn most_rows_waiting(&self) -> u64 {
        self.most_waiting.load(Ordering::Relaxed)
    }

    /// So many rows are in the file.
    pub fn rows_written(&self, rows: u64) {
        self.waiting.fetch_sub(rows, Ordering::Relaxed);
    }

    /// So many rows more wait for the file; tells how many now do.
    pub(super) fn wait_for_file(&self, rows: u64) -> u64 {
        let waiting = self.waiting.fetch_add(rows, Ordering::Relaxed) + rows;
        self.most_waiting.fetch_max(waiting, Ordering::Relaxed);
        waiting
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
