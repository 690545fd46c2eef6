//! Thresholds that end a run.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::bench::{edit, gate, kept};
use crate::support::{MIX, Sandbox};

#[test]
fn a_run_ends_once_a_threshold_is_sure_not_to_hold() {
    let lab = "{ lab: { script: { faults: [ { when: { share: 50% }, do: { status: { code: 503 } } } ] } } }";
    let rest = "load: [ { name: long, constant: { rate: 50/s, duration: 10m } } ]\n\
         thresholds:\n  - p95(e2e) < 60s\n  - { check: error_rate < 5%, abort: true, grace: 2s }\n";
    let sandbox = Sandbox::with(&format!(
        "name: small\ntargets: {{ lab: {lab} }}\n{MIX}\n{rest}"
    ));
    let began = Instant::now();
    let ran = sandbox.run("run scenario.yaml -o out").exits(1);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2), "within its grace: {took:?}");
    assert!(
        ran.stderr.contains("`error_rate < 5%` does not hold"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.starts_with("gate FAIL"), "{}", ran.stdout);
    let folder = sandbox.folder();
    let info = folder.info();
    assert_eq!(
        (&info["interrupted"], &info["complete"]),
        (&json!("threshold"), &json!(false))
    );
    assert_eq!(info["aborted_by"], json!(["error_rate < 5%"]));
    let findings = kept(&folder.path)["findings"].clone();
    assert_eq!(
        (&findings[0]["aborted"], &findings[1]["aborted"]),
        (&json!(false), &json!(true))
    );
    gate(&sandbox, &folder, "").exits(1);
    // The same run by thresholds that say nothing of it is one that was cut.
    edit(&folder, |info| {
        info["thresholds"] = json!([{ "check": "p50(e2e) < 60s", "line": 1 }]);
    });
    gate(&sandbox, &folder, "").exits(4);
}

#[test]
fn a_threshold_that_holds_ends_nothing() {
    let rest = "load: [ { name: short, constant: { rate: 50/s, duration: 3s } } ]\n\
         thresholds: [ { check: error_rate < 5%, abort: true, grace: 0s } ]\n";
    let lab = "{ lab: {} }";
    let sandbox = Sandbox::with(&format!(
        "name: small\ntargets: {{ lab: {lab} }}\n{MIX}\n{rest}"
    ));
    sandbox.run("run scenario.yaml -o out");
    let info = sandbox.folder().info();
    assert_eq!(
        (&info["interrupted"], &info["complete"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(info["phases"][0]["planned_arrivals"], 150);
    assert_eq!(info["summary"]["scopes"][0]["count"]["requests"], 150);
}
