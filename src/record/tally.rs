//! The rows of one scope: counts, tokens, money and histograms.

use std::collections::BTreeMap;

use super::{Histogram, SpentBy, TellTally, UNKNOWN, UNNAMED};
use crate::base::Money;
use crate::sample::{Metric, Sample};
use crate::wire::Outcome;

/// What is kept of the rows of one scope, such as a recipe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Rows.
    pub arrivals: u64,
    /// Rows with a whole answer.
    pub ok: u64,
    /// Rows with a whole answer within every SLO.
    pub good: u64,
    /// Rows with a whole answer that held no token.
    pub empty: u64,
    /// Rows that waited for a place in flight.
    pub queued: u64,
    /// Failed rows whose answer was to be streamed.
    pub failed_streamed: u64,
    /// Failed rows by outcome, with the last thing that was said.
    pub errors: BTreeMap<Outcome, (u64, Option<String>)>,
    /// Whole answers that ended within the window of arrivals.
    pub ok_in_window: u64,
    /// Of these, the ones within every SLO.
    pub good_in_window: u64,
    /// Output tokens of whole answers that ended within the window.
    pub tokens_in_window: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Of these, the ones read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Rows whose output tokens are an estimate.
    pub estimated: u64,
    /// Output tokens of streamed answers.
    pub streamed_tokens: u64,
    /// Streamed chunks that held a token.
    pub token_chunks: u64,
    /// Of these, the ones that came in one read with the chunk before.
    pub coalesced_chunks: u64,
    /// The known cost.
    pub cost: Money,
    /// Rows whose cost is unknown.
    pub cost_unknown: u64,
    /// The cost that the server claimed.
    pub cost_reported: Money,
    /// Rows for which the server claimed a cost.
    pub cost_claims: u64,
    /// What it cost, by the model that answered.
    pub models: SpentBy,
    /// What it cost, by the provider that answered.
    pub providers: SpentBy,
    /// What the gateway told beyond the answers.
    pub told: TellTally,
    /// Response times of failures.
    pub failed: Histogram,
    times: [Histogram; Metric::ALL.len()],
}

impl Tally {
    /// Adds a row; `in_window` tells whether it ended within the window of arrivals.
    pub fn push(&mut self, sample: &Sample, in_window: bool) {
        let exchange = &sample.exchange;
        self.arrivals += 1;
        self.queued += u64::from(!sample.queued.is_zero());
        self.count_tokens(sample, in_window);
        self.told.push(exchange);
        match sample.cost {
            Some(cost) => self.cost += cost,
            None => self.cost_unknown += 1,
        }
        self.models
            .push(exchange.model.as_deref().unwrap_or(UNNAMED), sample);
        self.providers
            .push(sample.provider().unwrap_or(UNKNOWN), sample);
        if let Some(claim) = exchange.cost_reported {
            self.cost_reported += claim;
            self.cost_claims += 1;
        }
        let ok = sample.is_ok();
        for metric in Metric::ALL
            .into_iter()
            .filter(|metric| ok || !metric.of_ok_only())
        {
            if let Some(time) = sample.time(metric) {
                self.times[metric as usize].record(time);
            }
        }
        if ok {
            self.ok += 1;
            self.good += u64::from(sample.good);
            self.ok_in_window += u64::from(in_window);
            self.good_in_window += u64::from(in_window && sample.good);
            let gaps = &mut self.times[Metric::ChunkGap as usize];
            for gap in exchange.gaps.first_us() {
                gaps.record_micros(*gap);
            }
            if let Some(later) = exchange.gaps.later() {
                gaps.record_counts(later);
            }
        } else {
            self.failed_streamed += u64::from(sample.stream);
            let (count, said) = self.errors.entry(exchange.outcome).or_default();
            *count += 1;
            if exchange.error.is_some() {
                said.clone_from(&exchange.error);
            }
            if let Some(time) = sample.time(Metric::E2e) {
                self.failed.record(time);
            }
        }
    }

    fn count_tokens(&mut self, sample: &Sample, in_window: bool) {
        let exchange = &sample.exchange;
        if let Some(usage) = &exchange.usage {
            self.input_tokens += usage.input_tokens;
            self.cached_input_tokens += usage.cached_input_tokens;
        }
        self.token_chunks += u64::from(exchange.token_chunks);
        self.coalesced_chunks += u64::from(exchange.coalesced_chunks);
        let tokens = sample.output_tokens();
        if let Some((tokens, estimated)) = tokens {
            self.output_tokens += tokens;
            self.streamed_tokens += if exchange.token_chunks > 0 { tokens } else { 0 };
            self.estimated += u64::from(estimated);
            self.tokens_in_window += if in_window && sample.is_ok() {
                tokens
            } else {
                0
            };
        }
        let silent = tokens.is_none_or(|(tokens, _)| tokens == 0);
        self.empty += u64::from(sample.is_ok() && silent);
    }

