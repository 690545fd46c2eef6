//! Looking at the figures more than once: bounds that are the same at every look (Pocock, 1977).

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::compare::compare_briefly;
use super::settings::Settings;
use crate::judge::Verdict;
use crate::record::Tally;

/// Points of the grid on which a density is kept, for Simpson's rule: an odd number.
const POINTS: usize = 129;
/// The grid begins so many standard deviations below zero: less than 10^-7 lies beyond.
const BELOW: f64 = 5.5;

/// What a look at the slices so far comes to: a verdict where each arm's is clear, and at the last look in
/// any case. `look` counts from 1 to `settings.looks`; the looks are equally far apart in slices. All that
/// is done at a look is done at the level of [`pocock`], so that looking often does not raise the chance of
/// a false verdict.
pub fn look(slices: &[Vec<Tally>], look: u32, settings: &Settings) -> Option<Verdict> {
    let found = compare_briefly(slices, settings);
    let clear = |verdict: Verdict| matches!(verdict, Verdict::Pass | Verdict::Fail);
    let all = !found.arms.is_empty() && found.arms.iter().all(|arm| clear(arm.verdict));
    (all || look >= settings.looks).then_some(found.verdict)
}

/// The level of one test under these settings.
pub(super) fn level(settings: &Settings) -> f64 {
    pocock(settings.looks, settings.alpha)
}

/// The one-sided level at which each of `looks` equally spaced looks may test, so that the chance of any
/// false rejection is `alpha`. By recursive numerical integration (Armitage et al., 1969).
pub fn pocock(looks: u32, alpha: f64) -> f64 {
    if looks <= 1 {
        return alpha;
    }
    let normal = Normal::standard();
    let excess = |bound: f64| crossing(looks, bound) - alpha;
    // One look's bound is too low, and that of alpha shared out too high (Bonferroni).
    let mut low = normal.inverse_cdf(1.0 - alpha);
    let mut high = normal.inverse_cdf(1.0 - alpha / f64::from(looks));
    let (mut at_low, mut at_high) = (excess(low), excess(high));
    for _ in 0..8 {
        let bound = low + (high - low) * at_low / (at_low - at_high);
        let at = excess(bound);
        if at > 0.0 {
            (low, at_low) = (bound, at);
        } else {
            (high, at_high) = (bound, at);
        }
        if at.abs() < 1e-7 {
            break;
        }
    }
    let bound = low + (high - low) * at_low / (at_low - at_high);
    1.0 - normal.cdf(bound)
}

/// The chance that a sum of standard normal steps is at some look beyond `bound` standard deviations.
fn crossing(looks: u32, bound: f64) -> f64 {
    let normal = Normal::standard();
    let grid = |look: u32| {
        let sd = f64::from(look).sqrt();
        let (from, to) = (-BELOW * sd, bound * sd);
        let step = (to - from) / (POINTS - 1) as f64;
        (from, step)
    };
    let (from, step) = grid(1);
    // The density of the sum after each look at which it was not beyond.
    let mut density: Vec<f64> = (0..POINTS)
        .map(|k| normal.pdf(from + step * k as f64))
        .collect();
    for look in 2..=looks {
        let before = grid(look - 1);
        let weighed: Vec<(f64, f64)> = (0..POINTS)
            .map(|k| {
                (
                    before.0 + before.1 * k as f64,
                    density[k] * simpson(k, before.1),
                )
            })
            .collect();
        if look == looks {
            let end = bound * f64::from(looks).sqrt();
            let stays = weighed.iter().map(|(at, mass)| mass * normal.cdf(end - at));
            return 1.0 - stays.sum::<f64>();
        }
        let (from, step) = grid(look);
        density = (0..POINTS)
            .map(|k| {
                let to = from + step * k as f64;
                weighed
                    .iter()
                    .map(|(at, mass)| mass * normal.pdf(to - at))
                    .sum()
            })
            .collect();
    }
    1.0 - normal.cdf(bound)
}

/// The weight of a point in Simpson's rule.
fn simpson(k: usize, step: f64) -> f64 {
    let weight = match k {
        0 => 1.0,
        k if k == POINTS - 1 => 1.0,
        k if k % 2 == 1 => 4.0,
        _ => 2.0,
    };
    weight * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants of Jennison and Turnbull, "Group Sequential Methods" (2000), table 2.1, for two sides
    /// at 5 %: 2.178, 2.289, 2.361, 2.413 and 2.555 for 2, 3, 4, 5 and 10 looks. One side at 2.5 % is the
    /// same but for the chance of crossing both.
    #[test]
    fn the_bounds_are_those_of_the_tables() {
        let normal = Normal::standard();
        for (looks, table) in [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)] {
            let bound = normal.inverse_cdf(1.0 - pocock(looks, 0.025));
            assert!((bound - table).abs() < 0.002, "{looks} looks: {bound}");
        }
    }

    #[test]
    fn one_look_has_the_whole_level_and_more_have_less_of_it() {
        assert!((pocock(1, 0.05) - 0.05).abs() < 1e-12);
        assert!((pocock(0, 0.05) - 0.05).abs() < 1e-12);
        let levels = [1, 2, 3, 5, 8].map(|looks| pocock(looks, 0.05));
        assert!(levels.is_sorted_by(|a, b| a > b), "{levels:?}");
        assert!(levels[4] > 0.05 / 8.0);
    }
}
