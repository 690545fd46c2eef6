//! JSON for github-action-benchmark, which draws figures over commits and alerts.
//!
//! A list of `name`, `unit`, `value`, `range`, `extra`, by
//! <https://github.com/benchmark-action/github-action-benchmark> ("customSmallerIsBetter"). A file has one
//! direction, so there are two: one for its tool `customSmallerIsBetter`, one for `customBiggerIsBetter`.

use serde::Serialize;

use super::figures::{Better, figures};
use super::json;
use crate::judge::Validity;
use crate::record::Summary;

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    /// The confidence interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    /// Shown on hover.
    extra: String,
}

/// The figures that should go one way. The list is empty where the run is invalid, which the action
/// refuses.
pub fn benchmark(scenario: &str, summary: &Summary, validity: &Validity, better: Better) -> String {
    let figures = figures(summary, validity).into_iter();
    let entries: Vec<Entry> = figures
        .filter(|figure| figure.better == better)
        .map(|figure| Entry {
            name: format!("{scenario}/{} {}", figure.scope, figure.name),
            unit: figure.unit,
            value: figure.value,
            range: figure
                .interval
                .map(|(low, high)| format!("{low} - {high}, 95 %")),
            extra: format!("n {}", figure.n),
        })
        .collect();
    json(&entries)
}
