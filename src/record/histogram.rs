//! Times in an HDR histogram: 3 significant digits, 1 microsecond to 1 hour, longer ones clamped and
//! counted.

use std::time::Duration;

use hdrhistogram::Histogram as Hdr;
use serde::{Deserialize, Serialize};

use crate::base::{Bucket, TimeCounts};

/// Significant decimal digits that a log's histograms keep: those of [`TimeCounts`].
const DIGITS: u8 = 3;
/// Their finest step, in nanoseconds.
const LOWEST: u64 = 1_000;
/// The longest time, in nanoseconds: one hour.
const LONGEST: u64 = 3_600_000_000_000;
/// Two-sided 95 % of a normal distribution.
const Z95: f64 = 1.959_964;

/// Times of one kind, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    counts: TimeCounts,
    clamped: u64,
}

/// A quantile with how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantile {
    /// The value.
    pub value: Duration,
    /// The lower end of its 95 % confidence interval.
    pub low: Duration,
    /// The upper end.
    pub high: Duration,
}

/// A quantile among which failures count as infinitely slow: `None` is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// The value.
    pub value: Option<Duration>,
    /// The lower end of its 95 % confidence interval.
    pub low: Option<Duration>,
    /// The upper end.
    pub high: Option<Duration>,
}

/// Values that a quantile needs before it is printed: so many that with 95 % confidence at least one
/// of them lies beyond it, `ceil(ln 0.05 / ln q)`. 5 for p50, 29 for p90, 59 for p95, 299 for p99.
pub fn needed(q: f64) -> u64 {
    (0.05_f64.ln() / q.ln()).ceil().max(1.0) as u64
}

impl Histogram {
    /// More buckets than an hour has: 2048, and 1024 for each of 22 doublings.
    pub const BUCKETS: usize = 25 * 1024;

    /// Adds a time.
    pub fn record(&mut self, time: Duration) {
        self.record_n(time, 1);
    }

