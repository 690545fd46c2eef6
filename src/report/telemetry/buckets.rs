//! Times in a fixed set of buckets, as a time series database wants them.
//!
//! The bounds are edges of the recorder's own buckets, so that no time is counted on the wrong side of
//! one: a quantile by these buckets and the summary's lie in the same bucket. There are four to a doubling.

use crate::record::Histogram;
use crate::sample::Metric;

/// Times in buckets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buckets {
    /// The longest time of each bucket, in nanoseconds.
    pub(super) bounds: Vec<u64>,
    /// How many are in each; one more than there are bounds.
    pub(super) counts: Vec<u64>,
    /// All of them together.
    pub(super) sum_seconds: f64,
}

/// The longest time of each bucket for a kind of time, in nanoseconds: powers of two and the quarters
/// between them, less one, since the recorder's buckets begin there.
pub(super) fn bounds(metric: Metric) -> Vec<u64> {
    let (from, to) = match metric {
        Metric::Lag => (13, 33),                     // 8 us to 8.6 s
        Metric::Tpot | Metric::ChunkGap => (15, 35), // 33 us to 34 s
        _ => (17, 38),                               // 131 us to 275 s
    };
    let quarters =
        (from..to).flat_map(|k| (4..8_u64).map(move |quarter| ((quarter << k) >> 2) - 1));
    quarters.chain([(1 << to) - 1]).collect()
}

impl Buckets {
    /// The times of a histogram; `None` has none.
    pub(super) fn new(metric: Metric, times: Option<&Histogram>) -> Self {
        let bounds = bounds(metric);
        let mut counts = vec![0; bounds.len() + 1];
        let mut place = 0;
        for bucket in times.into_iter().flat_map(Histogram::buckets) {
            while bounds
                .get(place)
                .is_some_and(|bound| *bound < bucket.highest)
            {
                place += 1;
            }
            counts[place] += bucket.count;
        }
        Self {
            bounds,
            counts,
            sum_seconds: times.map_or(0.0, Histogram::sum_seconds),
        }
    }

    /// How many times there are.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// For each bound in seconds, how many times are within it; the last bound is infinity.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (String, u64)> {
        let bounds = self.bounds.iter().map(|bound| seconds(*bound).to_string());
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let within = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.zip(within)
    }
}

/// A bound in seconds.
pub(super) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
