//! What a provider saw and did, kept for those who check what a client claims against it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::clock::Clock;
use crate::base::Offset;

/// The most requests that are kept.
const MOST_ENTRIES: usize = 100_000;
/// The most bytes of bodies, paths and names that are kept: 64 MiB.
const MOST_BYTES: usize = 64 << 20;

/// One request, as the provider saw it. All instants are since [`super::Provider::started`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When its last byte was in.
    pub at: Offset,
    /// The model that it asked.
    pub model: String,
    /// The path that it asked.
    pub path: String,
    /// Its body.
    pub body: Bytes,
    /// Whether it brought an `Authorization` header.
    pub authorized: bool,
    /// The fault that hit it.
    pub fault: Option<&'static str>,
    /// When it got a slot.
    pub started: Option<Offset>,
    /// When its first token, or its answer in one piece, was to go out: an instant planned at its
    /// start.
    pub first_token_due: Option<Offset>,
    /// When its first token, or its answer in one piece, was handed to the socket.
    pub first_token: Option<Offset>,
    /// When its answer was over, or the client had left.
    pub ended: Option<Offset>,
}

/// How a provider stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Chat requests that it could read.
    pub requests: u64,
    /// Requests that it turned away because a queue was full.
    pub turned_away: u64,
    /// Requests in service.
    pub serving: u64,
    /// The most that were in service at once.
    pub most_serving: u64,
    /// Requests that wait for a slot.
    pub waiting: u64,
    /// The most that waited at once.
    pub most_waiting: u64,
    /// Requests that a fault hit, by the fault's name.
    pub faults: BTreeMap<String, u64>,
    /// Requests that were to be recorded, and for which there was no room.
    pub unrecorded: u64,
    /// Requests whose truth was to be kept, and for which there was no room.
    pub truths_dropped: u64,
}

/// The record of requests. Off until it is switched on: it keeps bodies.
#[derive(Debug, Default)]
pub(super) struct Record {
    on: AtomicBool,
    dropped: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: Vec<Seen>,
    bytes: usize,
}

/// The way back to one request's entry. Where it is dropped, the request is over.
#[derive(Debug)]
pub(super) struct Note {
    record: Arc<Record>,
    clock: Arc<Clock>,
    index: usize,
}

impl Record {
    pub(super) fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Keeps what `entry` makes, where it is on and there is room.
    pub(super) fn keep(
        self: &Arc<Self>,
        clock: &Arc<Clock>,
        entry: impl FnOnce() -> Seen,
    ) -> Option<Note> {
        if !self.on.load(Ordering::Relaxed) {
            return None;
        }
        let entry = entry();
        let size = entry.body.len() + entry.path.len() + entry.model.len();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.entries.len() >= MOST_ENTRIES || kept.bytes + size > MOST_BYTES {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        kept.bytes += size;
        kept.entries.push(entry);
        Some(Note {
            record: Arc::clone(self),
            clock: Arc::clone(clock),
            index: kept.entries.len() - 1,
        })
    }

    pub(super) fn entries(&self) -> Vec<Seen> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entries
            .clone()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Note {
    pub(super) fn amend(&self, change: impl FnOnce(&mut Seen)) {
        let mut kept = self
            .record
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.entries.get_mut(self.index) {
            change(entry);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let ended = self.clock.offset(Instant::now());
        self.amend(|seen| seen.ended = Some(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: usize) -> Seen {
        Seen {
            at: Offset::ZERO,
            model: String::new(),
            path: String::new(),
            body: vec![0; size].into(),
            authorized: false,
            fault: None,
            started: None,
            first_token_due: None,
            first_token: None,
            ended: None,
        }
    }

    #[test]
    fn nothing_is_kept_until_it_is_switched_on_and_then_no_more_than_there_is_room_for() {
        let record = Arc::new(Record::default());
        let clock = Arc::new(Clock::new(&[]));
        let keep = |size| record.keep(&clock, || entry(size));
        assert!(keep(0).is_none());
        record.switch(true);
        assert!(keep(MOST_BYTES).is_some());
        assert!(keep(1).is_none());
        keep(0).unwrap().amend(|seen| seen.fault = Some("refuse"));
        assert_eq!((record.entries().len(), record.dropped()), (2, 1));
        assert_eq!(record.entries()[1].fault, Some("refuse"));
        assert!(record.entries()[1].ended.is_some());
    }
}