    /// Adds a time that was seen `n` times.
    pub fn record_n(&mut self, time: Duration, n: u64) {
        self.record_nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), n);
    }

    /// Adds a time in microseconds.
    pub fn record_micros(&mut self, micros: u32) {
        self.record_nanos(u64::from(micros) * 1_000, 1);
    }

    fn record_nanos(&mut self, nanos: u64, n: u64) {
        if nanos > LONGEST {
            self.clamped += n;
        }
        self.counts.add(nanos.min(LONGEST), n);
    }

    /// Adds times of the bucket of a number, of an array as the public format has it.
    pub fn record_bucket(&mut self, number: usize, n: u64) {
        self.counts.add_bucket(number, n);
    }

    /// Adds times that were counted elsewhere, none longer than an hour.
    pub fn record_counts(&mut self, counts: &TimeCounts) {
        self.counts.merge(counts);
    }

    /// Adds all times of another.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.clamped += other.clamped;
    }

    /// Adds all times of a histogram from a file.
    pub fn merge_hdr(&mut self, other: &Hdr<u64>) {
        for value in other.iter_recorded() {
            let time = Duration::from_nanos(value.value_iterated_to());
            self.record_n(time, value.count_at_value());
        }
    }

    /// How many times there are.
    pub const fn len(&self) -> u64 {
        self.counts.total()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were longer than an hour, and count as an hour.
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The times that are told apart, the shortest first: the longest of each, and how many there are.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = (Duration, u64)> {
        let buckets = self.counts.buckets();
        buckets.map(|bucket| (Duration::from_nanos(bucket.highest), bucket.count))
    }

    /// The mean, of the middles of the buckets; zero where there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos((self.sum_nanos() / u128::from(self.len().max(1))) as u64)
    }

    /// All times together, in seconds: the mean's sum, which only grows.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_nanos() as f64 / 1e9
    }

    fn sum_nanos(&self) -> u128 {
        let buckets = self.counts.buckets();
        let middle = |bucket: &Bucket| bucket.lowest.midpoint(bucket.highest + 1);
        buckets
            .map(|bucket| u128::from(middle(&bucket)) * u128::from(bucket.count))
            .sum()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        let last = self.counts.buckets().next_back();
        Duration::from_nanos(last.map_or(0, |bucket| bucket.highest))
    }

    /// The buckets that hold something, the shortest times first.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        self.counts.buckets()
    }

    /// The same times as the public tools have them, for writing to a log.
    pub fn to_hdr(&self) -> Hdr<u64> {
        let longest = u64::try_from(self.max().as_nanos()).unwrap_or(u64::MAX);
        let mut hdr = Hdr::new_with_bounds(LOWEST, longest.max(2 * LOWEST), DIGITS)
            .expect("up to an hour there is room for 3 digits");
        for bucket in self.counts.buckets() {
            hdr.record_n(bucket.highest, bucket.count)
                .expect("none is longer than the longest");
        }
        hdr
    }

    /// The quantile `q`, from 0 to 1, with the interval that order statistics give it: the ranks
    /// `n q -+ 1.96 sqrt(n q (1 - q))` (normal approximation to the binomial). It takes the times as
    /// independent; where they drift together the truth is wider. `None` where there are fewer than
    /// [`needed`].
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let n = self.len();
        if n < needed(q) {
            return None;
        }
        let (rank, spread) = (n as f64 * q, Z95 * (n as f64 * q * (1.0 - q)).sqrt());
        Some(Quantile {
            value: self.at_rank(rank.ceil()),
            low: self.at_rank((rank - spread).floor()),
            high: self.at_rank((rank + spread).ceil() + 1.0),
        })
    }

    /// The quantile `q` when `failed` further requests count as infinitely slow: `Some(None)` is
    /// infinity. `None` where there are fewer than [`needed`] in all.
    pub fn adjusted(&self, q: f64, failed: u64) -> Option<Option<Duration>> {
        let all = self.len() + failed;
        if all < needed(q) {
            return None;
        }
        let rank = (all as f64 * q).ceil();
        Some((rank <= self.len() as f64).then(|| self.at_rank(rank)))
    }

    /// The same with the interval that order statistics give it.
    pub fn adjusted_interval(&self, q: f64, failed: u64) -> Option<Adjusted> {
        let all = self.len() + failed;
        if all < needed(q) {
            return None;
        }
        let n = all as f64;
        let (rank, spread) = (n * q, Z95 * (n * q * (1.0 - q)).sqrt());
        let at = |rank: f64| (rank <= self.len() as f64).then(|| self.at_rank(rank));
        Some(Adjusted {
            value: at(rank.ceil()),
            low: at((rank - spread).floor()),
            high: at(((rank + spread).ceil() + 1.0).min(n)),
        })
    }

    /// Half the width of the mean's 95 % confidence interval (normal approximation). `None` where there
    /// are fewer than two times.
    pub fn mean_error(&self) -> Option<Duration> {
        let n = self.len() as f64;
        let mean = self.mean().as_nanos() as f64;
        let square = |bucket: Bucket| {
            let off = bucket.lowest.midpoint(bucket.highest + 1) as f64 - mean;
            off * off * bucket.count as f64
        };
        let squares: f64 = self.counts.buckets().map(square).sum();
        let error = Z95 * (squares / (n - 1.0) / n).sqrt();
        (n >= 2.0).then(|| Duration::from_nanos(error as u64))
    }

    /// The time of a rank from 1; ranks beyond the ends are those of the ends.
    fn at_rank(&self, rank: f64) -> Duration {
        let rank = rank.clamp(1.0, self.len().max(1) as f64) as u64;
        let mut seen = 0;
        let at = self.counts.buckets().find(|bucket| {
            seen += bucket.count;
            seen >= rank
        });
        Duration::from_nanos(at.map_or(0, |bucket| bucket.highest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for micros in values {
            histogram.record(Duration::from_micros(micros));
        }
        histogram
    }

    #[test]
    fn quantiles_need_enough_values() {
        assert_eq!(
            [0.5, 0.9, 0.95, 0.99, 0.999].map(needed),
            [5, 29, 59, 299, 2_995]
        );
        assert_eq!(of(0..298).quantile(0.99), None);
        assert!(of(0..299).quantile(0.99).is_some());
    }

    #[test]
    fn failures_count_as_infinitely_slow_in_the_adjusted_quantile() {
        let ok = of(1..=99);
        let middle = ok.adjusted(0.5, 1).unwrap().unwrap();
        assert!(
            (49.0..=51.0).contains(&(middle.as_nanos() as f64 / 1e3)),
            "{middle:?}"
        );
        assert_eq!(
            ok.adjusted(0.95, 10),
            Some(None),
            "10 of 109 failed: p95 is infinite"
        );
        assert_eq!(ok.adjusted(0.99, 0), None, "too few");
        let adjusted = ok.adjusted_interval(0.95, 3).unwrap();
        assert_eq!(adjusted.value, ok.adjusted(0.95, 3).unwrap());
        assert!(adjusted.low < adjusted.value);
        assert_eq!(
            adjusted.high, None,
            "the interval reaches into the failures"
        );
    }

    #[test]
    fn the_error_of_a_mean_is_that_of_the_standard_deviation() {
        // The standard deviation of 1..=101 is 29.30, and 1.96 * 29.30 / sqrt(101) is 5.714.
        let error = of((1..=101).map(|ms| ms * 1_000)).mean_error().unwrap();
        assert!(
            (error.as_secs_f64() * 1e3 - 5.714).abs() < 0.01,
            "{error:?}"
        );
        assert_eq!(of([5]).mean_error(), None);
    }

    #[test]
    fn a_time_beyond_an_hour_is_clamped_and_counted() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(7_200));
        assert_eq!(histogram.clamped(), 1);
        assert!(histogram.max() <= Duration::from_secs(3_610));
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth_of_the_sorted_values(
            mut values in proptest::collection::vec(1_u64..10_000_000, 59..400),
        ) {
            let histogram = of(values.iter().copied());
            values.sort_unstable();
            for q in [0.5, 0.9, 0.95] {
                let exact = values[((values.len() as f64 * q).ceil() as usize).max(1) - 1] as f64;
                let got = histogram.quantile(q).unwrap();
                let micros = got.value.as_nanos() as f64 / 1e3;
                prop_assert!((micros - exact).abs() <= exact * 0.001 + 1.0, "{micros} {exact}");
                prop_assert!(got.low <= got.value && got.value <= got.high);
            }
        }

        #[test]
        fn the_log_has_the_same_times_and_figures(
            values in proptest::collection::vec(0_u64..10_000_000, 1..300),
        ) {
            let histogram = of(values);
            let hdr = histogram.to_hdr();
            let mut back = Histogram::default();
            back.merge_hdr(&hdr);
            prop_assert_eq!(&back, &histogram);
            prop_assert_eq!(hdr.max(), histogram.max().as_nanos() as u64);
            prop_assert!((hdr.mean() - histogram.mean().as_nanos() as f64).abs() <= 1.0);
            let at = histogram.at_rank(1.0 + histogram.len() as f64 / 2.0).as_nanos() as u64;
            let share = (1.0 + histogram.len() as f64 / 2.0).floor() - 0.5;
            prop_assert_eq!(hdr.value_at_quantile(share / histogram.len() as f64), at);
        }

        #[test]
        fn merging_is_the_same_as_recording_together(
            left in proptest::collection::vec(0_u64..10_000_000, 5..100),
            right in proptest::collection::vec(0_u64..10_000_000, 0..100),
        ) {
            let mut merged = of(left.iter().copied());
            merged.merge(&of(right.iter().copied()));
            let together = of(left.into_iter().chain(right));
            prop_assert_eq!(merged, together);
        }
    }
}
