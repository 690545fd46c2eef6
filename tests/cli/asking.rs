//! What requests say beyond model and prompt, as a server gets it.

use serde_json::{Value, json};

use crate::mirror::{Asked, Mirror};
use crate::support::*;

const FEW: &str = "load: [ { name: p, closed: { concurrency: 1, requests: 12 } } ]";
const ROWS: &str = "{\"prompt\":\"a\",\"lang\":\"de\",\"n\":1}\n{\"prompt\":\"b\",\"lang\":\"f\\\"r\",\"n\":2.5}\n";

/// A scenario with one recipe that asks the rows of `rows.jsonl`.
fn text(target: &str, chat: &str) -> String {
    format!(
        "name: small\nseed: 7\ntargets: {{ t: {target} }}\n{FEW}\n\
         mix: [ {{ name: chat, chat: {{ model: openai/gpt-lab, prompt: {{ file: rows.jsonl }}, {chat} }} }} ]\n"
    )
}

fn sandbox(target: &str, chat: &str) -> Sandbox {
    let sandbox = Sandbox::with(&text(target, chat));
    sandbox.write("rows.jsonl", ROWS);
    sandbox
}

fn respan(mirror: &Mirror, more: &str) -> String {
    let url = mirror.url();
    format!("{{ gateway: {{ url: \"{url}\", kind: respan, api_key: sk-lab, {more} }} }}")
}

/// What a target was asked by a run with these arguments, and the run's id.
fn asked(target: &str, chat: &str, mirror: &Mirror, args: &str) -> (Vec<Asked>, String) {
    let before = mirror.asked().len();
    let sandbox = sandbox(target, chat);
    let folder = sandbox.results(args);
    let asked = mirror.asked();
    assert_eq!(asked.len() - before, 12);
    let id = folder.info()["run_id"].as_str().unwrap().to_owned();
    (asked, id)
}

fn mirror() -> Mirror {
    Mirror::start(|_| "x".to_owned())
}

fn bodies(asked: &[Asked]) -> Vec<String> {
    asked.iter().map(|asked| asked.body.clone()).collect()
}

#[test]
fn a_request_to_respan_says_which_run_and_arrival_it_is() {
    let mirror = mirror();
    let (asked, id) = asked(&respan(&mirror, ""), "", &mirror, "");
    let mut arrivals = Vec::new();
    for request in &asked {
        let body = request.json();
        let arrival = body["metadata"]["arrival"].as_str().unwrap().to_owned();
        assert_eq!(body["metadata"]["run"], *id);
        assert_eq!(body["custom_identifier"], format!("{id}-{arrival}"));
        assert_eq!(body["request_breakdown"], true);
        assert_eq!(request.header("authorization"), ["Bearer sk-lab"]);
        assert!(request.head.starts_with("POST /api/chat/completions "));
        arrivals.push(arrival);
    }
    let mut wanted: Vec<String> = (0..12).map(|n| format!("0-{n}")).collect();
    arrivals.sort();
    wanted.sort();
    assert_eq!(arrivals, wanted);
}

#[test]
fn two_runs_differ_in_the_id_of_the_run_alone_and_in_nothing_where_it_is_given() {
    let run = |args: &str, more: &str| {
        let mirror = mirror();
        asked(&respan(&mirror, more), "", &mirror, args)
    };
    let ((one, first), (two, second)) = (run("", ""), run("", ""));
    assert_ne!(first, second);
    assert_ne!(bodies(&one), bodies(&two));
    let as_one: Vec<String> = two
        .iter()
        .map(|a| a.body.replace(&second, &first))
        .collect();
    assert_eq!(bodies(&one), as_one);
    let ((one, first), (two, _)) = (run("--run-id mine.1", ""), run("--run-id mine.1", ""));
    assert_eq!(first, "mine.1");
    assert_eq!(bodies(&one), bodies(&two));
    let (plain, _) = run("", "breakdown: false");
    assert!(
        !plain[0].body.contains("request_breakdown"),
        "{}",
        plain[0].body
    );
}

