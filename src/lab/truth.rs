//! The true instants of every answer, on the clock that all processes of the machine share.
//!
//! An instant is read just before the bytes are handed to the server's HTTP encoder, which writes them
//! to the socket in the same turn. So it is never later than the bytes' departure, and whoever claims
//! to have read them before it has a clock that is wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::clock::Clock;
use super::fault::Action;
use crate::base::{Marker, Monotonic};

/// The most answers that are kept until they are taken; further ones are counted, and not kept.
const MOST_TRUTHS: usize = 200_000;
/// The most chunks of one answer whose instants are kept: the first ones.
const MOST_CHUNKS: usize = 256;

/// What a provider truly did with one request. Instants are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Which request it was: its [`Marker`](crate::base::Marker), where it has one, else [`Truth::key_of`] its body.
    pub key: u64,
    /// Whether the key is a marker.
    #[serde(default)]
    pub marked: bool,
    /// When its last byte was in.
    #[serde(default)]
    pub received: u64,
    /// The status that it was answered with; 0 where it got no answer.
    #[serde(default)]
    pub status: u16,
    /// The fault that hit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Output tokens that went out, by the provider's own count.
    #[serde(default)]
    pub tokens: u32,
    /// Whether the answer went out to its end. Not where a fault cut it, or the client left.
    #[serde(default)]
    pub whole: bool,
    /// When each chunk with a token went out; the whole answer, where it came in one piece.
    #[serde(with = "steps")]
    pub chunks: Vec<u64>,
    /// Chunks with a token beyond those, whose instants are not kept.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more_chunks: u32,
    /// When the last bytes of the answer went out. Where not all of it did, when it was over.
    pub end: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

