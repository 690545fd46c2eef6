//! One arm of a comparison: its slices, and all of them together.

use std::sync::LazyLock;

use super::quantiles::Times;
use super::settings::{Figure, Settings};
use super::totals::Sums;
use crate::record::Tally;
use crate::sample::Metric;

/// Of an arm that a slice has no tally of.
static NOTHING: LazyLock<Tally> = LazyLock::new(Tally::default);

/// One arm.
pub(super) struct Case<'s> {
    pub(super) name: &'s str,
    pub(super) slices: Vec<&'s Tally>,
    pub(super) all: Tally,
    pub(super) window_s: f64,
}

impl<'s> Case<'s> {
    /// All arms. A slice in which nothing arrived anywhere is none.
    pub(super) fn all(slices: &'s [Vec<Tally>], settings: &'s Settings) -> Vec<Self> {
        let busy: Vec<&Vec<Tally>> = slices
            .iter()
            .filter(|slice| slice.iter().any(|tally| tally.arrivals > 0))
            .collect();
        let arms = settings.arms.iter().enumerate();
        arms.map(|(at, name)| {
            let of = |slice: &&'s Vec<Tally>| slice.get(at).unwrap_or(&NOTHING);
            let slices: Vec<&Tally> = busy.iter().map(of).collect();
            let mut all = Tally::default();
            for tally in &slices {
                all.merge(tally);
            }
            Self {
                name,
                slices,
                all,
                window_s: settings.window_s.get(at).copied().unwrap_or(0.0),
            }
        })
        .collect()
    }

    /// The times of one kind.
    pub(super) fn times(&self, metric: Metric) -> Times {
        Times::new(&self.all, &self.slices, metric)
    }

    /// The sums that a figure is made of.
    pub(super) fn sums(&self, figure: Figure) -> Sums {
        let k = self.slices.len().max(1) as f64;
        Sums::new(self.slices.iter().map(|tally| match figure {
            Figure::ErrorRate => [tally.failed_count() as f64, tally.arrivals as f64],
            // Slices are equally long.
            Figure::Goodput => [tally.good_in_window as f64, self.window_s / k],
            Figure::CostPerRequest => [tally.cost.dollars(), known_costs(tally) as f64],
        }))
    }

    /// The requests that a figure is made of.
    pub(super) fn requests(&self, figure: Figure) -> u64 {
        match figure {
            Figure::ErrorRate | Figure::Goodput => self.all.arrivals,
            Figure::CostPerRequest => known_costs(&self.all),
        }
    }
}

pub(super) const fn known_costs(tally: &Tally) -> u64 {
    tally.arrivals.saturating_sub(tally.cost_unknown)
}
