//! Each verdict has its exit code, at the run's end and later.

use serde_json::Value;

use crate::bench::{ask, asking, bench, gate, judge, kept, said, trust};
use crate::support::{QUICK_LAB, Sandbox, scenario};

#[test]
fn each_verdict_has_its_exit_code() {
    let (sandbox, folder) = bench();
    let judged = |threshold: &str, code: i32| {
        let ran = judge(&sandbox, &folder, threshold, "--json").exits(code);
        said(&ran)["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(judged("p95(e2e) < 60s", 0), "pass");
    assert_eq!(judged("p95(e2e) < 1ms", 1), "fail");
    assert_eq!(judged("p99.9(e2e) < 60s", 3), "inconclusive");
    assert_eq!(judged("cost_per_request < $1", 4), "invalid");
}

#[test]
fn what_is_inconclusive_exits_by_the_policy_and_stays_inconclusive() {
    let (sandbox, folder) = bench();
    for (policy, code) in [("pass", 0), ("fail", 1)] {
        let args = format!("--json --on-inconclusive {policy}");
        let ran = judge(&sandbox, &folder, "p99.9(e2e) < 60s", &args).exits(code);
        assert_eq!(said(&ran)["verdict"], "inconclusive");
        judge(&sandbox, &folder, "p95(e2e) < 1ms", &args).exits(1);
        judge(&sandbox, &folder, "p95(e2e) < 60s", &args).exits(0);
        judge(&sandbox, &folder, "cost < $1", &args).exits(4);
    }
}

#[test]
fn the_worst_threshold_decides_and_an_advisory_one_does_not() {
    let (sandbox, folder) = bench();
    ask(
        &folder,
        &["p95(e2e) < 60s", "error_rate < 1%", "p50(ttft) < 1ms"],
    );
    let ran = gate(&sandbox, &folder, "").exits(1);
    assert!(
        ran.stdout
            .starts_with("gate FAIL · thresholds: 2 pass, 1 fail\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("FAIL p50(ttft) < 1ms: "),
        "{}",
        ran.stdout
    );
    let advisory = "{ check: p50(ttft) < 1ms, advisory: true }";
    sandbox.write("newer.yaml", asking(&["p95(e2e) < 60s", advisory]));
    let ran = gate(&sandbox, &folder, "--scenario newer.yaml").exits(0);
    assert!(
        ran.stdout
            .starts_with("gate PASS · thresholds: 1 pass, 1 advisory\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_thresholds_of_another_scenario_win_and_have_its_lines() {
    let (sandbox, folder) = bench();
    ask(&folder, &["p95(e2e) < 60s"]);
    sandbox.write("newer.yaml", asking(&["p95(e2e) < 1ms"]));
    let ran = gate(&sandbox, &folder, "--scenario newer.yaml --json").exits(1);
    let found = said(&ran);
    let lines = std::fs::read_to_string(sandbox.path("newer.yaml")).unwrap();
    let line = lines.lines().position(|l| l.contains("p95(e2e)")).unwrap() + 1;
    assert_eq!(found["findings"][0]["line"], line);
    assert_eq!(found["findings"][0]["threshold"], "p95(e2e) < 1ms");
    gate(&sandbox, &folder, "").exits(0);
}

#[test]
fn a_run_is_judged_at_its_end_and_later_the_same() {
    let thresholds = [
        "p95(ttft) < 60s",
        "p95(e2e){recipe=plain} < 60s",
        "p90(service){stream=true,reused=true} < 60s",
        "error_rate < 1%",
        "p50(chunk_gap) < 60s",
        "goodput > 0.1/s",
    ];
    let sandbox = Sandbox::with(&asking(&thresholds));
    let ran = sandbox.run("run scenario.yaml -o out");
    let folder = sandbox.folder();
    let verdict = folder.info()["validity"]["verdict"].clone();
    let wanted = if verdict == "invalid" { 4 } else { 0 };
    let ran = ran.exits(wanted);
    assert!(ran.stdout.starts_with("gate "), "{}", ran.stdout);
    assert_eq!(folder.info()["thresholds"][1]["check"], thresholds[1]);
    let at_the_end = kept(&folder.path);
    let findings = at_the_end["findings"].as_array().unwrap();
    assert_eq!(findings.len(), thresholds.len());
    let passes = |finding: &Value| finding["verdict"] == "pass";
    assert!(findings.iter().all(passes), "{findings:?}");
    let later = said(&gate(&sandbox, &folder, "--json").exits(wanted));
    let without_folder = |mut gate: Value| {
        gate["run"]["folder"] = Value::Null;
        gate
    };
    assert_eq!(without_folder(later), without_folder(at_the_end));
    trust(&folder);
    gate(&sandbox, &folder, "").exits(0);
}

#[test]
fn a_run_without_thresholds_is_as_it_was() {
    let load = "load: [ { name: few, closed: { concurrency: 1, requests: 5 } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    assert!(
        ran.stdout.starts_with("small against lab"),
        "{}",
        ran.stdout
    );
    assert!(!sandbox.folder().names().contains(&"gate.json".to_owned()));
}
