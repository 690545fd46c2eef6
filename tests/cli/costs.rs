//! What a run cost, for each thing that it got, and by whoever answered.

use tollgate::results::{Row, SummaryRow};
use tollgate::sample::PricedBy;

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
    for scope in ["total", "model:gpt-lab", "provider:openai"] {
        for (metric, wanted) in wanted {
            let found = value(&folder, scope, metric).unwrap();
            assert!((found - wanted).abs() < 2e-9, "{scope} {metric} {found}");
        }
    }
    let again = sandbox.run(&format!("report {} --json", folder.path.display()));
    let again: serde_json::Value = serde_json::from_str(&again.exits(0).stdout).unwrap();
    for part in ["models", "providers"] {
        assert_eq!(again["summary"][part], folder.info()["summary"][part]);
    }
}

/// A gateway that draws one of two models, of which one has four times the price of the other.
const DRAWN: &str = "name: small
targets: { lab: { lab: { kind: respan, script: { models: [ { model: '*', ttft: { constant: 2ms }, output_tokens: { constant: 3 } } ] } } } }
mix:
  - name: drawn
    chat:
      model: openai/gpt-lab
      prompt: { text: hello }
      max_tokens: 8
      routing: { load_balance_models: [ { model: openai/gpt-lab, weight: 1 }, { model: azure/dear-lab, weight: 1 } ] }
load: [ { name: users, closed: { concurrency: 4, requests: 60 } } ]
prices: p.yaml
";
const DEAR: &str = "  dear-lab:\n    per_million: { input: 8.00, output: 32.00 }\n";

#[test]
fn each_answer_has_the_price_of_the_model_that_gave_it_and_counts_for_its_provider() {
    let sandbox = Sandbox::with(DRAWN);
    sandbox.write("p.yaml", format!("{PRICES}{DEAR}"));
    let folder = sandbox.results("");
    let rows = folder.rows();
    let dollars = |model: &str| -> f64 {
        let of = rows
            .iter()
            .filter(|row| row.model.as_deref() == Some(model));
        let price = |row: &Row| {
            let [input, output] = [row.input_tokens, row.output_tokens].map(Option::unwrap);
            (2.0 * input as f64 + 8.0 * output as f64) / 1e6
        };
        of.map(price).sum()
    };
    let (cheap, dear) = (dollars("gpt-lab"), 4.0 * dollars("dear-lab"));
    assert!(cheap > 0.0 && dear > 0.0, "both were drawn");
    for (scope, wanted) in [
        ("provider:openai", cheap),
        ("provider:azure", dear),
        ("total", cheap + dear),
    ] {
        let found = value(&folder, scope, "cost").unwrap();
        assert!((found - wanted).abs() < 1e-9, "{scope} {found} {wanted}");
        assert_eq!(value(&folder, scope, "priced_by_asked"), Some(0.0));
    }
    let summary = &folder.info()["summary"];
    let parts = |part: &str| -> f64 {
        let of = summary[part].as_array().unwrap().iter();
        of.map(|part| part["cost"]["usd"].as_f64().unwrap()).sum()
    };
    for part in ["models", "providers"] {
        assert!((parts(part) - cheap - dear).abs() < 1e-9, "{part}");
    }
}

#[test]
fn an_answer_of_a_model_without_a_price_has_that_of_the_model_that_was_asked_and_is_counted() {
    let sandbox = Sandbox::with(DRAWN);
    sandbox.write("p.yaml", PRICES);
    let ran = sandbox.run("run scenario.yaml -o out");
    let report = ran.exits(0).stdout;
    let folder = sandbox.folder();
    let rows = folder.rows();
    let by = |by| rows.iter().filter(move |row| row.priced_by == Some(by));
    let asked = by(PricedBy::Asked).count();
    assert!(by(PricedBy::Asked).all(|row| row.model.as_deref() == Some("dear-lab")));
    assert!(by(PricedBy::Answered).all(|row| row.model.as_deref() == Some("gpt-lab")));
    assert_eq!(asked + by(PricedBy::Answered).count(), 60);
    let counted = value(&folder, "total", "priced_by_asked");
    assert_eq!(counted, Some(asked as f64));
    let said = format!("{asked} requests priced as the model that was asked");
    assert!(asked > 1 && report.contains(&said), "{report}");
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
    for scope in ["total", "recipe:plain", "model:gpt-lab", "provider:openai"] {
        for metric in metrics {
            assert_eq!(value(&folder, scope, metric), None, "{scope} {metric}");
        }
        assert!(value(&folder, scope, "cost_unknown").unwrap() > 0.0);
    }
}
