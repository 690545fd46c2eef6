//! Where a worker's rows go: gathered in batches, since a message for each would cost more than the
//! row itself.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::UnboundedSender;

use super::{Event, Gauges};
use crate::sample::Sample;

/// Rows of one batch.
const BATCH: usize = 256;

/// The way out of a worker.
#[derive(Debug)]
pub(super) struct Sink {
    events: UnboundedSender<Event>,
    rows: Mutex<Vec<Sample>>,
    pub(super) gauges: Arc<Gauges>,
}

impl Sink {
    pub(super) fn new(events: UnboundedSender<Event>, gauges: Arc<Gauges>) -> Self {
        Self {
            events,
            rows: Mutex::new(Vec::with_capacity(BATCH)),
            gauges,
        }
    }

    /// Tells what happened. Nobody listens any more only when the process is ending.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    pub(super) fn push(&self, sample: Sample) {
        let mut rows = self
            .rows
            .lock()
            .expect("no push panics while it holds the lock");
        rows.push(sample);
        if rows.len() >= BATCH {
            let batch = std::mem::replace(&mut *rows, Vec::with_capacity(BATCH));
            drop(rows);
            self.tell(Event::Rows(batch));
        }
    }

    /// Sends on what has gathered.
    pub(super) fn flush(&self) {
        let rows = std::mem::take(&mut *self.rows.lock().expect("as in push"));
        if !rows.is_empty() {
            self.tell(Event::Rows(rows));
        }
    }
}
