//! A finished request as a log takes it. What was asked and answered is not in it.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::base::{Money, Offset, Usage};
use crate::plan::ArrivalId;
use crate::results::RunInfo;
use crate::sample::{Metric, Sample};
use crate::wire::Outcome;

/// What is kept of a finished request until it is sent.
#[derive(Clone, Debug)]
pub(super) struct Row {
    id: ArrivalId,
    arm: u16,
    recipe: u16,
    stream: bool,
    outcome: Outcome,
    status: Option<u16>,
    error: Option<String>,
    usage: Option<Usage>,
    cost: Option<Money>,
    latency: Option<Duration>,
    ttft: Option<Duration>,
    started: Offset,
    ended: Offset,
}

impl Row {
    pub(super) fn of(sample: &Sample) -> Self {
        let exchange = &sample.exchange;
        Self {
            id: sample.id,
            arm: sample.arm.0,
            recipe: sample.recipe.0,
            stream: sample.stream,
            outcome: exchange.outcome,
            status: exchange.status,
            error: exchange.error.clone(),
            usage: exchange.usage,
            cost: sample.cost,
            latency: sample.time(Metric::Service),
            ttft: sample.time(Metric::TtftService),
            started: exchange.marks.sent.unwrap_or(sample.due),
            ended: sample.end(),
        }
    }
}

/// What all rows of a run share.
pub(super) struct Names {
    run_id: String,
    scenario: String,
    recipes: Vec<String>,
    /// The models that are asked, by recipe, for each arm; and its name where there are several.
    arms: Vec<(Option<String>, Vec<String>)>,
    /// The run's start.
    started: OffsetDateTime,
}

/// A row on the wire. Times are seconds, money is US dollars.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    custom_identifier: String,
    log_type: &'static str,
    model: &'a str,
    stream: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_hit_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_token: Option<f64>,
    start_time: String,
    timestamp: String,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    run: &'a str,
    scenario: &'a str,
    recipe: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arm: Option<&'a str>,
}

impl Names {
    pub(super) fn new(info: &RunInfo, started: OffsetDateTime) -> Self {
        let recipes = info.recipes.iter();
        let models = recipes.clone().map(|recipe| recipe.model.clone());
        let arms = info.arms.iter();
        let mut arms: Vec<_> = arms
            .map(|arm| (Some(arm.name.clone()), arm.models.clone()))
            .collect();
        if arms.is_empty() {
            arms.push((None, models.collect()));
        }
        Self {
            arms,
            run_id: info.run_id.clone(),
            scenario: info.scenario.clone(),
            recipes: recipes.map(|recipe| recipe.name.clone()).collect(),
            started,
        }
    }

    /// The row as it is sent.
    pub(super) fn entry<'a>(&'a self, row: &'a Row) -> Entry<'a> {
        let of_recipe = |names: &'a [String]| {
            let name = names.get(usize::from(row.recipe));
            name.map_or("", String::as_str)
        };
        let arm = self.arms.get(usize::from(row.arm));
        let model = arm.map_or("", |(_, models)| of_recipe(models));
        let arm = arm.and_then(|(name, _)| name.as_deref());
        let recipe = of_recipe(&self.recipes);
        let ok = row.outcome == Outcome::Ok;
        let said = || match &row.error {
            Some(error) => format!("{}: {error}", row.outcome),
            None => row.outcome.to_string(),
        };
        let usage = row.usage.as_ref();
        let cached = usage.map(|usage| usage.cached_input_tokens);
        Entry {
            custom_identifier: format!("{}-{}", self.run_id, row.id),
            log_type: "chat",
            model,
            stream: row.stream,
            status: if ok { "success" } else { "error" },
            status_code: row.status,
            error_message: (!ok).then(said),
            prompt_tokens: usage.map(|usage| usage.input_tokens),
            completion_tokens: usage.map(|usage| usage.output_tokens),
            prompt_cache_hit_tokens: cached.filter(|cached| *cached > 0),
            cost: row.cost,
            latency: row.latency.map(|time| time.as_secs_f64()),
            time_to_first_token: row.ttft.map(|time| time.as_secs_f64()),
            start_time: self.written(row.started),
            timestamp: self.written(row.ended),
            metadata: Metadata {
                run: &self.run_id,
                scenario: &self.scenario,
                recipe,
                arm,
            },
        }
    }

    /// An instant of the run by the clock on the wall.
    fn written(&self, at: Offset) -> String {
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        );
        (self.started + at.elapsed())
            .format(format)
            .unwrap_or_default()
    }
}
