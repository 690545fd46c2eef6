//! What a scenario asks of a comparison.

use super::{Design, Figure, Judged, Settings, Stat};
use crate::base::Seed;
use crate::sample::Metric;
use crate::scenario::{self, Compare, Primary};

impl Settings {
    /// What a scenario asks, of arms with these names; `window_s` is the length of the window of arrivals,
    /// in seconds.
    pub fn asked(compare: &Compare, arms: Vec<String>, window_s: f64, seed: Seed) -> Self {
        let design = match compare.design {
            scenario::Design::Duet => Design::Duet,
            scenario::Design::Slices => Design::Slices,
        };
        Self {
            baseline: usize::from(compare.baseline),
            design,
            margin: compare.margin,
            error_margin: compare.error_margin,
            alpha: compare.alpha,
            primary: compare.primary.iter().filter_map(judged).collect(),
            // Where arms take turns, each has its share of the time.
            window_s: match design {
                Design::Slices => vec![window_s / arms.len().max(1) as f64; arms.len()],
                Design::Duet | Design::Historical => vec![window_s; arms.len()],
            },
            seed,
            looks: u32::from(compare.looks),
            ..Self::new(arms)
        }
    }
}

/// A statistic by its names, which the scenario has checked.
fn judged(primary: &Primary) -> Option<Judged> {
    let Some(stat) = &primary.stat else {
        let known = Figure::ALL.into_iter();
        let figure = known.filter(|figure| figure.name() == primary.metric);
        return figure.map(Judged::Figure).next();
    };
    let metric = Metric::ALL
        .into_iter()
        .find(|metric| metric.name() == primary.metric)?;
    let stat = Stat::ALL.into_iter().find(|known| known.name() == stat)?;
    Some(Judged::Time(metric, stat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{COMPARED_FIGURES, COMPARED_STATS, COMPARED_TIMES};

    #[test]
    fn all_that_a_scenario_may_name_is_known() {
        let named = |stat: Option<&str>, metric: &str| Primary {
            stat: stat.map(str::to_owned),
            metric: metric.to_owned(),
        };
        for metric in COMPARED_TIMES {
            for stat in COMPARED_STATS {
                assert!(
                    judged(&named(Some(stat), metric)).is_some(),
                    "{stat}({metric})"
                );
            }
        }
        for figure in COMPARED_FIGURES {
            assert!(judged(&named(None, figure)).is_some(), "{figure}");
        }
        assert_eq!(judged(&named(Some("p50"), "nothing")), None);
    }
}
