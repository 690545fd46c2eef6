//! What a run cost, for each thing that it got, and by whoever answered.

use tollgate::results::SummaryRow;

use crate::support::{Folder, QUICK_LAB, Sandbox, scenario};

const LOAD: &str = "load: [ { name: users, closed: { concurrency: 4, requests: 40 } } ]";
const PRICES: &str = "as_of: 2026-11-24\nmodels:\n  openai/gpt-lab:\n    per_million: { input: 2.00, output: 8.00 }\n";

fn value(folder: &Folder, scope: &str, metric: &str) -> Option<f64> {
    let rows: Vec<SummaryRow> = folder.csv("summary.csv");
    let mut found = rows
        .into_iter()
        .filter(|row| row.scope == scope && row.metric == metric);
    found.next().unwrap().value
}

#[test]
fn costs_are_those_of_the_rows_for_each_thing_that_they_got() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, &format!("{LOAD}\nprices: p.yaml")));
    sandbox.write("p.yaml", PRICES);
    let folder = sandbox.results("");
    let rows = folder.rows();
    let cost: f64 = rows
        .iter()
        .map(|row| row.cost_computed_usd.unwrap().dollars())
        .sum();
    let tokens: u64 = rows.iter().map(|row| row.output_tokens.unwrap()).sum();
    let wanted = [
        ("cost", cost),
        ("cost_unknown", 0.0),
        ("cost_per_request", cost / 40.0),
        ("cost_per_1k_output", 1000.0 * cost / tokens as f64),
        ("cost_per_good", cost / 40.0),
    ];
    // The scenario asks `openai/gpt-lab`; the provider behind the gateway answers as `gpt-lab`.
    for scope in ["total", "model:gpt-lab"] {
        for (metric, wanted) in wanted {
            let found = value(&folder, scope, metric).unwrap();
            assert!((found - wanted).abs() < 2e-9, "{scope} {metric} {found}");
        }
    }
    let again = sandbox.run(&format!("report {} --json", folder.path.display()));
    let again: serde_json::Value = serde_json::from_str(&again.exits(0).stdout).unwrap();
    assert_eq!(
        again["summary"]["models"],
        folder.info()["summary"]["models"]
    );
}

#[test]
fn without_prices_every_cost_is_unknown_and_none_is_zero() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let folder = sandbox.results("");
    let metrics = [
        "cost",
        "cost_per_request",
        "cost_per_1k_output",
        "cost_per_good",
    ];
    for scope in ["total", "recipe:plain", "model:gpt-lab"] {
        for metric in metrics {
            assert_eq!(value(&folder, scope, metric), None, "{scope} {metric}");
        }
        assert!(value(&folder, scope, "cost_unknown").unwrap() > 0.0);
    }
}
