//! What the client claims against what the provider truly did: the error of our own marks.
//!
//! Both sides count on `CLOCK_MONOTONIC`. The truth is the instant just before the provider hands bytes
//! to its HTTP encoder, so an error holds all that lies between there and our stamp: the provider's
//! encoding and its `write`, the kernel and the loopback (10 to 50 us together on an idle machine),
//! our wake-up, and our `read`. It is an upper bound of what the client adds: on a machine whose cores
//! are all busy the provider's own turn can be cut short between its stamp and its write, and that
//! counts against us.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lab::Truth;
use crate::record::Histogram;
use crate::sample::{Metric, Sample};

/// The version of `selftest.json`. It grows when a reader of the old one would be misled.
pub const SELFTEST_SCHEMA: u32 = 1;

/// A self-test: what the client's error was on one machine, under several loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The version of the layout: [`SELFTEST_SCHEMA`].
    pub schema: u32,
    /// When it started, in UTC.
    pub started_utc: String,
    /// The version of tollgate.
    pub tollgate: String,
    /// Whether that was a debug build, which is slower.
    pub debug_build: bool,
    /// Operating system, architecture and cores of the machine.
    pub host: String,
    /// The HTTP client and its protocol.
    pub client: String,
    /// Worker threads.
    pub workers: u64,
    /// Whether it was the short one.
    pub quick: bool,
    /// Where the instants come from.
    pub timestamps: String,
    /// The most by which the two processes' clocks may be apart, in microseconds.
    pub mapping_error_us: f64,
    /// Whether every round that was run passed: [`Measured::passed`].
    pub passed: bool,
    /// The loads.
    pub rounds: Vec<Round>,
}

/// How a round loads the client.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// A closed loop of so many users.
    Closed(u32),
    /// An open loop of so many arrivals per second.
    Open(f64),
}

/// One load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The name in the table.
    pub name: String,
    /// The load.
    pub load: Load,
    /// Why it was not run.
    pub skipped: Option<String>,
    /// What was measured; absent where it was not run.
    pub measured: Option<Measured>,
}

/// What was measured in a round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Requests in all.
    pub requests: u64,
    /// Requests that were answered and compared with the truth.
    pub compared: u64,
    /// Requests without a whole answer.
    pub failed: u64,
    /// Answers that the provider kept no truth of.
    pub unmatched: u64,
    /// Answers whose request had the same bytes as another one's, so that nothing tells them apart.
    pub ambiguous: u64,
    /// The first-token mark: ours less the truth. Absent where answers came in one piece.
    pub first_token: Option<Errors>,
    /// The gaps between chunks: the size of ours less the true one, early or late alike. Gaps of ours
    /// are whole microseconds, rounded up.
    pub chunk_gap: Option<Errors>,
    /// The end mark: ours less the truth.
    pub end: Option<Errors>,
    /// How much later than planned requests were sent.
    pub lag: Option<Errors>,
    /// CPU time of the client's process, user and system, per request, in microseconds.
    pub cpu_per_request_us: Option<f64>,
    /// The most memory that the client's process held during the round, in bytes. It keeps the rows of
    /// the round, which a run writes out.
    pub peak_memory_bytes: Option<u64>,
}

/// Errors of one kind, in microseconds: to half a microsecond, and above a millisecond to 0.1 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// How many there are.
    pub n: u64,
    /// The median; absent where there are too few.
    pub p50_us: Option<f64>,
    /// The 99th percentile; absent where there are fewer than 299.
    pub p99_us: Option<f64>,
    /// The largest.
    pub max_us: f64,
    /// How many were beyond the histogram's range, one hour, and count as that.
    pub clamped: u64,
    /// How many claim to have happened before the truth, by more than the clocks may be apart.
    pub early: u64,
    /// By how much the earliest one does.
    pub earliest_us: f64,
}

/// The client's and the provider's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// The run's start, in nanoseconds of `CLOCK_MONOTONIC`.
    pub zero: u64,
    /// The most by which the two sides may be apart.
    pub mapping_error: Duration,
}

/// Gathers errors of one kind.
#[derive(Default)]
struct Gauge {
    times: Histogram,
    early: u64,
    earliest: u64,
}

