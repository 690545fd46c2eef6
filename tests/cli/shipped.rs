//! The scenarios that come with tollgate.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::*;

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    paths.sort_unstable();
    assert!(!paths.is_empty());
    paths
}

/// The flags that make a short run of a plan on the lab.
fn short(plan: &Value) -> String {
    let phases = plan["forecast"]["phases"].as_array().unwrap();
    let measured = phases.iter().filter(|phase| phase["warmup"] == false);
    let shapes: Vec<&str> = measured
        .map(|phase| phase["shape"].as_str().unwrap())
        .collect();
    let any = |starts: &[&str]| {
        shapes
            .iter()
            .any(|shape| starts.iter().any(|start| shape.starts_with(start)))
    };
    let mut flags = "-d 1s".to_owned();
    if any(&["constant", "poisson"]) {
        flags += " -r 20/s";
    }
    if any(&["closed"]) {
        flags += " -c 2";
    }
    flags
}

#[test]
fn every_shipped_scenario_is_valid_and_can_be_planned() {
    let sandbox = Sandbox::new();
    let env = [("RESPAN_API_KEY", "none"), ("OPENAI_API_KEY", "none")];
    for path in scenarios() {
        let path = path.display();
        let valid = sandbox.run_with(&env, &format!("validate {path}")).exits(0);
        assert_eq!(valid.stdout, format!("{path}: ok\n"));
        let plan = sandbox.run_with(&env, &format!("plan {path}")).exits(0);
        assert!(plan.stdout.contains("nothing is sent"));
    }
    assert!(sandbox.list().is_empty());
}

fn runs_on_the_lab(path: &Path) {
    let sandbox = Sandbox::new();
    // Arms say themselves where they send to.
    let has_arms = std::fs::read_to_string(path).unwrap().contains("\narms:");
    let to_lab = if has_arms { "" } else { "--target lab" };
    let path = path.display();
    let plan = sandbox.run(&format!("plan {path} --json {to_lab}"));
    let plan = serde_json::from_str(&plan.exits(0).stdout).unwrap();
    let flags = short(&plan);
    let ran = sandbox.run(&format!("run {path} {to_lab} -o out {flags}"));
    let gated = std::fs::read_to_string(path.to_string()).unwrap();
    // So short a run carries few thresholds, and this machine may be too noisy for any.
    let gated = gated.contains("thresholds:") && ran.stdout.starts_with("gate ");
    assert!(gated || ran.code == Some(0), "{path}\n{}", ran.stdout);
    let folder = sandbox.folder();
    assert_eq!(folder.info()["complete"], true, "{path}");
    assert!(!folder.measured().is_empty(), "{path}");
}

#[test]
fn every_shipped_scenario_runs_on_the_lab() {
    // A short run mostly waits, and so three share the machine.
    let scenarios = scenarios();
    std::thread::scope(|scope| {
        for some in scenarios.chunks(scenarios.len().div_ceil(3)) {
            scope.spawn(|| some.iter().for_each(|path| runs_on_the_lab(path)));
        }
    });
}
