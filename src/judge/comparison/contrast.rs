//! How far the figures are from what is supposed, and the interval of what they do not contradict.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Bisections of an interval's end: it is known to a part in 30,000 of its distance.
const HALVINGS: u32 = 15;

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
    /// What each slice adds to it, if what is supposed holds.
    pub(super) parts: Vec<f64>,
    /// What each slice adds beyond its share of it.
    pub(super) spread: Vec<f64>,
    /// A standard error that it has at least.
    pub(super) floor: f64,
}

impl Contrast {
    /// The standard error of the difference, by slices.
    fn error(&self) -> f64 {
        let k = self.spread.len() as f64;
        let squares: f64 = self.spread.iter().map(|part| part * part).sum();
        (k / (k - 1.0).max(1.0) * squares).sqrt().max(self.floor)
    }

    /// The difference in standard errors. Without any error, infinite.
    pub(super) fn t(&self) -> f64 {
        // What is left of rounding is no difference.
        if self.difference.abs() < 1e-12 {
            return 0.0;
        }
        self.difference / self.error()
    }
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

/// The smallest and the largest size that lie within `critical` standard errors of the figures; `None`
/// where there is no such end within `reach` of the estimate.
pub(super) fn interval(
    effect: &impl Effect,
    estimate: f64,
    critical: f64,
    reach: f64,
) -> [Option<f64>; 2] {
    [-1.0, 1.0].map(|side| {
        let beyond = |away: f64| {
            let contrast = effect.contrast(estimate + side * away);
            side * contrast.t() >= critical
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
