//! Figures for trackers.

use serde_json::{Value, json};
use tollgate::base::Money;
use tollgate::judge::{Gate, Level, Verdict};
use tollgate::report::ci::{Better, benchmark, bmf, names, write_all};

use crate::gates::{context, finding, gate, summary, validity};

fn parsed(text: &str) -> Value {
    assert!(text.ends_with('\n'));
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_figure_that_the_sample_can_t_carry_is_left_out_and_the_others_are_those_of_the_summary() {
    let mut summary = summary();
    let cost = &mut summary.scopes[0].totals.cost;
    cost.per_request_usd = Money::from_dollars(0.002_5);
    let found = parsed(&bmf("smoke", &summary, &validity(Level::Valid)));
    assert_eq!(
        found,
        json!({
            "smoke/recipe:chat": {
                "error-rate-percent": { "value": 0.0 },
                "goodput-per-s": { "value": 0.0 },
                "ttft-p95-ms": { "value": 116.13, "lower_value": 114.63, "upper_value": 117.63 },
            },
            "smoke/total": {
                "cost-per-request-usd": { "value": 0.0025 },
                "error-rate-percent": { "value": 4.0 },
                "goodput-per-s": { "value": 9.6 },
                "ttft-p95-ms": { "value": 116.13, "lower_value": 114.63, "upper_value": 117.63 },
            },
        })
    );
}

#[test]
fn each_direction_has_a_list_of_its_own() {
    let summary = summary();
    let list = |better| {
        parsed(&benchmark(
            "smoke",
            &summary,
            &validity(Level::Warn),
            better,
        ))
    };
    let bigger = list(Better::Bigger);
    assert_eq!(
        bigger[0],
        json!({ "name": "smoke/total goodput", "unit": "1/s", "value": 9.6, "extra": "n 100" })
    );
    let smaller = list(Better::Smaller);
    assert_eq!(
        smaller[0],
        json!({ "name": "smoke/total ttft p95", "unit": "ms", "value": 116.13,
                "range": "114.63 - 117.63, 95 %", "extra": "n 100" })
    );
    let names = |list: &Value| -> Vec<String> {
        let entries = list.as_array().unwrap().iter();
        entries
            .map(|e| e["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&bigger),
        ["smoke/total goodput", "smoke/recipe:chat goodput"]
    );
    assert_eq!(names(&smaller).len(), 4, "{:?}", names(&smaller));
}

#[test]
fn a_cost_that_is_unknown_for_some_requests_is_not_followed() {
    let mut summary = summary();
    let cost = &mut summary.scopes[0].totals.cost;
    cost.per_request_usd = Money::from_dollars(0.002_5);
    cost.unknown = 1;
    let found = bmf("smoke", &summary, &validity(Level::Valid));
    assert!(!found.contains("cost"), "{found}");
}

#[test]
fn an_invalid_run_leaves_no_figures_in_a_history() {
    let invalid = validity(Level::Invalid);
    assert_eq!(parsed(&bmf("smoke", &summary(), &invalid)), json!({}));
    for better in [Better::Smaller, Better::Bigger] {
        let list = benchmark("smoke", &summary(), &invalid, better);
        assert_eq!(parsed(&list), json!([]));
    }
}

#[test]
fn all_files_are_made_in_one_go_and_the_json_is_the_gate_itself() {
    let gate = gate(vec![finding("p95(ttft) < 800ms", Verdict::Fail)]);
    let valid = validity(Level::Valid);
    let files = write_all(&gate, &summary(), &context(&valid));
    let made: Vec<&str> = files.iter().map(|file| file.name).collect();
    assert_eq!(
        made,
        [
            names::JUNIT,
            names::MARKDOWN,
            names::GATE,
            names::SMALLER,
            names::BIGGER,
            names::BMF
        ]
    );
    assert!(files.iter().all(|file| file.bytes.ends_with(b"\n")));
    let read: Gate = serde_json::from_slice(&files[2].bytes).unwrap();
    assert_eq!(read, gate);
}
