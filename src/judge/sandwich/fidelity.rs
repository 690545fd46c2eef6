//! What became of streams on their way: chunks in against chunks out.

use serde::{Deserialize, Serialize};

use super::front::Front;
use crate::lab::Truth;
use crate::scenario::StreamVerdict;

/// Chunks that a stream needs at least before one can say that it was buffered.
const BUFFERED_FROM: usize = 4;
/// How long it must have gone out for.
const BUFFERED_SPAN: u64 = 10_000_000;
/// The provider sent two chunks at least so far apart where one that came with the other was held.
const APART: u64 = 1_000_000;
/// The share of a stream's chunks that came with another one from which it is coalesced.
const COALESCED: f64 = 0.1;
/// The share of streams from which a gateway is said to buffer.
const BUFFERS: f64 = 0.01;
/// The share of streams, more than past the gateway, from which it is said to coalesce.
const COALESCES: f64 = 0.05;

/// What became of the streams through the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// The verdict on all of them; `None` where there was no stream to judge.
    pub verdict: Option<StreamVerdict>,
    /// Streams that the provider sent whole.
    pub streams: u64,
    /// Of these, those of which each chunk went on as it came.
    pub faithful: u64,
    /// Those of which more than a tenth of the chunks came with another one.
    pub coalesced: u64,
    /// Those that came only once the provider had sent all of it.
    pub buffered: u64,
    /// Those that came otherwise than they were sent, or not to their end.
    pub broken: u64,
    /// Of the broken ones: those whose answer failed on its way.
    pub failed: u64,
    /// Chunks with content that the provider sent.
    pub chunks_in: u64,
    /// Events with content that the client read.
    pub chunks_out: u64,
    /// Chunks that came in one event with the one before.
    pub merged: u64,
    /// Chunks that came in an event of their own and yet together with the one before, though the provider
    /// sent them 1 ms apart or more.
    pub held: u64,
    /// Chunks that never came.
    pub lost: u64,
    /// Chunks that came more than once.
    pub duplicated: u64,
    /// Chunks that came after a later one.
    pub reordered: u64,
    /// Words that the provider did not say.
    pub rewritten: u64,
    /// The longest that a chunk was on its way, in milliseconds.
    pub longest_hold_ms: f64,
    /// The same past the gateway.
    pub longest_hold_direct_ms: f64,
    /// Streams past the gateway of which more than a tenth of the chunks came with another one: that is
    /// the client's own doing.
    pub coalesced_direct: u64,
    /// Streams past the gateway.
    pub streams_direct: u64,
}

/// What became of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Look {
    pub(super) chunks_in: u64,
    pub(super) chunks_out: u64,
    pub(super) merged: u64,
    pub(super) held: u64,
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) rewritten: u64,
    pub(super) longest_hold: u64,
    pub(super) buffered: bool,
}

impl Look {
    /// Holds what came of a whole stream against what was sent.
    pub(super) fn at(front: &Front, truth: &Truth) -> Self {
        let trail = &front.trail;
        let sent = truth.tokens.max(truth.chunks.len() as u32);
        let mut look = Self {
            chunks_in: u64::from(sent),
            chunks_out: trail.pieces.iter().filter(|piece| !piece.joined).count() as u64,
            rewritten: u64::from(trail.foreign)
                + u64::from(trail.marker.map(|marker| marker.0) != Some(truth.key)),
            ..Self::default()
        };
        let mut seen = vec![false; sent as usize];
        let (mut next, mut came_before) = (0_u32, None);
        for piece in &trail.pieces {
            let came = front.came(piece);
            for number in piece.first..piece.first.saturating_add(piece.count) {
                let joined = piece.joined || number > piece.first;
                look.merged += u64::from(joined);
                match seen.get_mut(number as usize) {
                    None => look.rewritten += 1,
                    Some(true) => look.duplicated += 1,
                    Some(slot) => {
                        *slot = true;
                        look.reordered += u64::from(number < next);
                    }
                }
                next = next.max(number.saturating_add(1));
                look.on_the_way(truth, number, came, came_before, joined);
            }
            came_before = Some(came);
        }
        let came = seen.iter().filter(|seen| **seen).count() as u64;
        look.lost = (u64::from(sent) - came).saturating_sub(u64::from(trail.unkept));
        look.buffered = Self::is_buffered(front, truth);
        look
    }

