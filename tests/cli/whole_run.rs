//! A run from end to end: its files, and that they agree with its plan and with each other.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate::base::Money;
use tollgate::results::{Row, SummaryRow};

use crate::support::*;

const LOAD: &str = r"
load:
  - { name: warm-up, warmup: true, closed: { concurrency: 2, requests: 15 } }
  - { name: steady, poisson: { rate: 50/s, duration: 3s } }
slos: { ttft: 200ms }
prices: prices.yaml
";

/// Prices that leave a remainder wherever they are rounded.
const PRICES: &str = r"
as_of: 2026-11-24
models:
  openai/gpt-lab: { per_million: { input: 0.3337, output: 7.7771 } }
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    sandbox.write("prices.yaml", PRICES);
    sandbox
}

#[test]
fn a_run_writes_all_its_files_and_every_planned_arrival_is_one_row() {
    let sandbox = sandbox();
    let plan = sandbox.plan("");
    let folder = sandbox.results("");
    let names = [
        "intervals.csv",
        "latency.hlog",
        "report.html",
        "run.json",
        "samples.csv",
        "slices.csv",
        "slices.hlog",
        "summary.csv",
    ];
    assert_eq!(folder.names(), names);
    let info = folder.info();
    assert_eq!(info["complete"], true);
    assert_eq!(info["schema"], 1);
    assert_eq!(info["interrupted"], Value::Null);
    assert_eq!(info["digest"], plan["digest"]);

    let rows = folder.rows();
    for (at, phase) in plan["forecast"]["phases"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        let came = assert_no_gap(&rows, phase["name"].as_str().unwrap());
        assert_eq!(phase["arrivals"], came);
        assert_eq!(info["summary"]["phases"][at]["requests"], came);
    }
    assert_eq!(plan["forecast"]["arrivals"], rows.len());
    for recipe in plan["forecast"]["recipes"].as_array().unwrap() {
        let of_it = rows.iter().filter(|row| row.recipe == recipe["name"]);
        assert_eq!(recipe["requests"], of_it.count());
    }
    assert!(
        rows.iter()
            .all(|row| row.warmup == (row.phase == "warm-up"))
    );
    let due: Vec<_> = folder.measured().iter().map(|row| row.due_ms).collect();
    assert!(due.iter().any(|due| due.nanos() > 0));
    every_mark_is_in_order(&rows);
}

