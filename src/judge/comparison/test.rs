//! How a verdict on a margin is reached, for a time, a share, a mean alike.
//!
//! 1. Suppose that the arm is worse by exactly the margin. The contrast says how far the figures are from
//!    that: for a quantile, the arm's times are divided by `1 + margin`, and the shares of both arms below
//!    their common quantile are compared.
//! 2. Its standard error comes from the slices, with the arms aligned by the ratio that was found: each
//!    slice of time adds its part in both arms, so that what both felt together falls out, and what lasts
//!    within a slice is not taken for many requests. Student's t with K - 1 degrees of freedom gives a p
//!    value for each side.
//! 3. The same is asked of label swaps: with the arms aligned, which of them a slice's part belongs to is
//!    chance. All swaps for up to 12 slices, else 9,999 that are drawn from the seed.
//! 4. The larger p counts. Where the two disagree, nothing is said.
//!
//! A delete-one-slice jackknife of the quantile itself was tried beside it: see `benches/README.md`.

use rand::Rng;
use rand_pcg::Pcg64;
use statrs::distribution::ContinuousCDF;

use super::contrast::{Effect, correction, student};

/// Up to so many slices, all swaps are made.
const EXACT: usize = 12;
/// Beyond, so many are drawn.
const DRAWS: u64 = 9_999;
/// Differences below this are what is left of rounding.
const ROUNDING: f64 = 1e-12;

/// How often chance alone would speak as clearly, if the effect had the size that was supposed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chance {
    /// For more: by t, and by label swaps.
    pub(super) more: [f64; 2],
    /// For less.
    pub(super) less: [f64; 2],
}

/// Tests the effect against a supposed size. Without an estimate, the error is that of the supposed size.
pub(super) fn chance(
    effect: &impl Effect,
    estimate: Option<f64>,
    size: f64,
    rng: &mut Pcg64,
) -> Chance {
    let difference = effect.contrast(size).difference;
    let own = effect.contrast(estimate.unwrap_or(size));
    // What is left of rounding is no difference. A difference without any error is infinite.
    let t = if difference.abs() < ROUNDING {
        0.0
    } else {
        difference / own.error()
    };
    let below = student(own.spread.len()).cdf(t);
    let scale = correction(own.spread.len()).sqrt() * own.lasting();
    let parts: Vec<f64> = own.spread.iter().map(|part| part * scale).collect();
    let swaps = swaps(&parts, difference, rng);
    // A contrast below zero speaks for more than was supposed.
    Chance {
        more: [below, swaps[0]],
        less: [1.0 - below, swaps[1]],
    }
}

/// How often swaps of labels give a sum as low as `seen`, and as high. The labels as they were are one of
/// the ways.
fn swaps(parts: &[f64], seen: f64, rng: &mut Pcg64) -> [f64; 2] {
    let close = parts.iter().map(|part| part.abs()).sum::<f64>() * 1e-9;
    let mut as_far = [0_u64; 2];
    let mut count = |sum: f64| {
        as_far[0] += u64::from(sum <= seen + close);
        as_far[1] += u64::from(sum >= seen - close);
    };
    let swapped = |words: &mut dyn FnMut() -> u64| {
        let mut sum = 0.0;
        for chunk in parts.chunks(64) {
            let mut word = words();
            for part in chunk {
                sum += if word & 1 == 0 { *part } else { -part };
                word >>= 1;
            }
        }
        sum
    };
    if parts.len() <= EXACT {
        let all = 1_u64 << parts.len();
        for word in 0..all {
            count(swapped(&mut || word));
        }
        return as_far.map(|n| (n + 1) as f64 / (all + 1) as f64);
    }
    for _ in 0..DRAWS {
        count(swapped(&mut || rng.next_u64()));
    }
    as_far.map(|n| (n + 1) as f64 / (DRAWS + 1) as f64)
}

/// Which of several hypotheses are rejected, at `level` for all of them together (Holm, 1979). One without
/// a p value is not, and counts among them.
pub(super) fn holm(p: &[Option<f64>], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    let of = |at: usize| p[at].unwrap_or(1.0);
    order.sort_by(|a, b| of(*a).total_cmp(&of(*b)));
    let mut rejected = vec![false; p.len()];
    for (rank, at) in order.into_iter().enumerate() {
        if of(at) > level / (p.len() - rank) as f64 {
            break;
        }
        rejected[at] = p[at].is_some();
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Lane, Seed};

    fn near(found: [f64; 2], wanted: [f64; 2]) -> bool {
        let pairs = found.iter().zip(wanted);
        pairs
            .into_iter()
            .all(|(found, wanted)| (found - wanted).abs() < 1e-12)
    }

    fn of(parts: &[f64]) -> [f64; 2] {
        swaps(parts, parts.iter().sum(), &mut Seed(1).rng(Lane::Swap, 0))
    }

    #[test]
    fn few_slices_are_swapped_in_every_way() {
        // Of 8 ways, only one gives as low a sum as three parts below zero.
        assert!(near(of(&[-1.0, -2.0, -3.0]), [2.0 / 9.0, 1.0]));
        assert!(near(of(&[-1.0, 1.0]), [4.0 / 5.0, 4.0 / 5.0]));
    }

    #[test]
    fn many_slices_are_swapped_often_enough_to_know() {
        let one_side: Vec<f64> = (0..20).map(|_| -1.0).collect();
        assert!(near(of(&one_side), [1.0 / 10_000.0, 1.0]));
        assert!(near(of(&[0.0; 20]), [1.0, 1.0]));
        // 14 of 20 below zero: the binomial tail is 0.0577.
        let mixed: Vec<f64> = (0..20).map(|k| if k < 14 { -1.0 } else { 1.0 }).collect();
        assert!((of(&mixed)[0] - 0.0577).abs() < 0.007, "{:?}", of(&mixed));
    }

    #[test]
    fn holm_goes_on_as_long_as_each_next_one_is_small_enough() {
        let holm = |p: &[f64]| {
            let p: Vec<Option<f64>> = p.iter().copied().map(Some).collect();
            super::holm(&p, 0.05)
        };
        assert_eq!(holm(&[0.04, 0.01, 0.02]), [true, true, true]);
        assert_eq!(holm(&[0.04, 0.01, 0.03]), [false, true, false]);
        assert_eq!(holm(&[0.02, 0.03, 0.04]), [false, false, false]);
        assert_eq!(
            super::holm(&[None, Some(0.02)], 0.05),
            [false, true],
            "0.02 is within 0.05 / 2"
        );
        assert_eq!(super::holm(&[None], 1.0), [false]);
    }
}
