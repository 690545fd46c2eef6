//! Which arm an arrival belongs to, what it asks, and in which slice of the run it counts.
//!
//! All three follow from its number alone. Arms stand in blocks: within a block each arm has the same
//! number of arrivals, in an order drawn for the block, and they ask the same one after the other, so
//! that no arm is ahead of another by its prompts or its place.

use std::time::Duration;

use rand::seq::SliceRandom;

use super::{ArmId, ArrivalId};
use crate::base::{Lane, Seed};
use crate::scenario::{Compare, Design, Phase, Scenario};

/// The order of a plan's arrivals.
#[derive(Clone, Debug)]
pub(super) struct Order {
    seed: Seed,
    arms: u64,
    phases: Vec<PhaseOrder>,
}

/// The order within one phase.
#[derive(Clone, Debug)]
struct PhaseOrder {
    /// Arrivals of an arm that follow each other within a block.
    stretch: u64,
    cut: Cut,
}

/// How a phase is cut into slices.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Not at all: nothing of it is measured.
    Whole,
    /// After so many arrivals.
    Arrivals { first: u16, count: u16, each: u64 },
    /// After so long, where nobody knows how many arrivals come.
    Time {
        first: u16,
        count: u16,
        each: Duration,
    },
}

impl Order {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let compare = scenario.compare.clone().unwrap_or_default();
        let arms = scenario.arms.len() as u64;
        let measured = scenario.phases.iter().filter(|phase| !phase.warmup);
        let sizes: Vec<Option<f64>> = measured.clone().map(Phase::expected_requests).collect();
        let all: Option<f64> = sizes.iter().copied().sum();
        let mut first = 0;
        let mut phase = |phase: &Phase| {
            if phase.warmup {
                return PhaseOrder {
                    stretch: 1,
                    cut: Cut::Whole,
                };
            }
            let even = 1.0 / sizes.len() as f64;
            let share = phase.expected_requests().zip(all);
            let share = share.map_or(even, |(mine, all)| mine / all.max(1.0));
            let count = (share * f64::from(compare.slices)).round().max(1.0) as u16;
            let order = phase_order(phase, &compare, arms, first, count);
            first += count;
            order
        };
        Self {
            seed: scenario.seed,
            arms,
            phases: scenario.phases.iter().map(&mut phase).collect(),
        }
    }

    /// The arm of an arrival, and the arrival of a run of one arm that asks what it does.
    pub(super) fn of(&self, id: ArrivalId) -> (ArmId, ArrivalId) {
        if self.arms == 1 {
            return (ArmId(0), id);
        }
        let stretch = self.phases[usize::from(id.phase.0)].stretch;
        let block = id.number / (stretch * self.arms);
        let within = id.number % (stretch * self.arms);
        let start = ArrivalId {
            number: block * stretch * self.arms,
            ..id
        };
        let mut order: Vec<u16> = (0..self.arms as u16).collect();
        order.shuffle(&mut self.seed.rng(Lane::Arms, start.index()));
        let arm = order[(within / stretch) as usize];
        let asks = ArrivalId {
            number: block * stretch + within % stretch,
            ..id
        };
        (ArmId(arm), asks)
    }

    /// The slice in which an arrival counts, that was due so long after its phase began; `None` in a
    /// phase that is not measured.
    pub(super) fn slice(&self, id: ArrivalId, due: Duration) -> Option<u16> {
        let place = |first: u16, count: u16, at: u64| first + at.min(u64::from(count) - 1) as u16;
        match self.phases.get(usize::from(id.phase.0))?.cut {
            Cut::Whole => None,
            Cut::Arrivals { first, count, each } => Some(place(first, count, id.number / each)),
            Cut::Time { first, count, each } => {
                let at = due.as_nanos() / each.as_nanos().max(1);
                Some(place(first, count, u64::try_from(at).unwrap_or(u64::MAX)))
            }
        }
    }
}

impl Order {
    /// How many slices there are, and how many requests each has; `None` where nobody knows.
    pub(super) fn slice_sizes(&self) -> Vec<Option<u64>> {
        let of = |phase: &PhaseOrder| match phase.cut {
            Cut::Whole => Vec::new(),
            Cut::Arrivals { count, each, .. } => vec![Some(each); usize::from(count)],
            Cut::Time { count, .. } => vec![None; usize::from(count)],
        };
        self.phases.iter().flat_map(of).collect()
    }
}

fn phase_order(phase: &Phase, compare: &Compare, arms: u64, first: u16, count: u16) -> PhaseOrder {
    let expected = phase.expected_requests();
    // A slice has whole blocks, so that each arm has the same share of it.
    let blocks = expected.map(|expected| {
        let per_slice = expected / f64::from(count) / arms as f64;
        per_slice.ceil().max(1.0) as u64
    });
    let stretch = match (compare.design, blocks) {
        (Design::Slices, Some(blocks)) => blocks,
        _ => 1,
    };
    let cut = match (blocks, phase.bound.duration) {
        (Some(blocks), _) => Cut::Arrivals {
            first,
            count,
            each: blocks * arms,
        },
        (None, Some(duration)) => Cut::Time {
            first,
            count,
            each: duration / u32::from(count),
        },
        (None, None) => Cut::Arrivals {
            first,
            count: 1,
            each: u64::MAX,
        },
    };
    PhaseOrder { stretch, cut }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PhaseId;

    fn order(arms: u64, stretch: u64) -> Order {
        Order {
            seed: Seed(7),
            arms,
            phases: vec![PhaseOrder {
                stretch,
                cut: Cut::Arrivals {
                    first: 0,
                    count: 10,
                    each: 60,
                },
            }],
        }
    }

    fn id(number: u64) -> ArrivalId {
        ArrivalId {
            phase: PhaseId(0),
            number,
        }
    }

    #[test]
    fn within_a_block_each_arm_asks_the_same() {
        for (arms, stretch) in [(2, 1), (3, 1), (2, 15), (4, 5)] {
            let order = order(arms, stretch);
            let block = arms * stretch;
            let mut firsts = std::collections::BTreeSet::new();
            for start in (0..600).step_by(block as usize) {
                let all: Vec<_> = (start..start + block).map(|n| order.of(id(n))).collect();
                firsts.insert(all[0].0);
                for arm in 0..arms as u16 {
                    let of_arm = all.iter().filter(|(at, _)| *at == ArmId(arm));
                    let asks: Vec<u64> = of_arm.map(|(_, asks)| asks.number).collect();
                    let wanted: Vec<u64> = (start / arms..start / arms + stretch).collect();
                    assert_eq!(asks, wanted);
                }
            }
            assert_eq!(
                firsts.len() as u64,
                arms,
                "each arm goes first now and then"
            );
        }
    }

    #[test]
    fn a_slice_has_as_many_of_each_arm_and_what_comes_late_counts_in_the_last() {
        let order = order(3, 1);
        let mut counts = [[0; 3]; 10];
        for number in 0..600 {
            let slice = order.slice(id(number), Duration::ZERO).unwrap();
            counts[usize::from(slice)][usize::from(order.of(id(number)).0.0)] += 1;
        }
        assert!(counts.iter().flatten().all(|count| *count == 20));
        assert_eq!(order.slice(id(10_000), Duration::ZERO), Some(9));
    }
}
