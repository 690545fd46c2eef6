//! What a plan would send: requests, tokens, time and money, before anything is sent.

use std::time::Duration;

use serde::Serialize;

use super::{Arrival, phase_arrivals, planned_arrivals, planned_length};
use crate::base::{Money, tokens};
use crate::plan::{PhaseId, Plan};
use crate::scenario::{Arm, Moment, Recipe};

/// Arrivals of a phase that are looked at one by one; beyond, their figures are scaled up.
const LOOKED_AT: usize = 20_000;

/// What a plan would send.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Phase by phase.
    pub phases: Vec<PhaseForecast>,
    /// Recipe by recipe, over all phases whose arrivals can be counted.
    pub recipes: Vec<RecipeForecast>,
    /// All arrivals; `None` where a closed loop is bounded by time alone.
    pub arrivals: Option<u64>,
    /// How long the arrivals take, in seconds; `None` where the answers decide.
    pub seconds: Option<f64>,
    /// The budget, in US dollars, where there is one.
    pub budget_usd: Option<Money>,
    /// Whether figures were scaled up from the first arrivals of a long phase.
    pub scaled: bool,
}

/// What a phase would send.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseForecast {
    /// The phase's name.
    pub name: String,
    /// Whether it is kept apart from every figure.
    pub warmup: bool,
    /// The shape in words.
    pub shape: String,
    /// How many arrivals; `None` where the answers decide.
    pub arrivals: Option<u64>,
    /// How long they take, in seconds; `None` where the answers decide.
    pub seconds: Option<f64>,
}

/// What a recipe would send.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecipeForecast {
    /// The arm, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// The recipe's name.
    pub name: String,
    /// The model.
    pub model: String,
    /// How many requests.
    pub requests: u64,
    /// Estimated tokens of the prompts.
    pub input_tokens: u64,
    /// The most tokens that the answers can have; `None` where the recipe sets no `max_tokens`.
    pub max_output_tokens: Option<u64>,
    /// Estimated cost of the prompts alone; `None` where the price is unknown.
    pub min_cost_usd: Option<Money>,
    /// Estimated cost if every answer is as long as it may be; `None` where that can't be known.
    pub max_cost_usd: Option<Money>,
    /// What a budget would reserve for all of them together; `None` without a budget.
    pub bound_usd: Option<Money>,
}

/// Works out what a plan would send. It looks at the very arrivals that the run will make.
pub fn forecast(plan: &Plan) -> Forecast {
    let several = plan.scenario().arms.len() > 1;
    let of_arm = |(_, arm): (_, &Arm)| {
        let name = several.then(|| arm.name.clone());
        let recipes = arm.recipes.iter().map(move |recipe| RecipeForecast {
            arm: name.clone(),
            name: recipe.name.clone(),
            model: recipe.model.clone(),
            ..RecipeForecast::default()
        });
        recipes.collect::<Vec<_>>()
    };
    let mut recipes: Vec<RecipeForecast> = plan.arms().flat_map(of_arm).collect();
    let mut scaled = false;
    let phases: Vec<PhaseForecast> = plan
        .phases()
        .map(|(id, phase)| {
            let arrivals = planned_arrivals(plan, id);
            if let Some(total) = arrivals {
                scaled |= total > LOOKED_AT as u64;
                add_requests(plan, id, total, &mut recipes);
            }
            PhaseForecast {
                name: phase.name.clone(),
                warmup: phase.warmup,
                shape: phase.in_words(),
                arrivals,
                seconds: planned_length(plan, id).as_ref().map(Duration::as_secs_f64),
            }
        })
        .collect();
    for (index, recipe) in recipes.iter_mut().enumerate() {
        add_cost(plan, index, recipe);
    }
    Forecast {
        arrivals: phases.iter().map(|phase| phase.arrivals).sum(),
        seconds: phases.iter().map(|phase| phase.seconds).sum(),
        budget_usd: plan.scenario().budget.map(|budget| budget.usd),
        phases,
        recipes,
        scaled,
    }
}

fn add_requests(plan: &Plan, id: PhaseId, total: u64, recipes: &mut [RecipeForecast]) {
    let scenario = plan.scenario();
    let mut counts = vec![(0_u64, 0_u64, Money::ZERO); recipes.len()];
    let looked_at = total.min(LOOKED_AT as u64);
    for arrival in phase_arrivals(plan, id)
        .take(LOOKED_AT)
        .take(looked_at as usize)
    {
        let (arm, recipe) = (arrival.arm, arrival.recipe);
        let ask = plan.ask(arm, recipe, arrival.asks);
        let place = usize::from(arm.0) * scenario.recipes().len() + usize::from(recipe.0);
        let (requests, input, bound) = &mut counts[place];
        *requests += 1;
        *input += ask
            .messages
            .iter()
            .map(|message| tokens::estimate(&message.content))
            .sum::<u64>();
        if scenario.budget.is_some() {
            let bytes = plan.arm(arm).target.dialect().encode_ask(&ask).len();
            let asked = plan.recipe(arm, recipe);
            let most = scenario.bound(asked, bytes + more_bytes(plan, asked, &arrival));
            *bound += most.unwrap_or_default();
        }
    }
    let scale = |n: u64| (u128::from(n) * u128::from(total) / u128::from(looked_at.max(1))) as u64;
    for (recipe, (requests, input, bound)) in recipes.iter_mut().zip(counts) {
        recipe.requests += scale(requests);
        recipe.input_tokens += scale(input);
        if scenario.budget.is_some() {
            let nanos = scale(u64::try_from(bound.nanos()).unwrap_or(0));
            let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
            *recipe.bound_usd.get_or_insert_default() += Money::from_nanos(nanos);
        }
    }
}

/// The bytes of the further fields of a body, and of the comma in front of them.
fn more_bytes(plan: &Plan, recipe: &Recipe, arrival: &Arrival) -> usize {
    let Some(fields) = &recipe.extra.body else {
        return 0;
    };
    let mut more = b",".to_vec();
    let moment = Moment {
        run: plan.run_id(),
        arrival: &arrival.id,
        row: plan.draw_row(arrival.recipe, arrival.asks).unwrap_or(0),
        secrets: true,
    };
    fields.put(&mut more, &moment);
    more.len()
}

fn add_cost(plan: &Plan, index: usize, recipe: &mut RecipeForecast) {
    let scenario = plan.scenario();
    let recipes = scenario.recipes();
    let max_tokens = recipes[index % recipes.len()].max_tokens.map(u64::from);
    recipe.max_output_tokens = max_tokens.map(|max| max * recipe.requests);
    let Some(price) = scenario
        .prices
        .as_ref()
        .and_then(|t| t.models.get(&recipe.model))
    else {
        return;
    };
    let cost = |output| price.estimate(recipe.requests, recipe.input_tokens, output);
    (recipe.min_cost_usd, recipe.max_cost_usd) = (cost(0), recipe.max_output_tokens.and_then(cost));
}
