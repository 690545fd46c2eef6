//! A run held against the log of a gateway that nobody here wrote: each path names its request.

use serde_json::{Value, json};
use tollgate::judge::Reconciled;

use crate::gateway::{Gateway, KEY, PRICES};
use crate::python;
use crate::run::{Scene, recipe};
use crate::upstream::Upstream;

#[test]
fn every_request_is_found_in_the_real_gateways_log_and_its_bill_is_ours_to_the_nano_dollar() {
    let Some(python) = python::ready() else {
        return;
    };
    let upstream = Upstream::start(&json!([]));
    let gateway = Gateway::start(python, &upstream.url);
    let mix = [
        recipe("streamed", PRICES[0].0, true),
        recipe("plain", PRICES[1].0, false),
    ];
    let load = json!([
        { "name": "warm", "warmup": true, "closed": { "concurrency": 2, "requests": 10 } },
        { "name": "steady", "closed": { "concurrency": 4, "requests": 200 } },
    ]);
    let scene = Scene::reconciling(&gateway.url("bench"), &mix, &load);
    let run = scene.run(KEY);
    assert_eq!(run.exit, Some(0), "{}", run.said);
    let folder = run.folder.unwrap();
    let found = std::fs::read(folder.join("reconcile.json")).unwrap();
    let found: Reconciled = serde_json::from_slice(&found).unwrap();
    assert!(found.log.complete, "{:?}", found.log);
    assert_eq!((found.sent, found.joined, found.log.rows), (210, 210, 210));
    assert_eq!(
        (
            found.missing_requests,
            found.duplicates,
            found.disagree.rows
        ),
        (0, 0, 0)
    );
    assert_eq!((found.cost_drift, found.computed.n), (Some(0.0), 210));
    assert_eq!((found.input_tokens.n, found.output_tokens.n), (210, 210));
    let computed: f64 = run
        .rows
        .iter()
        .filter_map(|row| row.cost_computed_usd)
        .sum();
    assert!((found.logged_usd.unwrap().dollars() - computed).abs() < 1e-9);
    // It tells no time of its own, and a first byte that is no token.
    assert_eq!(
        (found.routing_time, found.ttft_beyond_gateway),
        (None, None)
    );
    // Its latency is cut to whole milliseconds, so that ours is less than it by no more than that.
    let beyond = found.latency_beyond_gateway.unwrap();
    assert_eq!(beyond.n, 200);
    assert!(beyond.min_ms > -1.0, "{beyond:?}");
    let printed: Value =
        serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(printed["target"]["kind"], "respan_oss");
}
