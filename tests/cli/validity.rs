//! Is a run to be trusted? Each way in which the client can make the numbers, provoked.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::stage::Stage;
use crate::support::*;

/// Answers so slow that what neighbours on this machine take is little against them: the limit of the
/// dispatch lag is 20 ms, and that of a stall 100 ms.
const SLOW: &str = r#"{"models":[{"ttft":{"constant":"1s"},"pace":{"constant":"1ms"},
    "output_tokens":{"constant":3}}]}"#;
/// Answers after some 20 ms.
const STEADY: &str = r#"{"models":[{"ttft":{"constant":"20ms"},"pace":{"constant":"1ms"},
    "output_tokens":{"constant":3}}]}"#;

impl Folder {
    fn check(&self, name: &str) -> Value {
        let checks = self.info()["validity"]["checks"].clone();
        let mut checks = checks.as_array().unwrap().iter();
        checks.find(|check| check["name"] == name).unwrap().clone()
    }

    fn verdict(&self) -> Value {
        self.info()["validity"]["verdict"].clone()
    }
}

fn against(stage: &Stage, load: &str) -> Sandbox {
    let load = format!("load: [ {{ name: steady, {load} }} ]");
    Sandbox::with(&scenario(&gateway(stage.provider()), &load))
}

/// The verdict stands in the report's third line, and each check that failed is told with its limit
/// and its remedy.
fn told(ran: &Ran, folder: &Folder, check: &str) {
    assert_eq!(folder.verdict(), "invalid", "{}", ran.stdout);
    let failed = folder.check(check);
    assert_eq!(failed["level"], "invalid", "{failed}");
    let verdict = ran.stdout.lines().nth(2).unwrap();
    assert!(verdict.starts_with("INVALID"), "{}", ran.stdout);
    let line = format!("  invalid: {check} is ");
    let line = ran.stdout.lines().find(|found| found.starts_with(&line));
    let line = line.unwrap();
    for part in ["value", "limit", "remedy"] {
        assert!(line.contains(failed[part].as_str().unwrap()), "{line}");
    }
}

/// What a healthy client can't bring about: neighbours may give short stalls, which are to be read with care.
const HEALTHY: [&str; 7] = [
    "ok samples",
    "client limits",
    "in-flight cap",
    "achieved arrivals",
    "worker CPU",
    "process CPU",
    "drift",
];

#[test]
fn a_healthy_run_is_valid_and_passes_the_gate() {
    let stage = Stage::start(SLOW);
    let play = |_| {
        let sandbox = against(&stage, "constant: { rate: 30/s, duration: 12s }");
        let ran = sandbox.run("run scenario.yaml -o out --gate");
        (sandbox, ran)
    };
    // A neighbour that takes the machine for a while makes a run invalid, and rightly so; not three.
    let mut played = (0..3).map(play);
    let valid = |(sandbox, ran): &(Sandbox, Ran)| {
        let clean = |check: &&str| sandbox.folder().check(check)["level"] == "valid";
        ran.code == Some(0) && HEALTHY.iter().all(clean)
    };
    let (sandbox, ran) = played.find(valid).expect("one of three is valid");
    let folder = sandbox.folder();
    assert_ne!(folder.verdict(), "invalid", "{}", ran.stdout);
    for check in HEALTHY {
        assert_eq!(folder.check(check)["remedy"], "");
    }
    let report = format!("report {} --json", folder.path.display());
    let again: Value = serde_json::from_str(&sandbox.run(&report).exits(0).stdout).unwrap();
    assert_eq!(again["validity"], folder.info()["validity"]);
}

#[test]
fn a_process_that_stood_still_is_felt_by_its_workers() {
    const STOOD: Duration = Duration::from_millis(400);
    let stage = Stage::start(STEADY);
    let sandbox = against(&stage, "constant: { rate: 50/s, duration: 3s }");
    let started = sandbox.start("run scenario.yaml -o out --gate");
    until("a second of the run", || stage.counts().requests >= 50);
    started.signal(Signal::STOP);
    thread::sleep(STOOD);
    started.signal(Signal::CONT);
    let ran = started.finish().exits(4);
    let folder = sandbox.folder();
    told(&ran, &folder, "worker stalls");
    let stalls = folder.info()["stalls"].clone();
    let longest = stalls["longest_ms"].as_f64().unwrap();
    // A stall is told up to 7 ms too short, since it begins between two wakes.
    assert!(longest >= 393.0, "{longest}");
    let lost = stalls["lost_share"].as_f64().unwrap();
    assert!(lost >= 0.393 / 3.5, "{lost}");
    // All arrivals came, if late.
    assert_eq!(folder.check("achieved arrivals")["level"], "valid");
}

