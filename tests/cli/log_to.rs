//! Runs that log their requests elsewhere: to the lab's log, and to logs that are dead, slow or broken.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate::judge::Reconciled;
use tollgate::results::Row;

use crate::log_server::{Answer, Asked, Server};
use crate::support::{Folder, Ran, Sandbox, scenario};

const KEY: &str = "sk-planted-log-key";
/// Straight to the lab's provider, which says no cost.
const DIRECT: &str = "{ lab: { via: provider, script: { models: [ { ttft: { constant: 10ms }, \
    pace: { constant: 1ms }, output_tokens: { constant: 6 } } ] } } }";
/// 100 arrivals a second for two seconds.
const LOAD: &str = "load: [ { name: p, constant: { rate: 100/s, duration: 2s } } ]";

/// A run that logs to a server.
struct Run {
    ran: Ran,
    rows: Vec<Row>,
    took: Duration,
    logged: Value,
}

/// A run of [`LOAD`] that logs to a server.
fn logging_to(url: &str, more: &str) -> Run {
    logging_for("2s", url, more)
}

fn logging_for(duration: &str, url: &str, more: &str) -> Run {
    let log =
        format!("log_to: {{ respan: {{ url: \"{url}\", api_key: \"${{LOG_KEY}}\", {more} }} }}");
    let sandbox = Sandbox::with(&scenario(DIRECT, &format!("{LOAD}\n{log}")));
    let began = Instant::now();
    let args = format!("run scenario.yaml -o out --run-id r1 -d {duration}");
    let ran = sandbox.run_with(&[("LOG_KEY", KEY)], &args);
    let took = began.elapsed();
    let ran = ran.exits(0);
    assert!(!format!("{ran:?}").contains("planted"), "{ran:?}");
    let folder = sandbox.folder();
    for name in folder.names() {
        let text = String::from_utf8_lossy(&folder.read(&name)).into_owned();
        assert!(!text.contains("planted"), "{name} holds the key");
    }
    Run {
        ran,
        took,
        rows: folder.rows(),
        logged: logged(&folder),
    }
}

/// What became of the rows; every one of them is told of once.
fn logged(folder: &Folder) -> Value {
    let logged = folder.info()["logged"].clone();
    let count = |name: &str| logged[name].as_u64().unwrap();
    assert_eq!(
        count("rows"),
        count("accepted") + count("given_up") + count("dropped"),
        "{logged}"
    );
    assert_eq!(count("rows"), folder.rows().len() as u64);
    let by: u64 = logged["given_up_by"]
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(by, count("given_up"));
    logged
}

/// The requests were sent whatever the log did: a run that waited for a post would wait for 10 s.
fn assert_not_delayed(rows: &[Row], requests: usize) {
    assert_eq!(rows.len(), requests);
    assert!(rows.iter().all(|row| row.status == Some(200)));
    let lags = rows.iter().map(|row| row.lag_ms.unwrap().seconds());
    let longest = lags.fold(0.0, f64::max);
    assert!(longest < 5.0, "{longest}");
}

fn accepting(asked: &Asked) -> Answer {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let rows = body["logs"].as_array().unwrap().len();
    let told = json!({ "success_count": rows, "error_count": 0, "errors": [] });
    Answer(201, "", told.to_string())
}

/// All rows that a server was sent.
fn entries(server: &Server) -> Vec<Value> {
    let posts = server.asked().into_iter();
    let rows = posts.flat_map(|asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        body["logs"].as_array().unwrap().clone()
    });
    rows.collect()
}

#[test]
fn a_direct_run_that_logs_to_the_lab_is_found_there_row_by_row_without_drift() {
    let rest = "load:\n  - { name: warm, warmup: true, closed: { concurrency: 2, requests: 10 } }\n  \
        - { name: p, closed: { concurrency: 8, requests: 1200 } }\n\
        prices: p.yaml\nlog_to: { respan: {} }\nreconcile: { wait: 20s }";
    let sandbox = Sandbox::with(&scenario(DIRECT, rest));
    sandbox.write(
        "p.yaml",
        "{ as_of: 2026-11-24, models: { openai/gpt-lab: { per_million: { input: 1.5, output: 8 } } } }",
    );
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    let folder = sandbox.folder();
    let told = logged(&folder);
    assert_eq!(told["accepted"], 1210, "{told}");
    assert!(
        ran.stdout.contains("1210 of 1210 rows accepted"),
        "{}",
        ran.stdout
    );
    let found: Reconciled = serde_json::from_slice(&folder.read("reconcile.json")).unwrap();
    assert_eq!(
        (found.sent, found.joined, found.log.rows),
        (1210, 1210, 1210)
    );
    assert_eq!(
        (found.missing_logs, found.missing_requests, found.duplicates),
        (0, 0, 0)
    );
    assert_eq!(
        (found.disagree.rows, found.cost_drift, found.computed.n),
        (0, Some(0.0), 1210)
    );
    assert_eq!(found.input_tokens.n, 1210);
    assert_eq!(found.log.pages, 2 * found.log.rounds);
    // What was logged is what the client measured.
    let beyond = found.latency_beyond_gateway.unwrap();
    assert!(
        beyond.max_ms.abs() < 1e-3 && beyond.min_ms.abs() < 1e-3,
        "{beyond:?}"
    );
    assert_eq!(found.ttft_beyond_gateway.unwrap().n, {
        folder.measured().iter().filter(|row| row.stream).count() as u64
    });
    assert!(found.clock_skew_s.unwrap().abs() < 2.0);
    let again = sandbox.run(&format!("report {}", folder.path.display()));
    assert!(again.exits(0).stdout.contains("1210 of 1210 rows accepted"));
}

