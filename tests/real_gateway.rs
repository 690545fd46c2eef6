//! tollgate against a gateway that nobody here wrote, with the lab's provider behind it: whatever two
//! of the three count must be the same number.
//!
//! The gateway comes from `PyPI` on the first run and is kept in `target/real-gateway-venv`; `python3`
//! is all that is needed. Where it can't be had, `TOLLGATE_SKIP_REAL=1` leaves these tests out.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "real_gateway/broken.rs"]
mod broken;
#[path = "real_gateway/gateway.rs"]
mod gateway;
#[path = "real_gateway/healthy.rs"]
mod healthy;
#[path = "installed/mod.rs"]
mod installed;
#[path = "real_gateway/python.rs"]
mod python;
#[path = "real_gateway/reconciled.rs"]
mod reconciled;
#[path = "real_gateway/run.rs"]
mod run;
#[path = "real_gateway/upstream.rs"]
mod upstream;

use std::collections::{BTreeMap, BTreeSet};

use gateway::PRICES;
use healthy::healthy;
use upstream::TOKENS;

/// A dollar in nano-dollars.
const NANOS: f64 = 1e9;

#[test]
fn every_arrival_of_the_plan_is_one_row_and_one_request_at_the_gateway_and_the_provider() {
    let Some(healthy) = healthy() else { return };
    let (run, sent) = (&healthy.run, healthy.planned.ids.len());
    assert_eq!(run.exit, Some(0), "{}", run.said);
    let ids: BTreeSet<String> = run.rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, healthy.planned.ids);
    assert_eq!((run.rows.len(), healthy.logged.len()), (sent, sent));
    assert_eq!(healthy.counts.requests, sent as u64);
    let failed: Vec<_> = run.rows.iter().filter(|row| !row.is_ok()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(run.rows.iter().all(|row| row.status == Some(200)));
    assert!(healthy.logged.iter().all(|logged| logged.status == 200));
    let recipes = run.rows.iter().fold(BTreeMap::new(), |mut counts, row| {
        *counts.entry(row.recipe.clone()).or_default() += 1;
        counts
    });
    assert_eq!(recipes, healthy.planned.recipes);
    let streamed = run.rows.iter().filter(|row| row.stream).count();
    assert_eq!(healthy.logged.iter().filter(|l| l.stream).count(), streamed);
}

/// The gateway's cost is a float of dollars, printed with all its digits, so it is good to far less than
/// a nano-dollar; and each price is whole nano-dollars for a token. So the nearest nano-dollar is the
/// very cost, and the sums have no tolerance.
#[test]
fn tokens_and_cost_of_each_model_are_the_gateways_to_the_nano_dollar() {
    let Some(healthy) = healthy() else { return };
    let nanos = |cost: Option<f64>| (cost.expect("each has a cost") * NANOS).round() as u64;
    for (model, recipe) in PRICES
        .map(|price| price.0)
        .into_iter()
        .zip(["streamed", "plain"])
    {
        let mut ours = [0, 0, 0];
        for row in healthy.run.rows.iter().filter(|row| row.recipe == recipe) {
            assert!(
                !row.tokens_estimated && row.output_tokens == Some(TOKENS),
                "{row:?}"
            );
            ours[0] += row.input_tokens.unwrap();
            ours[1] += row.output_tokens.unwrap();
            ours[2] += nanos(row.cost_computed_usd);
        }
        let mut theirs = [0, 0, 0];
        for logged in healthy.logged.iter().filter(|logged| logged.model == model) {
            theirs[0] += logged.input_tokens.unwrap();
            theirs[1] += logged.output_tokens.unwrap();
            theirs[2] += nanos(logged.cost_usd);
        }
        assert_eq!(
            ours, theirs,
            "{model}: input and output tokens, nano-dollars"
        );
        assert!(ours.iter().all(|sum| *sum > 0), "{model}: {ours:?}");
    }
}