/// Instants as they travel: the first, and then each as the time since the one before.
mod steps {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        serializer.collect_seq(at.iter().map(|at| {
            let step = at.wrapping_sub(before);
            before = *at;
            step
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u64>, D::Error> {
        let mut at = Vec::<u64>::deserialize(deserializer)?;
        let mut before: u64 = 0;
        for step in &mut at {
            before = before.wrapping_add(*step);
            *step = before;
        }
        Ok(at)
    }
}

impl Truth {
    /// The name of the request with this body.
    pub fn key_of(body: &[u8]) -> u64 {
        key(&blake3::hash(body))
    }
}

fn key(digest: &blake3::Hash) -> u64 {
    let bytes = digest.as_bytes().first_chunk();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The truths of a provider. None are kept until it is told the clock.
#[derive(Debug, Default)]
pub(super) struct Truths {
    clock: OnceLock<Monotonic>,
    kept: Mutex<Vec<Truth>>,
    dropped: AtomicU64,
}

impl Truths {
    /// Keeps truths from here on.
    pub(super) fn keep(&self, clock: Monotonic) {
        self.clock.get_or_init(|| clock);
    }

    /// Those of all answers that are over.
    pub(super) fn take(&self) -> Vec<Truth> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many were not kept for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The note of a request that was in at `received`, where truths are kept.
    pub(super) fn note(
        self: &Arc<Self>,
        (marker, digest): (Option<Marker>, &blake3::Hash),
        received: Instant,
        provider: &Arc<Clock>,
    ) -> Option<TruthNote> {
        let clock = *self.clock.get()?;
        Some(TruthNote {
            truths: Arc::clone(self),
            clock,
            provider: Arc::clone(provider),
            truth: Truth {
                key: marker.map_or_else(|| key(digest), |marker| marker.0),
                marked: marker.is_some(),
                received: clock.nanos(received),
                ..Truth::default()
            },
        })
    }
}

/// One request's truth while it is served, kept where this is dropped.
#[derive(Debug)]
pub(super) struct TruthNote {
    truths: Arc<Truths>,
    clock: Monotonic,
    provider: Arc<Clock>,
    truth: Truth,
}

impl TruthNote {
    /// Bytes go out now, with so many tokens.
    pub(super) fn stamp(&mut self, tokens: u32) {
        let now = self.clock.nanos(Instant::now());
        if tokens > 0 {
            if self.truth.chunks.len() < MOST_CHUNKS {
                self.truth.chunks.push(now);
            } else {
                self.truth.more_chunks += 1;
            }
            self.truth.tokens = self.truth.tokens.saturating_add(tokens);
        }
        self.truth.end = now;
    }

    /// A fault hits it.
    pub(super) fn hit_by(&mut self, fault: &Action) {
        self.truth.fault = Some(fault.kind().to_owned());
    }

    /// It is answered with this status.
    pub(super) const fn answered(&mut self, status: u16) {
        self.truth.status = status;
    }

    /// All of its answer has gone out.
    pub(super) const fn is_whole(&mut self) {
        self.truth.whole = true;
    }

    /// It is answered with an error in place of an answer, now.
    pub(super) fn refused(mut self, status: u16) {
        self.answered(status);
        self.stamp(0);
        self.is_whole();
    }
}

impl Drop for TruthNote {
    fn drop(&mut self) {
        let mut truth = std::mem::take(&mut self.truth);
        if !truth.whole {
            let now = Instant::now();
            truth.end = self.clock.nanos(now);
            if truth.fault.is_none() && self.provider.is_down(now) {
                truth.fault = Some(Action::Down.kind().to_owned());
            }
        }
        let mut kept = self
            .truths
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_TRUTHS {
            kept.push(truth);
        } else {
            self.truths.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn kept() -> (Arc<Truths>, impl Fn(&[u8]) -> Option<TruthNote>) {
        let (truths, clock) = (Arc::new(Truths::default()), Arc::new(Clock::new(&[])));
        let of = Arc::clone(&truths);
        let note = move |body: &[u8]| {
            let name = (Marker::find(body), &blake3::hash(body));
            of.note(name, Instant::now(), &clock)
        };
        (truths, note)
    }

    #[test]
    fn nothing_is_kept_before_there_is_a_clock_and_then_each_instant_in_its_order() {
        let (truths, note) = kept();
        assert!(note(b"body").is_none());
        truths.keep(Monotonic::map().unwrap());
        let mut first = note(b"body").unwrap();
        first.answered(200);
        for tokens in [0, 3, 2, 0] {
            first.stamp(tokens);
        }
        first.is_whole();
        assert!(truths.take().is_empty(), "it is not over");
        drop(first);
        let kept = truths.take();
        assert_eq!(kept.len(), 1);
        assert_eq!(
            (kept[0].key, kept[0].marked),
            (Truth::key_of(b"body"), false)
        );
        assert_eq!((kept[0].chunks.len(), kept[0].tokens), (2, 5));
        assert!(kept[0].received <= kept[0].chunks[0]);
        assert!(kept[0].chunks.is_sorted() && kept[0].chunks[1] <= kept[0].end);
        assert!(truths.take().is_empty(), "they were taken");
    }

    #[test]
    fn a_request_that_got_nothing_leaves_its_truth_and_its_marker_is_its_name() {
        let (truths, note) = kept();
        truths.keep(Monotonic::map().unwrap());
        let mut hung = note(b"say [[tg-00000000000000ff]] twice").unwrap();
        hung.hit_by(&Action::Hang);
        drop(hung);
        note(b"too many").unwrap().refused(429);
        let [hung, refused] = &truths.take()[..] else {
            panic!("two were noted")
        };
        assert_eq!((hung.key, hung.marked, hung.status), (0xff, true, 0));
        assert_eq!((hung.fault.as_deref(), hung.whole), (Some("hang"), false));
        assert!(hung.end >= hung.received);
        assert_eq!(
            (refused.status, refused.whole, refused.tokens),
            (429, true, 0)
        );
        assert!(refused.chunks.is_empty() && refused.end >= refused.received);
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let (truths, note) = kept();
        truths.keep(Monotonic::map().unwrap());
        let mut long = note(b"long").unwrap();
        (0..MOST_CHUNKS + 3).for_each(|_| long.stamp(1));
        drop(long);
        let long = &truths.take()[0];
        assert_eq!((long.chunks.len(), long.more_chunks), (MOST_CHUNKS, 3));
        let full = vec![Truth::default(); MOST_TRUTHS];
        *truths.kept.lock().unwrap() = full;
        drop(note(b"one more"));
        assert_eq!((truths.take().len(), truths.dropped()), (MOST_TRUTHS, 1));
    }

    #[test]
    fn a_truth_is_the_same_after_its_travel() {
        let truth = Truth {
            key: u64::MAX,
            received: 5,
            fault: Some("cut_after".into()),
            chunks: vec![1_000, 1_500, 1_500, 9_000_000_000],
            more_chunks: 7,
            end: 9_000_000_001,
            ..Truth::default()
        };
        let line = serde_json::to_string(&truth).unwrap();
        assert!(line.contains("[1000,500,0,8999998500]"), "{line}");
        assert_eq!(serde_json::from_str::<Truth>(&line).unwrap(), truth);
        let bare = serde_json::to_string(&Truth::default()).unwrap();
        assert_eq!(
            serde_json::from_str::<Truth>(&bare).unwrap(),
            Truth::default()
        );
    }
}