    /// How long a chunk was on its way, and whether it was held for others.
    fn on_the_way(
        &mut self,
        truth: &Truth,
        number: u32,
        came: u64,
        came_before: Option<u64>,
        joined: bool,
    ) {
        let Some(&sent) = truth.chunks.get(number as usize) else {
            return;
        };
        self.longest_hold = self.longest_hold.max(came.saturating_sub(sent));
        let before = (number as usize).checked_sub(1);
        let apart = before.map(|before| sent.saturating_sub(truth.chunks[before]));
        if let (Some(apart), Some(came_before), false) = (apart, came_before, joined) {
            let together = came.saturating_sub(came_before) < apart / 10;
            self.held += u64::from(apart >= APART && together);
        }
    }

    fn is_buffered(front: &Front, truth: &Truth) -> bool {
        let (Some(first), Some(last)) = (truth.chunks.first(), truth.chunks.last()) else {
            return false;
        };
        let long = truth.chunks.len() >= BUFFERED_FROM && last - first >= BUFFERED_SPAN;
        let came = front.trail.pieces.first().map(|piece| front.came(piece));
        long && came.is_some_and(|came| came >= *last)
    }

    /// Whether the content is another one than was sent.
    pub(super) const fn is_broken(&self) -> bool {
        self.lost + self.duplicated + self.reordered + self.rewritten > 0
    }

    fn is_coalesced(&self) -> bool {
        (self.merged + self.held) as f64 > COALESCED * self.chunks_in as f64
    }
}

impl Fidelity {
    /// Adds a stream through the gateway that came to its end.
    pub(super) fn add(&mut self, look: &Look) {
        self.streams += 1;
        self.chunks_in += look.chunks_in;
        self.chunks_out += look.chunks_out;
        self.merged += look.merged;
        self.held += look.held;
        self.lost += look.lost;
        self.duplicated += look.duplicated;
        self.reordered += look.reordered;
        self.rewritten += look.rewritten;
        self.longest_hold_ms = self.longest_hold_ms.max(look.longest_hold as f64 / 1e6);
        let kind = if look.is_broken() {
            &mut self.broken
        } else if look.buffered {
            &mut self.buffered
        } else if look.is_coalesced() {
            &mut self.coalesced
        } else {
            &mut self.faithful
        };
        *kind += 1;
    }

    /// Adds a stream past the gateway.
    pub(super) fn add_direct(&mut self, look: &Look) {
        self.streams_direct += 1;
        self.coalesced_direct += u64::from(look.is_coalesced());
        let hold = look.longest_hold as f64 / 1e6;
        self.longest_hold_direct_ms = self.longest_hold_direct_ms.max(hold);
    }

    /// Adds a stream through the gateway that failed, though nothing was wrong with the provider.
    pub(super) fn add_failed(&mut self) {
        self.streams += 1;
        self.broken += 1;
        self.failed += 1;
    }

    /// Adds the streams of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.streams += other.streams;
        self.faithful += other.faithful;
        self.coalesced += other.coalesced;
        self.buffered += other.buffered;
        self.broken += other.broken;
        self.failed += other.failed;
        self.chunks_in += other.chunks_in;
        self.chunks_out += other.chunks_out;
        self.merged += other.merged;
        self.held += other.held;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.rewritten += other.rewritten;
        self.longest_hold_ms = self.longest_hold_ms.max(other.longest_hold_ms);
        let direct = other.longest_hold_direct_ms;
        self.longest_hold_direct_ms = self.longest_hold_direct_ms.max(direct);
        self.coalesced_direct += other.coalesced_direct;
        self.streams_direct += other.streams_direct;
    }

    /// Judges all streams together: broken by a single one, buffered by one in a hundred, and coalesced
    /// where one in twenty more than past the gateway is.
    pub(super) fn judge(&mut self) {
        let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
        let own = share(self.coalesced_direct, self.streams_direct);
        let coalesced = share(self.coalesced + self.buffered, self.streams) - own;
        self.verdict = match self.streams {
            0 => None,
            _ if self.broken > 0 => Some(StreamVerdict::Broken),
            _ if share(self.buffered, self.streams) > BUFFERS => Some(StreamVerdict::Buffered),
            _ if coalesced > COALESCES => Some(StreamVerdict::Coalesced),
            _ => Some(StreamVerdict::Faithful),
        };
    }
}