#[test]
fn a_worker_that_is_starved_of_cpu_makes_the_run_invalid() {
    let stage = Stage::start(STEADY);
    let sandbox = against(&stage, "constant: { rate: 100/s, duration: 2s }");
    // Every tenth of a second the process gets to run for a half of it only.
    let started = sandbox.start("run scenario.yaml -o out --gate");
    until("the first requests", || stage.counts().requests >= 10);
    for _ in 0..15 {
        started.signal(Signal::STOP);
        thread::sleep(Duration::from_millis(50));
        started.signal(Signal::CONT);
        thread::sleep(Duration::from_millis(50));
    }
    let ran = started.finish().exits(4);
    let folder = sandbox.folder();
    told(&ran, &folder, "worker stalls");
    told(&ran, &folder, "dispatch lag");
    let lost = &folder.info()["stalls"]["lost_share"];
    assert!(lost.as_f64().unwrap() > 0.15, "{lost}");
}

#[test]
fn connections_beyond_the_limit_of_open_files_are_the_clients_own_failures() {
    // Nobody answers, so that each request keeps its connection.
    let stage = Stage::start(r#"{"faults":[{"do":"hang"}]}"#);
    let load = "constant: { rate: 100/s, duration: 1s }";
    let load = format!("load: [ {{ name: steady, {load} }} ]\ndrain: 100ms");
    let sandbox = Sandbox::with(&scenario(&gateway(stage.provider()), &load));
    let ran = sandbox
        .run_limited("ulimit -n 60", "run scenario.yaml -o out")
        .exits(4);
    assert!(
        ran.stderr
            .contains("warning: the plan may need 100 connections")
            && ran.stderr.contains("this process may have 60"),
        "{}",
        ran.stderr
    );
    let folder = sandbox.folder();
    assert_eq!(folder.info()["open_files"], 60);
    told(&ran, &folder, "client limits");
    let rows = folder.rows();
    assert_eq!(assert_no_gap(&rows, "steady"), 100);
    let limited: Vec<_> = rows
        .iter()
        .filter(|row| row.outcome.to_string() == "client_limit")
        .collect();
    assert!(limited.len() >= 40, "{}", limited.len());
    for row in &limited {
        assert!(
            row.error.as_ref().unwrap().contains("open files"),
            "{row:?}"
        );
        assert_eq!(row.sent_ms, None, "{row:?}");
    }
    let value = format!("{} of 100 failed", limited.len());
    assert_eq!(folder.check("client limits")["value"], value);
}

#[test]
fn a_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let stage = Stage::start(STEADY);
    let sandbox = against(&stage, "closed: { concurrency: 60, requests: 120 }");
    let ran = sandbox
        .run_limited(
            "ulimit -Sn 40 && ulimit -Hn 400",
            "run scenario.yaml -o out",
        )
        .exits(0);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let folder = sandbox.folder();
    assert_eq!(folder.info()["open_files"], 400);
    assert_eq!(folder.check("client limits")["value"], "0 of 120 failed");
}

#[test]
fn a_cap_that_is_too_low_is_named_as_what_shaped_the_load() {
    let stage = Stage::start(STEADY);
    let load = "constant: { rate: 100/s, duration: 2s, max_in_flight: 1 }";
    let sandbox = against(&stage, load);
    let ran = sandbox.run("run scenario.yaml -o out --gate").exits(4);
    let folder = sandbox.folder();
    let cap = folder.check("in-flight cap");
    assert_eq!(cap["level"], "warn", "{cap}");
    told(&ran, &folder, "dispatch lag");
    let remedy = folder.check("dispatch lag")["remedy"].clone();
    assert!(
        remedy.as_str().unwrap().contains("max_in_flight"),
        "{remedy}"
    );
    // Without the gate the exit code says nothing of it.
    sandbox.run("run scenario.yaml -o other").exits(0);
}

#[test]
fn a_run_without_an_answer_is_invalid_with_or_without_the_gate() {
    let stage = Stage::start(r#"{"faults":[{"do":{"status":{"code":500}}}]}"#);
    for gate in ["", "--gate"] {
        let sandbox = against(&stage, "closed: { concurrency: 1, requests: 3 }");
        let ran = sandbox
            .run(&format!("run scenario.yaml -o out {gate}"))
            .exits(4);
        told(&ran, &sandbox.folder(), "ok samples");
    }
}

#[test]
fn a_target_that_slows_down_in_the_middle_is_a_warning_that_passes_the_gate() {
    let later = r#""faults":[{"when":{"window":{"from":"6s","for":"60s"}},
        "do":{"slow_first_token":"2s"}}]}"#;
    let slow = format!("{},{later}", SLOW.strip_suffix('}').unwrap());
    let stage = Stage::start(&slow);
    let sandbox = against(&stage, "constant: { rate: 30/s, duration: 12s }");
    let ran = sandbox.run("run scenario.yaml -o out --gate").exits(0);
    let folder = sandbox.folder();
    let drift = folder.check("drift");
    assert_eq!(drift["level"], "warn", "{drift}");
    assert!(
        ran.stdout.contains("  care: drift is ttft p50 of `steady`"),
        "{}",
        ran.stdout
    );
    assert!(drift["remedy"].as_str().unwrap().contains("intervals.csv"));
}
