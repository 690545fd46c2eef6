//! The instants of an open loop.

use std::time::Duration;

use rand_distr::{Distribution, Exp};
use rand_pcg::Pcg64;

use crate::base::{Lane, Seed};
use crate::plan::PhaseId;
use crate::scenario::{Bound, Pace};

/// Poisson arrivals that are counted one by one; beyond, the expected number is near enough.
const COUNTED: usize = 2_000_000;

/// The endless instants of an open loop, as times since its phase began. They never go back.
pub(super) struct Instants {
    pace: Pace,
    rng: Pcg64,
    number: u64,
    /// Where the last Poisson arrival was, in seconds.
    at: f64,
}

impl Instants {
    pub(super) fn new(pace: Pace, seed: Seed, phase: PhaseId) -> Self {
        let rng = seed.rng(Lane::Arrivals, u64::from(phase.0));
        Self {
            pace,
            rng,
            number: 0,
            at: 0.0,
        }
    }
}

impl Iterator for Instants {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let k = self.number;
        self.number += 1;
        let seconds = match self.pace {
            Pace::Constant { rate } => k as f64 / rate,
            Pace::Poisson { rate } => {
                self.at += Exp::new(rate).ok()?.sample(&mut self.rng);
                self.at
            }
            Pace::Ramp { from, to, over } => ramp_instant(from, to, over.as_secs_f64(), k as f64)?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// When a ramp has had `k` arrivals: the root of `from t + (to - from) t^2 / (2 over) = k`, in the
/// form that loses no digits when the two rates are nearly the same. `None` where it never has.
fn ramp_instant(from: f64, to: f64, over: f64, k: f64) -> Option<f64> {
    let slope = (to - from) / over;
    let root = (from * from + 2.0 * slope * k).sqrt();
    let t = if k == 0.0 {
        0.0
    } else {
        2.0 * k / (from + root)
    };
    (t.is_finite() && t <= over).then_some(t)
}

/// The rate at an instant, per second.
pub(super) fn rate(pace: Pace, at: Duration) -> f64 {
    match pace {
        Pace::Constant { rate } | Pace::Poisson { rate } => rate,
        Pace::Ramp { from, to, over } => {
            let share = at.as_secs_f64() / over.as_secs_f64();
            from + (to - from) * share.min(1.0)
        }
    }
}

/// How long `requests` arrivals take: exactly, but for Poisson, where it is the mean.
pub(super) fn expected_length(pace: Pace, requests: u64) -> Duration {
    let seconds = match pace {
        Pace::Constant { rate } | Pace::Poisson { rate } => requests as f64 / rate,
        Pace::Ramp { from, to, over } => {
            let over = over.as_secs_f64();
            ramp_instant(from, to, over, requests as f64).unwrap_or(over)
        }
    };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// How many arrivals lie within `bound`: exactly, but for a very long Poisson phase.
pub(super) fn count(pace: Pace, seed: Seed, phase: PhaseId, bound: Bound) -> u64 {
    let limit = bound.requests.unwrap_or(u64::MAX);
    let Some(end) = bound.duration else {
        return limit;
    };
    let seconds = end.as_secs_f64();
    let within = match pace {
        Pace::Constant { rate } => (rate * seconds).ceil(),
        Pace::Poisson { rate } if rate * seconds > COUNTED as f64 => rate * seconds,
        _ => Instants::new(pace, seed, phase)
            .take_while(|due| *due < end)
            .count() as f64,
    };
    limit.min(within as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(pace: Pace, n: usize) -> Vec<f64> {
        Instants::new(pace, Seed(42), PhaseId(0))
            .take(n)
            .map(|d| d.as_secs_f64())
            .collect()
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let third = first(Pace::Constant { rate: 3.0 }, 3_000_001);
        assert!((third[3_000_000] - 1_000_000.0).abs() < 1e-6);
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_spread_of_independent_users() {
        let at = first(Pace::Poisson { rate: 50.0 }, 20_001);
        let gaps: Vec<f64> = at.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let sd = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((mean * 50.0 - 1.0).abs() < 0.03, "{mean}");
        assert!((sd / mean - 1.0).abs() < 0.03, "{sd}");
    }

    #[test]
    fn a_ramp_has_the_arrivals_that_lie_under_its_line() {
        // From 0 to 100/s in 10 s: the area is 500 arrivals, half of them after 7.07 s.
        let pace = Pace::Ramp {
            from: 0.0,
            to: 100.0,
            over: Duration::from_secs(10),
        };
        let at = first(pace, 10_000);
        assert_eq!(at.len(), 501);
        assert!((at[250] - 50_f64.sqrt()).abs() < 1e-9);
        assert!(at.is_sorted());
    }

    #[test]
    fn the_rate_of_a_ramp_changes_in_a_straight_line_and_stays_at_its_end() {
        let (from, to, over) = (10.0, 50.0, Duration::from_secs(4));
        let ramp = Pace::Ramp { from, to, over };
        let at = |s| rate(ramp, Duration::from_secs(s));
        let rates = [at(0), at(1), at(4), at(9)];
        assert_eq!(rates.map(|rate| rate as u64), [10, 20, 50, 50]);
    }

    #[test]
    fn a_ramp_down_and_a_flat_ramp_work_too() {
        let ten = Duration::from_secs(10);
        let down = first(
            Pace::Ramp {
                from: 100.0,
                to: 0.0,
                over: ten,
            },
            10_000,
        );
        assert!((499..=501).contains(&down.len()), "{}", down.len());
        let flat = first(
            Pace::Ramp {
                from: 5.0,
                to: 5.0,
                over: ten,
            },
            10_000,
        );
        assert!((flat[10] - 2.0).abs() < 1e-9);
    }
}
