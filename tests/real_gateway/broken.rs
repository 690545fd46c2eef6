//! Failures behind the gateway, and at its door: each has its own outcome, and none is a whole answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::gateway::{Gateway, KEY};
use crate::python;
use crate::run::{Finished, Row, Scene, recipe};
use crate::upstream::{TOKENS, Upstream};

/// What the provider does to all requests for a model, and what the gateway makes of it: outcome and words
/// of the error, of a streamed and of a plain answer.
struct Case {
    name: &'static str,
    action: Value,
    streamed: (&'static str, &'static str),
    plain: (&'static str, &'static str),
}

impl Case {
    fn model(&self) -> String {
        format!("{}-lab", self.name)
    }

    /// The names of its recipes, with what is expected of each.
    fn recipes(&self) -> [(String, bool, (&'static str, &'static str)); 2] {
        let name = |kind| format!("{}-{kind}", self.name);
        [
            (name("streamed"), true, self.streamed),
            (name("plain"), false, self.plain),
        ]
    }

    /// The name of the fault.
    fn fault(&self) -> &str {
        let key = || self.action.as_object()?.keys().next().map(String::as_str);
        self.action.as_str().or_else(key).unwrap()
    }
}

/// As observed of the gateway in this version. It can't take back a status that was sent: a stream that
/// breaks off is a 200 with an error event at its end.
fn cases() -> Vec<Case> {
    let broke_off = "the provider's body broke off";
    let (early, no_answer) = ("ended before completion", "not a response of its format");
    let error = "The server had an error while it made this answer";
    let (boom, slow_down, lost) = ("boom", "slow down", "could not be reached");
    let cut = json!({ "cut_after": 4 });
    let ends = json!({ "end_after": 4 });
    let errs = json!({ "error_after": 4 });
    let fails = json!({ "status": { "code": 500, "message": boom } });
    let limits = json!({ "status": { "code": 429, "message": slow_down, "retry_after": "7s" } });
    let (refuses, hangs) = (json!("refuse"), json!("hang"));
    let same = |outcome, words| ((outcome, words), (outcome, words));
    let all = [
        (
            "cut",
            cut,
            (("stream_error", broke_off), ("status_502", broke_off)),
        ),
        (
            "ends",
            ends,
            (("stream_error", early), ("status_502", no_answer)),
        ),
        (
            "errs",
            errs,
            (("stream_error", error), ("status_500", error)),
        ),
        ("fails", fails, same("status_500", boom)),
        ("limits", limits, same("status_429", slow_down)),
        ("refuses", refuses, same("status_502", lost)),
        (
            "hangs",
            hangs,
            (("timeout_first_token", ""), ("timeout_request", "")),
        ),
    ];
    all.map(|(name, action, (streamed, plain))| Case {
        name,
        action,
        streamed,
        plain,
    })
    .into()
}

fn closed(requests: u64) -> Value {
    json!([{ "name": "all", "closed": { "concurrency": 16, "requests": requests } }])
}

fn assert_nothing_is_ok(run: &Finished) {
    assert_eq!(run.exit, Some(4), "{}", run.said);
    let ok: Vec<&Row> = run
        .rows
        .iter()
        .filter(|row| row.is_ok() || row.good)
        .collect();
    assert!(ok.is_empty(), "{ok:?}");
}

#[test]
fn a_failure_of_the_provider_is_the_outcome_that_the_gateway_makes_of_it_and_never_ok() {
    let Some(python) = python::ready() else {
        return;
    };
    let cases = cases();
    let fault = |case: &Case| json!({ "when": { "model": case.model() }, "do": case.action });
    let faults: Vec<Value> = cases.iter().map(fault).collect();
    let mix: Vec<Value> = cases
        .iter()
        .flat_map(|case| {
            let model = format!("lab/{}", case.model());
            case.recipes()
                .map(|(name, stream, _)| recipe(&name, &model, stream))
        })
        .collect();
    let upstream = Upstream::start(&json!(faults));
    let gateway = Gateway::start(python, &upstream.url);
    let scene = Scene::impatient(&gateway.url("broken"), &mix, &closed(140));
    let planned = scene.planned();
    let run = scene.run(KEY);
    assert_nothing_is_ok(&run);
    assert_eq!(run.rows.len(), planned.ids.len());
    let counts = upstream.counts();
    assert_eq!(counts.requests, planned.ids.len() as u64);
    let mut hits = BTreeMap::<&str, u64>::new();
    for case in &cases {
        for (recipe, _, (outcome, words)) in case.recipes() {
            let rows: Vec<&Row> = run.rows.iter().filter(|row| row.recipe == recipe).collect();
            assert!(!rows.is_empty(), "{recipe} has no arrival");
            assert_eq!(rows.len(), planned.recipes[&recipe], "{recipe}");
            *hits.entry(case.fault()).or_default() += rows.len() as u64;
            for row in rows {
                assert_row(row, outcome, words);
            }
        }
    }
    let seen = counts
        .faults
        .iter()
        .map(|(kind, hits)| (kind.as_str(), *hits));
    let seen: BTreeMap<&str, u64> = seen.collect();
    assert_eq!(
        hits, seen,
        "rows by fault, and the faults that the provider made"
    );
}