#[test]
fn a_row_says_what_became_of_a_request_and_nothing_of_what_was_asked() {
    let server = Server::start(|_, asked| accepting(asked));
    let Run { logged, .. } = logging_to(&server.url(), "");
    assert_eq!(logged["accepted"], 200);
    let entries = entries(&server);
    let ids: BTreeSet<&str> = entries
        .iter()
        .map(|entry| entry["custom_identifier"].as_str().unwrap())
        .collect();
    assert_eq!((entries.len(), ids.len()), (200, 200));
    assert!(ids.contains("r1-0-0") && ids.contains("r1-0-199"));
    for entry in &entries {
        let metadata =
            json!({ "run": "r1", "scenario": "small", "recipe": entry["metadata"]["recipe"] });
        assert_eq!(entry["metadata"], metadata);
        assert_eq!(
            (&entry["model"], &entry["status"]),
            (&json!("openai/gpt-lab"), &json!("success"))
        );
        assert_eq!(
            (&entry["status_code"], &entry["completion_tokens"]),
            (&json!(200), &json!(6))
        );
        assert!(entry["latency"].as_f64().unwrap() >= 0.010);
        assert_eq!(
            entry["time_to_first_token"].is_f64(),
            entry["stream"] == true
        );
        // There is no price table: nobody knows the cost.
        assert!(entry.get("cost").is_none());
        assert!(entry["timestamp"].as_str() > entry["start_time"].as_str());
    }
    for asked in server.asked() {
        assert!(asked.path == "/api/request-logs/bulk/", "{}", asked.path);
        assert!(
            asked
                .head
                .contains(&format!("authorization: bearer {KEY}\r\n"))
        );
        assert!(!String::from_utf8_lossy(&asked.body).contains("hello"));
    }
}

#[test]
fn a_failed_request_is_logged_as_one_with_all_keys_hidden() {
    let failing = "{ lab: { via: provider, script: { faults: [ { when: { share: 100% }, do: { status: \
        { code: 500, message: no sk-planted-log-key here } } } ] } } }";
    let server = Server::start(|_, asked| accepting(asked));
    let log = format!(
        "log_to: {{ respan: {{ url: \"{}\", api_key: \"${{LOG_KEY}}\" }} }}",
        server.url()
    );
    let load = "load: [ { name: p, closed: { concurrency: 1, requests: 3 } } ]";
    let sandbox = Sandbox::with(&scenario(failing, &format!("{load}\n{log}")));
    sandbox
        .run_with(&[("LOG_KEY", KEY)], "run scenario.yaml -o out")
        .exits(4);
    let entries = entries(&server);
    assert_eq!(entries.len(), 3);
    for entry in entries {
        assert_eq!(
            (&entry["status"], &entry["status_code"]),
            (&json!("error"), &json!(500))
        );
        assert_eq!(entry["error_message"], "status_500: no *** here");
        assert!(entry.get("completion_tokens").is_none());
    }
}

