//! What the command line changes in a scenario.

use serde_json::Value;

use crate::stage::Stage;
use crate::support::*;

const LOAD: &str = r"
load:
  - { name: warm-up, warmup: true, closed: { concurrency: 2, requests: 4 } }
  - { name: users, closed: { concurrency: 5, requests: 40 } }
  - { name: steady, poisson: { rate: 50/s, duration: 20s } }
  - { name: even, constant: { rate: 10/s, requests: 100 } }
  - { name: up, ramp: { from: 1/s, to: 9/s, duration: 10s } }
";

/// The shapes of the phases, by the plan.
fn shapes(args: &str) -> Vec<String> {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let plan = sandbox.plan(args);
    let phases = plan["forecast"]["phases"].as_array().unwrap();
    let shape = |phase: &Value| phase["shape"].as_str().unwrap().to_owned();
    phases.iter().map(shape).collect()
}

#[test]
fn each_flag_changes_the_measured_phases_that_it_fits_and_no_warm_up() {
    let warm_up = "closed loop of 2 users for 4 requests";
    let users = "closed loop of 5 users for 40 requests";
    let steady = "poisson 50/s for 20s";
    let even = "constant 10/s for 100 requests";
    let up = "ramp from 1/s to 9/s for 10s";
    assert_eq!(shapes(""), [warm_up, users, steady, even, up]);
    assert_eq!(
        shapes("-r 0.5/s"),
        [
            warm_up,
            users,
            "poisson 0.5/s for 20s",
            "constant 0.5/s for 100 requests",
            up
        ]
    );
    let nine = "closed loop of 9 users for 40 requests";
    assert_eq!(shapes("-c 9"), [warm_up, nine, steady, even, up]);
    assert_eq!(
        shapes("-d 3s"),
        [
            warm_up,
            "closed loop of 5 users for 3s",
            "poisson 50/s for 3s",
            "constant 10/s for 3s",
            "ramp from 1/s to 9/s for 3s",
        ]
    );
    assert_eq!(
        shapes("-n 7"),
        [
            warm_up,
            "closed loop of 5 users for 7 requests",
            "poisson 50/s for 7 requests",
            "constant 10/s for 7 requests",
            up,
        ]
    );
    assert_eq!(
        shapes("-n 7 -d 3s")[2],
        "poisson 50/s for 3s or 7 requests",
        "the first of the two ends it"
    );
}

#[test]
fn a_number_of_requests_takes_the_place_of_a_duration() {
    let load = "load: [ { name: steady, poisson: { rate: 50/s, duration: 20s } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    assert_eq!(sandbox.plan("-n 7")["forecast"]["arrivals"], 7);
    let folder = sandbox.results("-n 7");
    assert_eq!(assert_no_gap(&folder.rows(), "steady"), 7);
    let info = folder.info();
    assert_eq!(info["phases"][0]["shape"], "poisson 50/s for 7 requests");
    assert_eq!(info["complete"], true);
}

#[test]
fn a_rate_below_one_a_second_is_kept_to() {
    let load = "load: [ { name: even, constant: { rate: 50/s, duration: 20s } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let folder = sandbox.results("-r 0.5/s -d 2500ms");
    let due: Vec<f64> = folder
        .rows()
        .iter()
        .map(|row| row.due_ms.seconds())
        .collect();
    assert_eq!(due.len(), 2);
    assert!((due[1] - due[0] - 2.0).abs() < 1e-6, "{due:?}");
}

#[test]
fn a_seed_is_part_of_the_plan() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let digest = |args: &str| sandbox.plan(args)["digest"].clone();
    assert_eq!(digest(""), digest("--seed 7"));
    assert_ne!(digest(""), digest("--seed 8"));
    let shown = sandbox.run("plan scenario.yaml --seed 8").exits(0);
    assert!(shown.stdout.contains("seed 8"), "{}", shown.stdout);
}

#[test]
fn users_of_a_closed_loop_are_as_many_as_the_flag_says() {
    let stage =
        Stage::start(r#"{"models":[{"ttft":{"constant":"60ms"},"output_tokens":{"constant":2}}]}"#);
    let load = "load: [ { name: users, closed: { concurrency: 1, requests: 30 } } ]";
    let sandbox = Sandbox::with(&scenario(&gateway(stage.provider()), load));
    sandbox.results("-c 6");
    assert_eq!(stage.counts().most_serving, 6);
}

#[test]
fn a_target_is_chosen_by_its_name_or_given_by_its_url() {
    let (first, second, third) = (Stage::start("{}"), Stage::start("{}"), Stage::start("{}"));
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 5 } } ]";
    let targets = format!(
        "{}, other: {}",
        gateway(first.provider()),
        gateway(second.provider())
    );
    let sandbox = Sandbox::with(&scenario(&targets, load));
    let counts = || [&first, &second, &third].map(|stage| stage.counts().requests);
    let run = |args: &str| {
        let ran = sandbox
            .run(&format!("run scenario.yaml -o out --json {args}"))
            .exits(0);
        let info: Value = serde_json::from_str(&ran.stdout).unwrap();
        info["target"].clone()
    };
    assert_eq!(run("")["name"], "lab", "the first");
    assert_eq!(counts(), [5, 0, 0]);
    assert_eq!(run("--target other")["name"], "other");
    assert_eq!(counts(), [5, 5, 0]);
    let url = third.provider().to_owned();
    let target = run(&format!("--target {url}/"));
    assert_eq!(
        (&target["url"], &target["kind"]),
        (&url.into(), &"openai".into())
    );
    assert_eq!(counts(), [5, 5, 5]);
}

#[test]
fn a_variable_on_the_command_line_wins_over_the_environment() {
    let load = "load:\n  - name: p\n    closed:\n      concurrency: 1\n      requests: ${N:3}";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let arrivals = |env: &[(&str, &str)], args: &str| {
        let plan = sandbox
            .run_with(env, &format!("plan scenario.yaml --json {args}"))
            .exits(0);
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        plan["forecast"]["arrivals"].as_u64().unwrap()
    };
    assert_eq!(arrivals(&[], ""), 3);
    assert_eq!(arrivals(&[("N", "4")], ""), 4);
    assert_eq!(arrivals(&[("N", "4")], "-e N=5"), 5);
}
