//! Runs against logs of them: the lab gateway's own, and logs that are late, broken or lie.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tollgate::judge::Reconciled;

use crate::log_server::{Answer, Asked, Server};
use crate::support::{Folder, Ran, Sandbox};

/// A run of 20 requests against the lab's gateway, whose lab is gone.
static RUN: LazyLock<(Sandbox, PathBuf)> = LazyLock::new(|| {
    let load = "load: [ { name: p, closed: { concurrency: 4, requests: 20 } } ]";
    let sandbox = Sandbox::with(&lab("", load));
    let folder = sandbox.results("--run-id r1").path;
    (sandbox, folder)
});

/// A scenario against the lab's gateway with prices on both sides; `script` is more of the lab's.
fn lab(script: &str, rest: &str) -> String {
    format!(
        "name: small\nseed: 7\ntargets:\n  lab:\n    lab:\n      kind: respan\n      script:\n        \
         models: [ {{ ttft: {{ constant: 5ms }}, pace: {{ constant: 1ms }}, output_tokens: {{ constant: 6 }} }} ]\n        \
         prices: {{ as_of: 2026-11-24, models: {{ openai/gpt-lab: {{ per_million: {{ input: 2, output: 8 }} }} }} }}\n{script}\
         mix:\n  - {{ name: chat, chat: {{ model: openai/gpt-lab, prompt: {{ text: hello }} }} }}\n{rest}\n"
    )
}

/// The log's row of request `number`, which nobody disagrees with; no cost.
fn row(number: usize) -> Value {
    json!({
        "unique_id": format!("row-{number}"), "custom_identifier": format!("r1-0-{number}"),
        "model": "openai/gpt-lab", "provider_id": "openai", "status_code": 200, "prompt_tokens": 1,
        "completion_tokens": 6, "latency": 0.001, "time_to_first_token": 0.001, "cache_bit": 0,
        "timestamp": "2026-11-24T12:00:00Z",
    })
}

/// A page of rows.
fn page(count: u64, next: Option<&str>, rows: &[Value]) -> Answer {
    let page = json!({ "count": count, "next": next, "previous": null, "results": rows });
    Answer(200, "", page.to_string())
}

fn rows(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(row).collect()
}

/// Holds the run against a log.
fn against(server: &Server, args: &str) -> (Ran, Option<Reconciled>) {
    let sandbox = Sandbox::new();
    let folder = RUN.1.display();
    let key = [("RESPAN_API_KEY", "sk-planted-key")];
    let args = format!("reconcile {folder} --target {} -o out {args}", server.url());
    let ran = sandbox.run_with(&key, &args);
    assert!(!format!("{ran:?}").contains("planted"), "{ran:?}");
    let found = std::fs::read(sandbox.path("out/reconcile.json")).ok();
    let found = found.map(|json| serde_json::from_slice(&json).unwrap());
    if let Some(Reconciled { requests, .. }) = &found {
        let lines: Vec<Value> = Folder {
            path: sandbox.path("out"),
        }
        .csv::<std::collections::BTreeMap<String, String>>("reconcile.csv")
        .into_iter()
        .map(|line| json!(line))
        .collect();
        assert!(lines.len() as u64 >= *requests, "{} lines", lines.len());
    }
    (ran, found)
}

