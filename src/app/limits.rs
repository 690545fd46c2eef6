//! How many connections a plan may need at once, against how many this process may have open.

use crate::plan::Plan;
use crate::scenario::{Place, Shape, Via};
use crate::schedule::planned_arrivals;

/// Descriptors besides connections: files of results, the terminal, and what each worker waits with.
const RESERVE: u64 = 64;
const OF_A_WORKER: u64 = 8;

/// What to say where the plan may need more than this process may have.
pub(super) fn shortage(plan: &Plan, workers: u64, open_files: u64) -> Option<String> {
    let connections = connections(plan);
    let needed = connections * ends(plan) + RESERVE + OF_A_WORKER * workers;
    (needed > open_files).then(|| {
        format!(
            "warning: the plan may need {connections} connections at once, and {needed} open files with \
             all else; this process may have {open_files}. Requests beyond that will fail as \
             `client_limit`\nhelp: raise the hard limit (`ulimit -Hn {needed}`, as root), or lower the \
             concurrency or max_in_flight"
        )
    })
}

/// The most requests that may be in flight.
fn connections(plan: &Plan) -> u64 {
    let of_phases = plan.phases().map(|(id, phase)| match &phase.shape {
        Shape::Closed { concurrency, .. } => u64::from(*concurrency),
        Shape::Open { max_in_flight, .. } => {
            let most = u64::from(*max_in_flight);
            planned_arrivals(plan, id).map_or(most, |arrivals| most.min(arrivals))
        }
    });
    of_phases.max().unwrap_or(0)
}

/// Descriptors that a connection takes: the embedded lab holds its other ends.
fn ends(plan: &Plan) -> u64 {
    let of = |place: &Place| match place {
        Place::Gateway { .. } => 1,
        Place::Lab {
            via: Via::Provider, ..
        } => 2,
        Place::Lab {
            via: Via::Gateway, ..
        } => 4,
    };
    let arms = plan.arms().map(|(_, arm)| of(&arm.target.place));
    arms.max().unwrap_or(1)
}
