//! The other way: a delete-one-slice jackknife of the log ratio of quantiles.

use statrs::distribution::{ContinuousCDF, StudentsT};
use tollgate::record::{Histogram, Tally};
use tollgate::sample::Metric;

/// Whether it passes and whether it fails: `SE^2 = (K - 1) / K sum (theta_(-i) - mean)^2`, with t of K - 1
/// degrees of freedom.
pub(crate) fn verdict(slices: &[Vec<Tally>], q: f64, margin: f64, level: f64) -> [bool; 2] {
    let k = slices.len();
    let arms = [0, 1].map(|arm| sorted(slices, arm));
    let theta = |without: Option<usize>| {
        let [baseline, arm] = [0, 1].map(|arm| quantile(&arms[arm], q, without));
        (arm / baseline).ln()
    };
    let whole = theta(None);
    let left: Vec<f64> = (0..k).map(|slice| theta(Some(slice))).collect();
    let mean = left.iter().sum::<f64>() / k as f64;
    let squares: f64 = left.iter().map(|theta| (theta - mean).powi(2)).sum();
    let error = ((k - 1) as f64 / k as f64 * squares).sqrt();
    let student = StudentsT::new(0.0, 1.0, (k - 1) as f64).expect("there are several slices");
    let reach = student.inverse_cdf(1.0 - level) * error;
    let limit = margin.ln_1p();
    [whole + reach <= limit, whole - reach > limit]
}

/// An arm's buckets in order, each with its slice.
fn sorted(slices: &[Vec<Tally>], arm: usize) -> Vec<(u64, u64, usize)> {
    let mut all: Vec<(u64, u64, usize)> = Vec::new();
    for (at, slice) in slices.iter().enumerate() {
        let times = slice[arm].times(Metric::E2e).into_iter();
        all.extend(
            times
                .flat_map(Histogram::buckets)
                .map(|bucket| (bucket.highest, bucket.count, at)),
        );
    }
    all.sort_unstable();
    all
}

fn quantile(sorted: &[(u64, u64, usize)], q: f64, without: Option<usize>) -> f64 {
    let kept = || sorted.iter().filter(|(.., slice)| Some(*slice) != without);
    let n: u64 = kept().map(|(_, count, _)| count).sum();
    let rank = (n as f64 * q).ceil() as u64;
    let mut seen = 0;
    let at = kept().find(|(_, count, _)| {
        seen += count;
        seen >= rank
    });
    at.map_or(f64::NAN, |(time, ..)| *time as f64)
}
