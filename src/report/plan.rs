//! What a plan would send, for a terminal.

use std::time::Duration;

use super::example::Example;
use super::needed::{self, Needed};
use super::table::Table;
use crate::base::{HumanDuration, Money};
use crate::plan::Plan;
use crate::scenario::{Arm, Place};
use crate::schedule::{Forecast, RecipeForecast};

/// The forecast of a plan, and what its requests would say.
pub fn plan(plan: &Plan, forecast: &Forecast, needed: &[Needed], examples: &[Example]) -> String {
    let scenario = plan.scenario();
    let named = |arm: &Arm| match &arm.target.place {
        Place::Lab { .. } => format!("{} (embedded)", arm.target.name),
        Place::Gateway { url, .. } => format!("{} ({url})", arm.target.name),
    };
    let target = match scenario.arms.as_slice() {
        [only] => named(only),
        arms => arms
            .iter()
            .map(|arm| arm.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let mut out = format!(
        "{} against {target}\nplan {} · seed {} · nothing is sent\n\n",
        scenario.name,
        plan.digest(),
        scenario.seed.0
    );
    out += &phases(forecast);
    out += &recipes(forecast);
    let requests = in_words(forecast.arrivals.map(|n| n.to_string()));
    out += &format!(
        "\narrivals   {requests}\nduration   {}\n",
        whole_length(plan, forecast)
    );
    out += &format!("cost       {}\n", cost(scenario.prices.is_some(), forecast));
    out += &budget(forecast);
    if scenario.overhead.is_none() {
        out += &needed::table(plan, needed);
    }
    if forecast.scaled {
        out += "\nFigures of long phases are scaled up from their first 20000 arrivals.\n";
    }
    for example in examples {
        out += &format!("\n{example}");
    }
    out
}

/// The same in a few words: how many requests, for how long, and what they cost.
pub fn plan_in_brief(plan: &Plan, forecast: &Forecast) -> String {
    let scenario = plan.scenario();
    let requests = match forecast.arrivals {
        Some(1) => "1 request".to_owned(),
        Some(n) => format!("{n} requests"),
        None => "as many requests as are answered".to_owned(),
    };
    let length = whole_length(plan, forecast);
    let (least, _) = total(forecast, |recipe| recipe.min_cost_usd);
    let (most, unbounded) = total(forecast, |recipe| recipe.max_cost_usd);
    let cost = if scenario.prices.is_none() {
        "no prices".to_owned()
    } else if forecast.arrivals.is_none() || unbounded > 0 {
        format!("{least} and more")
    } else {
        format!("{least} to {most}")
    };
    format!("{requests}, {length}, {cost}")
}

fn in_words(known: Option<String>) -> String {
    known.unwrap_or_else(|| "as many as are answered".to_owned())
}

/// How long a plan takes. Where answers decide over a part of it, the rest is the least.
fn whole_length(plan: &Plan, forecast: &Forecast) -> String {
    let phases = plan.scenario().phases.iter();
    let by_time: Duration = phases.filter_map(|phase| phase.bound.duration).sum();
    if forecast.seconds.is_none() && !by_time.is_zero() {
        return format!("{} and more", HumanDuration(by_time));
    }
    length(forecast.seconds)
}

fn length(seconds: Option<f64>) -> String {
    let rounded = |s: f64| HumanDuration(Duration::from_millis((s * 1e3).round() as u64));
    seconds.map_or_else(
        || "as long as the answers take".to_owned(),
        |s| rounded(s).to_string(),
    )
}

fn phases(forecast: &Forecast) -> String {
    let mut table = Table::new(2, &["phase", "load", "arrivals", "duration"]);
    for phase in &forecast.phases {
        let kept_apart = if phase.warmup { " (warm-up)" } else { "" };
        table.row([
            format!("{}{kept_apart}", phase.name),
            phase.shape.clone(),
            in_words(phase.arrivals.map(|n| n.to_string())),
            length(phase.seconds),
        ]);
    }
    table.render(0)
}

fn recipes(forecast: &Forecast) -> String {
    let head = [
        "recipe",
        "model",
        "requests",
        "input tokens",
        "max output",
        "cost at least",
        "at most",
    ];
    let mut table = Table::new(2, &head);
    let money = |amount: Option<Money>| amount.map_or("unknown".to_owned(), |m| m.to_string());
    for recipe in &forecast.recipes {
        table.row([
            match &recipe.arm {
                Some(arm) => format!("{arm}/{}", recipe.name),
                None => recipe.name.clone(),
            },
            recipe.model.clone(),
            recipe.requests.to_string(),
            format!("~{}", recipe.input_tokens),
            recipe
                .max_output_tokens
                .map_or("unlimited".to_owned(), |n| n.to_string()),
            money(recipe.min_cost_usd),
            money(recipe.max_cost_usd),
        ]);
    }
    format!("\n{}", table.render(0))
}

/// The budget beside what would be reserved of it, and a warning where the plan may not fit.
fn budget(forecast: &Forecast) -> String {
    let Some(budget) = forecast.budget_usd else {
        return String::new();
    };
    if forecast.arrivals.is_none() {
        return format!("budget     {budget}: the run stops before it could cost more\n");
    }
    let sum = |pick: fn(&RecipeForecast) -> Option<Money>| -> Money {
        forecast.recipes.iter().filter_map(pick).sum()
    };
    let bound = sum(|recipe| recipe.bound_usd);
    let least = sum(|recipe| recipe.min_cost_usd);
    // A recipe without an estimate, such as one priced by the page, counts with its bound.
    let most = sum(|recipe| recipe.max_cost_usd.or(recipe.bound_usd));
    let out = format!("budget     {budget}; the upper bound of all requests is {bound}\n");
    let warning = if least > budget {
        format!(
            "the prompts alone pass the budget by {}: the run will stop early",
            least - budget
        )
    } else if most > budget {
        format!(
            "the estimate passes the budget by up to {}: the run may stop early",
            most - budget
        )
    } else {
        return out;
    };
    format!("{out}warning: {warning}\n")
}

/// The whole cost, from the prompts alone to answers as long as they may be.
fn cost(priced: bool, forecast: &Forecast) -> String {
    if !priced {
        return "unknown: the scenario names no price table".to_owned();
    }
    let (least, _) = total(forecast, |recipe| recipe.min_cost_usd);
    let (most, unbounded) = total(forecast, |recipe| recipe.max_cost_usd);
    if forecast.arrivals.is_none() {
        return format!(
            "{least} at least; how many requests a closed loop gets done in its time is not known, and not in it"
        );
    }
    match unbounded {
        0 => format!("{least} to {most} by estimated prompts and the longest answers"),
        1 => format!("{least} at least; 1 recipe has no upper bound"),
        n => format!("{least} at least; {n} recipes have no upper bound"),
    }
}

/// The sum of what is known of the recipes, and of how many it is not.
fn total(forecast: &Forecast, pick: fn(&RecipeForecast) -> Option<Money>) -> (Money, usize) {
    let known: Money = forecast.recipes.iter().filter_map(pick).sum();
    let recipes = forecast.recipes.iter();
    (
        known,
        recipes.filter(|recipe| pick(recipe).is_none()).count(),
    )
}