#[test]
fn a_log_that_nobody_answers_at_delays_nothing_and_all_its_rows_are_given_up() {
    let Run {
        ran,
        rows,
        took,
        logged,
        ..
    } = logging_to("http://127.0.0.1:1/api", "drain: 1s");
    assert_not_delayed(&rows, 200);
    assert_eq!(
        (&logged["given_up"], &logged["given_up_by"]["connect"]),
        (&json!(200), &json!(200))
    );
    assert!(
        ran.stderr.contains("log_to: 0 of 200 rows accepted"),
        "{}",
        ran.stderr
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_log_that_hangs_delays_nothing_and_what_its_queue_can_not_hold_is_dropped() {
    let server = Server::start(|_, asked| {
        sleep(Duration::from_secs(60));
        accepting(asked)
    });
    let Run {
        rows, took, logged, ..
    } = logging_for("4s", &server.url(), "queue: 20, drain: 500ms");
    assert_not_delayed(&rows, 400);
    assert_eq!(logged["accepted"], 0);
    assert!(logged["dropped"].as_u64().unwrap() > 0, "{logged}");
    assert!(
        logged["given_up_by"]["no_time"].as_u64().unwrap() > 0,
        "{logged}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_log_that_fails_is_asked_again_until_the_time_is_up() {
    let server = Server::start(|_, _| {
        Answer(
            500,
            "",
            r#"{"detail":"full, sk-planted-log-key"}"#.to_owned(),
        )
    });
    let Run { rows, logged, .. } = logging_to(&server.url(), "drain: 1s");
    assert_not_delayed(&rows, 200);
    assert_eq!(logged["given_up_by"]["status_500"], 200, "{logged}");
    assert_eq!(logged["last_error"], "status_500: full, ***");
    assert!(server.asked().len() > 1);
    let first = server.asked()[0].body.clone();
    assert!(
        server.asked().iter().all(|asked| asked.body == first),
        "the same rows each time"
    );
}

#[test]
fn a_log_that_fails_for_a_while_gets_every_row_once() {
    let server = Server::start(|number, asked| match number {
        0 => Answer(503, "", String::new()),
        1 => Answer(
            429,
            "",
            r#"{"detail":"slow down","retry_after":1}"#.to_owned(),
        ),
        _ => accepting(asked),
    });
    let Run { logged, .. } = logging_to(&server.url(), "");
    assert_eq!(
        (&logged["accepted"], &logged["sent"]),
        (&json!(200), &json!(200))
    );
    assert_eq!(logged["last_error"], "status_429: slow down");
}

#[test]
fn rows_that_a_log_refuses_are_counted_and_not_sent_again() {
    let server = Server::start(|_, asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        let rows = body["logs"].as_array().unwrap().len();
        let errors = json!([{ "index": 0, "error": "bad" }]);
        let told = json!({ "success_count": rows - 1, "error_count": 1, "errors": errors });
        Answer(201, "", told.to_string())
    });
    let Run { logged, .. } = logging_to(&server.url(), "");
    let posts = server.asked().len() as u64;
    assert_eq!(logged["given_up_by"]["refused"], posts, "{logged}");
    let refusing = Server::start(|_, _| Answer(401, "", r#"{"detail":"who are you?"}"#.to_owned()));
    let Run { logged, .. } = logging_to(&refusing.url(), "");
    assert_eq!(logged["given_up_by"]["status_401"], 200);
    assert_eq!(
        refusing.asked().len(),
        1,
        "a key that is refused once is refused"
    );
    let html = Server::start(|_, _| Answer(200, "", "<html>".to_owned()));
    let Run { logged, .. } = logging_to(&html.url(), "");
    assert_eq!(logged["given_up_by"]["unreadable"], 200);
}

#[test]
fn every_problem_of_log_to_is_told_at_its_place() {
    let text = |target: &str, log: &str| {
        let load = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]";
        scenario(target, &format!("{load}\nlog_to: {{ respan: {log} }}"))
    };
    let gateway =
        "{ gateway: { url: \"http://127.0.0.1:9/api\", kind: respan, api_key: \"${K:k}\" } }";
    for (target, log, said) in [
        (gateway, "{}", "does not say where"),
        (
            gateway,
            "{ url: \"http://127.0.0.1:9/api/\", api_key: \"${K:k}\" }",
            "logs its requests itself",
        ),
        (
            "{ lab: { kind: respan } }",
            "{}",
            "logs its requests itself",
        ),
        (DIRECT, "{ url: nowhere }", "`nowhere` is no base URL"),
        (
            DIRECT,
            "{ url: \"http://h/api/request-logs/\" }",
            "is added by itself",
        ),
        (DIRECT, "{ queue: 0 }", "no row fits into a queue of 0"),
        (
            DIRECT,
            "{ url: \"http://h/api\", api_key: sk-written }",
            "is written out",
        ),
    ] {
        let sandbox = Sandbox::with(&text(target, log));
        let ran = sandbox.run("validate scenario.yaml");
        assert!(ran.stderr.contains(said), "{log}: {}", ran.stderr);
        assert_eq!(ran.places().len(), 1, "{log}: {}", ran.stderr);
        assert!(!ran.stderr.contains("sk-written") || said == "is written out");
    }
    let sandbox = Sandbox::with(&text(DIRECT, "{ url: \"http://127.0.0.1:9/api\" }"));
    let ran = sandbox.run("run scenario.yaml -o out").exits(5);
    assert!(
        ran.stderr.contains("there is no key for the log"),
        "{}",
        ran.stderr
    );
}
