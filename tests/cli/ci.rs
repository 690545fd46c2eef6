//! What a gate leaves for a CI system.

use serde_json::{Value, json};

use crate::support::*;

const LOAD: &str = "load: [ { name: short, closed: { concurrency: 2, requests: 80 } } ]\n";

/// A run that was made, and that is valid whatever else the machine did meanwhile.
fn run_of(thresholds: &str) -> Sandbox {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, &format!("{LOAD}{thresholds}")));
    sandbox.run("run scenario.yaml -o out");
    let folder = sandbox.folder();
    let mut info = folder.info();
    info["validity"] = json!({ "verdict": "valid", "checks": [] });
    folder.write("run.json", serde_json::to_vec(&info).unwrap());
    sandbox
}

fn gate(sandbox: &Sandbox, env: &[(&str, &str)], args: &str) -> Ran {
    let run = sandbox.folder().path.clone();
    sandbox.run_with(env, &format!("gate {} {args}", run.display()))
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    std::fs::read_to_string(sandbox.path(name)).unwrap()
}

#[test]
fn github_gets_files_annotations_a_summary_and_outputs() {
    let sandbox = run_of("thresholds: [ p50(e2e) < 60s, p50(e2e) < 1ms ]\n");
    sandbox.write("summary", "of before\n");
    let place = |name: &str| sandbox.path(name).display().to_string();
    let (summary, output) = (place("summary"), place("output"));
    let env = [
        ("GITHUB_STEP_SUMMARY", summary.as_str()),
        ("GITHUB_OUTPUT", output.as_str()),
    ];
    let args = "--ci github --ci-dir kept/ci --scenario ./scenario.yaml";
    let ran = gate(&sandbox, &env, args).exits(1);
    let files = [
        "junit.xml",
        "gate.md",
        "gate.json",
        "benchmark-smaller.json",
        "benchmark-bigger.json",
        "bmf.json",
    ];
    let folder = sandbox.folder();
    for name in files {
        let kept = text(&sandbox, &format!("kept/ci/{name}"));
        assert_eq!(kept.as_bytes(), folder.read(name), "{name}");
    }
    let page = text(&sandbox, "kept/ci/gate.md");
    assert_eq!(text(&sandbox, "summary"), format!("of before\n{page}"));
    let run = folder.path.display();
    assert_eq!(
        text(&sandbox, "output"),
        format!("verdict=fail\nreport={run}/gate.md\nresults={run}\n")
    );
    // The report can't be taken for commands; the annotations are.
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap();
    let end = lines
        .iter()
        .position(|line| *line == format!("::{token}::"));
    assert!(lines[1].starts_with("gate FAIL"), "{lines:?}");
    let annotations = &lines[end.unwrap() + 1..];
    let error = annotations.iter().find(|line| line.starts_with("::error"));
    assert!(
        error
            .unwrap()
            .starts_with("::error file=scenario.yaml,line=")
    );
    assert_eq!(annotations.len(), 3, "{annotations:?}");
    let other = gate(&sandbox, &[], "--ci github");
    assert_ne!(
        other.stdout.lines().next(),
        Some(lines[0]),
        "a token is used once"
    );
}

#[test]
fn each_format_can_be_had_alone() {
    let sandbox = run_of("thresholds: [ p50(e2e) < 60s ]\n");
    let args = "--junit j.xml --markdown m.md --bmf b.json";
    let ran = gate(&sandbox, &[], args).exits(0);
    assert!(ran.stdout.starts_with("gate PASS"), "{}", ran.stdout);
    assert!(text(&sandbox, "j.xml").contains("<testcase name=\"p50(e2e) &lt; 60s\""));
    assert!(text(&sandbox, "m.md").contains("\n## PASS · <code>small</code>\n"));
    let figures: Value = serde_json::from_str(&text(&sandbox, "b.json")).unwrap();
    let p50 = sandbox.folder().quantile("e2e", "p50");
    assert_eq!(figures["small/total"]["e2e-p50-ms"]["value"], p50);
    assert!(!sandbox.folder().names().contains(&"junit.xml".to_owned()));
}

#[test]
fn without_thresholds_what_asks_for_a_verdict_gets_no_pass_and_figures_alone_ask_for_none() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    sandbox
        .run("run scenario.yaml -o one --bmf b.json")
        .exits(0);
    assert!(text(&sandbox, "b.json").starts_with('{'));
    sandbox
        .run("run scenario.yaml -o two --junit j.xml")
        .exits(4);
    let xml = text(&sandbox, "j.xml");
    assert!(xml.contains("<testcase name=\"the gate\"") && xml.contains("there are no thresholds"));
    let ran = sandbox
        .run("run scenario.yaml -o three --ci github")
        .exits(4);
    assert!(ran.stdout.contains("\n::error title=INVALID%3A the gate::"));
}

#[test]
fn a_run_that_does_not_begin_leaves_no_verdict_of_an_earlier_one() {
    let sandbox = Sandbox::with("name: [");
    std::fs::create_dir(sandbox.path("ci")).unwrap();
    for name in ["j.xml", "m.md", "ci/gate.json", "ci/mine.txt"] {
        sandbox.write(name, "of an earlier run");
    }
    sandbox
        .run("run scenario.yaml --junit j.xml --markdown m.md --ci github --ci-dir ci")
        .exits(2);
    assert_eq!(sandbox.list(), ["ci", "scenario.yaml"]);
    assert!(!sandbox.path("ci/gate.json").exists() && sandbox.path("ci/mine.txt").exists());
}

#[test]
fn what_can_t_be_written_is_no_pass() {
    let sandbox = run_of("thresholds: [ p50(e2e) < 60s ]\n");
    let ran = gate(&sandbox, &[], "--junit nowhere/j.xml").exits(70);
    assert!(ran.stderr.contains("nowhere/j.xml"), "{}", ran.stderr);
}

#[test]
fn json_on_stdout_and_annotations_exclude_each_other() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    sandbox.run("run scenario.yaml --ci github --json").exits(2);
    sandbox.run("run scenario.yaml --ci-dir ci").exits(2);
}

#[test]
fn two_stored_runs_have_a_case_for_each_compared_figure() {
    let sandbox = run_of("");
    let run = sandbox.folder().path.display().to_string();
    let compare = |args: &str| sandbox.run(&format!("compare {run} {run} {args}"));
    let refused = compare("--ci github").exits(2);
    assert!(refused.stderr.contains("--ci-dir"), "{}", refused.stderr);
    let ran = compare("--ci github --ci-dir ci --junit j.xml");
    let gate: Value = serde_json::from_str(&text(&sandbox, "ci/gate.json")).unwrap();
    assert_eq!(gate["comparison"]["design"], "historical");
    assert_eq!(gate["baseline"]["folder"], run.as_str());
    let codes = [
        ("pass", 0),
        ("fail", 1),
        ("inconclusive", 3),
        ("invalid", 4),
    ];
    let wanted = codes
        .iter()
        .find(|(verdict, _)| gate["verdict"] == *verdict);
    assert_eq!(ran.code, wanted.map(|(_, code)| *code), "{gate}");
    let xml = text(&sandbox, "j.xml");
    assert!(xml.contains("<testcase name=\"p95(e2e) of "), "{xml}");
    assert!(xml.contains("<testcase name=\"error_rate of "), "{xml}");
    assert!(!sandbox.folder().names().contains(&"gate.md".to_owned()));
}
