//! A probe asks before it costs anything, and says in words why it can't go on.

use std::net::TcpListener;

use crate::stage::Stage;
use crate::support::{Ran, Sandbox};

const QUICK: &str = r#"{"models":[{"ttft":{"constant":"1ms"},"pace":{"constant":"1ms"},"output_tokens":{"constant":3}}]}"#;

fn probe(sandbox: &Sandbox, key: &str, args: &str) -> Ran {
    sandbox.run_with(
        &[("RESPAN_API_KEY", key)],
        &format!("probe --kind respan {args}"),
    )
}

#[test]
fn nothing_is_sent_before_a_yes_and_the_most_that_it_costs_is_said_first() {
    let stage = Stage::start(QUICK);
    let sandbox = Sandbox::new();
    let target = format!("--target {} --model openai/gpt-lab", stage.gateway());
    let unknown = probe(&sandbox, "sk-lab", &target).exits(2);
    assert!(
        unknown.stderr.contains("what it can cost is unknown"),
        "{}",
        unknown.stderr
    );
    assert!(
        unknown.stderr.contains("agree with --yes"),
        "{}",
        unknown.stderr
    );
    sandbox.write(
        "p.yaml",
        "as_of: 2026-11-24\nmodels: { openai/gpt-lab: { per_request: 0.01 } }\n",
    );
    let known = probe(&sandbox, "sk-lab", &format!("{target} --prices p.yaml")).exits(2);
    assert!(
        known.stderr.contains("it costs at most $0.06"),
        "{}",
        known.stderr
    );
    assert!(
        known.stderr.contains("no terminal to ask"),
        "{}",
        known.stderr
    );
    assert_eq!(stage.bodies().len(), 0);
    assert!(!sandbox.path("results").exists());
}

#[test]
fn a_gateway_that_can_not_be_probed_is_told_in_words() {
    let stage = Stage::start(QUICK);
    let (sandbox, url) = (Sandbox::new(), stage.gateway());
    let model = "--model openai/gpt-lab --yes";
    let wrong = probe(
        &sandbox,
        "sk-not-the-key",
        &format!("--target {url} {model}"),
    )
    .exits(5);
    assert!(
        wrong.stderr.contains("refuses the key (status 401)"),
        "{}",
        wrong.stderr
    );
    assert!(wrong.stderr.contains("RESPAN_API_KEY"), "{}", wrong.stderr);
    let lost = probe(
        &sandbox,
        "sk-lab",
        &format!("--target {url}/v9 --model gpt-lab --yes"),
    )
    .exits(5);
    assert!(
        lost.stderr.contains("/v9/chat/completions"),
        "{}",
        lost.stderr
    );
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = probe(
        &sandbox,
        "sk-lab",
        &format!("--target http://{closed} {model}"),
    )
    .exits(5);
    assert!(
        refused.stderr.contains("can't be reached"),
        "{}",
        refused.stderr
    );
    let keyless = sandbox
        .run(&format!("probe --kind respan --target {url} {model}"))
        .exits(2);
    assert!(
        keyless.stderr.contains("set RESPAN_API_KEY"),
        "{}",
        keyless.stderr
    );
    let nameless = probe(&sandbox, "sk-lab", &format!("--target {url} --yes")).exits(2);
    assert!(nameless.stderr.contains("--model"), "{}", nameless.stderr);
    for ran in [wrong, lost, refused, keyless, nameless] {
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("sk-not-the-key"));
    }
}
