//! Keys of all kinds are planted, and looked for in every byte that the binary leaves.

use std::fs;
use std::path::Path;

use crate::mirror::Mirror;
use crate::support::*;

/// Every key begins so, and nothing else does.
const PLANTED: &str = "planted";
const ENV: [(&str, &str); 8] = [
    ("BEARER", "planted-bearer-a1"),
    ("ONE", "planted-one-b2"),
    ("TWO", "planted-two-c3"),
    ("OVERRIDE", "planted-override-d4"),
    ("BALANCE", "planted-balance-\"e5\\"),
    ("HEADER", "planted-header-f6"),
    ("BODY", "planted-body-g7"),
    // One that begins with another.
    ("LONGER", "planted-one-b2-and-longer"),
];

/// All that is asked with keys.
const TARGET: &str = r#"
    gateway:
      url: "URL"
      kind: respan
      api_key: "${BEARER}"
      credentials:
        openai:
          - { weight: 3, credentials: { api_key: "${ONE}" } }
          - { weight: 1, credentials: { api_key: "${TWO}" } }
        anthropic: { api_key: file:key.txt }
        azure: { api_key: "${LONGER}", api_base: "https://planned.example" }
        written: { api_key: "planted-in-the-file-i9" }
      credential_override: { openai/gpt-lab: { api_key: "${OVERRIDE}" } }
      routing:
        load_balance_models: [ { model: openai/gpt-lab, weight: 1, credentials: { api_key: "${BALANCE}" } } ]
      headers: { x-portkey-api-key: "${HEADER}", Helicone-Auth: "Bearer ${HEADER}" }
      body: { respan_params: { provider_secret: "${BODY}" } }
"#;
const FILE: &str = "planted-file-h8";

fn sandbox(url: &str, client: &str) -> Sandbox {
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 60 } } ]";
    let target = TARGET.replace("URL", url);
    let text = format!("name: small\nclient: {client}\ntargets:\n  lab: {target}\n{MIX}\n{load}\n");
    let sandbox = Sandbox::with(&text);
    sandbox.write("key.txt", format!("{FILE}\n"));
    sandbox
}

fn run(sandbox: &Sandbox, args: &str) -> Ran {
    let ran = sandbox.run_with(&ENV, args);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(PLANTED), "{args}: {text}");
    }
    ran
}

/// The keys in a text, as far as they go.
fn keys(text: &str) -> String {
    let starts = text.match_indices(PLANTED).map(|(at, _)| &text[at..]);
    let found = starts.map(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || ",}".contains(c));
        let key = &rest[..end.unwrap_or(rest.len())];
        key.strip_suffix('"').unwrap_or(key)
    });
    found.collect::<Vec<_>>().join(" ")
}

fn search(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files = 0;
    for path in entries {
        if path.is_dir() {
            files += search(&path);
        } else {
            let bytes = fs::read(&path).unwrap();
            let found = bytes
                .windows(PLANTED.len())
                .position(|w| w == PLANTED.as_bytes());
            let around = |at: usize| {
                String::from_utf8_lossy(&bytes[at..(at + 80).min(bytes.len())]).into_owned()
            };
            assert!(
                found.is_none(),
                "{}: {}",
                path.display(),
                around(found.unwrap())
            );
            files += 1;
        }
    }
    files
}

#[test]
fn no_key_is_in_any_byte_of_a_run_whose_target_repeats_them_all_in_every_way() {
    for client in ["direct", "reqwest"] {
        let mirror = Mirror::of_all_kinds(keys);
        let sandbox = sandbox(mirror.url(), client);
        let ran = run(&sandbox, "run scenario.yaml -o out").exits(0);
        assert!(
            ran.stderr.contains("warning: `api_key` is written out"),
            "{}",
            ran.stderr
        );
        let asked = mirror.asked();
        assert_eq!(asked.len(), 60);
        let values = ENV.map(|(_, value)| value).into_iter();
        for key in values.chain([FILE, "planted-in-the-file-i9"]) {
            let sent = serde_json::Value::from(key).to_string();
            let key = sent.trim_matches('"');
            let text = format!("{}\n{}", asked[0].head, asked[0].body);
            assert!(text.contains(key), "{key} was sent: {text}");
        }
        assert!(search(&sandbox.path("out")) >= 5);
        let folder = sandbox.folder();
        let rows = String::from_utf8(folder.read("samples.csv")).unwrap();
        assert!(
            rows.contains("*** ***"),
            "the target did repeat them: {rows}"
        );
        run(&sandbox, &format!("report {}", folder.path.display())).exits(0);
        run(
            &sandbox,
            &format!("report {} --json", folder.path.display()),
        )
        .exits(0);
        run(&sandbox, "run scenario.yaml -o out --json").exits(0);
        search(&sandbox.path("out"));
    }
}

