//! A quantile of one arm against another's, and of one arm by itself, by slices.

use super::contrast::{Contrast, Effect};
use crate::record::{Histogram, Tally};
use crate::sample::Metric;

/// Halvings of an interval in which a quantile is looked for: a part in 10^12 of it is left.
const HALVINGS: u32 = 40;

/// How many values lie below a time. Within a bucket they are spread evenly, so that it rises without jumps.
#[derive(Clone, Debug, Default)]
struct Steps {
    /// Each bucket's lower edge, its width, how many values lie below it and within it.
    buckets: Vec<[f64; 4]>,
    finite: f64,
}

impl Steps {
    fn new(histogram: &Histogram) -> Self {
        let mut finite = 0.0;
        let buckets = histogram
            .buckets()
            .map(|bucket| {
                let before = finite;
                finite += bucket.count as f64;
                let width = (bucket.highest - bucket.lowest + 1) as f64;
                [bucket.lowest as f64, width, before, bucket.count as f64]
            })
            .collect();
        Self { buckets, finite }
    }

    fn below(&self, time: f64) -> f64 {
        let after = self.buckets.partition_point(|[low, ..]| *low < time);
        let Some([low, width, before, count]) = after.checked_sub(1).map(|at| self.buckets[at])
        else {
            return 0.0;
        };
        before + count * ((time - low) / width).min(1.0)
    }

    /// The time that `rank` values lie below.
    fn at(&self, rank: f64) -> Option<f64> {
        let after = self
            .buckets
            .partition_point(|[_, _, before, _]| *before < rank);
        let [low, width, before, count] = self.buckets[after.checked_sub(1)?];
        (rank <= self.finite).then(|| low + width * ((rank - before) / count))
    }

    fn longest(&self) -> f64 {
        let last = self.buckets.last();
        last.map_or(0.0, |[low, width, ..]| low + width)
    }
}

/// The times of one arm, whole and by slice. Failures count as infinitely slow.
#[derive(Clone, Debug)]
pub(super) struct Times {
    all: Steps,
    n: f64,
    slices: Vec<(Steps, f64)>,
}

impl Times {
    /// The times of an arm whose slices are these, and which has these in all.
    pub(super) fn new(all: &Tally, slices: &[&Tally], metric: Metric) -> Self {
        let of = |tally: &Tally| {
            let steps = tally.times(metric).map(Steps::new).unwrap_or_default();
            let n = steps.finite + tally.failed_of(metric) as f64;
            (steps, n)
        };
        let (all, n) = of(all);
        let slices = slices.iter().map(|tally| of(tally)).collect();
        Self { all, n, slices }
    }

    /// Values, failures included.
    pub(super) const fn n(&self) -> u64 {
        self.n as u64
    }

    /// Values of one slice, failures included.
    pub(super) fn n_of(&self, slice: usize) -> f64 {
        self.slices.get(slice).map_or(0.0, |(_, n)| *n)
    }

    /// How many slices there are.
    pub(super) const fn slices(&self) -> usize {
        self.slices.len()
    }

    /// The quantile in nanoseconds; `None` where it is infinite, or there is nothing.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        self.all.at(q * self.n)
    }

    fn share_below(&self, time: f64) -> f64 {
        self.all.below(time) / self.n
    }

    /// For each slice, by how much more of it lies below `time` than `share` of it, as a share of all.
    fn excess(&self, time: f64, share: f64) -> impl Iterator<Item = f64> {
        let of = move |(steps, n): &(Steps, f64)| (steps.below(time) - share * n) / self.n;
        self.slices.iter().map(of)
    }
}

/// The logarithm of the ratio of two arms' quantiles.
///
/// At a ratio that is supposed, the arm's times are divided by it. Then both arms should have the same
/// share of values below their common quantile; by how much they do not is the contrast. It needs no
/// estimate of the density, which is what makes the error of a quantile hard to know.
pub(super) struct QuantileRatio<'t> {
    pub(super) baseline: &'t Times,
    pub(super) arm: &'t Times,
    pub(super) q: f64,
}

impl QuantileRatio<'_> {
    /// The common quantile at a supposed log ratio, on the baseline's scale. Where too many failed for
    /// one, it is beyond all times: then the shares of failures are compared.
    fn common(&self, scale: f64) -> f64 {
        let share = |time: f64| {
            f64::midpoint(
                self.baseline.share_below(time),
                self.arm.share_below(time * scale),
            )
        };
        let ends = [
            self.baseline.quantile(self.q),
            self.arm.quantile(self.q).map(|time| time / scale),
        ];
        let beyond = self
            .baseline
            .all
            .longest()
            .max(self.arm.all.longest() / scale);
        let ends = ends.map(|end| end.unwrap_or(beyond));
        let (mut low, mut high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if share(middle) < self.q {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

impl Effect for QuantileRatio<'_> {
    fn contrast(&self, log_ratio: f64) -> Contrast {
        let scale = log_ratio.exp();
        let time = self.common(scale);
        let below = [
            self.baseline.share_below(time),
            self.arm.share_below(time * scale),
        ];
        let arm = self.arm.excess(time * scale, below[1]);
        let baseline = self.baseline.excess(time, below[0]);
        Contrast {
            difference: below[1] - below[0],
            spread: arm
                .zip(baseline)
                .map(|(arm, baseline)| arm - baseline)
                .collect(),
            floor: 0.0,
        }
    }
}

/// The logarithm of one arm's quantile.
pub(super) struct Quantile<'t> {
    pub(super) times: &'t Times,
    pub(super) q: f64,
}

impl Effect for Quantile<'_> {
    fn contrast(&self, log_time: f64) -> Contrast {
        let time = log_time.exp();
        let below = self.times.share_below(time);
        Contrast {
            difference: below - self.q,
            spread: self.times.excess(time, below).collect(),
            floor: 0.0,
        }
    }
}
