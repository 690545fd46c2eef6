//! Made-up answers of two arms, with the noise that makes naive comparisons err: a drift that lasts, a
//! body that is skewed, and a slow mode.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tollgate::record::Tally;
use tollgate::sample::Metric;

/// The time of an ordinary answer, in milliseconds.
const TYPICAL_MS: f64 = 300.0;

/// What the noise is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// The standard deviation of the drift's logarithm (Ornstein-Uhlenbeck).
    pub(crate) drift_sd: f64,
    /// The time in which it forgets, in seconds.
    pub(crate) drift_tau_s: f64,
    /// Whether each arm has a drift of its own; else both feel the same.
    pub(crate) drift_apart: bool,
    /// The standard deviation of the body's logarithm.
    pub(crate) body_sd: f64,
    /// The share of answers in the slow mode.
    pub(crate) slow_share: f64,
    /// How many times as long those take.
    pub(crate) slow_factor: f64,
}

impl Noise {
    /// The noise of the issue: a drift of 12 % that both arms feel and that lasts for a minute, a lognormal
    /// body, and 4 % slow answers.
    pub(crate) const USUAL: Self = Self {
        drift_sd: 0.12,
        drift_tau_s: 60.0,
        drift_apart: false,
        body_sd: 0.5,
        slow_share: 0.04,
        slow_factor: 4.0,
    };
}

/// How arms share the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Each pair of arrivals has one for each arm, in random order.
    Duet,
    /// Each slice has a turn for each arm, in random order.
    Turns,
}

/// The length of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// Requests of each arm.
    pub(crate) per_arm: usize,
    /// Slices, each with requests of both arms.
    pub(crate) slices: usize,
    /// Seconds.
    pub(crate) seconds: f64,
}

impl Course {
    /// 3,000 requests an arm in 20 slices and 10 minutes.
    pub(crate) const USUAL: Self = Self {
        per_arm: 3_000,
        slices: 20,
        seconds: 600.0,
    };
}

/// A run of two arms, the second `change` times as slow as the first, made from `seed`.
pub(crate) fn run(
    noise: &Noise,
    layout: Layout,
    course: &Course,
    change: f64,
    seed: u64,
) -> Vec<Vec<Tally>> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let each = course.per_arm / course.slices;
    let step = course.seconds / (2 * each * course.slices) as f64;
    let mut drift = [normal(&mut rng), normal(&mut rng)].map(|z| z * noise.drift_sd);
    let keeps = (-step / noise.drift_tau_s).exp();
    let mut slice = || {
        let mut tallies = vec![Tally::default(), Tally::default()];
        let mut first = usize::from(rng.random::<bool>());
        for k in 0..2 * each {
            let arm = match layout {
                Layout::Turns => (first + k / each) % 2,
                Layout::Duet => {
                    if k % 2 == 0 {
                        first = usize::from(rng.random::<bool>());
                    }
                    (first + k) % 2
                }
            };
            for drift in &mut drift {
                let news = noise.drift_sd * (1.0 - keeps * keeps).sqrt();
                *drift = keeps * *drift + news * normal(&mut rng);
            }
            let drift = if noise.drift_apart {
                drift[arm]
            } else {
                drift[0]
            };
            let slow = if rng.random::<f64>() < noise.slow_share {
                noise.slow_factor
            } else {
                1.0
            };
            let body = (drift + noise.body_sd * normal(&mut rng)).exp();
            let change = if arm == 1 { change } else { 1.0 };
            add(&mut tallies[arm], TYPICAL_MS * body * slow * change);
        }
        tallies
    };
    (0..course.slices).map(|_| slice()).collect()
}

/// Adds a whole answer that took so long.
pub(crate) fn add(tally: &mut Tally, ms: f64) {
    tally.arrivals += 1;
    tally.ok += 1;
    tally.good += 1;
    tally.good_in_window += 1;
    tally.ok_in_window += 1;
    tally
        .times_mut(Metric::E2e)
        .record(Duration::from_secs_f64(ms / 1e3));
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}
