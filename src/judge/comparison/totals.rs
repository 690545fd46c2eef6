//! Means, shares and rates of two arms against each other, by slices.

use super::contrast::{Contrast, Effect};

/// A sum over requests and how many there were, for each slice of one arm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sums {
    slices: Vec<[f64; 2]>,
    sum: f64,
    n: f64,
}

impl Sums {
    /// From each slice's sum and count.
    pub(super) fn new(slices: impl Iterator<Item = [f64; 2]>) -> Self {
        let slices: Vec<[f64; 2]> = slices.collect();
        let total = |at: usize| slices.iter().map(|slice| slice[at]).sum();
        Self {
            sum: total(0),
            n: total(1),
            slices,
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }

    pub(super) fn n_of(&self, slice: usize) -> f64 {
        self.slices.get(slice).map_or(0.0, |slice| slice[1])
    }

    /// What each slice adds to the mean beyond `mean`.
    fn excess(&self, mean: f64) -> impl Iterator<Item = f64> {
        let of = move |[sum, n]: &[f64; 2]| (sum - mean * n) / self.n;
        self.slices.iter().map(of)
    }

    /// The variance of a share by itself, with one success and one failure added, so that no failure at
    /// all in a few requests is no certainty (Agresti and Caffo, 2000).
    fn share_variance(&self) -> f64 {
        let n = self.n + 2.0;
        let share = (self.sum + 1.0) / n;
        share * (1.0 - share) / n
    }
}

/// The parts of one arm less those of another.
fn less(from: impl Iterator<Item = f64>, what: impl Iterator<Item = f64>) -> Vec<f64> {
    from.zip(what).map(|(from, what)| from - what).collect()
}

/// The logarithm of the ratio of two means: the contrast is `ratio x baseline - arm` (Fieller), which
/// also holds where one of them is zero.
pub(super) struct MeanRatio<'s> {
    pub(super) baseline: &'s Sums,
    pub(super) arm: &'s Sums,
}

impl Effect for MeanRatio<'_> {
    fn contrast(&self, log_ratio: f64) -> Contrast {
        let ratio = log_ratio.exp();
        let means = [self.baseline, self.arm].map(|sums| sums.mean().unwrap_or(0.0));
        let baseline = self.baseline.excess(means[0]).map(|part| ratio * part);
        Contrast {
            difference: ratio * means[0] - means[1],
            spread: less(baseline, self.arm.excess(means[1])),
            floor: 0.0,
        }
    }
}

/// The difference of two shares: arm less baseline.
pub(super) struct ShareDifference<'s> {
    pub(super) baseline: &'s Sums,
    pub(super) arm: &'s Sums,
}

impl Effect for ShareDifference<'_> {
    fn contrast(&self, difference: f64) -> Contrast {
        let means = [self.baseline, self.arm].map(|sums| sums.mean().unwrap_or(0.0));
        Contrast {
            difference: difference - (means[1] - means[0]),
            spread: less(self.baseline.excess(means[0]), self.arm.excess(means[1])),
            floor: (self.baseline.share_variance() + self.arm.share_variance()).sqrt(),
        }
    }
}

/// One arm's mean.
pub(super) struct Mean<'s> {
    pub(super) sums: &'s Sums,
    /// Whether it is a share of requests.
    pub(super) share: bool,
}

impl Effect for Mean<'_> {
    fn contrast(&self, mean: f64) -> Contrast {
        let own = self.sums.mean().unwrap_or(0.0);
        Contrast {
            difference: mean - own,
            spread: self.sums.excess(own).collect(),
            floor: if self.share {
                self.sums.share_variance().sqrt()
            } else {
                0.0
            },
        }
    }
}
