//! `JUnit`, read by Python's own parser.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tollgate::judge::{Gate, Level, Verdict};
use tollgate::report::ci::{Context, OnInconclusive, junit};

use crate::gates::{comparison, context, finding, gate, nasty, validity};

/// What a viewer finds: name, outcome and message of each case, and the suite's properties.
fn read(xml: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ci_outputs/junit.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(xml.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{xml}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Name and outcome of each case.
fn shown(gate: &Gate, context: &Context) -> Vec<(String, String)> {
    let read = read(&junit(gate, context));
    let cases = read["cases"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    cases.map(|case| (text(&case[0]), text(&case[1]))).collect()
}

fn pairs(shown: &[(String, String)]) -> Vec<(&str, &str)> {
    shown
        .iter()
        .map(|(name, end)| (name.as_str(), end.as_str()))
        .collect()
}

#[test]
fn a_case_for_each_threshold_and_each_compared_figure_and_for_the_run() {
    let mut advisory = finding("p50(ttft) < 1ms", Verdict::Fail);
    advisory.advisory = true;
    let mut found = gate(vec![
        finding("p95(ttft){recipe=chat} < 800ms", Verdict::Fail),
        finding("max(ttft) < 2s", Verdict::Pass),
        finding("p99.9(ttft) < 2s", Verdict::Invalid),
        advisory,
    ]);
    found.findings[1].scope = "recipe:chat".to_owned();
    found.comparison = Some(comparison("candidate", Verdict::Fail));
    let valid = validity(Level::Warn);
    let shown = shown(&found, &context(&valid));
    assert_eq!(
        pairs(&shown),
        [
            ("validity of the run", "pass"),
            ("p95(ttft){recipe=chat} < 800ms", "failure"),
            ("max(ttft) < 2s [recipe:chat]", "pass"),
            ("p99.9(ttft) < 2s", "error"),
            ("p50(ttft) < 1ms", "skipped"),
            ("p95(ttft) of candidate against base", "failure"),
            ("error_rate of candidate against base", "pass"),
            ("p95(e2e) of candidate against base", "skipped"),
        ]
    );
}

#[test]
fn the_xml_is_this() {
    let found = gate(vec![finding("p95(ttft) < 800ms", Verdict::Fail)]);
    let valid = validity(Level::Valid);
    insta::assert_snapshot!(junit(&found, &context(&valid)), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="tollgate" tests="2" skipped="0" failures="1" errors="0">
        <testsuite name="smoke" tests="2" skipped="0" errors="0" failures="1">
            <properties>
                <property name="verdict" value="fail"/>
                <property name="run" value="results/smoke/1"/>
                <property name="digest" value="081a9ddf33f6"/>
                <property name="started_utc" value="2026-11-24T13:22:50Z"/>
            </properties>
            <testcase name="validity of the run" classname="smoke">
                <system-out>dispatch lag p99 3 ms</system-out>
            </testcase>
            <testcase name="p95(ttft) &lt; 800ms" classname="smoke">
                <failure message="FAIL: why it is so" type="fail">total is 812.35 ms (95 % within 790.10 - 840.00 ms), wanted &lt; 800.00 ms; n 1640</failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn what_can_t_be_told_is_never_green() {
    let found = gate(vec![finding("p99(ttft) < 1s", Verdict::Inconclusive)]);
    let valid = validity(Level::Valid);
    for (policy, end) in [
        (OnInconclusive::Tell, "error"),
        (OnInconclusive::Pass, "skipped"),
        (OnInconclusive::Fail, "failure"),
    ] {
        let mut context = context(&valid);
        context.on_inconclusive = policy;
        assert_eq!(shown(&found, &context)[1].1, end);
    }
}

#[test]
fn a_gate_without_thresholds_is_a_case_that_does_not_pass_and_says_why() {
    let valid = validity(Level::Valid);
    for verdict in [Verdict::Invalid, Verdict::Inconclusive, Verdict::Pass] {
        let mut found = gate(Vec::new());
        found.verdict = verdict;
        let read = read(&junit(&found, &context(&valid)));
        assert_eq!(read["cases"][0][0], "the gate");
        assert_eq!(read["cases"][0][1], "error");
        let why = read["cases"][0][2].as_str().unwrap();
        assert!(why.contains("no threshold was asked"), "{why}");
    }
}

#[test]
fn a_verdict_that_no_part_explains_is_a_case_of_its_own() {
    let mut found = gate(vec![finding("max(ttft) < 2s", Verdict::Pass)]);
    found.verdict = Verdict::Invalid;
    found.reasons = vec!["the budget stopped the run".to_owned()];
    let valid = validity(Level::Valid);
    let read = read(&junit(&found, &context(&valid)));
    assert_eq!(read["cases"][0][1], "error");
    assert_eq!(read["cases"][0][2], "INVALID: the budget stopped the run");
}

#[test]
fn a_reason_that_is_but_the_runs_validity_is_told_once() {
    let mut found = gate(vec![finding("max(ttft) < 2s", Verdict::Pass)]);
    found.verdict = Verdict::Invalid;
    found.reasons = vec!["the run is invalid: dispatch lag is p99 3 ms, wanted 1 ms".to_owned()];
    let invalid = validity(Level::Invalid);
    assert_eq!(shown(&found, &context(&invalid)).len(), 2);
    found.reasons.push("the budget stopped it".to_owned());
    assert_eq!(shown(&found, &context(&invalid)).len(), 3);
}

#[test]
fn an_invalid_run_is_an_error_though_every_threshold_holds() {
    let mut found = gate(vec![finding("max(ttft) < 2s", Verdict::Pass)]);
    found.verdict = Verdict::Invalid;
    let invalid = validity(Level::Invalid);
    let shown = shown(&found, &context(&invalid));
    assert_eq!(
        pairs(&shown),
        [("validity of the run", "error"), ("max(ttft) < 2s", "pass")]
    );
}

#[test]
fn no_name_breaks_the_xml_and_two_of_one_name_are_two() {
    let valid = validity(Level::Valid);
    let xml = junit(&nasty(), &context(&valid));
    let read = read(&xml);
    let names: Vec<&str> = read["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c[0].as_str().unwrap())
        .collect();
    let kept = "::error::x 50%,y:z ]]> <script>`rm` \"q\" 'r' & ";
    assert!(names[2].contains(kept), "{names:?}");
    assert_eq!(names[3], format!("{} (2)", names[2]));
    assert_eq!(read["properties"]["verdict"], "fail");
    let run = read["properties"]["run"].as_str().unwrap();
    assert!(run.contains(kept), "{run}");
}
