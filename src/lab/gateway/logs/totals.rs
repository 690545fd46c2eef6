//! Sums and means of many rows, of all or of each group.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::row::Row;

/// The mean of what was known.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 {
        0.0
    } else {
        sum / f64::from(count)
    }
}

/// The sums of rows.
struct Totals {
    requests: usize,
    errors: usize,
    hits: usize,
    cost: f64,
    prompt: u64,
    completion: u64,
    latency: f64,
    ttft: f64,
    tps: f64,
}

impl Totals {
    fn of(rows: &[Arc<Row>]) -> Self {
        Self {
            requests: rows.len(),
            errors: rows.iter().filter(|row| row.failed).count(),
            hits: rows.iter().filter(|row| row.cache_bit == 1).count(),
            cost: rows.iter().filter_map(|row| row.cost).sum(),
            prompt: rows.iter().filter_map(|row| row.prompt_tokens).sum(),
            completion: rows.iter().filter_map(|row| row.completion_tokens).sum(),
            latency: mean(rows.iter().filter_map(|row| row.latency)),
            ttft: mean(rows.iter().filter_map(|row| row.time_to_first_token)),
            tps: mean(rows.iter().filter_map(|row| row.tokens_per_second)),
        }
    }
}

/// The totals of all rows.
pub(super) fn summary(rows: &[Arc<Row>]) -> Value {
    let totals = Totals::of(rows);
    json!({
        "number_of_requests": totals.requests,
        "total_cost": totals.cost,
        "total_tokens": totals.prompt + totals.completion,
        "total_prompt_tokens": totals.prompt,
        "total_completion_tokens": totals.completion,
        "avg_latency": totals.latency,
        "avg_ttft": totals.ttft,
        "avg_tps": totals.tps,
        "scores": {},
    })
}

/// The totals of each value of a field, the most requests first.
pub(super) fn groups(rows: Vec<Arc<Row>>, by: &str) -> Vec<Value> {
    // The groups that are named for a thing, not for the field that holds it.
    let (key, field) = match by {
        "trace" => ("trace_unique_id", "trace_unique_id"),
        "thread" => ("thread_identifier", "thread_identifier"),
        by => (by, by),
    };
    let mut groups: BTreeMap<String, (Value, Vec<Arc<Row>>)> = BTreeMap::new();
    for row in rows {
        let value = row.field(field);
        let group = groups.entry(value.to_string());
        group.or_insert_with(|| (value, Vec::new())).1.push(row);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let group = |(value, rows): (Value, Vec<Arc<Row>>)| {
        let totals = Totals::of(&rows);
        let share = |part: usize| 100.0 * part as f64 / totals.requests as f64;
        let tokens = totals.prompt + totals.completion;
        let mut shown = Map::new();
        shown.insert(key.to_owned(), value);
        let figures = json!({
            "number_of_requests": totals.requests,
            "total_cost": totals.cost,
            "total_tokens": tokens,
            "error_count": totals.errors,
            "error_percentage": share(totals.errors),
            "average_cost": totals.cost / totals.requests as f64,
            "average_tokens": tokens / totals.requests as u64,
            "average_latency": totals.latency,
            "average_ttft": totals.ttft,
            "average_tps": totals.tps,
            "cache_hit_percentage": share(totals.hits),
        });
        if let Value::Object(figures) = figures {
            shown.extend(figures);
        }
        Value::Object(shown)
    };
    groups.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_means_are_of_what_is_known() {
        let row = |model: &str, cost, latency, failed| {
            Arc::new(Row {
                model: model.to_owned(),
                cost,
                latency,
                failed,
                prompt_tokens: Some(3),
                completion_tokens: Some(4),
                ..Row::default()
            })
        };
        let rows = vec![
            row("b", Some(0.25), Some(1.0), false),
            row("a", None, Some(3.0), true),
            row("b", Some(0.5), None, false),
        ];
        let all = summary(&rows);
        assert_eq!(all["number_of_requests"], 3);
        assert_eq!(
            (&all["total_cost"], &all["avg_latency"]),
            (&json!(0.75), &json!(2.0))
        );
        assert_eq!(
            (&all["total_tokens"], &all["avg_ttft"]),
            (&json!(21), &json!(0.0))
        );
        let groups = groups(rows, "model");
        assert_eq!(
            (&groups[0]["model"], &groups[0]["total_cost"]),
            (&json!("b"), &json!(0.75))
        );
        assert_eq!(
            (&groups[1]["model"], &groups[1]["error_percentage"]),
            (&json!("a"), &json!(100.0))
        );
    }
}
