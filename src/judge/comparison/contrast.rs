//! How far the figures are from what is supposed, and the interval of what they do not contradict.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Bisections of an interval's end: it is known to a part in 30,000 of its distance.
const HALVINGS: u32 = 15;
/// The normal quantile of 95 %: chance makes neighbours more alike than this over the root of K in one of
/// twenty runs.
const CHANCE: f64 = 1.645;
/// No neighbours are taken for more alike.
const MOST_ALIKE: f64 = 0.8;

/// Something that differs between arms, of which a size can be supposed.
pub(super) trait Effect {
    /// How far the figures are from an effect of this size. Its difference rises with the size: it is
    /// negative where the size is below what the figures say.
    fn contrast(&self, size: f64) -> Contrast;
}

/// By how much the figures are off from what is supposed.
#[derive(Clone, Debug)]
pub(super) struct Contrast {
    /// In all.
    pub(super) difference: f64,
    /// What each slice adds to it beyond its share, in the order of time.
    pub(super) spread: Vec<f64>,
    /// A standard error that it has at least.
    pub(super) floor: f64,
}

impl Contrast {
    /// The standard error of the difference, by slices.
    pub(super) fn error(&self) -> f64 {
        let squares: f64 = self.spread.iter().map(|part| part * part).sum();
        (correction(self.spread.len()) * squares)
            .sqrt()
            .max(self.floor)
            * self.lasting()
    }

    /// By how much errors are larger than slices that know nothing of each other would make them: where
    /// neighbours are more alike than chance makes them (one side, 5 %), as in a first-order
    /// autoregression. Where the arms drift apart for longer than a slice, each slice is not news.
    pub(super) fn lasting(&self) -> f64 {
        let k = self.spread.len() as f64;
        let squares: f64 = self.spread.iter().map(|part| part * part).sum();
        let neighbours: f64 = self.spread.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let alike = neighbours / squares.max(f64::MIN_POSITIVE);
        if alike <= CHANCE / k.sqrt() {
            return 1.0;
        }
        // In short series it is found too low by (1 + 3 alike) / K (Marriott and Pope, 1954).
        let alike = (alike + (1.0 + 3.0 * alike) / k).min(MOST_ALIKE);
        ((1.0 + alike) / (1.0 - alike)).sqrt()
    }
}

/// What a sum of squares about their mean is to be multiplied with.
pub(super) fn correction(slices: usize) -> f64 {
    let k = slices as f64;
    k / (k - 1.0).max(1.0)
}

/// Student's distribution for so many slices.
pub(super) fn student(slices: usize) -> StudentsT {
    let freedom = slices.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are above zero")
}

/// How many standard errors chance goes beyond on one side with probability `level`.
pub(super) fn critical(slices: usize, level: f64) -> f64 {
    student(slices).inverse_cdf(1.0 - level)
}

/// The smallest and the largest size that lie within `critical` standard errors of the figures, where the
/// error is that of the estimate (Woodruff's interval, 1952, of two arms together); `None` where there is no such end within `reach` of the estimate.
pub(super) fn interval(
    effect: &impl Effect,
    estimate: f64,
    critical: f64,
    reach: f64,
) -> [Option<f64>; 2] {
    let allowed = critical * effect.contrast(estimate).error();
    [-1.0, 1.0].map(|side| {
        let beyond = |away: f64| {
            let contrast = effect.contrast(estimate + side * away);
            side * contrast.difference >= allowed
        };
        let mut outer = reach / 512.0;
        let mut inner = 0.0;
        while !beyond(outer) {
            inner = outer;
            outer *= 2.0;
            if outer > reach {
                return None;
            }
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inner, outer);
            if beyond(middle) {
                outer = middle;
            } else {
                inner = middle;
            }
        }
        Some(estimate + side * outer)
    })
}
