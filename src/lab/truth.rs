//! The true instants of every answer, on the clock that all processes of the machine share.
//!
//! An instant is read just before the bytes are handed to the server's HTTP encoder, which writes them
//! to the socket in the same turn. So it is never later than the bytes' departure, and whoever claims
//! to have read them before it has a clock that is wrong.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::base::Monotonic;

/// The most answers that are kept until they are taken; further ones are not kept at all.
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
    pub chunks: Vec<u64>,
    /// When the last bytes of the answer went out.
    pub end: u64,
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

    /// The note of a request that has just come, where truths are kept.
    pub(super) fn note(self: &Arc<Self>, digest: &blake3::Hash) -> Option<TruthNote> {
        let clock = *self.clock.get()?;
        Some(TruthNote {
            truths: Arc::clone(self),
            clock,
            truth: Truth {
                key: key(digest),
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
    truth: Truth,
}

impl TruthNote {
    /// Bytes go out now.
    pub(super) fn stamp(&mut self, token: bool) {
        let now = self.clock.nanos(Instant::now());
        if token && self.truth.chunks.len() < MOST_CHUNKS {
            self.truth.chunks.push(now);
        }
        self.truth.end = now;
    }
}

impl Drop for TruthNote {
    fn drop(&mut self) {
        let mut kept = self
            .truths
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.truth.end > 0 && kept.len() < MOST_TRUTHS {
            kept.push(std::mem::take(&mut self.truth));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_before_there_is_a_clock_and_then_each_instant_in_its_order() {
        let truths = Arc::new(Truths::default());
        let digest = blake3::hash(b"body");
        assert!(truths.note(&digest).is_none());
        truths.keep(Monotonic::map().unwrap());
        let mut note = truths.note(&digest).unwrap();
        for token in [false, true, true, false] {
            note.stamp(token);
        }
        assert!(truths.take().is_empty(), "it is not over");
        drop(note);
        drop(truths.note(&digest));
        let kept = truths.take();
        assert_eq!(kept.len(), 1, "one sent nothing");
        assert_eq!(kept[0].key, Truth::key_of(b"body"));
        assert_eq!(kept[0].chunks.len(), 2);
        assert!(kept[0].chunks.is_sorted() && kept[0].chunks[1] <= kept[0].end);
        assert!(truths.take().is_empty(), "they were taken");
    }
}