/// A refusal costs nothing; what a stream that broke off or an answer that was given up cost, nobody
/// told.
fn assert_row(row: &Row, outcome: &str, words: &str) {
    assert_eq!(row.outcome, outcome, "{row:?}");
    assert!(
        row.error.as_deref().unwrap_or_default().contains(words),
        "{row:?}"
    );
    let refused = outcome.strip_prefix("status_");
    let status = match outcome {
        "stream_error" => Some(200),
        _ => refused.map(|code| code.parse().unwrap()),
    };
    assert_eq!(row.status, status, "{row:?}");
    let cost = refused.map(|_| 0.0);
    assert_eq!(row.cost_computed_usd, cost, "{row:?}");
    let wait = (outcome == "status_429").then_some(7.0);
    assert_eq!(row.retry_after_s, wait, "{row:?}");
}

#[test]
fn of_answers_that_are_cut_now_and_then_only_the_whole_ones_are_ok() {
    let Some(python) = python::ready() else {
        return;
    };
    let upstream = Upstream::start(&json!([{ "when": { "every": 3 }, "do": { "cut_after": 4 } }]));
    let gateway = Gateway::start(python, &upstream.url);
    let mix = [
        recipe("streamed", "lab/gpt-lab", true),
        recipe("plain", "lab/gpt-lab", false),
    ];
    let scene = Scene::new(&gateway.url("mixed"), &mix, &closed(120));
    let run = scene.run(KEY);
    assert_eq!(run.exit, Some(0), "{}", run.said);
    let (whole, cut): (Vec<&Row>, Vec<&Row>) = run.rows.iter().partition(|row| row.is_ok());
    assert_eq!((whole.len(), cut.len()), (80, 40));
    assert_eq!(upstream.counts().faults["cut_after"], 40);
    assert!(
        whole.iter().all(|row| row.output_tokens == Some(TOKENS)),
        "{whole:?}"
    );
    for row in cut {
        let expected = if row.stream {
            "stream_error"
        } else {
            "status_502"
        };
        assert_eq!(row.outcome, expected, "{row:?}");
        let cost = (!row.stream).then_some(0.0);
        assert_eq!(row.cost_computed_usd, cost, "a refusal is free: {row:?}");
    }
    // The gateway's log has 200 for a stream that broke off; its usage is what tells them apart.
    let logged = gateway.log("mixed", 120);
    let used = logged
        .iter()
        .filter(|logged| logged.output_tokens == Some(TOKENS));
    assert_eq!((logged.len(), used.count()), (120, 80));
}

#[test]
fn a_provider_that_is_gone_makes_every_row_a_bad_gateway() {
    let Some(python) = python::ready() else {
        return;
    };
    let upstream = Upstream::start(&json!([]));
    let gateway = Gateway::start(python, &upstream.url);
    upstream.stop();
    let mix = [
        recipe("streamed", "lab/gpt-lab", true),
        recipe("plain", "lab/mini-lab", false),
    ];
    let scene = Scene::new(&gateway.url("gone"), &mix, &closed(30));
    let run = scene.run(KEY);
    assert_nothing_is_ok(&run);
    assert_eq!(run.rows.len(), 30);
    for row in &run.rows {
        assert_row(row, "status_502", "could not be reached");
    }
}

#[test]
fn a_wrong_key_is_told_before_anything_is_sent() {
    let Some(python) = python::ready() else {
        return;
    };
    let upstream = Upstream::start(&json!([]));
    let gateway = Gateway::start(python, &upstream.url);
    let mix = [recipe("streamed", "lab/gpt-lab", true)];
    let scene = Scene::new(&gateway.url("wrong-key"), &mix, &closed(30));
    let run = scene.run("sk-of-somebody-else");
    assert_eq!(run.exit, Some(5), "{}", run.said);
    let told = [
        "refuses the key (status 401)",
        "a valid gateway key is required",
        "`api_key` of the target `real`",
    ];
    assert!(
        told.iter().all(|words| run.said.contains(words)),
        "{}",
        run.said
    );
    assert!(run.folder.is_none() && run.rows.is_empty());
    assert_eq!(upstream.counts().requests, 0);
    assert!(gateway.log("wrong-key", 0).is_empty());
}
