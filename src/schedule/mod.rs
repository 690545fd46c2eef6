//! Plan to arrivals: pure arithmetic, no clock.
//!
//! Load shapes differ only in *when* an arrival is due. An open loop's instants are known before the
//! run; a closed loop's next arrival is due when a user is ready, which only the run can tell.

mod forecast;
mod pace;

use std::time::Duration;

use crate::plan::{ArmId, ArrivalId, PhaseId, Plan, RecipeId};
use crate::scenario::Shape;

pub use forecast::{Forecast, PhaseForecast, RecipeForecast, forecast};
use pace::Instants;

/// One request that the plan calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its place in the plan.
    pub id: ArrivalId,
    /// When it should start.
    pub due: Due,
    /// What kind of request it is.
    pub recipe: RecipeId,
    /// Which arm of a comparison it belongs to.
    pub arm: ArmId,
    /// The arrival whose draws decide what it asks: the arms of a comparison ask the same.
    pub asks: ArrivalId,
}

/// When an arrival should start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// So long after its phase began, whatever else happens.
    At(Duration),
    /// As soon as a user of the closed loop is ready.
    WhenReady,
}

/// A share of the work: this one of so many. Shares partition the arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which share, from 0.
    pub index: u64,
    /// How many shares there are.
    pub of: u64,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether an arrival is in this share.
    pub const fn has(self, id: ArrivalId) -> bool {
        id.number % self.of == self.index
    }

    /// This share's part of `total` things, such as users or places in flight: the parts add up,
    /// and no part is zero unless there are more shares than things.
    pub const fn part(self, total: u32) -> u32 {
        let (of, index) = (self.of as u32, self.index as u32);
        total / of + (index < total % of) as u32
    }
}

/// One arrival of a phase, by its number.
pub fn arrival(plan: &Plan, phase: PhaseId, number: u64, due: Due) -> Arrival {
    let id = ArrivalId { phase, number };
    let (arm, asks) = plan.assign(id);
    Arrival {
        id,
        due,
        recipe: plan.draw_recipe(asks),
        arm,
        asks,
    }
}

/// The arrivals of one phase, in order. An open loop's are all of them; a closed loop that is bounded
/// by time alone goes on without end, and the run decides how many of them come.
pub fn phase_arrivals(plan: &Plan, phase: PhaseId) -> impl Iterator<Item = Arrival> {
    let spec = &plan.scenario().phases[usize::from(phase.0)];
    let instants = match &spec.shape {
        Shape::Closed { .. } => None,
        Shape::Open { pace, .. } => Some(Instants::new(*pace, plan.scenario().seed, phase)),
    };
    let limit = spec.bound.requests.unwrap_or(u64::MAX);
    let end = spec.bound.duration.unwrap_or(Duration::MAX);
    let mut instants = instants;
    (0..limit).map_while(move |number| {
        let due = match &mut instants {
            None => Due::WhenReady,
            Some(instants) => Due::At(instants.next().filter(|due| *due < end)?),
        };
        Some(arrival(plan, phase, number, due))
    })
}

/// All arrivals of a plan, phase after phase.
pub fn arrivals(plan: &Plan) -> impl Iterator<Item = Arrival> {
    plan.phases()
        .flat_map(move |(id, _)| phase_arrivals(plan, id))
}

/// How many arrivals a phase has by the plan: `None` for a closed loop bounded by time, where the
/// answers decide.
pub fn planned_arrivals(plan: &Plan, phase: PhaseId) -> Option<u64> {
    let spec = &plan.scenario().phases[usize::from(phase.0)];
    match spec.shape {
        Shape::Closed { .. } if spec.bound.duration.is_some() => None,
        Shape::Closed { .. } => spec.bound.requests,
        Shape::Open { pace, .. } => {
            Some(pace::count(pace, plan.scenario().seed, phase, spec.bound))
        }
    }
}

/// The rate of a phase's arrivals by the plan, per second, so long after its start: `None` for a closed
/// loop, where the answers decide.
pub fn planned_rate(plan: &Plan, phase: PhaseId, at: Duration) -> Option<f64> {
    match plan.scenario().phases[usize::from(phase.0)].shape {
        Shape::Closed { .. } => None,
        Shape::Open { pace, .. } => Some(pace::rate(pace, at)),
    }
}

/// How long the arrivals of a phase take by the plan: `None` for a closed loop bounded by requests,
/// whose length the answers decide.
pub fn planned_length(plan: &Plan, phase: PhaseId) -> Option<Duration> {
    let spec = &plan.scenario().phases[usize::from(phase.0)];
    let by_count = match (&spec.shape, spec.bound.requests) {
        (Shape::Open { pace, .. }, Some(requests)) => Some(pace::expected_length(*pace, requests)),
        _ => None,
    };
    match (spec.bound.duration, by_count) {
        (Some(duration), Some(count)) => Some(duration.min(count)),
        (duration, count) => match spec.shape {
            // A bound by requests may end a closed loop before its duration.
            Shape::Closed { .. } if spec.bound.requests.is_some() => None,
            _ => duration.or(count),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_a_whole_add_up() {
        for of in 1..=7_u64 {
            for total in [1_u32, 2, 5, 512, 10_000] {
                let parts = (0..of).map(|index| Share { index, of }.part(total));
                assert_eq!(parts.sum::<u32>(), total);
            }
        }
    }

    proptest! {
        #[test]
        fn shares_partition_the_arrivals(number: u64, of in 1_u64..64) {
            let id = ArrivalId { phase: PhaseId(0), number };
            let owners = (0..of).filter(|index| Share { index: *index, of }.has(id)).count();
            prop_assert_eq!(owners, 1);
        }
    }
}
