//! The dashboard and the page about the metrics name what there is, all of it, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Watched, watched};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The metrics that the endpoint told, by their families.
fn families(watched: &Watched) -> BTreeSet<String> {
    let names = watched
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    // What is told only while it goes on; that it is then, is asked of Prometheus.
    let passing = ["tollgate_target_rate_per_second", "tollgate_target_users"];
    names
        .filter_map(|rest| rest.split(' ').next())
        .chain(passing)
        .map(str::to_owned)
        .collect()
}

/// All names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("tollgate_"))
        .map(str::to_owned)
        .collect()
}

/// A name without what a histogram adds to it.
fn family(name: &str) -> &str {
    let endings = ["_bucket", "_sum", "_count"];
    let base = endings.iter().find_map(|ending| name.strip_suffix(ending));
    base.filter(|base| base.ends_with("_seconds"))
        .unwrap_or(name)
}

/// All queries of a dashboard, of its panels and of what it marks.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(
                object
                    .get("expr")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            object.values().for_each(|value| queries(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn each_query_of_the_dashboard_is_answered_and_each_name_in_it_is_told() {
    let Some(watched) = watched() else { return };
    let told = families(watched);
    let text = read("deploy/grafana/tollgate.json");
    let unknown: Vec<String> = named(&text)
        .into_iter()
        .filter(|n| !told.contains(family(n)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    queries(&dashboard, &mut all);
    assert!(all.len() > 25, "{}", all.len());
    // The middle of the run: at its end there is no rate to hold arrivals against.
    let at = watched.last[0].1 - 3.0;
    let mut empty = Vec::new();
    for query in all {
        let asked = query
            .replace("$__rate_interval", "10s")
            .replace("$run_id", "r1")
            .replace("$arm", ".*")
            .replace("$recipe", ".*");
        assert!(!asked.contains('$'), "{asked}");
        if watched.prometheus.ask(&asked, Some(at)).is_empty() {
            empty.push(query);
        }
    }
    // The run's measured phase has no users.
    empty.retain(|query| !query.contains("tollgate_target_users"));
    assert!(empty.is_empty(), "{empty:#?}");
}

#[test]
fn the_page_about_the_metrics_has_each_of_them() {
    let Some(watched) = watched() else { return };
    let page = read("docs/telemetry.md");
    let told = families(watched);
    let named: BTreeSet<String> = named(&page)
        .iter()
        .map(|name| family(name).to_owned())
        .collect();
    let lacking: Vec<_> = told.difference(&named).collect();
    assert!(lacking.is_empty(), "the page lacks {lacking:?}");
    let made_up: Vec<_> = named.difference(&told).collect();
    assert!(made_up.is_empty(), "the page names {made_up:?}");
}