fn every_mark_is_in_order(rows: &[Row]) {
    for row in rows {
        let marks = [
            Some(row.due_ms),
            row.sent_ms,
            row.headers_ms,
            row.first_byte_ms,
            row.first_token_ms,
            row.last_token_ms,
            row.end_ms,
        ];
        let marks: Vec<_> = marks.into_iter().flatten().collect();
        assert!(marks.is_sorted(), "{row:?}");
        assert_eq!(row.stream, row.ttft_ms.is_some(), "{row:?}");
    }
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_what_a_run_writes() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = sandbox();
    let folder = sandbox.results("-n 5");
    for name in folder.names() {
        let file = std::fs::metadata(folder.path.join(&name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_rows_add_up_to_the_totals_to_the_nano_dollar() {
    let sandbox = sandbox();
    let folder = sandbox.results("");
    let total = folder.total();
    let totals = &total["totals"];
    let rows = folder.measured();
    assert_eq!(total["count"]["requests"], rows.len());
    assert_eq!(
        folder.info()["summary"]["warmup"]["requests"],
        folder.rows().len() - rows.len()
    );
    let sum = |of: fn(&Row) -> Option<u64>| rows.iter().filter_map(of).sum::<u64>();
    assert_eq!(totals["input_tokens"], sum(|row| row.input_tokens));
    assert_eq!(totals["output_tokens"], sum(|row| row.output_tokens));
    assert_eq!(totals["good"], sum(|row| Some(row.good.into())));

    let cost: Money = rows.iter().filter_map(|row| row.cost_computed_usd).sum();
    assert!(cost.nanos() > 0);
    assert_eq!(money(&totals["cost"]["usd"]), cost);
    assert_eq!(totals["cost"]["unknown"], 0);
    let by_hand: i64 = rows.iter().map(nanos_by_hand).sum();
    assert_eq!(cost.nanos(), by_hand, "each row by the price table");
    recipes_add_up(&folder, &total);
}

fn money(json: &Value) -> Money {
    serde_json::from_value(json.clone()).unwrap()
}

/// The price table over again: dollars for a million tokens are thousands of nano-dollars for one.
fn nanos_by_hand(row: &Row) -> i64 {
    let tokens = |of: Option<u64>| i64::try_from(of.unwrap()).unwrap();
    let tenths = 3_337 * tokens(row.input_tokens) + 77_771 * tokens(row.output_tokens);
    (tenths + 5) / 10
}

fn recipes_add_up(folder: &Folder, total: &Value) {
    let info = folder.info();
    let recipes = &info["summary"]["scopes"].as_array().unwrap()[1..];
    let parts: Money = recipes
        .iter()
        .map(|scope| money(&scope["totals"]["cost"]["usd"]))
        .sum();
    assert_eq!(parts, money(&total["totals"]["cost"]["usd"]));
    let lines: Vec<SummaryRow> = folder.csv("summary.csv");
    let line = lines
        .iter()
        .find(|line| line.scope == "total" && line.metric == "requests")
        .unwrap();
    assert_eq!(total["count"]["requests"].as_f64(), line.value);
}

#[test]
fn the_intervals_add_up_to_the_rows() {
    let sandbox = sandbox();
    let folder = sandbox.results("");
    let (rows, intervals) = (folder.rows(), folder.intervals());
    let ended: u64 = intervals.iter().map(|second| second.ended).sum();
    assert_eq!(ended, rows.len() as u64);
    let ok: u64 = intervals.iter().map(|second| second.ok).sum();
    assert_eq!(
        ok as usize,
        count(&rows, "ok".parse().unwrap()),
        "all are answered"
    );
    let tokens: u64 = intervals.iter().map(|second| second.output_tokens).sum();
    assert_eq!(
        tokens,
        rows.iter().filter_map(|row| row.output_tokens).sum::<u64>()
    );
    let cost: Money = intervals.iter().map(|second| second.cost_usd).sum();
    assert_eq!(
        cost,
        rows.iter().filter_map(|row| row.cost_computed_usd).sum()
    );
    let seconds: Vec<u64> = intervals.iter().map(|second| second.second).collect();
    let wanted: Vec<u64> = (0..seconds.len() as u64).collect();
    assert_eq!(seconds, wanted, "no second is left out");
}

#[test]
fn a_csv_read_back_gives_the_same_summary() {
    let sandbox = sandbox();
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    let folder = sandbox.folder();
    let path = folder.path.display().to_string();
    let again = sandbox.run(&format!("report {path} --json")).exits(0);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_same(&again, &folder.info(), "run.json");

    let report = sandbox.run(&format!("report {path}")).exits(0);
    let (printed, files) = ran.stdout.rsplit_once("\nfiles in ").unwrap();
    assert_eq!(report.stdout, printed);
    assert!(path.ends_with(files.trim()), "{files}");
}

#[test]
fn recipes_whose_names_are_alike_keep_their_own_histograms() {
    // A dot and a blank can't stand in the tags of the log.
    let text = scenario(QUICK_LAB, LOAD)
        .replace("name: streamed", "name: a.b")
        .replace("name: plain", "name: a b")
        .replace("stream: false, ", "");
    let sandbox = Sandbox::with(&text);
    sandbox.write("prices.yaml", PRICES);
    let folder = sandbox.results("-n 12");
    let again = sandbox.run(&format!("report {} --json", folder.path.display()));
    let again: Value = serde_json::from_str(&again.exits(0).stdout).unwrap();
    assert_same(&again, &folder.info(), "run.json");
}

/// Names the first place at which two documents differ.
fn assert_same(left: &Value, right: &Value, at: &str) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeMap<_, _> = left.iter().chain(right).collect();
            for key in keys.into_keys() {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned();
                let (left, right) = (of(left), of(right));
                let there = format!("{at}.{key}");
                assert_same(
                    &left.unwrap_or_default(),
                    &right.unwrap_or_default(),
                    &there,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                assert_same(left, right, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(left, right, "{at}"),
    }
}
