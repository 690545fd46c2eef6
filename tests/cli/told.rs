//! What a gateway tells, what is asked of its answers, and how it shares them out, from a scenario to
//! the files and the report.

use tollgate::base::Offset;
use tollgate::results::SummaryRow;
use tollgate::wire::Outcome;

use crate::stage::teller;
use crate::support::*;

const FORTY: &str = "load: [ { name: p, closed: { concurrency: 1, requests: 40 } } ]";
const KEY: &str = "planted-secret-123";

/// A scenario of one recipe, of which `recipe` says more.
fn one(target: &str, recipe: &str) -> String {
    format!(
        "name: small\ntargets: {{ t: {target} }}\nmix:\n  - name: chat\n{recipe}\n    chat: {{ model: \
         openai/gpt-lab, stream: false, prompt: {{ text: hello }} }}\n{FORTY}\n"
    )
}

/// A run of it; its files are there as long as the sandbox.
fn run_of(target: &str, recipe: &str) -> (Sandbox, Ran, Folder) {
    let sandbox = Sandbox::with(&one(target, recipe));
    let ran = sandbox.run_with(&[("PLANTED", KEY)], "run scenario.yaml -o out");
    let folder = sandbox.folder();
    let report = sandbox.run(&format!("report {}", folder.path.display()));
    let (printed, _) = ran.stdout.rsplit_once("\nfiles in ").unwrap();
    assert_eq!(report.stdout, printed, "the rows say it all");
    (sandbox, ran, folder)
}

/// A gateway of whose requests the first of every four goes to another provider, from the cache.
fn gateway_that_tells() -> String {
    teller(|n| {
        let (provider, cache, attempts) = match n % 4 {
            0 => ("b", "HIT", 2),
            _ => ("a", "MISS", 1),
        };
        let head = format!(
            "x-gateway-overhead-ms: 2.5\r\nx-gateway-provider: {provider}\r\nx-cache: {cache}\r\n\
             x-gateway-attempts: {attempts}\r\n"
        );
        let body = r#"{"id":"c","model":"m","choices":[{"message":{"content":"{\"n\":1}"},"finish_reason":"stop"}],"spent":{"eur":0.5}}"#;
        (head, body.to_owned())
    })
}

fn telling(url: &str) -> String {
    format!(
        "{{ gateway: {{ url: \"{url}\", kind: ferrogw, api_key: \"${{PLANTED:}}\", readings: {{ cache_status: {{ header: X-Cache }}, \
         cost_usd: [ {{ header: x-none }}, {{ pointer: /spent/eur, times: 1.5 }} ] }} }} }}"
    )
}

#[test]
fn what_a_gateway_tells_stands_in_the_rows_the_summary_and_the_report() {
    let (_sandbox, ran, folder) = run_of(&telling(&gateway_that_tells()), "");
    let ran = ran.exits(0);
    let rows = folder.rows();
    for row in &rows {
        assert_eq!(row.overhead_claimed_ms, Some(Offset::from_nanos(2_500_000)));
        assert_eq!(row.cost_reported_usd.unwrap().dollars().to_string(), "0.75");
        let from_cache = row.provider.as_deref() == Some("b");
        assert_eq!(row.attempts, Some(if from_cache { 2 } else { 1 }));
        assert_eq!(row.cache_status.as_deref() == Some("HIT"), from_cache);
    }
    let told = &folder.total()["told"];
    assert_eq!(
        (&told["cache_hits"], &told["cache_told"]),
        (&10.into(), &40.into())
    );
    assert_eq!(
        (&told["retried"], &told["attempts_told"]),
        (&10.into(), &40.into())
    );
    let p50 = folder.quantile("overhead_claimed", "p50");
    assert!((p50 - 2.5).abs() < 0.01, "{p50}");
    for line in [
        "gateway     says: 10 of 40 from its cache; 10 of 40 took it more than one attempt\n",
        "providers   a 30 (75.0 %), b 10 (25.0 %)\n",
        "overhead, as the gateway claims it in ms = what the gateway says that it added: a claim, not measured here\n",
    ] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    let lines: Vec<SummaryRow> = folder.csv("summary.csv");
    let found = lines.iter().find(|line| {
        line.scope == "total" && line.metric == "answers_by_provider" && line.stat == "b"
    });
    assert_eq!(
        found.map(|line| (line.value, line.n)),
        Some((Some(10.0), 40))
    );
}