#[test]
fn a_request_to_another_kind_of_target_says_nothing_of_the_run() {
    let run = || {
        let mirror = mirror();
        let target = gateway(mirror.url());
        bodies(&asked(&target, "", &mirror, "").0)
    };
    let first = run();
    assert_eq!(first, run());
    let keys = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        body.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&first[0]),
        ["messages", "model", "stream", "stream_options"]
    );
}

#[test]
fn placeholders_stand_for_the_run_the_arrival_the_recipe_and_the_row_on_both_clients() {
    for client in ["direct", "reqwest"] {
        let mirror = mirror();
        let target = respan(
            &mirror,
            "headers: { X-Run: \"{{ run.id }}\", x-both: target }, body: { metadata: { team: red } }",
        );
        let chat = "body: { metadata: { lang: \"<{{ row.lang }}>\", n: \"{{ row.n }}\" }, temperature: 0, stop: [ \"{{ recipe }}\" ] }, \
                    headers: { x-arrival: \"{{ recipe }} {{ arrival.id }} {{ row.lang }}\", X-Both: recipe }";
        let yaml = text(&target, chat) + &format!("client: {client}\n");
        let sandbox = Sandbox::with(&yaml);
        sandbox.write("rows.jsonl", ROWS);
        let id = sandbox.results("").info()["run_id"].clone();
        let asked = mirror.asked();
        assert_eq!(asked.len(), 12);
        let mut seen = [0; 2];
        for request in &asked {
            let body = request.json();
            let row = usize::from(body["messages"][0]["content"] == "b");
            let lang = ["de", "f\"r"][row];
            assert_eq!(body["metadata"]["lang"], format!("<{lang}>"));
            assert_eq!(body["metadata"]["n"], [json!(1), json!(2.5)][row]);
            assert_eq!(body["metadata"]["team"], "red");
            assert_eq!(body["metadata"]["run"], id);
            assert_eq!(
                (&body["temperature"], &body["stop"]),
                (&json!(0), &json!(["chat"]))
            );
            let arrival = body["metadata"]["arrival"].as_str().unwrap();
            assert_eq!(
                request.header("x-arrival"),
                [format!("chat {arrival} {lang}")]
            );
            assert_eq!(request.header("x-run"), [id.as_str().unwrap()]);
            assert_eq!(request.header("x-both"), ["recipe"], "a recipe's own wins");
            seen[row] += 1;
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    }
}

#[test]
fn routing_and_credentials_are_sent_by_the_names_that_respan_has_for_them() {
    let mirror = mirror();
    let target = respan(
        &mirror,
        "credentials: { a: { api_key: k1, api_base: http://b }, b: [ { weight: 3, credentials: { api_key: k2 } }, { weight: 0.5, credentials: { api_key: k3 } } ] }, \
         credential_override: { other/model: { api_key: k4, api_version: v } }, \
         routing: { customer_identifier: \"{{ recipe }}\", fallback_models: [ from/target ], load_balance_group: { group_id: g } }",
    );
    let chat = "routing: { load_balance_models: [ { model: openai/gpt-lab, weight: 2, credentials: { api_key: k5 } }, { model: other/model, weight: 1 } ], \
                fallback_models: [ a/b, c/d ], models: [ e/f ], exclude_providers: [ p ], exclude_models: [ q/r ], \
                cache: { ttl: 10m, by_customer: true, by_model: false, omit_log: true }, \
                customer_params: { name: N, email: E, rate_limit: 5 }, thread_identifier: \"t-{{ arrival.id }}\" }";
    let (asked, _) = asked(&target, chat, &mirror, "");
    let mut body = asked[0].json();
    let arrival = body["metadata"]["arrival"].as_str().unwrap().to_owned();
    let fields = body.as_object_mut().unwrap();
    for common in [
        "model",
        "messages",
        "stream",
        "stream_options",
        "metadata",
        "custom_identifier",
        "request_breakdown",
    ] {
        assert!(fields.remove(common).is_some(), "{common}");
    }
    assert_eq!(
        body,
        json!({
            "customer_credentials": {
                "a": { "api_key": "k1", "api_base": "http://b" },
                "b": [
                    { "weight": 3, "credentials": { "api_key": "k2" } },
                    { "weight": 0.5, "credentials": { "api_key": "k3" } }
                ]
            },
            "credential_override": { "other/model": { "api_key": "k4", "api_version": "v" } },
            "load_balance_models": [
                { "model": "openai/gpt-lab", "weight": 2, "credentials": { "api_key": "k5" } },
                { "model": "other/model", "weight": 1 }
            ],
            "fallback_models": ["a/b", "c/d"],
            "models": ["e/f"],
            "exclude_providers": ["p"],
            "exclude_models": ["q/r"],
            "cache_enabled": true,
            "cache_ttl": 600,
            "cache_options": { "cache_by_customer": true, "is_cached_by_model": false, "omit_log": true },
            "customer_identifier": "chat",
            "customer_params": { "name": "N", "email": "E", "rate_limit": 5 },
            "thread_identifier": format!("t-{arrival}")
        })
    );
}

#[test]
fn a_body_is_merged_last_and_null_takes_a_field_out() {
    let mirror = mirror();
    let target = gateway(mirror.url());
    let chat =
        "body: { stream_options: null, max_completion_tokens: 7, reasoning: { effort: low } }";
    let (asked, _) = asked(&target, chat, &mirror, "");
    let body = asked[0].json();
    assert_eq!(body.get("stream_options"), None);
    assert_eq!(body["max_completion_tokens"], 7);
    assert_eq!(body["reasoning"], json!({ "effort": "low" }));
    let mirror = self::mirror();
    let target = gateway(mirror.url());
    let chat = "body: { stream_options: { obfuscation: false } }";
    let (asked, _) = self::asked(&target, chat, &mirror, "");
    let options = json!({ "include_usage": true, "obfuscation": false });
    assert_eq!(asked[0].json()["stream_options"], options);
    assert_eq!(asked[0].body.matches("stream_options").count(), 1);
}

/// What is wrong with a scenario.
fn wrong(target: &str, chat: &str) -> Vec<String> {
    let ran = sandbox(target, chat).run("validate scenario.yaml").exits(2);
    assert!(
        ran.places().iter().all(|place| place.contains(':')),
        "{}",
        ran.stderr
    );
    ran.errors().iter().map(|&error| error.to_owned()).collect()
}

const PLAIN: &str = "{ gateway: { url: \"http://h/v1\" } }";

#[test]
fn what_is_for_respan_alone_is_a_problem_elsewhere() {
    let is_for = |key: &str| {
        format!("`{key}` is for Respan's gateway, and the target `t` is of another kind")
    };
    let target = "{ gateway: { url: \"http://h/v1\", breakdown: true, routing: {}, credentials: {}, credential_override: {} } }";
    let mut found = wrong(target, "routing: { fallback_models: [ a/b ] }");
    found.sort();
    let keys = [
        "breakdown",
        "credential_override",
        "credentials",
        "routing",
        "routing",
    ];
    assert_eq!(found, keys.map(is_for));
    let ran = sandbox(PLAIN, "routing: { models: [ a ] }").run("validate scenario.yaml");
    assert!(
        ran.stderr
            .contains("help: write `kind: respan` at the target"),
        "{}",
        ran.stderr
    );
    let found = wrong("{ lab: { via: provider, kind: respan } }", "");
    assert_eq!(found, ["the lab's provider is no gateway of Respan's kind"]);
}

/// What a target of Respan's kind says, what its recipe's `routing` says, and what is wrong.
const ROUTED: [(&str, &str, &str); 15] = [
    ("credentials: { a: [] }", "", "`a` has no credentials"),
    ("credentials: { a: {} }", "", "there is nothing in this set"),
    (
        "credentials: { a: { api_key: \"\" } }",
        "",
        "`api_key` is empty",
    ),
    (
        "credentials: { a: [ { weight: 0, credentials: { api_key: k } } ] }",
        "",
        "the weight 0 would never be drawn",
    ),
    (
        "credentials: { a: { api_key: file:none.txt } }",
        "",
        "none.txt` can't be read",
    ),
    (
        "credential_override: { none/such: { api_key: k } }",
        "",
        "no recipe asks the model `none/such`",
    ),
    (
        "body: { custom_identifier: x }",
        "",
        "`custom_identifier` is what joins",
    ),
    (
        "",
        "load_balance_models: [ { model: a, weight: -1 } ]",
        "the weight -1 would never be drawn",
    ),
    (
        "",
        "load_balance_models: []",
        "`load_balance_models` is empty",
    ),
    (
        "",
        "load_balance_models: [ { model: a, weight: 1 } ], load_balance_group: { group_id: g }",
        "there are both",
    ),
    ("", "fallback_models: []", "`fallback_models` is empty"),
    ("", "models: [ \"\" ]", "`models` holds an empty text"),
    ("", "cache: { ttl: 1500ms }", "whole seconds"),
    (
        "",
        "customer_params: { rate_limit: 0 }",
        "every request is refused",
    ),
    ("", "fallbacks: [ a ]", "unknown key `fallbacks`"),
];

/// What a recipe says, whatever its target, and what is wrong.
const PLAINLY: [(&str, &str); 9] = [
    ("body: { model: x }", "`model` is not set in `body`"),
    ("body: [ 1 ]", "are a mapping"),
    (
        "body: { a: \"{{ rum.id }}\" }",
        "`rum.id` is known to no request",
    ),
    ("body: { a: \"{{ run.id\" }", "is not closed"),
    (
        "headers: { x: \"{{ row.none }}\" }",
        "the row has no `none`",
    ),
    ("headers: { \"a b\": x }", "is no name of a header"),
    (
        "headers: { Authorization: x }",
        "is written by tollgate itself",
    ),
    ("headers: { x-a: \"1\", X-A: \"2\" }", "is given twice"),
    (
        "headers: { x-a: \"a\\nb\" }",
        "would hold what can't be sent",
    ),
];

#[test]
fn what_can_not_be_is_a_problem_at_its_place() {
    for (target, routing, expected) in ROUTED {
        let target = format!("{{ lab: {{ kind: respan, {target} }} }}");
        let found = wrong(&target, &format!("routing: {{ {routing} }}"));
        let told = found.iter().any(|said| said.contains(expected));
        assert!(told, "{expected}: {found:?}");
    }
    for (chat, expected) in PLAINLY {
        let found = wrong(PLAIN, chat);
        let told = found.iter().any(|said| said.contains(expected));
        assert!(told, "{expected}: {found:?}");
    }
}

#[test]
fn a_placeholder_that_means_nothing_is_shown_where_it_stands() {
    let chat = "body: { a: [ \"x {{ arival.id }}\" ] }";
    let sandbox = sandbox(PLAIN, chat);
    let ran = sandbox.run("validate scenario.yaml").exits(2);
    let file = text(PLAIN, chat);
    let line = file
        .lines()
        .position(|line| line.contains("arival"))
        .unwrap();
    let column = file.lines().nth(line).unwrap().find("{{ arival").unwrap();
    assert_eq!(
        ran.places(),
        [format!("scenario.yaml:{}:{}", line + 1, column + 1)]
    );
    assert!(ran.stderr.contains("{{ arrival.id }}"), "{}", ran.stderr);
}

#[test]
fn a_row_needs_a_prompt_file() {
    let yaml =
        text(PLAIN, "body: { a: \"{{ row.x }}\" }").replace("{ file: rows.jsonl }", "{ text: hi }");
    let ran = Sandbox::with(&yaml).run("validate scenario.yaml").exits(2);
    assert_eq!(
        ran.errors(),
        ["`row.x`: the recipe `chat` has no prompt file"]
    );
}

#[test]
fn an_id_that_can_be_no_part_of_a_tag_is_a_problem() {
    let ran = sandbox(PLAIN, "")
        .run("plan scenario.yaml --run-id a/b")
        .exits(2);
    assert_eq!(ran.errors(), ["`a/b` can't be the id of a run"]);
}
