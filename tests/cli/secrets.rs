//! A key goes to the target and nowhere else.

use std::fs;
use std::path::Path;

use crate::stage::{Stage, repeater};
use crate::support::*;

const KEY: &str = "planted-secret-123";
const FEW: &str = "load: [ { name: p, closed: { concurrency: 2, requests: 8 } } ]";

/// A scenario whose key is in the environment.
fn keyed(url: &str) -> Sandbox {
    let target = format!("{{ gateway: {{ url: \"{url}\", api_key: \"${{PLANTED}}\" }} }}");
    Sandbox::with(&scenario(&target, FEW))
}

fn run(sandbox: &Sandbox, args: &str) -> Ran {
    let ran = sandbox.run_with(&[("PLANTED", KEY), ("OPENAI_API_KEY", KEY)], args);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(KEY), "{args}: {text}");
    }
    ran
}

/// Looks into every byte below a folder, and counts the files.
fn files_without_the_key(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += files_without_the_key(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes());
        assert!(!found, "{}", path.display());
        files += 1;
    }
    files
}

#[test]
fn a_key_is_in_no_byte_of_what_a_run_prints_and_writes() {
    let stage = Stage::start(&format!(r#"{{"key":"{KEY}"}}"#));
    let sandbox = keyed(stage.provider());
    run(&sandbox, "run scenario.yaml -o out").exits(0);
    assert_eq!(stage.counts().requests, 8, "the key was right");
    let json = run(&sandbox, "run scenario.yaml -o out --json").exits(0);
    assert!(json.stdout.starts_with('{'));
    let by_flag = format!(
        "run scenario.yaml -o out --target {} -e PLANTED=x",
        stage.provider()
    );
    run(&sandbox, &by_flag).exits(0);
    assert_eq!(stage.counts().requests, 24);
    assert!(files_without_the_key(&sandbox.path("out")) >= 15);
    for entry in fs::read_dir(sandbox.path("out/small")).unwrap() {
        let path = entry.unwrap().path();
        run(&sandbox, &format!("report {}", path.display())).exits(0);
        run(&sandbox, &format!("report {} --json", path.display())).exits(0);
    }
}

#[test]
fn a_key_is_not_shown_by_commands_that_send_nothing() {
    let sandbox = keyed("http://127.0.0.1:9/v1");
    for args in [
        "plan scenario.yaml",
        "plan scenario.yaml --json",
        "validate scenario.yaml",
    ] {
        run(&sandbox, args).exits(0);
    }
    let args = format!("validate scenario.yaml -e PLANTED={KEY}");
    run(&sandbox, &args).exits(0);
}

#[test]
fn a_key_is_not_shown_where_a_problem_stands_next_to_it() {
    let lines = [
        "{ gateway: { url: \"http://h/v1\", api_key: \"${PLANTED}\", colour: red } }",
        "{ gateway: { url: \"nowhere\", api_key: \"${PLANTED}\" } }",
        "{ gateway: { url: \"http://h/v1\", api_key: [ \"${PLANTED}\" ] } }",
        "{ gateway: { url: \"http://h/v1\", api_key: { key: \"${PLANTED}\" } } }",
        "{ lab: { key: \"${PLANTED}\" } }",
    ];
    for target in lines {
        let sandbox = Sandbox::with(&scenario(target, FEW));
        for command in ["validate", "plan", "run"] {
            run(&sandbox, &format!("{command} scenario.yaml")).exits(2);
        }
    }
}

#[test]
fn a_key_that_the_target_repeats_in_its_errors_is_hidden() {
    for status in [400, 500] {
        let sandbox = keyed(&repeater(status));
        let ran = run(&sandbox, "run scenario.yaml -o out").exits(4);
        assert!(
            ran.stdout.contains("the key *** is not known"),
            "{}",
            ran.stdout
        );
        assert!(files_without_the_key(&sandbox.path("out")) >= 5);
    }
    let sandbox = keyed(&repeater(401));
    run(&sandbox, "run scenario.yaml -o out").exits(5);
}

#[test]
fn a_url_with_a_password_in_it_is_refused_since_urls_are_written_to_files() {
    let url = format!("http://user:{KEY}@127.0.0.1:9/v1");
    let sandbox = keyed("http://127.0.0.1:9/v1");
    let args = format!("run scenario.yaml -o out -e PLANTED=x --target {url}");
    let ran = run(&sandbox, &args).exits(2);
    assert!(ran.stderr.contains("api_key"), "{}", ran.stderr);
    assert!(!sandbox.path("out").exists());
}
