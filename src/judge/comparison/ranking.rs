//! Three arms and more: in order, and which can't be told apart.

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::quantiles::{QuantileRatio, Times};
use super::settings::{Judged, Settings, Stat};
use super::test::{chance, holm};
use crate::base::Lane;
use crate::record::{Tally, needed};
use crate::sample::Metric;

/// Slices that two arms must both be in to be told apart.
const LEAST_SLICES: usize = 10;
/// Where the draws of the ranking begin, beyond those of the arms.
const LANES: u64 = 1 << 32;

/// Arms from the fastest to the slowest, by the first primary time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// The time.
    pub metric: Metric,
    /// The statistic.
    pub stat: String,
    /// All arms with enough values, the fastest first.
    pub order: Vec<Ranked>,
    /// The others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unranked: Vec<String>,
    /// Arms that can't be told apart, the fastest group first: each pair was tested on both sides, all
    /// together at the comparison's level (Holm). An arm may stand in two groups, between both.
    pub groups: Vec<Vec<String>>,
}

/// An arm in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The arm.
    pub arm: String,
    /// Its value in milliseconds, failures counted as infinitely slow; absent where it is infinite.
    pub value_ms: Option<f64>,
    /// The groups that it stands in, from 1.
    pub groups: Vec<u32>,
}

/// Ranks the arms by the first primary time; `None` for fewer than three arms.
pub(super) fn ranking(cases: &[Case<'_>], settings: &Settings, level: f64) -> Option<Ranking> {
    if cases.len() < 3 {
        return None;
    }
    let mut all = Tally::default();
    for case in cases {
        all.merge(&case.all);
    }
    let (metric, stat) = settings
        .primaries(&all)
        .into_iter()
        .find_map(|judged| match judged {
            Judged::Time(metric, stat) => Some((metric, stat)),
            Judged::Figure(_) => None,
        })?;
    let (mut ranked, unranked): (Vec<_>, Vec<_>) = cases
        .iter()
        .map(|case| (case.name, case.times(metric)))
        .partition(|(_, times)| times.n() >= needed(stat.q()));
    let value = |times: &Times| times.quantile(stat.q()).unwrap_or(f64::INFINITY);
    ranked.sort_by(|a, b| value(&a.1).total_cmp(&value(&b.1)));
    let times: Vec<&Times> = ranked.iter().map(|(_, times)| times).collect();
    let apart = apart(&times, stat, settings, level);
    let groups = groups(ranked.len(), &apart);
    let order = ranked.iter().enumerate().map(|(at, (name, times))| Ranked {
        arm: (*name).to_owned(),
        value_ms: times.quantile(stat.q()).map(|nanos| nanos / 1e6),
        groups: (1..)
            .zip(&groups)
            .filter(|(_, group)| group.contains(&at))
            .map(|(number, _)| number)
            .collect(),
    });
    Some(Ranking {
        metric,
        stat: stat.name().to_owned(),
        order: order.collect(),
        unranked: unranked
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
        groups: groups
            .into_iter()
            .map(|group| group.map(|at| ranked[at].0.to_owned()).collect())
            .collect(),
    })
}

/// The pairs that can be told apart, each with the faster first.
fn apart(times: &[&Times], stat: Stat, settings: &Settings, level: f64) -> Vec<(usize, usize)> {
    let pairs: Vec<(usize, usize)> = (0..times.len())
        .flat_map(|a| (a + 1..times.len()).map(move |b| (a, b)))
        .collect();
    let p: Vec<Option<f64>> = pairs
        .iter()
        .zip(LANES..)
        .map(|((a, b), lane)| {
            let (baseline, arm) = (times[*a], times[*b]);
            let both = |slice: &usize| baseline.n_of(*slice) > 0.0 && arm.n_of(*slice) > 0.0;
            let paired = (0..baseline.slices()).filter(both).count();
            (paired >= LEAST_SLICES).then(|| {
                let effect = QuantileRatio {
                    baseline,
                    arm,
                    q: stat.q(),
                };
                let mut rng = settings.seed.rng(Lane::Swap, lane);
                let found = [baseline, arm].map(|times| times.quantile(stat.q()));
                let estimate = match found {
                    [Some(baseline), Some(arm)] => Some((arm / baseline).ln()),
                    _ => None,
                };
                let chance = chance(&effect, estimate, 0.0, &mut rng);
                let side = |p: [f64; 2]| p[0].max(p[1]);
                (2.0 * side(chance.more).min(side(chance.less))).min(1.0)
            })
        })
        .collect();
    let rejected = holm(&p, level);
    let told = pairs.into_iter().zip(rejected);
    told.filter(|(_, apart)| *apart)
        .map(|(pair, _)| pair)
        .collect()
}

/// The longest runs of neighbours in which no two can be told apart.
fn groups(arms: usize, apart: &[(usize, usize)]) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    for from in 0..arms {
        let mut to = from + 1;
        while to < arms && (from..to).all(|at| !apart.contains(&(at, to))) {
            to += 1;
        }
        if groups.last().is_none_or(|last| last.end < to) {
            groups.push(from..to);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_that_cannot_be_told_apart_share_a_group_and_one_between_stands_in_two() {
        assert_eq!(groups(3, &[]), vec![0..3; 1]);
        assert_eq!(groups(3, &[(0, 1), (0, 2), (1, 2)]), [0..1, 1..2, 2..3]);
        assert_eq!(groups(3, &[(0, 2)]), [0..2, 1..3]);
        assert_eq!(groups(4, &[(0, 2), (0, 3), (1, 3), (1, 2)]), [0..2, 2..4]);
        assert!(groups(0, &[]).is_empty());
    }
}