#[test]
fn checks_that_hold_change_nothing_and_one_that_fails_is_an_outcome_with_its_reason() {
    let holds = "    checks: { status: 200, finish_reason: [ stop, length ], max_tokens: 100, regex: [ '^[a-z]', '\\w$' ], \
                 json: { pointer: /usage/completion_tokens, exists: true, of: answer } }";
    let lab = "{ lab: { script: { models: [ { ttft: { constant: 5ms }, pace: { constant: 0ms }, output_tokens: { constant: 9 } } ] } } }";
    let (_sandbox, ran, folder) = run_of(lab, holds);
    ran.exits(0);
    assert_eq!(count(&folder.rows(), Outcome::Ok), 40);

    for (fails, said) in [
        (
            "min_tokens: 10",
            "check min_tokens: wanted at least 10, found 9",
        ),
        (
            "finish_reason: length",
            "check finish_reason: wanted length, found stop",
        ),
        (
            "content_schema: { type: object }",
            "check content_schema: wanted JSON, found ",
        ),
        (
            "json: { pointer: /usage/completion_tokens, equals: 8, of: answer }",
            "check json /usage/completion_tokens: wanted 8, found 9",
        ),
    ] {
        let (_sandbox, ran, folder) = run_of(lab, &format!("    checks: {{ {fails} }}"));
        let ran = ran.exits(4);
        let rows = folder.rows();
        assert_eq!(count(&rows, Outcome::CheckFailed), 40, "{fails}");
        for row in &rows {
            let error = row.error.as_deref().unwrap();
            assert!(error.starts_with(said), "{error}");
            assert!(
                row.e2e_ms.is_some() && row.output_tokens == Some(9),
                "{row:?}"
            );
        }
        assert!(ran.stdout.contains("check_failed"), "{}", ran.stdout);
    }
}

#[test]
fn the_content_of_streams_is_checked_chunk_for_chunk() {
    let lab = "{ lab: { script: { stream: { unicode: true, split: 7 }, models: [ { ttft: { constant: 5ms }, pace: { constant: 0ms }, output_tokens: { constant: 30 } } ] } } }";
    // Thirty words: each but the first with a blank before it, be they parsed or known by their frame.
    let recipe = r"    checks: { regex: '^\S+( \S+){29}$' }";
    let text = one(lab, recipe).replace("stream: false, ", "");
    let sandbox = Sandbox::with(&text);
    let rows = sandbox.results("").rows();
    assert_eq!(count(&rows, Outcome::Ok), 40, "{:?}", rows[0].error);
}

#[test]
fn a_key_that_an_answer_repeats_is_not_in_what_a_check_says() {
    let url = teller(|n| {
        let content = format!("{}{KEY} is your key", "x".repeat(n as usize * 2));
        let body = format!(
            r#"{{"model":"{KEY}","choices":[{{"message":{{"content":"{content}"}},"finish_reason":"stop"}}]}}"#
        );
        (
            format!("x-gateway-provider: {KEY}\r\nx-cache: {KEY}\r\n"),
            body,
        )
    });
    let (_sandbox, ran, folder) = run_of(&telling(&url), "    checks: { regex: '^no$' }");
    let ran = ran.exits(4);
    assert!(ran.stdout.contains("check_failed"), "{}", ran.stdout);
    for name in folder.names() {
        let text = String::from_utf8_lossy(&folder.read(&name)).into_owned();
        assert!(!text.contains("planted"), "{name}");
    }
    assert!(!ran.stdout.contains("planted"), "{}", ran.stdout);
}

