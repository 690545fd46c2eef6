//! One run in which nothing fails, kept with what all the others say of it: the plan, the gateway's log,
//! the provider's counts and the public reader of `latency.hlog`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::lab::Counts;

use crate::gateway::{Gateway, KEY, Logged};
use crate::python;
use crate::run::{Finished, Planned, Scene, recipe, report};
use crate::upstream::Upstream;

/// Everything that is known of the run.
pub(crate) struct Healthy {
    pub(crate) planned: Planned,
    pub(crate) run: Finished,
    pub(crate) logged: Vec<Logged>,
    pub(crate) counts: Counts,
    /// What `tollgate report` makes of its files.
    pub(crate) reported: Value,
    /// The log's histograms, each `RECIPE.METRIC` added up.
    pub(crate) tags: BTreeMap<String, Tag>,
}

/// A sum of histograms, in nanoseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Tag {
    pub(crate) count: u64,
    pub p50: f64,
    pub p99: f64,
}

/// The run, made by the first test that asks; `None` where these tests are to be skipped.
pub(crate) fn healthy() -> Option<&'static Healthy> {
    static HEALTHY: OnceLock<Healthy> = OnceLock::new();
    let python = python::ready()?;
    Some(HEALTHY.get_or_init(|| make(python)))
}

fn make(python: &Path) -> Healthy {
    let upstream = Upstream::start(&json!([]));
    let gateway = Gateway::start(python, &upstream.url);
    // Enough of each recipe for a p99: 299 values.
    let mix = [
        recipe("streamed", "lab/gpt-lab", true),
        recipe("plain", "lab/mini-lab", false),
    ];
    let load = json!([
        { "name": "warm-up", "warmup": true, "closed": { "concurrency": 4, "requests": 40 } },
        { "name": "steady", "poisson": { "rate": "150/s", "duration": "5s" } },
    ]);
    let scene = Scene::new(&gateway.url("healthy"), &mix, &load);
    let planned = scene.planned();
    let run = scene.run(KEY);
    let logged = gateway.log("healthy", planned.ids.len());
    let folder = run.folder.as_ref().expect("the run made a folder");
    let tags = sum_tags(python, &folder.join("latency.hlog"));
    let reported = report(folder);
    Healthy {
        reported,
        planned,
        run,
        logged,
        counts: upstream.counts(),
        tags,
    }
}

fn sum_tags(python: &Path, log: &Path) -> BTreeMap<String, Tag> {
    let output = assert_cmd::Command::new(python)
        .args(["-c", include_str!("sum_tags.py")])
        .arg(log)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the public reader failed: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
