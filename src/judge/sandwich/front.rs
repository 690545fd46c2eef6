//! A marked request as the client saw it, on the clock that it shares with the provider.

use std::time::Duration;

use crate::plan::{ArmId, Plan};
use crate::sample::{Metric, Sample};
use crate::wire::{Outcome, Piece, Trail, is_cache_hit};

/// A load of the run: one of its measured phases.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The name of the phase.
    pub name: String,
    /// The load in words.
    pub load: String,
    /// Its arrivals a second, in an open loop of one rate.
    pub rate: Option<f64>,
    /// Its users, in a closed loop.
    pub users: Option<u32>,
}

/// What the client saw of one request. Instants are nanoseconds of the shared clock.
#[derive(Clone, Debug)]
pub struct Front {
    /// Its marker.
    pub key: u64,
    /// Whether it went through the gateway, or past it.
    pub gateway: bool,
    /// The place of its phase in the load.
    pub phase: u16,
    /// What it asks: two requests of a pair have this in common.
    pub asks: u64,
    /// Whether its answer was to be streamed.
    pub stream: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was sent.
    pub sent: Option<u64>,
    /// When its first token came.
    pub first_token: Option<u64>,
    /// When it was over.
    pub end: Option<u64>,
    /// What the answer was made of.
    pub trail: Trail,
    /// The run's start.
    pub zero: u64,
    /// Whether the gateway says that it answered from a cache.
    pub told_cached: bool,
    /// What the gateway says that it added.
    pub claimed: Option<Duration>,
    /// Output tokens.
    pub tokens: Option<u64>,
}

impl Front {
    /// The request of a row, whose trail is taken out of it. The run began at `zero`.
    pub fn take(sample: &mut Sample, plan: &Plan, gateway: ArmId, zero: u64) -> Self {
        let marks = &sample.exchange.marks;
        let at = |mark: Option<crate::base::Offset>| mark.map(|mark| zero + mark.nanos());
        let (_, asks) = plan.assign(sample.id);
        let told = sample.exchange.told.cache_status.as_deref();
        Self {
            key: plan.marker(sample.id).map_or(0, |marker| marker.0),
            gateway: sample.arm == gateway,
            phase: sample.id.phase.0,
            asks: asks.number,
            stream: sample.stream,
            outcome: sample.exchange.outcome,
            sent: at(marks.sent),
            first_token: at(marks.first_token).filter(|_| sample.stream),
            end: at(marks.end),
            zero,
            told_cached: told.is_some_and(is_cache_hit),
            claimed: sample.time(Metric::OverheadClaimed),
            tokens: sample.output_tokens().map(|(tokens, _)| tokens),
            trail: sample
                .exchange
                .trail
                .take()
                .map_or_else(Trail::default, |trail| *trail),
        }
    }

    /// When a piece of its answer came.
    pub(super) fn came(&self, piece: &Piece) -> u64 {
        self.zero + piece.at.nanos()
    }

    /// From sending to the first token.
    pub(super) fn ttft(&self) -> Option<u64> {
        Some(self.first_token?.saturating_sub(self.sent?))
    }

    /// From sending to the end.
    pub(super) fn service(&self) -> Option<u64> {
        Some(self.end?.saturating_sub(self.sent?))
    }
}
