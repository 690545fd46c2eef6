//! Where a worker's rows go: each is recorded here and now, in the worker's own seconds, and leaves
//! for the file in a batch, since a message for each would cost more than the row itself.
//!
//! A worker never waits for the file, which would delay what it measures. Rows wait for it in memory
//! instead, and there is an end to that: at [`LIMIT`] no further arrivals are sent, and the run is told
//! to be cut short for it. Nothing is lost, and no figure is of a client that waited for a disk.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::{Event, Gauges};
use crate::base::Offset;
use crate::plan::{PhaseId, Plan};
use crate::record::Seconds;
use crate::sample::Sample;

/// Rows of one batch.
const BATCH: usize = 256;
/// Rows that may wait for the file, all workers together: about 60 MB.
pub const LIMIT: u64 = 100_000;

/// The way out of a worker.
#[derive(Debug)]
pub(super) struct Sink {
    worker: u64,
    events: UnboundedSender<Event>,
    // Only this worker's thread takes the lock: it is never waited for.
    kept: Mutex<Kept>,
    stop: CancellationToken,
    pub(super) gauges: Arc<Gauges>,
}

#[derive(Debug)]
struct Kept {
    rows: Vec<Sample>,
    seconds: Seconds,
}

impl Sink {
    pub(super) fn new(
        plan: &Arc<Plan>,
        worker: u64,
        events: UnboundedSender<Event>,
        gauges: Arc<Gauges>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            worker,
            events,
            kept: Mutex::new(Kept {
                rows: Vec::with_capacity(BATCH),
                seconds: Seconds::new(plan),
            }),
            stop,
            gauges,
        }
    }

    /// Tells what happened. Nobody listens any more only when the process is ending.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// A phase began; to be told before the first row of it.
    pub(super) fn phase_started(&self, phase: PhaseId, at: Offset) {
        self.kept().seconds.phase_started(phase, at);
    }

    pub(super) fn push(&self, sample: Sample) {
        let mut kept = self.kept();
        kept.seconds.push(&sample);
        kept.rows.push(sample);
        if kept.rows.len() >= BATCH {
            let batch = std::mem::replace(&mut kept.rows, Vec::with_capacity(BATCH));
            drop(kept);
            self.send(batch);
        }
    }

    /// Sends on what has gathered, and the seconds that are over at `now`.
    pub(super) fn flush(&self, now: Offset) {
        let mut kept = self.kept();
        let rows = std::mem::take(&mut kept.rows);
        let over = kept.seconds.hand_on(now);
        drop(kept);
        self.send(rows);
        if let Some((through, seconds)) = over {
            self.tell(Event::Seconds {
                worker: self.worker,
                through: Some(through),
                seconds,
            });
        }
    }

    /// Sends on everything, at the end.
    pub(super) fn finish(&self) {
        let mut kept = self.kept();
        let rows = std::mem::take(&mut kept.rows);
        let seconds = kept.seconds.finish();
        drop(kept);
        self.send(rows);
        self.tell(Event::Seconds {
            worker: self.worker,
            through: None,
            seconds,
        });
    }

    fn send(&self, rows: Vec<Sample>) {
        if rows.is_empty() {
            return;
        }
        if self.gauges.wait_for_file(rows.len() as u64) > LIMIT {
            self.stop.cancel();
        }
        self.tell(Event::Rows(rows));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