fn partly(server: &Server, joined: u64, said: &str) {
    let (ran, found) = against(server, "--wait 0s");
    let found = found.unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!((ran.code, found.joined), (Some(0), joined), "{ran:?}");
    assert!(
        !found.log.complete && ran.stdout.contains("PARTIAL"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert_eq!(found.missing_logs, 20 - joined);
}

fn nothing(server: &Server, code: i32, said: &str) {
    let (ran, found) = against(server, "--wait 0s");
    let ran = ran.exits(code);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(found.is_none());
}

#[test]
fn a_run_is_reconciled_with_the_lab_that_served_it_to_the_nano_dollar() {
    // Rows of more than one page, and some of them late.
    let rest = "load:\n  - { name: warm, warmup: true, closed: { concurrency: 4, requests: 10 } }\n  \
        - { name: p, closed: { concurrency: 8, requests: 400 } }\nprices: p.yaml\nreconcile: { wait: 20s }\n\
        thresholds: [ missing_logs == 0, cost_drift < 1% ]";
    let sandbox = Sandbox::with(&lab("        gateway: { ingestion_delay: 1s }\n", rest));
    sandbox.write(
        "p.yaml",
        "{ as_of: 2026-11-24, models: { openai/gpt-lab: { per_million: { input: 2, output: 8 } } } }",
    );
    // A busy machine makes the run invalid, and then the gate; what was held against the log holds.
    let ran = sandbox.run("run scenario.yaml -o out");
    assert!(matches!(ran.code, Some(0 | 4)), "{}", ran.stdout);
    let gate: Value = serde_json::from_slice(&sandbox.folder().read("gate.json")).unwrap();
    for finding in gate["findings"].as_array().unwrap() {
        assert_eq!(finding["verdict"], "pass", "{finding}");
    }
    assert!(
        ran.stdout
            .contains("cost drift  0.000 % apart from the price table"),
        "{}",
        ran.stdout
    );
    let folder = sandbox.folder();
    assert_documented(&folder);
    let again = sandbox.run(&format!("report {}", folder.path.display()));
    assert!(again.exits(0).stdout.contains("cost drift  0.000 %"));
    let found: Reconciled = serde_json::from_slice(&folder.read("reconcile.json")).unwrap();
    assert!(
        found.log.complete && found.log.rounds > 1,
        "{:?}",
        found.log
    );
    assert_eq!(
        (found.requests, found.sent, found.joined, found.log.rows),
        (410, 410, 410, 410)
    );
    assert_eq!(
        (found.missing_logs, found.missing_requests, found.duplicates),
        (0, 0, 0)
    );
    assert_eq!((found.disagree.rows, found.cost_drift), (0, Some(0.0)));
    assert_eq!((found.computed.n, found.in_band.n), (410, 410));
    let sum: f64 = folder
        .rows()
        .iter()
        .map(|row| row.cost_computed_usd.unwrap().dollars())
        .sum();
    assert!((found.logged_usd.unwrap().dollars() - sum).abs() < 1e-9);
    let beyond = found.ttft_beyond_gateway.unwrap();
    assert_eq!((beyond.n, found.routing_time.unwrap().n), (400, 400));
    assert!(beyond.quantile("p50").unwrap() > 0.0, "{beyond:?}");
    assert!(
        found.clock_skew_s.unwrap().abs() < 2.0,
        "{:?}",
        found.clock_skew_s
    );
}

/// Every column and key of the files stands in their page.
fn assert_documented(folder: &Folder) {
    let page = include_str!("../../docs/logs-and-bill.md");
    let rows = String::from_utf8(folder.read("reconcile.csv")).unwrap();
    let columns = rows.lines().next().unwrap().split(',').map(str::to_owned);
    let sums: Value = serde_json::from_slice(&folder.read("reconcile.json")).unwrap();
    let keys = sums.as_object().unwrap().keys().cloned();
    for name in columns.chain(keys) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_key_and_the_filter_go_with_every_page_and_pages_are_followed_to_the_last() {
    let server = Server::start(|number, _| match number {
        0 => page(
            20,
            Some("http://HERE/api/request-logs/list/?page=2"),
            &rows(0..12),
        ),
        _ => page(20, None, &rows(12..20)),
    });
    let (ran, found) = against(&server, "--json");
    let found = found.unwrap();
    assert_eq!(
        (ran.code, found.joined, found.log.pages),
        (Some(0), 20, 2),
        "{ran:?}"
    );
    let printed: Reconciled = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed, found);
    assert_eq!(
        (found.cost_drift, found.logged_usd, found.logged_unknown),
        (None, None, 20)
    );
    for Asked { path, head, body } in server.asked() {
        assert!(path.starts_with("/api/request-logs/list/?"), "{path}");
        assert!(
            head.contains("authorization: bearer sk-planted-key\r\n"),
            "{head}"
        );
        let filter: Value = serde_json::from_slice(&body).unwrap();
        let filter = &filter["filters"]["custom_identifier"];
        assert_eq!(
            *filter,
            json!({ "operator": "startswith", "value": ["r1-"] })
        );
    }
    assert!(server.asked()[0].path.contains("page_size=1000"));
}

#[test]
fn rows_that_come_late_are_waited_for_and_those_that_never_come_are_told_missing() {
    let server = Server::start(|number, _| page(20, None, &rows(0..(number * 8).min(20))));
    let (ran, found) = against(&server, "--wait 20s");
    let found = found.unwrap();
    assert_eq!(
        (ran.code, found.joined, found.log.rounds),
        (Some(0), 20, 4),
        "{ran:?}"
    );
    let never = Server::start(|_, _| page(15, None, &rows(0..15)));
    let (ran, found) = against(&never, "--wait 1s");
    let found = found.unwrap();
    assert_eq!((ran.code, found.missing_logs), (Some(0), 5), "{ran:?}");
    assert!(
        found.log.complete && found.log.rounds == 2,
        "{:?}",
        found.log
    );
    let (ran, _) = against(&never, "--wait 0s --max-missing 4");
    let ran = ran.exits(1);
    assert!(
        ran.stderr
            .contains("5 requests are not in the log, and 4 may be"),
        "{}",
        ran.stderr
    );
    against(&never, "--wait 0s --max-missing 5").0.exits(0);
}

#[test]
fn a_limit_on_a_drift_that_nobody_knows_is_not_kept() {
    let server = Server::start(|_, _| page(20, None, &rows(0..20)));
    let (ran, _) = against(&server, "--max-cost-drift 1%");
    assert!(ran.exits(1).stderr.contains("the cost drift is unknown"));
}

#[test]
fn a_log_that_limits_the_rate_is_waited_for_as_long_as_it_asks() {
    let server = Server::start(|number, _| match number {
        0 => Answer(
            429,
            "",
            r#"{"detail":"slow down","retry_after":1}"#.to_owned(),
        ),
        1 => Answer(429, "retry-after: 1\r\n", "{}".to_owned()),
        _ => page(20, None, &rows(0..20)),
    });
    let (ran, found) = against(&server, "--wait 0s");
    let found = found.unwrap();
    assert_eq!(
        (ran.code, found.joined, found.log.complete),
        (Some(0), 20, true),
        "{ran:?}"
    );
    assert!(found.log.took_s >= 2.0, "{}", found.log.took_s);
}

#[test]
fn a_next_page_at_another_host_is_never_asked_for() {
    let other = Server::start(|_, _| page(20, None, &rows(10..20)));
    let next = format!("http://{}/api/request-logs/list/?page=2", other.address);
    let server = Server::start(move |_, _| page(20, Some(&next), &rows(0..10)));
    partly(&server, 10, "the next page is elsewhere, at 127.0.0.1");
    assert!(other.asked().is_empty());
}

#[test]
fn pages_that_go_round_in_a_circle_end_the_reading() {
    let server = Server::start(|_, asked| {
        let next = if asked.path.contains("page=2") {
            "?page=3"
        } else {
            "?page=2"
        };
        page(40, Some(next), &rows(0..10))
    });
    partly(&server, 10, "the next page is one that was read before");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn an_error_between_pages_keeps_what_was_read_and_says_so() {
    let server = Server::start(|number, _| match number {
        0 => page(20, Some("?page=2"), &rows(0..10)),
        _ => Answer(
            500,
            "",
            r#"{"detail":"no disk for sk-planted-key"}"#.to_owned(),
        ),
    });
    partly(&server, 10, "answers status 500: no disk for ***");
    assert!(server.asked().len() > 2, "it is asked for once more first");
}

#[test]
fn an_error_that_passes_leaves_no_trace() {
    let server = Server::start(|number, _| match number {
        0 => page(20, Some("?page=2"), &rows(0..10)),
        1 | 2 => Answer(503, "", String::new()),
        _ => page(20, None, &rows(10..20)),
    });
    let (ran, found) = against(&server, "--wait 0s");
    let found = found.unwrap();
    assert_eq!(
        (ran.code, found.joined, found.log.complete),
        (Some(0), 20, true),
        "{ran:?}"
    );
}

#[test]
fn a_count_that_its_pages_do_not_keep_makes_the_reading_partial() {
    let server = Server::start(|_, _| page(5_000, None, &rows(0..10)));
    partly(
        &server,
        10,
        "the log says that it has 5000 rows, and its pages held 10",
    );
}

#[test]
fn rows_that_can_not_be_read_are_told_and_take_nothing_from_the_others() {
    let server = Server::start(|_, _| {
        let mut rows = rows(0..20);
        rows[3]["cost"] = json!("cheap");
        rows[4]["prompt_tokens"] = json!(-7);
        rows.push(json!("no row"));
        page(21, None, &rows)
    });
    partly(
        &server,
        20,
        "3 of its rows could not be read as a whole; the first one: `cost` is \"cheap\"",
    );
}

#[test]
fn rows_of_other_runs_and_second_rows_are_kept_apart() {
    let server = Server::start(|_, _| {
        let mut rows = rows(0..20);
        for (at, id) in [(0, "r10-0-1"), (1, "r1-9-0"), (2, "r1-0-3")] {
            let mut other = row(0);
            other["unique_id"] = json!(format!("other-{at}"));
            other["custom_identifier"] = json!(id);
            rows.push(other);
        }
        rows.push(json!({ "unique_id": "nobody", "model": "m" }));
        // The same row once more.
        rows.push(row(5));
        page(25, None, &rows)
    });
    let (ran, found) = against(&server, "--wait 0s");
    let found = found.unwrap();
    assert_eq!(
        (ran.code, found.joined, found.log.foreign),
        (Some(0), 20, 2),
        "{ran:?}"
    );
    assert_eq!(
        (found.duplicates, found.missing_requests, found.log.rows),
        (1, 1, 22)
    );
    assert!(found.log.complete);
}

#[test]
fn what_is_no_log_is_told_as_what_it_is() {
    let html = Server::start(|_, _| Answer(200, "", "<html>log in</html>".to_owned()));
    nothing(&html, 4, "answers a web page, not JSON");
    let other = Server::start(|_, _| Answer(200, "", r#"{"ok":true}"#.to_owned()));
    nothing(&other, 4, "answers JSON without `results`");
    let missing = Server::start(|_, _| Answer(404, "", r#"{"detail":"Not Found"}"#.to_owned()));
    nothing(&missing, 4, "answers status 404: Not Found");
    let empty = Server::start(|_, _| page(0, None, &[]));
    nothing(&empty, 4, "has no row of the run `r1`");
    let refused =
        Server::start(|_, _| Answer(401, "", r#"{"detail":"who is sk-planted-key?"}"#.to_owned()));
    nothing(&refused, 5, "answers status 401: who is ***?");
}

#[test]
fn a_log_that_is_not_there_or_has_no_key_is_told_at_once() {
    let sandbox = Sandbox::new();
    let run = RUN.1.display();
    let target = format!("reconcile {run} --target http://127.0.0.1:1/api --wait 0s -o out");
    let ran = sandbox
        .run_with(&[("RESPAN_API_KEY", "k")], &target)
        .exits(5);
    assert!(ran.stderr.contains("can't be reached"), "{}", ran.stderr);
    let ran = sandbox.run(&target).exits(2);
    assert!(ran.stderr.contains("set RESPAN_API_KEY"), "{}", ran.stderr);
    let ran = sandbox.run(&format!("reconcile {run}")).exits(2);
    assert!(ran.stderr.contains("--reconcile"), "{}", ran.stderr);
    let ran = sandbox.run("reconcile nowhere").exits(2);
    assert!(ran.stderr.contains("is no run folder"), "{}", ran.stderr);
}

#[test]
fn a_run_without_a_log_that_could_be_read_is_a_problem_before_it() {
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]\nreconcile: {}";
    let sandbox = Sandbox::with(&crate::support::scenario("{ lab: {} }", load));
    let ran = sandbox.run("run scenario.yaml -o out").exits(2);
    assert!(
        ran.stderr.contains("`reconcile`: the target has no log"),
        "{}",
        ran.stderr
    );
    assert_eq!(sandbox.list(), ["scenario.yaml"]);
}
