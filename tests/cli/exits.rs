//! The exit codes, and what is said with them.

use crate::stage::{NOBODY, Stage, repeater};
use crate::support::*;

const FEW: &str = "load: [ { name: p, closed: { concurrency: 2, requests: 6 } } ]";

#[test]
fn a_run_without_one_whole_answer_has_no_data() {
    let lab = "{ lab: { script: { faults: [ { do: { status: { code: 500 } } } ] } } }";
    let sandbox = Sandbox::with(&scenario(lab, FEW));
    let ran = sandbox.run("run scenario.yaml -o out").exits(4);
    assert!(ran.stdout.contains("0 ok, 6 failed"), "{}", ran.stdout);
    let folder = sandbox.folder();
    assert_eq!(folder.rows().len(), 6, "failures are rows");
    assert!(folder.rows().iter().all(|row| row.status == Some(500)));
    assert_eq!(folder.info()["complete"], true);
    let report = sandbox
        .run(&format!("report {}", folder.path.display()))
        .exits(4);
    assert!(report.stdout.contains("status_500"), "{}", report.stdout);
}

#[test]
fn each_kind_of_fault_is_an_outcome_of_its_own() {
    let faults = [
        ("{ status: { code: 429, retry_after: 2s } }", "status_429"),
        ("{ cut_after: 1 }", "truncated"),
        ("{ end_after: 1 }", "truncated"),
        ("{ error_after: 1 }", "stream_error"),
        ("garbage", "malformed"),
        ("refuse", "reset"),
    ];
    for (fault, outcome) in faults {
        let lab =
            format!("{{ lab: {{ via: provider, script: {{ faults: [ {{ do: {fault} }} ] }} }} }}");
        let text = scenario(&lab, FEW).replace("stream: false, ", "");
        let sandbox = Sandbox::with(&text);
        sandbox.run("run scenario.yaml -o out").exits(4);
        for row in sandbox.folder().rows() {
            assert_eq!(row.outcome.to_string(), outcome, "{fault}");
        }
    }
}

#[test]
fn a_target_that_is_not_there_stops_the_run_before_it_begins() {
    let sandbox = Sandbox::with(&scenario(&gateway(NOBODY), FEW));
    let ran = sandbox.run("run scenario.yaml -o out").exits(5);
    assert!(
        ran.stderr
            .starts_with(&format!("error: {NOBODY} can't be reached: ")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_target_that_refuses_the_key_stops_the_run_and_names_where_the_key_came_from() {
    let url = repeater(401);
    let target = format!("{{ gateway: {{ url: \"{url}\", api_key: \"${{MY_KEY}}\" }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let key = "planted-secret-123";
    let ran = sandbox
        .run_with(&[("MY_KEY", key)], "run scenario.yaml -o out")
        .exits(5);
    assert!(ran.stderr.contains("refuses the key"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`api_key` of the target `lab`"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains(key), "{}", ran.stderr);

    let by_flag = format!("run scenario.yaml -o out --target {url} -e MY_KEY=x");
    let ran = sandbox
        .run_with(&[("OPENAI_API_KEY", key)], &by_flag)
        .exits(5);
    assert!(ran.stderr.contains("OPENAI_API_KEY"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(key), "{}", ran.stderr);
    let ran = sandbox.run(&by_flag).exits(5);
    assert!(
        ran.stderr
            .contains("give a key: set the environment variable OPENAI_API_KEY"),
        "{}",
        ran.stderr
    );
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_target_without_a_list_of_models_is_measured_all_the_same() {
    let url = repeater(404);
    let sandbox = Sandbox::with(&scenario(&gateway(&url), FEW));
    sandbox.run("run scenario.yaml -o out").exits(4);
    let rows = sandbox.folder().rows();
    assert!(rows.iter().all(|row| row.status == Some(404)));
    assert_eq!(rows.len(), 6);
}

#[test]
fn a_key_that_the_gateway_takes_is_enough_and_a_wrong_one_is_refused() {
    let stage = Stage::start("{}");
    let url = stage.gateway();
    let target = format!("{{ gateway: {{ url: \"{url}\", api_key: \"${{MY_KEY}}\" }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    sandbox
        .run_with(&[("MY_KEY", "sk-wrong")], "run scenario.yaml -o out")
        .exits(5);
    assert_eq!(stage.counts().requests, 0);
    sandbox
        .run_with(&[("MY_KEY", "sk-lab")], "run scenario.yaml -o out")
        .exits(0);
    assert_eq!(stage.counts().requests, 6);
}

#[test]
fn a_results_folder_that_cannot_be_written_is_told_and_nothing_is_sent() {
    let stage = Stage::start("{}");
    let sandbox = Sandbox::with(&scenario(&gateway(stage.provider()), FEW));
    sandbox.write("taken", "a file, not a folder");
    let ran = sandbox.run("run scenario.yaml -o taken").exits(70);
    assert!(
        ran.stderr.contains("choose another with -o"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("taken"), "{}", ran.stderr);
    assert_eq!(stage.counts().requests, 0);
}
