//! A quantity that varies: constant, uniform, lognormal, or drawn from a list that was measured.

use std::time::Duration;

use rand::RngExt;
use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HumanDuration;

/// A quantity that can be drawn at random.
pub trait Magnitude: Copy {
    /// The quantity as a number, in a unit of its own.
    fn magnitude(self) -> f64;
    /// The quantity from a number in the same unit; negative ones become zero.
    fn from_magnitude(value: f64) -> Self;
}

impl Magnitude for u32 {
    fn magnitude(self) -> f64 {
        f64::from(self)
    }

    fn from_magnitude(value: f64) -> Self {
        value.round() as Self
    }
}

impl Magnitude for HumanDuration {
    fn magnitude(self) -> f64 {
        self.0.as_nanos() as f64
    }

    fn from_magnitude(value: f64) -> Self {
        Self(Duration::from_nanos(value.round() as u64))
    }
}

/// How a quantity is distributed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution<T> {
    /// Always the same.
    Constant(T),
    /// Anything from `min` to `max`, equally likely.
    Uniform {
        /// The smallest value.
        min: T,
        /// The largest value.
        max: T,
    },
    /// Lognormal, by the mean and the standard deviation of the values themselves.
    Lognormal {
        /// The mean of the values.
        mean: T,
        /// The standard deviation of the values.
        sd: T,
    },
    /// One of these, equally likely: a list that was measured.
    Empirical(Vec<T>),
}

/// Why a distribution can't be drawn from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DistributionError {
    /// An empirical list without values.
    #[error("the list of values is empty\ngive at least one value")]
    Empty,
    /// A uniform range that ends before it begins.
    #[error("`min` is above `max`\nswap them")]
    Backwards,
    /// A lognormal whose mean is zero.
    #[error("a lognormal needs a mean above zero")]
    ZeroMean,
}

impl<T: Magnitude> Distribution<T> {
    /// Whether it can be drawn from.
    pub fn check(&self) -> Result<(), DistributionError> {
        match self {
            Self::Uniform { min, max } if min.magnitude() > max.magnitude() => {
                Err(DistributionError::Backwards)
            }
            Self::Lognormal { mean, .. } if mean.magnitude() <= 0.0 => {
                Err(DistributionError::ZeroMean)
            }
            Self::Empirical(values) if values.is_empty() => Err(DistributionError::Empty),
            _ => Ok(()),
        }
    }

    /// The mean, in the quantity's own unit.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => value.magnitude(),
            Self::Uniform { min, max } => f64::midpoint(min.magnitude(), max.magnitude()),
            Self::Lognormal { mean, .. } => mean.magnitude(),
            Self::Empirical(values) => {
                values.iter().map(|v| v.magnitude()).sum::<f64>() / values.len().max(1) as f64
            }
        }
    }

    /// A value that hardly any draw is beyond, in the quantity's own unit: of a lognormal ten standard
    /// deviations above the mean.
    pub fn far(&self) -> f64 {
        match self {
            Self::Constant(value) => value.magnitude(),
            Self::Uniform { max, .. } => max.magnitude(),
            Self::Lognormal { mean, sd } => mean.magnitude() + 10.0 * sd.magnitude(),
            Self::Empirical(values) => values.iter().map(|v| v.magnitude()).fold(0.0, f64::max),
        }
    }

    /// One value. A distribution that fails [`Self::check`] gives zero.
    pub fn draw(&self, rng: &mut Pcg64) -> T {
        let value = match self {
            Self::Constant(value) => return *value,
            Self::Uniform { min, max } => {
                let (min, max) = (min.magnitude(), max.magnitude());
                min + rng.random::<f64>() * (max - min).max(0.0)
            }
            Self::Lognormal { mean, sd } => lognormal(mean.magnitude(), sd.magnitude(), rng),
            Self::Empirical(values) => {
                let at = (rng.random::<f64>() * values.len() as f64) as usize;
                return values
                    .get(at)
                    .copied()
                    .unwrap_or_else(|| T::from_magnitude(0.0));
            }
        };
        T::from_magnitude(value)
    }
}

/// A draw from the lognormal whose values have this mean and standard deviation:
/// `sigma^2 = ln(1 + sd^2 / mean^2)`, `mu = ln(mean) - sigma^2 / 2` (method of moments).
fn lognormal(mean: f64, sd: f64, rng: &mut Pcg64) -> f64 {
    let variance = (sd / mean).powi(2).ln_1p();
    LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).map_or(0.0, |d| d.sample(rng))
}

#[cfg(test)]
mod tests {
    use super::super::{Lane, Seed};
    use super::*;

    #[test]
    fn a_lognormal_has_the_mean_and_deviation_it_was_asked_for() {
        let tokens = Distribution::Lognormal {
            mean: 200_u32,
            sd: 80,
        };
        let mut rng = Seed(1).rng(Lane::Prompt, 0);
        let draws: Vec<f64> = (0..20_000)
            .map(|_| f64::from(tokens.draw(&mut rng)))
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let sd =
            (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64).sqrt();
        assert!((mean - 200.0).abs() < 3.0, "{mean}");
        assert!((sd - 80.0).abs() < 4.0, "{sd}");
    }

    #[test]
    fn a_measured_list_gives_only_its_values() {
        let list = Distribution::Empirical(vec![1_u32, 5, 9]);
        let mut rng = Seed(1).rng(Lane::Prompt, 0);
        let draws: Vec<u32> = (0..100).map(|_| list.draw(&mut rng)).collect();
        assert!(draws.iter().all(|d| [1, 5, 9].contains(d)));
        assert!([1, 5, 9].iter().all(|v| draws.contains(v)));
    }

    #[test]
    fn a_distribution_that_cannot_be_drawn_from_says_so_and_never_panics() {
        let mut rng = Seed(1).rng(Lane::Prompt, 0);
        let cases = [
            (Distribution::Empirical(vec![]), DistributionError::Empty),
            (
                Distribution::Uniform { min: 2_u32, max: 1 },
                DistributionError::Backwards,
            ),
            (
                Distribution::Lognormal { mean: 0, sd: 1 },
                DistributionError::ZeroMean,
            ),
        ];
        for (broken, error) in cases {
            assert_eq!(broken.check(), Err(error));
            broken.draw(&mut rng);
        }
    }
}
