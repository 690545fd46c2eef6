//! A against A: how often the comparison errs where nothing differs, and how much it takes for change.
//!
//! Within each slice the labels of the arms are dealt again, at random: each deal is a run of A against A
//! with the very noise of this one.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::compare::compare_briefly;
use crate::base::Lane;
use crate::judge::Verdict;
use crate::record::Tally;

/// What came of comparing A with A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// How often the labels were dealt.
    pub deals: u32,
    /// The share of deals that failed, though nothing differs: the realised rate of false alarms.
    pub false_alarms: f64,
    /// The share that passed.
    pub passed: f64,
    /// The share that could not tell.
    pub inconclusive: f64,
    /// The noise of each deciding time.
    pub floors: Vec<Floor>,
}

/// How much a figure differs between A and A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// The figure: `ttft`.
    pub metric: String,
    /// The statistic: `p95`.
    pub stat: String,
    /// The change that 19 of 20 deals stay within, as a share. A margin should be two to three times that.
    pub floor: f64,
}

/// Deals the labels of a run of A against A so many times. `None` without slices.
pub fn calibrate(slices: &[Vec<Tally>], settings: &Settings, deals: u32) -> Option<Calibration> {
    if slices.is_empty() || deals == 0 {
        return None;
    }
    let mut verdicts = Vec::new();
    let mut changes: Vec<(String, String, Vec<f64>)> = Vec::new();
    for deal in 0..deals {
        let mut rng = settings.seed.rng(Lane::Deal, u64::from(deal));
        let mut relabelled = slices.to_vec();
        for slice in &mut relabelled {
            slice.shuffle(&mut rng);
        }
        let found = compare_briefly(&relabelled, settings);
        verdicts.push(found.verdict);
        let metrics = found.arms.iter().flat_map(|arm| &arm.metrics);
        for metric in metrics.filter(|metric| metric.primary) {
            let Some(ratio) = metric.ratio else { continue };
            let (name, stat) = (metric.metric.name(), metric.stat.as_str());
            let place = changes.iter().position(|(n, s, _)| n == name && s == stat);
            let place = place.unwrap_or_else(|| {
                changes.push((name.to_owned(), stat.to_owned(), Vec::new()));
                changes.len() - 1
            });
            changes[place].2.push(ratio.ln().abs());
        }
    }
    let share = |wanted: Verdict| {
        let of = verdicts.iter().filter(|verdict| **verdict == wanted);
        of.count() as f64 / f64::from(deals)
    };
    let floors = changes.into_iter().map(|(metric, stat, mut changes)| {
        changes.sort_by(f64::total_cmp);
        let place = (changes.len() as f64 * 0.95).ceil() as usize;
        let floor = changes[place.clamp(1, changes.len()) - 1].exp_m1();
        Floor {
            metric,
            stat,
            floor,
        }
    });
    Some(Calibration {
        deals,
        false_alarms: share(Verdict::Fail),
        passed: share(Verdict::Pass),
        inconclusive: share(Verdict::Inconclusive),
        floors: floors.collect(),
    })
}
