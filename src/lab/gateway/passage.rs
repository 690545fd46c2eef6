//! How one call passes through the gateway: what is due when, and the true instants of its way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::base::{Marker, Monotonic};
use crate::lab::Truth;

/// The most calls that are kept until they are taken; further ones are counted, and not kept.
const MOST_PASSED: usize = 200_000;

/// What the gateway truly did with one call for a chat completion. Instants are nanoseconds of
/// `CLOCK_MONOTONIC`, and 0 where it did not come to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Which call it was: its [`Marker`], where it has one, else [`Truth::key_of`] its body.
    pub key: u64,
    /// Whether the key is a marker.
    pub marked: bool,
    /// When the last byte of the call was in.
    pub received: u64,
    /// When a provider was first asked.
    pub sent: u64,
    /// Requests that went to providers for it.
    pub asked: u32,
    /// When the first piece of the answer's body came.
    pub first_in: u64,
    /// When the first piece went on to the client.
    pub first_out: u64,
    /// When the last piece came.
    pub last_in: u64,
    /// When the last piece went on.
    pub last_out: u64,
}

impl Passed {
    /// What the gateway added to the first piece: on its way up, and on its way down.
    pub fn added_first(&self) -> Option<Duration> {
        self.added(self.first_in, self.first_out)
    }

    /// What it added to the last piece.
    pub fn added_last(&self) -> Option<Duration> {
        self.added(self.last_in, self.last_out)
    }

    fn added(&self, came: u64, went: u64) -> Option<Duration> {
        let all_there = self.sent > 0 && came > 0 && went > 0;
        let nanos = || Some(self.sent.checked_sub(self.received)? + went.checked_sub(came)?);
        all_there.then(nanos)?.map(Duration::from_nanos)
    }
}

/// What passed a gateway. Nothing is kept until it is told the clock.
#[derive(Debug, Default)]
pub(super) struct Passages {
    clock: OnceLock<Monotonic>,
    kept: Mutex<Vec<Passed>>,
    dropped: AtomicU64,
    under_way: AtomicU64,
}

impl Passages {
    /// Keeps what passes from here on.
    pub(super) fn keep(&self, clock: Monotonic) {
        self.clock.get_or_init(|| clock);
    }

    pub(super) fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Calls that are kept when they are over.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Passed>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way of one call, noted where truths are kept.
#[derive(Debug)]
pub(super) struct Passage {
    received: Instant,
    sent: Option<Instant>,
    /// What is added to the first piece in all, on both ways.
    pub(super) first: Duration,
    note: Option<Note>,
}

#[derive(Debug)]
struct Note {
    passages: Arc<Passages>,
    clock: Monotonic,
    passed: Passed,
}

impl Passage {
    /// The way of a call with this body, which is in now.
    pub(super) fn begin(passages: &Arc<Passages>, body: &[u8]) -> Self {
        let received = Instant::now();
        let note = passages.clock.get().map(|clock| {
            passages.under_way.fetch_add(1, Ordering::Relaxed);
            let marker = Marker::find(body);
            Note {
                passages: Arc::clone(passages),
                clock: *clock,
                passed: Passed {
                    key: marker.map_or_else(|| Truth::key_of(body), |marker| marker.0),
                    marked: marker.is_some(),
                    received: clock.nanos(received),
                    ..Passed::default()
                },
            }
        });
        Self {
            received,
            sent: None,
            first: Duration::ZERO,
            note,
        }
    }

    /// Whether anything is added to it, or anybody wants to know its instants.
    pub(super) const fn matters(&self) -> bool {
        self.note.is_some() || !self.first.is_zero()
    }

    /// When the last byte of the call was in.
    pub(super) const fn received(&self) -> Instant {
        self.received
    }

    /// A provider is asked now.
    pub(super) fn asks(&mut self) {
        let now = Instant::now();
        let is_first = self.sent.is_none();
        self.sent.get_or_insert(now);
        self.amend(|passed, at| {
            passed.asked += 1;
            if is_first {
                passed.sent = at;
            }
        });
    }

    /// How long the first piece of the answer is still to be held.
    pub(super) fn left(&self) -> Duration {
        let spent = self.sent.map(|sent| sent - self.received);
        self.first.saturating_sub(spent.unwrap_or_default())
    }

    /// A piece of the answer has come now.
    pub(super) fn comes(&mut self) {
        self.amend(|passed, at| {
            if passed.first_in == 0 {
                passed.first_in = at;
            }
            passed.last_in = at;
        });
    }

    /// A piece goes on now.
    pub(super) fn goes(&mut self) {
        self.amend(|passed, at| {
            if passed.first_out == 0 {
                passed.first_out = at;
            }
            passed.last_out = at;
        });
    }

    fn amend(&mut self, change: impl FnOnce(&mut Passed, u64)) {
        if let Some(note) = &mut self.note {
            let now = note.clock.nanos(Instant::now());
            change(&mut note.passed, now);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        {
            let mut kept = self.passages.lock();
            if kept.len() < MOST_PASSED {
                kept.push(self.passed);
            } else {
                self.passages.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.passages.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
