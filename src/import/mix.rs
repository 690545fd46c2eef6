//! What was seen in a log, as a mix of requests and a load.

use std::collections::{BTreeMap, HashMap};

use super::draft::{Draft, Model, Prompt, Recipe};
use super::{Input, words};

/// Models that get a recipe of their own.
const MOST_RECIPES: usize = 20;
/// Values of a length that stand for all that were seen.
const QUANTILES: usize = 40;
/// Requests of the load that is made of a log.
const MOST_REQUESTS: usize = 1_000;

/// A request of a log.
pub(super) struct Seen {
    pub(super) model: String,
    /// In seconds since 1970.
    pub(super) started: Option<f64>,
    pub(super) stream: bool,
    pub(super) input: Option<u32>,
    pub(super) output: Option<u32>,
    /// Its line of a prompt file, where the log has the prompt.
    pub(super) row: Option<String>,
}

/// Recipes by model and way to answer, weighted as they were seen, and a load at the mean rate.
pub(super) fn observed(seen: Vec<Seen>, draft: &mut Draft, input: &Input<'_>) {
    let total = seen.len();
    load(&seen, draft, input);
    let mut groups: BTreeMap<(String, bool), Vec<Seen>> = BTreeMap::new();
    for request in seen {
        let key = (request.model.clone(), request.stream);
        groups.entry(key).or_default().push(request);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    for ((model, _), group) in groups.iter().skip(MOST_RECIPES) {
        let what =
            format!("the model {model}: {MOST_RECIPES} recipes are the most that an import makes");
        draft.left(words::count(group.len(), "row"), what);
    }
    let mut taken = Vec::new();
    for ((model, stream), group) in groups.into_iter().take(MOST_RECIPES) {
        let how = if stream { "" } else { "-plain" };
        let name = words::unique(&format!("{model}{how}"), &mut taken);
        let recipe = recipe(name, model, stream, group, total, draft);
        draft.recipes.push(recipe);
    }
    draft.left(
        input.name,
        "how long answers were can't be asked for: max_tokens is the longest that was seen of a model",
    );
}

fn recipe(
    name: String,
    model: String,
    stream: bool,
    group: Vec<Seen>,
    total: usize,
    draft: &mut Draft,
) -> Recipe {
    let count = group.len();
    let sorted = |pick: fn(&Seen) -> Option<u32>| {
        let mut values: Vec<u32> = group.iter().filter_map(pick).collect();
        values.sort_unstable();
        values
    };
    let (inputs, outputs) = (sorted(|seen| seen.input), sorted(|seen| seen.output));
    let share = count as f64 / total as f64 * 100.0;
    let note = format!(
        "{} ({share:.1} %); input {}, output {}",
        words::count(count, "request"),
        described(&inputs),
        described(&outputs)
    );
    let rows: Vec<String> = group.into_iter().filter_map(|seen| seen.row).collect();
    let prompt = if rows.is_empty() {
        Prompt::Synthetic(lengths(&inputs, &name, draft))
    } else {
        if rows.len() < count {
            let what = format!(
                "{} without a prompt: those of the others stand for them",
                words::count(count - rows.len(), "row")
            );
            draft.left(format!("recipe {name}"), what);
        }
        Prompt::Rows(rows)
    };
    Recipe {
        name,
        weight: count as f64,
        model: Model::Named(model),
        stream,
        prompt,
        max_tokens: outputs.last().map(|most| (*most).max(1)),
        note,
        ..Recipe::default()
    }
}

/// A distribution with the quantiles of what was seen.
fn lengths(sorted: &[u32], name: &str, draft: &mut Draft) -> String {
    let Some(last) = sorted.len().checked_sub(1) else {
        draft.left(
            format!("recipe {name}"),
            "no row counts its prompt's tokens: 200 stand for them",
        );
        return "{ constant: 200 }".to_owned();
    };
    let values: Vec<u32> = if sorted.len() <= QUANTILES {
        sorted.to_vec()
    } else {
        let at = |n: usize| last * n / (QUANTILES - 1);
        (0..QUANTILES).map(|n| sorted[at(n)]).collect()
    };
    let values: Vec<String> = values
        .iter()
        .map(|tokens| (*tokens).max(1).to_string())
        .collect();
    format!("{{ empirical: [{}] }}", values.join(", "))
}

fn described(sorted: &[u32]) -> String {
    let Some(last) = sorted.len().checked_sub(1) else {
        return "unknown".to_owned();
    };
    let at = |percent: usize| sorted[last * percent / 100];
    format!("p50 {}, p95 {}, max {} tokens", at(50), at(95), at(100))
}

/// A load at the mean rate of what was seen.
fn load(seen: &[Seen], draft: &mut Draft, input: &Input<'_>) {
    let starts: Vec<f64> = seen.iter().filter_map(|seen| seen.started).collect();
    let first = starts.iter().copied().fold(f64::INFINITY, f64::min);
    let last = starts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = last - first;
    let requests = starts.len().min(MOST_REQUESTS);
    let rate = (starts.len().saturating_sub(1)) as f64 / span;
    let written = words::rate(rate).filter(|_| starts.len() > 1 && span > 0.0 && rate >= 1e-6);
    let Some(written) = written else {
        draft.left(
            input.name,
            "the rows don't tell when they began: 10/s for 30s stand in for their load",
        );
        draft.phase(
            "steady",
            false,
            "poisson: { rate: 10/s, duration: 30s }".to_owned(),
        );
        return;
    };
    let busiest = if span < 120.0 {
        String::new()
    } else {
        let busiest = words::number(busiest_minute(&starts) as f64 / 60.0);
        format!(", {busiest}/s in the busiest minute")
    };
    draft.notes.push(format!(
        "They began within {}: {written} on the average{busiest}. -r changes the rate.",
        words::seconds(span).unwrap_or_else(|| "a long time".to_owned())
    ));
    draft.left(
        input.name,
        "arrivals come at random at the mean rate, not at the times of the rows",
    );
    let shape = format!("poisson: {{ rate: {written}, requests: {requests} }}");
    draft.phase("observed", false, shape);
}

/// The most that began in one minute of the clock.
fn busiest_minute(starts: &[f64]) -> usize {
    let mut minutes: HashMap<i64, usize> = HashMap::new();
    for start in starts {
        *minutes.entry((start / 60.0).floor() as i64).or_default() += 1;
    }
    minutes.values().copied().max().unwrap_or(0)
}
