//! What a plan's requests would say, without their keys.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::Message;
use crate::plan::{ArmId, ArrivalId, PhaseId, Plan, RecipeId};
use crate::scenario::Arm;
use crate::schedule::{self, Due};
use crate::shot;

/// Arrivals that are looked at for one of each recipe.
const LOOKED_AT: u64 = 1_000;
/// Characters of a message that are shown.
const SHOWN: usize = 60;

/// What a request would say.
#[derive(Debug, Serialize)]
pub struct Example {
    #[serde(skip_serializing_if = "Option::is_none")]
    arm: Option<String>,
    recipe: String,
    arrival: ArrivalId,
    path: Cow<'static, str>,
    headers: Vec<(String, String)>,
    body: Body,
}

/// The fields of a body in their order.
#[derive(Debug)]
struct Body(Vec<(String, Box<RawValue>)>);

/// A request of each recipe that says more than model and prompt.
pub fn examples(plan: &Plan) -> Vec<Example> {
    let several = plan.scenario().arms.len() > 1;
    let says_more =
        |(arm, recipe): &(ArmId, RecipeId)| !plan.recipe(*arm, *recipe).extra.is_empty();
    let of = |(arm, id): (ArmId, RecipeId)| {
        let phase = PhaseId(plan.phases().position(|(_, phase)| !phase.warmup)? as u16);
        let mut arrivals =
            (0..LOOKED_AT).map(|n| schedule::arrival(plan, phase, n, Due::WhenReady));
        let arrival = arrivals.find(|arrival| (arrival.arm, arrival.recipe) == (arm, id))?;
        let (path, headers, body) = shot::example(plan, &arrival);
        Some(Example {
            arm: several.then(|| plan.arm(arm).name.clone()),
            recipe: plan.recipe(arm, id).name.clone(),
            arrival: arrival.id,
            path,
            headers,
            body: serde_json::from_str(&body).expect("a body is an object"),
        })
    };
    let of_arm = |(arm, asked): (ArmId, &Arm)| {
        let recipes = (0..asked.recipes.len()).map(move |n| (arm, RecipeId(n as u16)));
        recipes.collect::<Vec<_>>()
    };
    let all = plan.arms().flat_map(of_arm);
    all.filter(says_more).filter_map(of).collect()
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arm = self.arm.as_ref().map(|arm| format!("{arm}/"));
        let arm = arm.unwrap_or_default();
        writeln!(f, "a request of {arm}{} ({})", self.recipe, self.arrival)?;
        writeln!(f, "  POST {}", self.path)?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {value}")?;
        }
        writeln!(f, "  {{")?;
        for (index, (name, value)) in self.body.0.iter().enumerate() {
            let comma = if index + 1 < self.body.0.len() {
                ","
            } else {
                ""
            };
            let short = (name == "messages").then(|| shortened(value)).flatten();
            let value = short.as_deref().unwrap_or(value.get());
            writeln!(
                f,
                "    {}: {value}{comma}",
                serde_json::Value::from(name.as_str())
            )?;
        }
        writeln!(f, "  }}")
    }
}

/// Messages with the beginning of each text.
fn shortened(messages: &RawValue) -> Option<String> {
    let mut messages: Vec<Message> = serde_json::from_str(messages.get()).ok()?;
    for message in &mut messages {
        if let Some((end, _)) = message.content.char_indices().nth(SHOWN) {
            message.content.truncate(end);
            message.content.push('…');
        }
    }
    serde_json::to_string(&messages).ok()
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Body(fields))
    }
}