#[test]
fn shares_are_held_against_their_weights() {
    let shares = |weights: &str| {
        let recipe = format!("    expect_shares: {{ by: provider, weights: {weights} }}");
        let (_sandbox, ran, folder) = run_of(&telling(&gateway_that_tells()), &recipe);
        let shares = folder.info()["shares"][0].clone();
        (ran.exits(0).stdout, shares)
    };
    let (report, found) = shares("{ a: 3, b: 1 }");
    assert!(
        report.contains("shares of chat by provider: AS EXPECTED: "),
        "{report}"
    );
    assert_eq!(found["verdict"], "as_expected");
    assert_eq!((&found["p"], &found["answers"]), (&1.0.into(), &40.into()));
    assert!(
        report.contains("  a               30  75.0 %      30.0  75.0 %\n"),
        "{report}"
    );
    let (report, found) = shares("{ a: 1, b: 1 }");
    assert!(
        report.contains("shares of chat by provider: OFF: "),
        "{report}"
    );
    assert_eq!(found["verdict"], "off");
    assert_eq!(found["chi_square"], 10.0);
    let (report, found) = shares("{ a: 39, b: 1 }");
    assert!(
        report.contains("N/A: of 40 answers some weight expects fewer than 5"),
        "{report}"
    );
    assert_eq!(
        (&found["verdict"], &found["p"]),
        (&"too_few".into(), &serde_json::Value::Null)
    );
    let (_, found) = shares("{ a: 3, c: 1 }");
    assert_eq!(found["verdict"], "unexpected");
}

/// The weights stand in the routing alone, and the lab answers without the provider that was asked.
const BALANCED: &str = "name: balanced
targets: { lab: { lab: { kind: respan, script: { models: [ { model: '*', ttft: { constant: 1ms } } ] } } } }
mix:
  - name: chat
    expect_shares: { by: model }
    chat:
      model: openai/gpt-lab
      prompt: { text: hi }
      routing: { load_balance_models: [ { model: openai/gpt-lab, weight: 3 }, { model: anthropic/claude-lab, weight: 1 } ] }
load: [ { name: users, closed: { concurrency: 4, requests: 200 } } ]
";

#[test]
fn shares_without_weights_are_held_against_those_of_the_routing() {
    let sandbox = Sandbox::with(BALANCED);
    let found = sandbox.results("").info()["shares"][0].clone();
    let [gpt, claude] = [&found["shares"][0], &found["shares"][1]];
    assert_eq!(
        (&gpt["name"], &gpt["expected"]),
        (&"openai/gpt-lab".into(), &150.0.into())
    );
    assert_eq!(claude["name"], "anthropic/claude-lab");
    let observed = [gpt, claude].map(|share| share["observed"].as_u64().unwrap());
    assert_eq!(observed.iter().sum::<u64>(), 200, "{found}");
    // Chance is off by more than 37 of 200 once in a billion runs.
    assert!((113..=187).contains(&observed[0]), "{found}");
    assert!(found["p"].as_f64().is_some() && found["shares"][2].is_null());
    let alone = Sandbox::with(&BALANCED.replace("load_balance_models", "models").replace(
        "[ { model: openai/gpt-lab, weight: 3 }, { model: anthropic/claude-lab, weight: 1 } ]",
        "[ anthropic/claude-lab ]",
    ));
    let ran = alone.run("validate scenario.yaml").exits(2);
    let said = "the routing draws fewer than two models by weight";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

const BAD: &str = r#"name: bad
targets:
  t:
    gateway:
      url: http://127.0.0.1:9/v1
      readings:
        cost_usd: { header: "a b" }
        overhead_ms: [ { header: x-a }, { pointer: usage } ]
        provider: { header: x-a, times: 2 }
        model: {}
        attempts: { header: x-a, pointer: /a }
        speed: { header: x-a }
mix:
  - name: a
    checks:
      status: [ 200, 404 ]
      finish_reason: []
      min_tokens: 5
      max_tokens: 4
      regex: "(a"
      json:
        - { pointer: total, exists: true }
        - { pointer: /total }
        - { pointer: /total, exists: true, of: answer }
      content_schema: { type: nothing }
    expect_shares: { weights: { m: 0 } }
    chat: { model: m, prompt: { text: hi } }
load:
  - { name: p, constant: { rate: 50/s, duration: 1s } }
"#;

#[test]
fn every_problem_of_readings_and_checks_is_told_at_its_place() {
    let sandbox = Sandbox::with(BAD);
    let ran = sandbox.run("validate scenario.yaml").exits(2);
    let lines: Vec<&str> = ran
        .places()
        .iter()
        .map(|place| place.split(':').nth(1).unwrap())
        .collect();
    let wanted = [
        "7", "8", "9", "10", "11", "12", "16", "16", "18", "20", "22", "23", "24", "25", "26", "26",
    ];
    assert_eq!(lines, wanted, "{}", ran.stderr);
}
