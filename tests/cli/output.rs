//! What goes to stdout and what to stderr.

use serde_json::Value;

use crate::stage::Ear;
use crate::support::*;

const FEW: &str = "load: [ { name: p, closed: { concurrency: 2, requests: 8 } } ]";

fn document(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn json_is_one_document_on_stdout_and_the_same_as_in_the_file() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, FEW));
    let ran = sandbox.run("run scenario.yaml -o out --json").exits(0);
    let json = document(&ran.stdout);
    assert_eq!(json["schema"], 1);
    assert_eq!(json, sandbox.folder().info());
    assert_eq!(ran.stderr, "");
    let plan = sandbox.run("plan scenario.yaml --json").exits(0);
    assert_eq!(document(&plan.stdout)["schema"], 1);
    assert_eq!(plan.stderr, "");
    let schema = sandbox.run("schema").exits(0);
    assert!(document(&schema.stdout)["$schema"].is_string());
}

#[test]
fn the_report_alone_is_on_stdout_without_a_colour_whatever_the_environment_says() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, FEW));
    for env in [&[][..], &[("CI", "true")], &[("NO_COLOR", "1")]] {
        let ran = sandbox.run_with(env, "run scenario.yaml -o out").exits(0);
        assert!(ran.stdout.starts_with("small against lab (embedded)\n"));
        let (_, last) = ran.stdout.trim_end().rsplit_once('\n').unwrap();
        assert!(last.starts_with("files in out/small/"), "{last}");
        assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'));
        assert_eq!(ran.stderr, "", "it is over before the first line");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_panic() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, FEW));
    for args in [
        "run scenario.yaml -o out",
        "run scenario.yaml -o out --json",
        "plan scenario.yaml",
        "validate scenario.yaml",
        "schema",
        "--help",
    ] {
        let mut started = sandbox.start(args);
        drop(started.child.stdout.take());
        let ran = started.finish().exits(0);
        assert!(!ran.stderr.contains("panicked"), "{args}: {}", ran.stderr);
    }
}

#[test]
fn what_a_plan_shows_is_sent_nowhere() {
    let ear = Ear::open();
    let manifest = env!("CARGO_MANIFEST_DIR");
    let sandbox = Sandbox::with(&scenario(&gateway(&ear.url()), FEW));
    sandbox.run("plan scenario.yaml").exits(0);
    let smoke = sandbox
        .run(&format!("plan {manifest}/scenarios/smoke.yaml"))
        .exits(0);
    assert!(smoke.stdout.contains("nothing is sent"));
    let url = format!(
        "plan {manifest}/scenarios/smoke.yaml --target {}",
        ear.url()
    );
    sandbox.run(&url).exits(0);
    sandbox.run("validate scenario.yaml").exits(0);
    assert!(ear.heard_nothing());
    assert_eq!(sandbox.list(), ["scenario.yaml"], "no file is written");
}

#[test]
fn a_run_names_the_folder_that_it_wrote_and_never_takes_that_of_another() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, FEW));
    let runs: Vec<Started> = (0..3)
        .map(|_| sandbox.start("run scenario.yaml -o out"))
        .collect();
    let mut named: Vec<String> = runs
        .into_iter()
        .map(|run| {
            let ran = run.finish().exits(0);
            let (_, folder) = ran.stdout.rsplit_once("files in ").unwrap();
            folder.trim().to_owned()
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named.len(), 3);
    for folder in named {
        let text = std::fs::read_to_string(sandbox.path(&folder).join("run.json")).unwrap();
        assert_eq!(document(&text)["complete"], true);
    }
}