#[test]
fn no_key_is_shown_by_commands_that_send_nothing() {
    let sandbox = sandbox("http://127.0.0.1:9/api", "direct");
    for args in [
        "plan scenario.yaml",
        "plan scenario.yaml --json",
        "validate scenario.yaml",
        "schema",
    ] {
        run(&sandbox, args).exits(0);
    }
    let plan = run(&sandbox, "plan scenario.yaml").exits(0).stdout;
    for shown in [
        r#""openai/gpt-lab":{"api_key":"***"}"#,
        r#"{"credentials":{"api_key":"***"},"weight":3}"#,
        "x-portkey-api-key: ***",
        r#""provider_secret":"***""#,
        "https://planned.example",
    ] {
        assert!(plan.contains(shown), "{shown}: {plan}");
    }
    run(&sandbox, "run scenario.yaml -o out").exits(5);
}

#[test]
fn keys_change_no_digest() {
    let sandbox = sandbox("http://127.0.0.1:9/api", "direct");
    let digest = |env: &[(&str, &str)]| {
        let ran = sandbox.run_with(env, "plan scenario.yaml --json").exits(0);
        let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        plan["digest"].as_str().unwrap().to_owned()
    };
    let others = ENV.map(|(name, _)| (name, "planted-other"));
    assert_eq!(digest(&ENV), digest(&others));
    let heavier = fs::read_to_string(sandbox.path("scenario.yaml")).unwrap();
    let before = digest(&ENV);
    sandbox.write(
        "scenario.yaml",
        heavier.replace("weight: 3, credentials", "weight: 4, credentials"),
    );
    assert_ne!(before, digest(&ENV), "weights are no secret");
}

#[test]
fn no_key_is_shown_where_a_problem_stands_next_to_it() {
    const LITERAL: &str = "planted-literal-key";
    let cases = [
        "{ gateway: { url: \"http://h/v1\", api_key: KEY, colour: red } }",
        "{ gateway: { url: \"http://h/v1\", api_key: [ KEY ] } }",
        "{ gateway: { url: \"http://h/v1\", api_key: { key: KEY } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credentials: KEY } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credentials: { openai: KEY } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credentials: { openai: [ KEY ] } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credentials: { openai: [ { weight: 0, credentials: { api_key: KEY } } ] } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credentials: { openai: [ { weight: KEY } ] } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credential_override: { none: { api_key: KEY } } } }",
        "{ gateway: { url: \"http://h/v1\", kind: respan, credential_override: { openai/gpt-lab: KEY } } }",
        "{ gateway: { url: \"http://h/v1\", credentials: { openai: { api_key: KEY } } } }",
        "{ gateway: { url: \"http://h/v1\", headers: { x-api-key: KEY, host: x } } }",
        "{ gateway: { url: \"http://h/v1\", headers: { x-api-key: KEY, x-api-key: KEY } } }",
        "{ gateway: { url: \"http://h/v1\", headers: { Helicone-Auth: \"KEY\\n\" } } }",
        "{ gateway: { url: \"http://h/v1\", body: { model: x, api_key: KEY } } }",
        "{ gateway: { url: \"http://h/v1\", api_key: KEY, ] } }",
        "{ gateway: { url: \"http://h/v1\", api_key: ${NONE}KEY } }",
        "\n    gateway:\n      url: http://h/v1\n      api_key: KEY: x\n",
        "\n    gateway:\n      url: nowhere\n      api_key:\n        KEY\n      kind: nobodys\n",
    ];
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]";
    for (written, env) in [(LITERAL, ""), ("${PLANTED}", LITERAL)] {
        for case in cases {
            let sandbox = Sandbox::with(&scenario(&case.replace("KEY", written), load));
            for command in ["validate", "plan", "run"] {
                let ran =
                    sandbox.run_with(&[("PLANTED", env)], &format!("{command} scenario.yaml"));
                let ran = ran.exits(2);
                assert!(!ran.stderr.contains(LITERAL), "{case}: {}", ran.stderr);
                assert!(!ran.stdout.contains(LITERAL), "{case}: {}", ran.stdout);
            }
        }
    }
}

#[test]
fn a_key_that_is_written_out_is_a_warning_and_the_scenario_is_valid() {
    let sandbox = sandbox("http://127.0.0.1:9/api", "direct");
    let ran = run(&sandbox, "validate scenario.yaml").exits(0);
    assert_eq!(ran.stdout, "scenario.yaml: ok\n");
    let warned = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "));
    assert_eq!(warned.count(), 1, "{}", ran.stderr);
    assert!(ran.errors().is_empty(), "{}", ran.stderr);
}
