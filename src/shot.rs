//! Arrival to request bytes; pure: the same arrival of the same run gives the same bytes.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::base::Marker;
use crate::dialect::{Ask, Dialect, Role};
use crate::plan::{ArmId, ArrivalId, Plan, RecipeId};
use crate::scenario::{Kind, Moment, Place, Prompt, Template};
use crate::schedule::Arrival;

/// A request that is ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Shot {
    /// The arrival that it answers.
    pub id: ArrivalId,
    /// The wire format of its body and of the answer.
    pub dialect: Dialect,
    /// The path below the target's base URL.
    pub path: Cow<'static, str>,
    /// The headers that the scenario adds.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// Whether the answer is to be streamed.
    pub stream: bool,
}

/// Without what it says: that may be keys.
impl fmt::Debug for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shot")
            .field("id", &self.id)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Headers that a scenario adds to a request; cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<[(HeaderName, HeaderValue)]>>);

impl Headers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter().flat_map(|headers| headers.iter())
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(headers: I) -> Self {
        Self(Some(headers.into_iter().collect()))
    }
}

/// By their names alone: the values may be keys.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|h| &h.0)).finish()
    }
}

/// The request of an arrival.
pub fn build(plan: &Plan, arrival: &Arrival) -> Shot {
    let moment = moment(plan, arrival);
    let begun = begin(plan, arrival, &moment);
    shot(plan, arrival, &begun, None, &moment)
}

/// What a request would say, without its secrets: its path, its further headers and its body.
pub fn example(
    plan: &Plan,
    arrival: &Arrival,
) -> (Cow<'static, str>, Vec<(String, String)>, String) {
    let moment = Moment {
        secrets: false,
        ..moment(plan, arrival)
    };
    let body = end(plan, arrival, &begin(plan, arrival, &moment), &moment);
    let headers = &plan.recipe(arrival.arm, arrival.recipe).extra.headers;
    let value = |template: &Template| {
        let mut value = Vec::new();
        template.put(&mut value, &moment);
        String::from_utf8_lossy(&value).into_owned()
    };
    let headers = headers.iter().map(|(name, t)| (name.clone(), value(t)));
    let body = String::from_utf8_lossy(&body).into_owned();
    (path(plan, arrival), headers.collect(), body)
}

fn moment<'a>(plan: &'a Plan, arrival: &'a Arrival) -> Moment<'a> {
    Moment {
        run: plan.run_id(),
        arrival: &arrival.id,
        row: plan.draw_row(arrival.recipe, arrival.asks).unwrap_or(0),
        secrets: true,
    }
}

/// The fields that end a body differently for each arrival, if any do.
fn differing<'p>(plan: &'p Plan, arrival: &Arrival) -> Option<&'p Template> {
    let fields = plan.recipe(arrival.arm, arrival.recipe).extra.body.as_ref();
    fields.filter(|fields| fields.differs_by_arrival())
}

/// The body as far as all arrivals with the same row share it: all of it, unless its end differs.
fn begin(plan: &Plan, arrival: &Arrival, moment: &Moment<'_>) -> Bytes {
    let mut ask = plan.ask(arrival.arm, arrival.recipe, arrival.asks);
    if plan.scenario().marked {
        leave_room(&mut ask);
    }
    let mut body = dialect(plan, arrival.arm).encode_ask(&ask);
    let Some(fields) = &plan.recipe(arrival.arm, arrival.recipe).extra.body else {
        return body.into();
    };
    // A body is an object with at least a model: what follows goes in front of its brace.
    body.pop();
    body.push(b',');
    if differing(plan, arrival).is_none() {
        append(&mut body, fields, moment);
    }
    body.into()
}

/// The body from what was begun.
fn end(plan: &Plan, arrival: &Arrival, begun: &Bytes, moment: &Moment<'_>) -> Bytes {
    /// About how much the fields of an arrival take.
    const ROOM: usize = 512;
    let (fields, marker) = (differing(plan, arrival), plan.marker(arrival.id));
    if fields.is_none() && marker.is_none() {
        return begun.clone();
    }
    let mut body = Vec::with_capacity(begun.len() + ROOM);
    body.extend_from_slice(begun);
    if let Some(marker) = marker {
        mark(&mut body, marker);
    }
    if let Some(fields) = fields {
        append(&mut body, fields, moment);
    }
    body.into()
}

/// Puts a marker that is no request's yet in front of what the user says last.
fn leave_room(ask: &mut Ask) {
    let mut messages = ask.messages.iter_mut().rev();
    if let Some(message) = messages.find(|message| message.role == Role::User) {
        message.content.insert_str(0, &format!("{} ", Marker(0)));
    }
}

