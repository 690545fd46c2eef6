//! Input that can't be run: every problem at once, each at its place, and nothing sent or written.

use crate::stage::Ear;
use crate::support::*;

/// Runs `scenario.yaml`, which must be refused before anything is sent or written.
fn refused(sandbox: &Sandbox, args: &str) -> Ran {
    let before = sandbox.list();
    let ran = sandbox
        .run(&format!("run scenario.yaml -o out {args}"))
        .exits(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(sandbox.list(), before, "nothing is written");
    let plan = sandbox.run(&format!("plan scenario.yaml {args}")).exits(2);
    assert_eq!(plan.stderr, ran.stderr, "`plan` says the same");
    ran
}

const BAD: &str = r#"name: bad
seed: 1
seed: 2
colour: red
target: nowhere
targets: { ear: { gateway: { url: "EAR" } } }
mix:
  - { name: a, weight: 0, chat: { model: openai/gpt-lab, prompt: { text: hi } } }
  - { name: b, chat: { model: openai/unpriced, prompt: { file: prompts.jsonl } } }
  - { name: c, chat: { model: "${NO_SUCH_MODEL}", prompt: { text: hi } } }
load:
  - { name: p, constant: { rate: 50, duration: 1s } }
  - { name: q, closed: { concurrency: 1, requests: 1 }, poisson: { rate: 1/s, requests: 1 } }
prices: prices.yaml
"#;

const PRICES: &str =
    "as_of: 2026-11-24\nmodels:\n  openai/gpt-lab: { per_million: { input: 1, output: 1 } }\n";

#[test]
fn every_problem_of_a_scenario_is_told_in_one_go_at_its_line_and_column() {
    let ear = Ear::open();
    let sandbox = Sandbox::with(&BAD.replace("EAR", &ear.url()));
    sandbox.write("prices.yaml", PRICES);
    sandbox.write(
        "prompts.jsonl",
        "{\"prompt\":\"fine\"}\n{\"prompt\":oops}\n{\"id\":3}\n",
    );
    let ran = refused(&sandbox, "-e UNUSED=1");
    let places = [
        "prompts.jsonl:2:11",
        "prompts.jsonl:3:1",
        "scenario.yaml",
        "scenario.yaml:3:1",
        "scenario.yaml:4:1",
        "scenario.yaml:5:9",
        "scenario.yaml:8:24",
        "scenario.yaml:9:31",
        "scenario.yaml:10:32",
        "scenario.yaml:12:34",
        "scenario.yaml:13:5",
    ];
    assert_eq!(ran.places(), places, "{}", ran.stderr);
    assert_eq!(ran.errors().len(), places.len(), "{}", ran.stderr);
    assert!(ran.stderr.contains("`-e UNUSED=...` has no effect"));
    assert!(ear.heard_nothing());

    let validated = sandbox.run("validate scenario.yaml -e UNUSED=1").exits(2);
    assert_eq!(validated.places(), places);
    let end = format!("scenario.yaml: {} problems\n", places.len());
    assert!(validated.stderr.ends_with(&end), "{}", validated.stderr);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_is_no_panic() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.yaml", "");
    sandbox.write("blank.yaml", "\n# nothing but a comment\n");
    sandbox.write("latin.yaml", b"name: caf\xe9\n");
    sandbox.write("list.yaml", "- 1\n- 2\n");
    sandbox.write("broken.yaml", "name: [unclosed\n");
    std::fs::create_dir(sandbox.path("folder.yaml")).unwrap();
    let files = [
        "empty", "blank", "latin", "list", "broken", "folder", "missing",
    ];
    for command in ["run -o out", "plan", "validate"] {
        for name in files {
            let ran = sandbox.run(&format!("{command} {name}.yaml")).exits(2);
            let told = ran.places();
            assert!(!told.is_empty(), "{}", ran.stderr);
            for place in told {
                assert!(place.starts_with(&format!("{name}.yaml")), "{place}");
            }
            assert_eq!(ran.stdout, "");
        }
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_scenario_that_says_nothing_is_told_all_that_is_missing() {
    let ran = refused(&Sandbox::with("description: nothing yet\n"), "");
    for key in ["name", "targets", "mix", "load"] {
        let error = format!("missing `{key}`");
        assert!(ran.errors().contains(&error.as_str()), "{}", ran.stderr);
    }
    let ran = refused(&Sandbox::with(""), "");
    assert_eq!(ran.errors(), ["the file is empty"]);
}

#[test]
fn a_part_that_is_wrong_is_not_said_to_be_missing_too() {
    let phases = [
        "{ name: p, constant: { rate: 50, duration: 1s } }",
        "{ name: p, constant: { rate: 50/s, duration: 1 } }",
        "{ name: p, closed: { concurrency: 1, requests: many } }",
        "{ name: p, closed: { concurrency: 1, request: 5 } }",
        "{ name: p, poison: { rate: 50/s, duration: 1s } }",
    ];
    for phase in phases {
        let load = format!("load: [ {phase} ]");
        let ran = refused(&Sandbox::with(&scenario(QUICK_LAB, &load)), "");
        assert_eq!(ran.errors().len(), 1, "{}", ran.stderr);
    }
}

#[test]
fn files_that_a_scenario_names_are_told_where_it_names_them() {
    let rest = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]\nprices: none.yaml";
    let target = "{ lab: { file: none.yaml } }";
    let text = scenario(target, rest).replace("{ text: hello }", "{ file: none.jsonl }");
    let ran = refused(&Sandbox::with(&text), "");
    let line = |what: &str| {
        let (before, _) = text.split_once(what).unwrap();
        before.lines().count()
    };
    let places = [
        format!("scenario.yaml:{}:32", line("none.yaml }")),
        format!("scenario.yaml:{}:74", line("none.jsonl")),
        format!("scenario.yaml:{}:9", text.lines().count()),
    ];
    assert_eq!(ran.places(), places, "{}", ran.stderr);
}

#[test]
fn a_scenario_without_a_target_is_told_how_to_write_one() {
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]";
    for targets in ["targets: {}", ""] {
        let text = format!("name: t\n{targets}\n{MIX}\n{load}\n");
        let ran = refused(&Sandbox::with(&text), "");
        assert_eq!(ran.errors().len(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("targets: { lab: { lab: {} } }"));
    }
}

#[test]
fn a_flag_that_changes_nothing_is_a_problem() {
    let open = "load: [ { name: warm, warmup: true, closed: { concurrency: 1, requests: 1 } }, \
                { name: p, ramp: { from: 1/s, to: 2/s, duration: 1s } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, open));
    let ran = refused(&sandbox, "-c 4 -r 5/s -n 9 -e NAME=1 --target nowhere");
    for flag in ["-c", "-r", "-n", "-e NAME=..."] {
        let start = format!("`{flag}` has no effect: ");
        let told = ran.errors().iter().any(|error| error.starts_with(&start));
        assert!(told, "{flag}: {}", ran.stderr);
    }
    let wrong = "there is no target `nowhere`";
    assert!(ran.errors().contains(&wrong), "{}", ran.stderr);
    assert!(ran.stderr.contains("one of: lab"), "{}", ran.stderr);
    assert_eq!(ran.errors().len(), 5, "{}", ran.stderr);
    let places = ran.places();
    assert_eq!(places, ["scenario.yaml"; 5], "the file is not to blame");
}

#[test]
fn a_usage_error_exits_with_two_and_runs_nothing() {
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let wrong = [
        "",
        "rnu",
        "run",
        "validate",
        "report",
        "run scenario.yaml --unknown",
        "run scenario.yaml -o out -c 0",
        "run scenario.yaml -o out -n 0",
        "run scenario.yaml -o out -n many",
        "run scenario.yaml -o out -r 50",
        "run scenario.yaml -o out -r 0/s",
        "run scenario.yaml -o out -r -1/s",
        "run scenario.yaml -o out -d 0s",
        "run scenario.yaml -o out -d 20",
        "run scenario.yaml -o out -e NOVALUE",
        "run scenario.yaml -o out --seed -1",
        "run scenario.yaml -o out --workers 0",
        "run scenario.yaml scenario.yaml -o out",
    ];
    for args in wrong {
        let ran = sandbox.run(args).exits(2);
        assert_eq!(ran.stdout, "", "{args}");
        assert!(!ran.stderr.is_empty(), "{args}");
    }
    assert_eq!(sandbox.list(), ["scenario.yaml"]);
}