#[test]
fn the_summary_is_of_the_measured_rows_alone() {
    let Some(healthy) = healthy() else { return };
    let measured = || healthy.run.rows.iter().filter(|row| !row.warmup);
    assert!(measured().count() < healthy.run.rows.len());
    let cost: f64 = measured().filter_map(|row| row.cost_computed_usd).sum();
    let sums = [
        ("requests", measured().count() as f64),
        ("ok", measured().count() as f64),
        ("good", measured().filter(|row| row.good).count() as f64),
        (
            "input_tokens",
            measured().filter_map(|row| row.input_tokens).sum::<u64>() as f64,
        ),
        (
            "output_tokens",
            measured().filter_map(|row| row.output_tokens).sum::<u64>() as f64,
        ),
        ("cost", cost),
        ("cost_unknown", 0.0),
    ];
    for (metric, sum) in sums {
        let lines = healthy.run.summary.iter();
        let line = lines
            .filter(|line| line.scope == "total" && line.metric == metric)
            .find(|line| line.stat == "value");
        let value = line.and_then(|line| line.value).expect(metric);
        assert!(
            (value - sum).abs() < 1.0 / NANOS,
            "{metric}: {value}, not {sum}"
        );
    }
}

/// Both keep three significant digits, 0.1 %; the sum of two such roundings is within 0.2 %.
#[test]
fn the_public_histogram_tools_find_the_summarys_counts_and_quantiles_in_the_log() {
    let Some(healthy) = healthy() else { return };
    let (mut names, mut quantiles) = (BTreeSet::new(), BTreeSet::new());
    for line in healthy.run.summary.iter().filter(|l| l.unit == "ms") {
        let Some(recipe) = line.scope.strip_prefix("recipe:") else {
            continue;
        };
        let name = format!("{recipe}.{}", line.metric);
        let Some(tag) = healthy.tags.get(&name) else {
            panic!("{name} is in the summary and not in the log");
        };
        let found = match line.stat.as_str() {
            "p50" => tag.p50 / 1e6,
            "p99" => tag.p99 / 1e6,
            _ => continue,
        };
        let in_both = "values in the log and in the summary";
        assert_eq!(tag.count, line.n, "{name}: {in_both}");
        names.insert(name.clone());
        // There is none where too few values stand behind it.
        if let Some(value) = line.value {
            let off = (found - value).abs();
            let stat = &line.stat;
            assert!(
                off <= 0.002 * value,
                "{name} {stat}: {found} ms, not {value} ms"
            );
            quantiles.insert(format!("{name} {stat}"));
        }
    }
    let tags: BTreeSet<String> = healthy.tags.keys().cloned().collect();
    assert_eq!(names, tags, "what was compared, and what the log holds");
    for name in ["streamed.ttft", "streamed.e2e", "plain.e2e"] {
        for stat in ["p50", "p99"] {
            assert!(quantiles.contains(&format!("{name} {stat}")), "{name}");
        }
    }
}

#[test]
fn the_files_alone_give_the_figures_of_the_run_again() {
    let Some(healthy) = healthy() else { return };
    let scopes = healthy.reported["summary"]["scopes"].as_array().unwrap();
    let mut compared = 0;
    for line in healthy.run.summary.iter().filter(|line| line.unit == "ms") {
        let scope = scopes.iter().find(|scope| scope["scope"] == line.scope);
        let metrics = scope.unwrap()["metrics"].as_array().unwrap();
        let metric = metrics
            .iter()
            .find(|metric| metric["metric"] == line.metric);
        let metric = metric.unwrap_or_else(|| panic!("{line:?} is not in the report"));
        assert_eq!(metric["n"], line.n, "{line:?}");
        let mut quantiles = metric["quantiles"].as_array().unwrap().iter();
        let again = quantiles.find(|quantile| quantile["stat"] == line.stat);
        let again = again.and_then(|quantile| quantile["value_ms"].as_f64());
        if let (Some(value), Some(again)) = (line.value, again) {
            let off = (again - value).abs();
            assert!(off <= 0.002 * value, "{line:?}: {again} ms from the files");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} quantiles were compared");
}
