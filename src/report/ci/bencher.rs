//! Bencher Metric Format (BMF), by <https://bencher.dev/docs/reference/bencher-metric-format>:
//! `{ benchmark: { measure: { value, lower_value, upper_value } } }`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::figures;
use super::json;
use crate::judge::Validity;
use crate::record::Summary;

#[derive(Serialize)]
struct Measured {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// A benchmark for each scope, a measure for each figure. Measures are called by figure and unit
/// (`ttft-p95-ms`), since Bencher's own `latency` is in nanoseconds; `lower_value` and `upper_value` are
/// the 95 % confidence interval. The object is empty where the run is invalid, which Bencher refuses.
pub fn bmf(scenario: &str, summary: &Summary, validity: &Validity) -> String {
    let mut benchmarks: BTreeMap<String, BTreeMap<String, Measured>> = BTreeMap::new();
    for figure in figures(summary, validity) {
        let measured = Measured {
            value: figure.value,
            lower_value: figure.interval.map(|(low, _)| low),
            upper_value: figure.interval.map(|(_, high)| high),
        };
        let benchmark = benchmarks.entry(format!("{scenario}/{}", figure.scope));
        benchmark
            .or_default()
            .insert(measure(&figure.name, figure.unit), measured);
    }
    json(&benchmarks)
}

/// A name that is a slug, too: letters, digits and single hyphens.
fn measure(name: &str, unit: &str) -> String {
    let unit = match unit {
        "%" => "percent",
        "1/s" => "per-s",
        unit => unit,
    };
    let joined = format!("{name}-{unit}").to_lowercase();
    joined.replace([' ', '_', '.'], "-")
}
