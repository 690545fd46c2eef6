//! Baselines: saved, shown, held against, and refused.

use std::fs;

use serde_json::{Value, json};

use crate::bench::{ask, bench, copy, edit, gate, judge, said};
use crate::support::{Folder, Ran, Sandbox};

/// A run with a baseline that was saved of it.
fn saved() -> (Sandbox, Folder, Folder) {
    let (sandbox, folder) = bench();
    let save = format!("baseline save {}", folder.path.display());
    let ran = sandbox.run(&save).exits(0);
    assert!(
        ran.stdout.starts_with("saved to baselines/small, "),
        "{}",
        ran.stdout
    );
    let baseline = Folder {
        path: sandbox.path("baselines/small"),
    };
    (sandbox, folder, baseline)
}

fn refused(ran: Ran, code: i32, why: &str) {
    let ran = ran.exits(code);
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

#[test]
fn a_baseline_is_small_and_has_the_figures_of_its_run_and_no_rows() {
    let (sandbox, folder, baseline) = saved();
    assert_eq!(
        baseline.names(),
        [
            "latency.hlog",
            "run.json",
            "slices.csv",
            "slices.hlog",
            "summary.csv"
        ]
    );
    let size: usize = baseline
        .names()
        .iter()
        .map(|name| baseline.read(name).len())
        .sum();
    assert!(size < 200_000, "{size}");
    let thresholds = [
        "p95(ttft) <= baseline * 9",
        "p95(e2e){recipe=plain} <= baseline * 9",
        "p72.5(service) <= baseline * 9",
        "mean(chunk_gap) <= baseline * 9",
        "error_rate <= baseline + 50%",
        "goodput >= baseline * 0.1",
        "output_tokens >= baseline * 0.1",
    ];
    ask(&folder, &thresholds);
    let ran = gate(&sandbox, &folder, "--json --baseline baselines/small").exits(0);
    let found = said(&ran);
    for finding in found["findings"].as_array().unwrap() {
        assert_eq!(finding["baseline"], finding["value"], "{finding}");
    }
    assert_eq!(found["baseline"]["folder"], "baselines/small");
    let shown = sandbox.run("baseline show").exits(0);
    assert!(
        shown.stdout.contains("small against lab"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("200 requests, 0.00 % failed"),
        "{}",
        shown.stdout
    );
    // The run itself serves as well.
    let itself = format!("--baseline {}", folder.path.display());
    gate(&sandbox, &folder, &itself).exits(0);
}

#[test]
fn a_scope_that_only_rows_tell_has_no_value_in_a_baseline() {
    let (sandbox, folder, _) = saved();
    let margin = "p50(e2e){stream=true} <= baseline * 9";
    let ran = judge(&sandbox, &folder, margin, "--baseline baselines/small").exits(4);
    assert!(
        ran.stdout
            .contains("the baseline's files don't tell this scope"),
        "{}",
        ran.stdout
    );
    let itself = format!("--baseline {}", folder.path.display());
    judge(&sandbox, &folder, margin, &itself).exits(0);
}

#[test]
fn unlike_runs_are_refused_and_what_differs_is_named() {
    let (sandbox, folder, baseline) = saved();
    ask(&folder, &["p95(e2e) <= baseline * 9"]);
    edit(&baseline, |info| {
        info["host"] = "another machine, 64 cores".into();
        info["recipes"][0]["model"] = "openai/gpt-other".into();
        info["digest"] = "0123456789ab".into();
    });
    let args = "--baseline baselines/small";
    let ran = gate(&sandbox, &folder, args).exits(2);
    for named in [
        "host: the baseline has `another machine, 64 cores`",
        "models: the baseline has `streamed: openai/gpt-other",
        "plan: the baseline has `0123456789ab`",
        "--allow-unlike",
    ] {
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    let ran = gate(&sandbox, &folder, &format!("{args} --allow-unlike --json")).exits(0);
    let found = said(&ran);
    let fields: Vec<&Value> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["field"])
        .collect();
    assert_eq!(fields, ["models", "plan", "host"]);
}

#[test]
fn last_is_the_newest_earlier_complete_run() {
    let (sandbox, folder) = bench();
    let margin = "p95(e2e) <= baseline * 9";
    let ran = judge(&sandbox, &folder, margin, "--baseline last");
    refused(ran, 4, "there is no earlier complete run of small");
    for (name, started, complete) in [
        ("older", "2020-01-01T00:00:00Z", true),
        ("newer", "2021-01-01T00:00:00Z", true),
        ("killed", "2022-01-01T00:00:00Z", false),
        ("future", "2999-01-01T00:00:00Z", true),
    ] {
        let other = copy(&folder, &sandbox, &format!("out/small/{name}"));
        edit(&other, |info| {
            info["started_utc"] = started.into();
            info["complete"] = complete.into();
        });
    }
    let found = said(&gate(&sandbox, &folder, "--baseline last --json").exits(0));
    assert_eq!(found["baseline"]["started_utc"], "2021-01-01T00:00:00Z");
}

#[test]
fn a_broken_baseline_is_a_problem_and_never_a_pass() {
    let (sandbox, folder, baseline) = saved();
    ask(&folder, &["p95(e2e) <= baseline * 9"]);
    let args = "--baseline baselines/small";
    let log = baseline.read("latency.hlog");
    for part in [log.len() - 200, log.len() / 2, 60, 0] {
        baseline.write("latency.hlog", &log[..part]);
        refused(
            gate(&sandbox, &folder, args),
            2,
            "it is cut short, or not of this run",
        );
    }
    fs::remove_file(baseline.path.join("latency.hlog")).unwrap();
    refused(gate(&sandbox, &folder, args), 2, "latency.hlog");
    baseline.write("latency.hlog", &log);
    gate(&sandbox, &folder, args).exits(0);
    edit(&baseline, |info| info["schema"] = json!(99));
    refused(gate(&sandbox, &folder, args), 2, "schema 99");
    baseline.write("run.json", "{");
    refused(gate(&sandbox, &folder, args), 2, "no run folder");
    refused(
        gate(&sandbox, &folder, "--baseline nowhere"),
        2,
        "no run folder",
    );
    refused(sandbox.run("gate nowhere"), 2, "no run folder");
}

#[test]
fn a_run_that_is_not_whole_is_no_baseline() {
    let (sandbox, folder) = bench();
    let half = copy(&folder, &sandbox, "out/small/half");
    edit(&half, |info| info["complete"] = false.into());
    let path = half.path.display();
    let save = sandbox.run(&format!("baseline save {path}"));
    refused(save, 2, "did not come to its end");
    let margin = "p95(e2e) <= baseline * 9";
    let ran = judge(&sandbox, &folder, margin, &format!("--baseline {path}"));
    refused(ran, 4, "did not come to its end");
}

#[test]
fn a_baseline_is_named_by_its_user_and_is_no_run() {
    let (sandbox, folder, _) = saved();
    let path = folder.path.display();
    sandbox
        .run(&format!("baseline save {path} --name main --dir kept"))
        .exits(0);
    let shown = sandbox.run("baseline show kept/main").exits(0);
    assert!(shown.stdout.starts_with("kept/main\n"), "{}", shown.stdout);
    refused(
        sandbox.run(&format!("baseline save {path} --name ../x")),
        2,
        "can't be the name of a baseline",
    );
    refused(
        sandbox.run("gate kept/main"),
        2,
        "is a baseline and not a run",
    );
    refused(sandbox.run("baseline show nowhere"), 2, "nowhere");
}