/// Makes the marker in a body that of its request.
fn mark(body: &mut [u8], marker: Marker) {
    if let Some((_, at)) = Marker::place(body) {
        body[at..at + Marker::LENGTH].copy_from_slice(marker.to_string().as_bytes());
    }
}

fn append(body: &mut Vec<u8>, fields: &Template, moment: &Moment<'_>) {
    fields.put(body, moment);
    body.push(b'}');
}

fn headers(plan: &Plan, arm: ArmId, recipe: RecipeId, moment: &Moment<'_>) -> Headers {
    let headers = &plan.recipe(arm, recipe).extra.headers;
    if headers.is_empty() {
        return Headers::default();
    }
    let built = headers.iter().map(|(name, template)| {
        let mut value = Vec::new();
        template.put(&mut value, moment);
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(&value);
        let mut value = value.expect("the scenario's values were checked");
        value.set_sensitive(true);
        (name.expect("the scenario's names were checked"), value)
    });
    built.collect()
}

fn shot(
    plan: &Plan,
    arrival: &Arrival,
    begun: &Bytes,
    kept: Option<&Headers>,
    moment: &Moment<'_>,
) -> Shot {
    let dialect = dialect(plan, arrival.arm);
    let (arm, recipe) = (arrival.arm, arrival.recipe);
    Shot {
        id: arrival.id,
        dialect,
        path: path(plan, arrival),
        headers: kept.map_or_else(|| headers(plan, arm, recipe, moment), Headers::clone),
        body: end(plan, arrival, begun, moment),
        stream: plan.recipe(arm, recipe).stream,
    }
}

/// The path below the target's base URL. A gateway that keeps nothing else of a request is told in it
/// which one it is.
fn path(plan: &Plan, arrival: &Arrival) -> Cow<'static, str> {
    let path = dialect(plan, arrival.arm).path();
    match plan.arm(arrival.arm).target.place {
        Place::Gateway {
            kind: Kind::RespanOss,
            ..
        } => format!("/{}-{}{path}", plan.run_id(), arrival.id).into(),
        _ => path.into(),
    }
}

fn dialect(plan: &Plan, arm: ArmId) -> Dialect {
    plan.arm(arm).target.dialect()
}

/// The most bytes of bodies that are kept.
const KEPT: usize = 64 << 20;

/// The requests of a plan, each prompt written once: arrivals that ask the same row share the body, or
/// its beginning, where its end differs for each.
pub struct Shots {
    plan: Arc<Plan>,
    /// For each arm, the body of each row of each recipe as far as its arrivals share it, once it was
    /// asked for.
    bodies: Vec<Vec<Vec<OnceLock<Bytes>>>>,
    /// For each arm, the headers of each recipe, where they never change.
    headers: Vec<Vec<Option<Headers>>>,
    room: AtomicUsize,
}

/// Without what is kept: that may be keys.
impl fmt::Debug for Shots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shots").finish_non_exhaustive()
    }
}