impl Gauge {
    /// Takes an instant or a length that should be `truth`, both in nanoseconds.
    fn mark(&mut self, ours: u64, truth: u64, allowed: Duration) {
        let before = truth.saturating_sub(ours);
        if u128::from(before) > allowed.as_nanos() {
            self.early += 1;
            self.earliest = self.earliest.max(before);
        }
        self.size(ours.saturating_sub(truth));
    }

    fn size(&mut self, nanos: u64) {
        self.times.record(Duration::from_nanos(nanos));
    }

    fn errors(self) -> Option<Errors> {
        let us = |time: Duration| time.as_nanos() as f64 / 1e3;
        let quantile = |q| self.times.quantile(q).map(|found| us(found.value));
        (!self.times.is_empty()).then(|| Errors {
            n: self.times.len(),
            p50_us: quantile(0.5),
            p99_us: quantile(0.99),
            max_us: us(self.times.max()),
            clamped: self.times.clamped(),
            early: self.early,
            earliest_us: self.earliest as f64 / 1e3,
        })
    }
}

/// Compares rows with the truth. Each row comes with the key of its request's body. A request whose
/// bytes another one had, too, is left out: it can't be told which truth is whose.
pub fn compare(rows: &[(u64, Sample)], truths: &[Truth], clocks: Clocks) -> Measured {
    let mut times = HashMap::<u64, u32>::with_capacity(rows.len());
    for (key, _) in rows {
        *times.entry(*key).or_default() += 1;
    }
    let truths: HashMap<u64, &Truth> = truths.iter().map(|truth| (truth.key, truth)).collect();
    let mut measured = Measured::default();
    let [mut first, mut gap, mut end, mut lag] = <[Gauge; 4]>::default();
    for (key, row) in rows {
        measured.requests += 1;
        if let Some(late) = row.time(Metric::Lag) {
            lag.size(late.as_nanos() as u64);
        }
        if !row.is_ok() {
            measured.failed += 1;
        } else if times.get(key).is_some_and(|times| *times > 1) {
            measured.ambiguous += 1;
        } else if let Some(truth) = truths.get(key) {
            measured.compared += 1;
            let marks = &row.exchange.marks;
            if let (Some(ours), Some(&truth)) = (marks.first_token, truth.chunks.first()) {
                first.mark(clocks.zero + ours.nanos(), truth, clocks.mapping_error);
            }
            if let Some(ours) = marks.end {
                end.mark(clocks.zero + ours.nanos(), truth.end, clocks.mapping_error);
            }
            let true_gaps = truth.chunks.windows(2).map(|pair| pair[1] - pair[0]);
            for (ours, truth) in row.exchange.gaps.first_us().iter().zip(true_gaps) {
                gap.size((u64::from(*ours) * 1_000).abs_diff(truth));
            }
        } else {
            measured.unmatched += 1;
        }
    }
    Measured {
        first_token: first.errors(),
        chunk_gap: gap.errors(),
        end: end.errors(),
        lag: lag.errors(),
        ..measured
    }
}

impl Measured {
    /// Marks that claim to be before the truth.
    pub fn early(&self) -> u64 {
        let marks = [&self.first_token, &self.end];
        marks.into_iter().flatten().map(|errors| errors.early).sum()
    }

    /// Whether no mark is early, and 95 % of the requests could be compared: else what is left out could
    /// hide what is wrong.
    pub fn passed(&self) -> bool {
        self.compared > 0 && self.compared * 20 >= self.requests * 19 && self.early() == 0
    }
}

impl Certificate {
    /// The round whose load is nearest to `load`, of those of the same kind that tell the error of the
    /// first-token mark.
    pub fn nearest(&self, load: Load) -> Option<(&Round, &Errors)> {
        let distance = |round: &Round| match (round.load, load) {
            (Load::Closed(one), Load::Closed(other)) => {
                Some((f64::from(one) / f64::from(other)).ln().abs())
            }
            (Load::Open(one), Load::Open(other)) => Some((one / other).ln().abs()),
            _ => None,
        };
        let rounds = self.rounds.iter();
        let near = rounds.filter_map(|round| {
            let errors = round.measured.as_ref()?.first_token.as_ref()?;
            Some((distance(round)?, round, errors))
        });
        near.min_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, round, errors)| (round, errors))
    }
}

#[cfg(test)]
mod tests;
