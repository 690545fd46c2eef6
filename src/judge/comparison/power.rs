//! Before a run: how many requests an arm needs, and what so many can see.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// What a comparison is to be able to tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    /// The margin, as a share: an arm that is no worse is to be shown to lie within it.
    pub margin: f64,
    /// The chance of a false verdict, on one side.
    pub alpha: f64,
    /// The chance to tell.
    pub power: f64,
    /// The standard deviation of the logarithm of a time within an arm: 0.5 is usual for a model's answers.
    pub log_sd: f64,
}

impl Default for Aim {
    fn default() -> Self {
        Self {
            margin: 0.1,
            alpha: 0.05,
            power: 0.8,
            log_sd: 0.5,
        }
    }
}

impl Aim {
    /// The sum of the normal quantiles of `1 - alpha` and `power`.
    fn reach(&self) -> f64 {
        let normal = Normal::standard();
        normal.inverse_cdf(1.0 - self.alpha) + normal.inverse_cdf(self.power)
    }

    /// The standard error of a log ratio of quantiles `q`, of one request in each arm: the time is
    /// lognormal, and requests are independent.
    fn unit_error(&self, q: f64) -> f64 {
        let normal = Normal::standard();
        let density = normal.pdf(normal.inverse_cdf(q));
        (2.0 * q * (1.0 - q)).sqrt() * self.log_sd / density
    }
}

/// The requests that each arm needs to tell `aim` of the quantile `q`, between 0 and 1:
/// `2 q (1 - q) (log_sd / phi(z_q))^2 ((z_(1-alpha) + z_power) / ln(1 + margin))^2`.
/// 535 for p50, 1,520 for p95 and 4,743 for p99 with the usual aim. Where times drift within an arm alone,
/// more are needed; a drift that both arms feel costs nothing.
pub fn requests_needed(aim: &Aim, q: f64) -> u64 {
    let errors = aim.margin.ln_1p() / aim.reach();
    (aim.unit_error(q) / errors).powi(2).ceil() as u64
}

/// The smallest margin that `n` requests an arm can tell of the quantile `q`, at the aim's alpha, power
/// and spread: 0.08 is 8 %.
pub fn detectable(aim: &Aim, q: f64, n: u64) -> f64 {
    let error = aim.unit_error(q) / (n.max(1) as f64).sqrt();
    (aim.reach() * error).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_thumb_is_what_the_formula_gives() {
        let of = |q| requests_needed(&Aim::default(), q);
        assert_eq!([0.5, 0.95, 0.99].map(of), [535, 1_520, 4_743]);
    }

    #[test]
    fn what_so_many_requests_can_see_is_the_margin_that_needs_them() {
        for q in [0.5, 0.95, 0.99] {
            let n = requests_needed(&Aim::default(), q);
            let seen = detectable(&Aim::default(), q, n);
            assert!((seen - 0.1).abs() < 2e-4, "{q}: {seen}");
            assert!(detectable(&Aim::default(), q, n * 4) < seen / 1.9);
        }
    }
}