impl Shots {
    /// The requests of `plan`.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let rows = |prompt: &Prompt| match prompt {
            Prompt::Rows(rows) => rows.len(),
            Prompt::Synthetic(_) => 0,
        };
        let places = |count| (0..count).map(|_| OnceLock::new()).collect();
        let kept = |arm: ArmId, recipe: RecipeId| {
            let extra = &plan.recipe(arm, recipe).extra;
            let constant = extra.headers.iter().all(|(_, value)| value.is_constant());
            let moment = Moment {
                run: plan.run_id(),
                arrival: &"",
                row: 0,
                secrets: true,
            };
            constant.then(|| headers(plan, arm, recipe, &moment))
        };
        let bodies = plan.arms().map(|(_, arm)| {
            let recipes = arm.recipes.iter();
            recipes.map(|recipe| places(rows(&recipe.prompt))).collect()
        });
        let headers = plan.arms().map(|(id, arm)| {
            let recipes = (0..).map(RecipeId).zip(&arm.recipes);
            recipes.map(|(recipe, _)| kept(id, recipe)).collect()
        });
        Self {
            bodies: bodies.collect(),
            headers: headers.collect(),
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
        let (arm, recipe) = (usize::from(arrival.arm.0), usize::from(arrival.recipe.0));
        let row = self.plan.draw_row(arrival.recipe, arrival.asks);
        let moment = Moment {
            row: row.unwrap_or(0),
            run: self.plan.run_id(),
            arrival: &arrival.id,
            secrets: true,
        };
        let headers = self.headers[arm][recipe].as_ref();
        let place = row.map(|row| &self.bodies[arm][recipe][row]);
        if let Some(begun) = place.and_then(OnceLock::get) {
            return shot(&self.plan, arrival, begun, headers, &moment);
        }
        let begun = begin(&self.plan, arrival, &moment);
        if let Some(place) = place {
            let take = |room: usize| room.checked_sub(begun.len());
            let (order, load) = (Ordering::Relaxed, Ordering::Relaxed);
            if self.room.fetch_update(order, load, take).is_ok() {
                // Another worker may have been quicker, with the same bytes.
                let _ = place.set(begun.clone());
            }
        }
        shot(&self.plan, arrival, &begun, headers, &moment)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::{Money, Usd};
    use crate::pricing::{Price, PriceTable, TokenPrice};
    use crate::scenario::{Bound, Budget, Overrides, load};
    use crate::schedule;

    fn shipped(name: &str) -> Arc<Plan> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scenarios")
            .join(name);
        let key = |name: &str| name.ends_with("KEY").then(|| "planted-key".to_owned());
        let scenario = load(&path, &key, &[], &Overrides::default());
        let plan = Plan::new(scenario.expect("a shipped scenario has no problems"));
        Arc::new(plan.of_run(|| "run".to_owned()))
    }

    #[test]
    fn a_forecast_bounds_the_very_bodies_that_are_sent() {
        let mut scenario = shipped("respan-cache.yaml").scenario().clone();
        for phase in &mut scenario.phases {
            phase.bound = Bound {
                requests: Some(50),
                duration: None,
            };
        }
        let dollar: Usd = "1".parse().unwrap();
        let price = TokenPrice {
            input: dollar,
            cached_input: None,
            output: dollar,
        };
        let price = Price {
            per_million: Some(price),
            ..Price::default()
        };
        scenario.prices = Some(PriceTable {
            models: [("openai/gpt-lab".to_owned(), price)].into(),
            ..PriceTable::default()
        });
        scenario.budget = Some(Budget {
            usd: Money::from_nanos(1),
            max_pages: None,
        });
        let plan = Plan::new(scenario).of_run(|| "run".to_owned());
        let forecast = schedule::forecast(&plan);
        let bounds = forecast
            .recipes
            .iter()
            .filter_map(|recipe| recipe.bound_usd);
        let sent = |arrival: Arrival| {
            let recipe = plan.recipe(arrival.arm, arrival.recipe);
            let body = build(&plan, &arrival).body;
            plan.scenario().bound(recipe, body.len()).unwrap()
        };
        let sent: Money = schedule::arrivals(&plan).map(sent).sum();
        assert!(sent > Money::ZERO);
        assert_eq!(bounds.sum::<Money>(), sent);
    }

    #[test]
    fn keys_are_sent_and_are_in_no_debug_output() {
        let plan = shipped("respan-own-keys.yaml");
        let arrival = schedule::arrivals(&plan).next().unwrap();
        let shots = Shots::new(&plan);
        let shot = shots.of(&arrival);
        assert!(String::from_utf8_lossy(&shot.body).contains("planted-key"));
        let mut seen = format!("{plan:?} {shot:?} {:?} {shots:?}", shot.headers);
        let (_, _, example) = example(&plan, &arrival);
        seen += &example;
        assert!(!seen.contains("planted"), "{seen}");
    }

    #[test]
    fn a_body_that_differs_by_arrival_is_kept_as_far_as_it_does_not() {
        let plan = shipped("respan-cache.yaml");
        let shots = Shots::new(&plan);
        let mut bodies = std::collections::BTreeSet::new();
        for arrival in schedule::arrivals(&plan).take(1_000) {
            let shot = shots.of(&arrival);
            assert_eq!(shot, build(&plan, &arrival));
            let body: serde_json::Value = serde_json::from_slice(&shot.body).unwrap();
            assert_eq!(body["custom_identifier"], format!("run-{}", arrival.id));
            bodies.insert(shot.body);
        }
        assert_eq!(bodies.len(), 1_000);
        let kept = shots
            .bodies
            .iter()
            .flatten()
            .flatten()
            .filter_map(OnceLock::get);
        let kept: Vec<&Bytes> = kept.collect();
        assert!(!kept.is_empty() && kept.iter().all(|begun| begun.ends_with(b",")));
    }

    #[test]
    fn a_body_that_is_kept_is_the_one_that_would_be_built() {
        let plan = shipped("smoke.yaml");
        for room in [KEPT, 2_000, 0] {
            let shots = Shots::new(&plan);
            shots.room.store(room, Ordering::Relaxed);
            for arrival in schedule::arrivals(&plan).take(1_000) {
                let built = build(&plan, &arrival);
                assert_eq!(shots.of(&arrival), built);
                assert_eq!(shots.of(&arrival), built);
            }
            let kept = shots
                .bodies
                .iter()
                .flatten()
                .flatten()
                .filter_map(OnceLock::get);
            let kept: usize = kept.map(Bytes::len).sum();
            assert!(
                kept <= room && (kept > 0 || room < KEPT),
                "{kept} of {room}"
            );
        }
    }
}
