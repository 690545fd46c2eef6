//! Arrival to request bytes; pure: the same arrival gives the same bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::dialect::Dialect;
use crate::plan::{ArrivalId, Plan};
use crate::scenario::{Place, Prompt};
use crate::schedule::Arrival;

/// A request that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The arrival that it answers.
    pub id: ArrivalId,
    /// The wire format of its body and of the answer.
    pub dialect: Dialect,
    /// The path below the target's base URL.
    pub path: &'static str,
    /// The body.
    pub body: Bytes,
    /// Whether the answer is to be streamed.
    pub stream: bool,
}

/// The request of an arrival.
pub fn build(plan: &Plan, arrival: &Arrival) -> Shot {
    let dialect = dialect(plan);
    let ask = plan.ask(arrival.recipe, arrival.id);
    Shot {
        id: arrival.id,
        dialect,
        path: dialect.path(),
        body: Bytes::from(dialect.encode_ask(&ask)),
        stream: ask.stream,
    }
}

fn dialect(plan: &Plan) -> Dialect {
    match &plan.scenario().target.place {
        Place::Gateway { dialect, .. } => *dialect,
        Place::Lab { .. } => Dialect::OpenaiChat,
    }
}

/// The most bytes of bodies that are kept.
const KEPT: usize = 64 << 20;

/// The requests of a plan, each body written once: arrivals that ask the same send the same bytes.
#[derive(Debug)]
pub struct Shots {
    plan: Arc<Plan>,
    /// The body of each row of each recipe, once it was asked for.
    bodies: Vec<Vec<OnceLock<Bytes>>>,
    room: AtomicUsize,
}

impl Shots {
    /// The requests of `plan`.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let rows = |prompt: &Prompt| match prompt {
            Prompt::Rows(rows) => rows.len(),
            Prompt::Synthetic(_) => 0,
        };
        let recipes = plan.scenario().recipes.iter();
        let places = |count| (0..count).map(|_| OnceLock::new()).collect();
        Self {
            bodies: recipes.map(|recipe| places(rows(&recipe.prompt))).collect(),
            plan: Arc::clone(plan),
            room: AtomicUsize::new(KEPT),
        }
    }

    /// The plan.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The request of an arrival, as [`build`] makes it.
    pub fn of(&self, arrival: &Arrival) -> Shot {
        let row = self.plan.draw_row(arrival.recipe, arrival.id);
        let place = row.map(|row| &self.bodies[usize::from(arrival.recipe.0)][row]);
        if let Some(body) = place.and_then(OnceLock::get) {
            let dialect = dialect(&self.plan);
            return Shot {
                id: arrival.id,
                dialect,
                path: dialect.path(),
                body: body.clone(),
                stream: self.plan.recipe(arrival.recipe).stream,
            };
        }
        let shot = build(&self.plan, arrival);
        if let Some(place) = place {
            let take = |room: usize| room.checked_sub(shot.body.len());
            let (order, load) = (Ordering::Relaxed, Ordering::Relaxed);
            if self.room.fetch_update(order, load, take).is_ok() {
                // Another worker may have been quicker, with the same bytes.
                let _ = place.set(shot.body.clone());
            }
        }
        shot
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{Overrides, load};
    use crate::schedule;

    #[test]
    fn a_body_that_is_kept_is_the_one_that_would_be_built() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/smoke.yaml");
        let scenario = load(&path, &|_| None, &[], &Overrides::default());
        let plan = Arc::new(Plan::new(
            scenario.expect("a shipped scenario has no problems"),
        ));
        for room in [KEPT, 2_000, 0] {
            let shots = Shots::new(&plan);
            shots.room.store(room, Ordering::Relaxed);
            for arrival in schedule::arrivals(&plan).take(1_000) {
                let built = build(&plan, &arrival);
                assert_eq!(shots.of(&arrival), built);
                assert_eq!(shots.of(&arrival), built);
            }
            let kept = shots.bodies.iter().flatten().filter_map(OnceLock::get);
            let kept: usize = kept.map(Bytes::len).sum();
            assert!(
                kept <= room && (kept > 0 || room < KEPT),
                "{kept} of {room}"
            );
        }
    }
}
