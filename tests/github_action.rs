//! The composite action and its example workflow: their steps are run, as a runner would, on the embedded lab.
//!
//! Other programs on the machine may make a run invalid; then that is the verdict that is wanted.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "github_action/job.rs"]
mod job;
#[path = "github_action/yaml.rs"]
mod yaml;

use std::fs;

use job::{ACTION, Job, root};
use serde_json::Value;

/// All `run` texts of a file, wherever they stand.
fn runs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "run" => found.push(text.to_owned()),
                    _ => runs(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| runs(value, found)),
        _ => {}
    }
}

#[test]
fn nothing_from_outside_is_part_of_a_script() {
    for file in ["action.yml", "example-workflow.yml"] {
        let parsed = yaml::read(&root().join(ACTION).join(file));
        let mut found = Vec::new();
        runs(&parsed, &mut found);
        assert!(found.len() > 1, "{file}");
        for run in found {
            assert!(!run.contains("${{"), "{file}: {run}");
        }
    }
}

#[test]
fn every_script_stops_at_what_goes_wrong_and_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let mut scripts = 0;
    for entry in fs::read_dir(root().join(ACTION)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "sh") {
            continue;
        }
        scripts += 1;
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display();
        assert!(text.starts_with("#!/usr/bin/env bash\n# "), "{name}");
        assert!(text.contains("\nset -euo pipefail\n"), "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o100, 0, "{name} can't be run");
    }
    assert_eq!(scripts, 4);
}

#[test]
fn the_example_gates_a_pull_request_on_the_lab_and_passes() {
    let mut job = Job::new();
    let code = job.workflow("example-workflow.yml");
    let (verdict, wanted) = if job.run_is_invalid() {
        ("invalid", 4)
    } else {
        ("pass", 0)
    };
    assert_eq!(code, wanted, "{}", job.log);
    assert!(
        job.log.contains(&format!("the gate says: {verdict}")),
        "{}",
        job.log
    );
    assert_eq!(job.output("gate", "verdict"), verdict);
    let report = fs::read_to_string(job.path(&job.output("gate", "report"))).unwrap();
    assert_eq!(job.summary(), report, "the summary is the report");
    let head = format!("## {} · ", verdict.to_uppercase());
    assert!(
        report.lines().nth(1).unwrap().starts_with(&head),
        "{report}"
    );
    assert!(
        report.contains("| pass | <code>p95(ttft) &lt;= baseline &#42; 1.25"),
        "{report}"
    );
    let folder = job.path(&job.output("gate", "results"));
    for file in [
        "junit.xml",
        "gate.md",
        "gate.json",
        "benchmark-smaller.json",
        "benchmark-bigger.json",
        "bmf.json",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let kept = job.uploads.last().unwrap();
    assert!(kept.contains("samples.csv"), "rows stay here: {kept}");
    let key = job.output("source", "key");
    assert!(key.starts_with("tollgate-") && key.len() > 64, "{key}");
    // One comment, written over from the second time on.
    assert_eq!(job.asked(), ["list", "POST repos/o/r/issues/7/comments"]);
    job.comment_exists(41);
    let again = [
        ("scenario", "scenarios/pull-request.yaml"),
        ("comment", "true"),
        ("args", "-d 1s"),
    ];
    job.action("gate", &again);
    assert_eq!(
        job.asked()[2..],
        ["list", "PATCH repos/o/r/issues/comments/41"]
    );
}

#[test]
fn a_gate_that_fails_fails_its_step_and_still_leaves_all_its_outputs() {
    let mut job = Job::new();
    job.change("scenarios/pull-request.yaml", |text| {
        let (head, _) = text.split_once("\nthresholds:").unwrap();
        format!("{head}\nthresholds: [ \"p95(ttft) < 1ms\" ]\n")
    });
    let inputs = [
        ("scenario", "scenarios/pull-request.yaml"),
        ("comment", "true"),
        ("args", "-d 3s"),
    ];
    let code = job.action("gate", &inputs);
    let (verdict, wanted) = if job.run_is_invalid() {
        ("invalid", 4)
    } else {
        ("fail", 1)
    };
    assert_eq!(code, wanted, "{}", job.log);
    assert_eq!(job.output("gate", "verdict"), verdict);
    assert!(job.summary().contains("| **FAIL** | "), "{}", job.summary());
    let annotation = "::error file=scenarios/pull-request.yaml,line=";
    let at = job.log.lines().find(|line| line.starts_with(annotation));
    assert!(
        at.unwrap().contains("title=FAIL%3A p95(ttft) < 1ms::"),
        "{}",
        job.log
    );
    assert_eq!(job.asked(), ["list", "POST repos/o/r/issues/7/comments"]);
    assert_eq!(job.uploads.len(), 1);
}

#[test]
fn a_run_that_can_t_begin_has_no_verdict_and_fails_its_step() {
    let mut job = Job::new();
    let nasty = "scenarios/$(touch hacked).yaml";
    let code = job.action("gate", &[("scenario", nasty), ("comment", "true")]);
    assert_eq!(code, 2, "{}", job.log);
    assert_eq!(job.output("gate", "verdict"), "");
    assert_eq!(job.summary(), "");
    assert!(job.uploads.is_empty() && job.asked().is_empty());
    assert!(!job.path("hacked").exists());
}

#[test]
fn a_comment_that_is_refused_changes_no_verdict() {
    let mut job = Job::new();
    job.refuse_comments();
    let inputs = [
        ("scenario", "scenarios/pull-request.yaml"),
        ("comment", "true"),
        ("args", "-d 1s"),
    ];
    job.action("gate", &inputs);
    assert!(
        job.log
            .contains("::warning title=tollgate::the comment could not")
    );
    assert_eq!(job.asked(), ["list"], "nothing is written blindly");
}