    /// Adds times from a log.
    pub fn merge_hdr(&mut self, metric: Metric, times: &hdrhistogram::Histogram<u64>) {
        self.times[metric as usize].merge_hdr(times);
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        let counts = |tally: &Self| {
            [
                tally.arrivals,
                tally.ok,
                tally.good,
                tally.empty,
                tally.queued,
                tally.failed_streamed,
                tally.ok_in_window,
                tally.good_in_window,
                tally.tokens_in_window,
                tally.input_tokens,
                tally.cached_input_tokens,
                tally.output_tokens,
                tally.estimated,
                tally.streamed_tokens,
                tally.token_chunks,
                tally.coalesced_chunks,
                tally.cost_unknown,
                tally.cost_claims,
            ]
        };
        let theirs = counts(other);
        let mine = [
            &mut self.arrivals,
            &mut self.ok,
            &mut self.good,
            &mut self.empty,
            &mut self.queued,
            &mut self.failed_streamed,
            &mut self.ok_in_window,
            &mut self.good_in_window,
            &mut self.tokens_in_window,
            &mut self.input_tokens,
            &mut self.cached_input_tokens,
            &mut self.output_tokens,
            &mut self.estimated,
            &mut self.streamed_tokens,
            &mut self.token_chunks,
            &mut self.coalesced_chunks,
            &mut self.cost_unknown,
            &mut self.cost_claims,
        ];
        for (mine, theirs) in mine.into_iter().zip(theirs) {
            *mine += theirs;
        }
        self.cost += other.cost;
        self.cost_reported += other.cost_reported;
        self.models.merge(&other.models);
        self.providers.merge(&other.providers);
        for (outcome, (count, said)) in &other.errors {
            let (mine, mine_said) = self.errors.entry(*outcome).or_default();
            *mine += count;
            if said.is_some() {
                mine_said.clone_from(said);
            }
        }
        self.told.merge(&other.told);
        self.failed.merge(&other.failed);
        for (mine, theirs) in self.times.iter_mut().zip(&other.times) {
            mine.merge(theirs);
        }
    }

    /// The times of one kind; `None` where there are none.
    pub fn times(&self, metric: Metric) -> Option<&Histogram> {
        let times = &self.times[metric as usize];
        (!times.is_empty()).then_some(times)
    }

    /// The times of one kind, to put in what was recorded elsewhere.
    pub const fn times_mut(&mut self, metric: Metric) -> &mut Histogram {
        &mut self.times[metric as usize]
    }

    /// Failed rows that would have had such a time, and count as infinitely slow among them. None where a
    /// time is not one for each request, so that a failure has no place among them.
    pub const fn failed_of(&self, metric: Metric) -> u64 {
        match metric {
            Metric::E2e | Metric::Service => self.failed_count(),
            Metric::Ttft | Metric::TtftService | Metric::Ttfo => self.failed_streamed,
            Metric::Tpot
            | Metric::ChunkGap
            | Metric::Lag
            | Metric::Connect
            | Metric::OverheadClaimed => 0,
        }
    }

    /// Rows without a whole answer.
    pub const fn failed_count(&self) -> u64 {
        self.arrivals - self.ok
    }

    /// Times that were longer than an hour, and count as an hour.
    pub fn clamped(&self) -> u64 {
        self.failed.clamped() + self.times.iter().map(Histogram::clamped).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    use crate::base::Offset;
    use crate::plan::{ArmId, ArrivalId, RecipeId};
    use crate::wire::Exchange;

    proptest! {
        #[test]
        fn a_streams_gaps_are_recorded_as_if_each_had_been(
            gaps in proptest::collection::vec(prop_oneof![
                9 => 0_u32..100_000, 1 => any::<u32>(),
            ], 0..3_000),
        ) {
            let mut each = Histogram::default();
            for gap in &gaps {
                each.record(Duration::from_micros(u64::from(*gap)));
            }
            let mut tally = Tally::default();
            let exchange = Exchange {
                outcome: Outcome::Ok,
                gaps: gaps.iter().copied().collect(),
                ..Exchange::default()
            };
            prop_assert_eq!(exchange.gaps.len(), gaps.len() as u64);
            tally.push(&Sample {
                id: ArrivalId::default(),
                arm: ArmId(0),
                recipe: RecipeId(0),
                warmup: false,
                stream: true,
                due: Offset::ZERO,
                queued: Duration::ZERO,
                exchange,
                cost: None,
                bill: crate::sample::Bill::default(),
                good: true,
            }, true);
            prop_assert_eq!(tally.times(Metric::ChunkGap), Some(&each).filter(|each| !each.is_empty()));
        }
    }
}
