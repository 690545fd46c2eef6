//! What Prometheus says of a run is what `summary.csv` and `samples.csv` say.

use std::collections::BTreeMap;

use tollgate::results::SummaryRow;

use crate::run::{RATE, Watched, watched};
use crate::support::until;

const METRICS: [&str; 6] = ["ttft", "e2e", "service", "tpot", "chunk_gap", "lag"];
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
];

/// A scope of the summary as a matcher.
fn matcher(scope: &str) -> String {
    match scope.split_once(':') {
        None => String::new(),
        Some(("group", group)) => {
            let (arm, recipe) = group.split_once('/').unwrap();
            format!(",arm=\"{arm}\",recipe=\"{recipe}\"")
        }
        Some((kind, name)) => format!(",{kind}=\"{name}\""),
    }
}

fn summary(watched: &Watched) -> Vec<SummaryRow> {
    let rows = watched.folder.csv::<SummaryRow>("summary.csv").into_iter();
    rows.filter(|row| !row.scope.starts_with("model:") && !row.scope.starts_with("provider:"))
        .collect()
}

/// The bounds of the buckets of a metric, in seconds.
fn bounds(text: &str, metric: &str) -> Vec<f64> {
    let name = format!("tollgate_{metric}_seconds_bucket{{");
    let lines = text.lines().filter(|line| line.starts_with(&name));
    let le = lines.filter_map(|line| line.split("le=\"").nth(1)?.split('"').next());
    let mut bounds: Vec<f64> = le
        .filter(|le| *le != "+Inf")
        .map(|le| le.parse().unwrap())
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

#[test]
fn the_quantiles_of_prometheus_are_in_the_bucket_of_those_in_the_summary() {
    let Some(watched) = watched() else { return };
    let (mut compared, mut scopes) = (0, BTreeMap::new());
    for row in summary(watched) {
        let quantile = QUANTILES.iter().find(|(stat, _)| *stat == row.stat);
        let Some(((_, q), value)) = quantile.zip(row.value) else {
            continue;
        };
        if !METRICS.contains(&row.metric.as_str()) {
            continue;
        }
        let seconds = value / 1e3;
        let bounds = bounds(&watched.text, &row.metric);
        // A bound is the longest time of its bucket; the file has a few digits less.
        let place = bounds.partition_point(|bound| bound + 2e-9 < seconds);
        let low = if place == 0 { 0.0 } else { bounds[place - 1] };
        let high = bounds[place];
        for (job, at) in watched.last {
            let query = format!(
                "histogram_quantile({q}, sum by (le) (tollgate_{}_seconds_bucket{{job=\"{job}\",run_id=\"r1\"{}}}))",
                row.metric,
                matcher(&row.scope)
            );
            let found = watched.prometheus.figure(&query, at);
            assert!(
                (low - 1e-9..=high + 1e-9).contains(&found),
                "{} {} {} by {job}: {found} is not in {low} to {high} as {seconds} is",
                row.scope,
                row.metric,
                row.stat
            );
            compared += 1;
        }
        *scopes.entry(row.scope).or_insert(0) += 1;
    }
    // The total, two arms, two recipes, and each recipe of each arm.
    assert_eq!(scopes.len(), 9, "{scopes:?}");
    assert!(compared > 200, "only {compared} were compared");
}

#[test]
fn the_counts_at_the_end_are_those_of_the_files() {
    let Some(watched) = watched() else { return };
    let rows = watched.folder.rows();
    let mut wanted: BTreeMap<(String, String, String), f64> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.warmup) {
        let key = (row.arm.clone(), row.recipe.clone(), row.outcome.to_string());
        *wanted.entry(key).or_default() += 1.0;
    }
    assert!(wanted.keys().any(|(_, _, outcome)| outcome == "status_503"));
    for (job, at) in watched.last {
        let ask = |query: &str| watched.prometheus.ask(&query.replace("JOB", job), Some(at));
        let counts = ask("tollgate_requests_total{job=\"JOB\"}").into_iter();
        let found: BTreeMap<_, _> = counts
            .map(|point| {
                let label = |name| point.label(name).to_owned();
                (
                    (label("arm"), label("recipe"), label("outcome")),
                    point.value,
                )
            })
            .collect();
        assert_eq!(found, wanted, "{job}");
        let figure = |query: &str| watched.prometheus.figure(&query.replace("JOB", job), at);
        assert_eq!(
            figure("tollgate_arrivals_total{job=\"JOB\"}"),
            rows.len() as f64
        );
        assert_eq!(
            figure("sum(tollgate_warmup_requests_total{job=\"JOB\"})"),
            40.0
        );
        assert_eq!(figure("tollgate_in_flight{job=\"JOB\"}"), 0.0);
        let total = watched.folder.total();
        let totals = &total["totals"];
        let wanted = |name: &str| totals[name].as_f64().unwrap();
        for (query, wanted) in [
            (
                "sum(tollgate_good_requests_total{job=\"JOB\"})",
                wanted("good"),
            ),
            (
                "sum(tollgate_tokens_total{job=\"JOB\",type=\"input\"})",
                wanted("input_tokens"),
            ),
            (
                "sum(tollgate_tokens_total{job=\"JOB\",type=\"output\"})",
                wanted("output_tokens"),
            ),
        ] {
            assert_eq!(figure(query), wanted, "{job}: {query}");
        }
        let metrics = total["metrics"].as_array().unwrap();
        for metric in METRICS {
            let of = metrics
                .iter()
                .find(|found| found["metric"] == metric)
                .unwrap();
            let count = figure(&format!(
                "sum(tollgate_{metric}_seconds_count{{job=\"JOB\"}})"
            ));
            assert_eq!(count, of["n"].as_f64().unwrap(), "{job}: {metric}");
            let sum = figure(&format!(
                "sum(tollgate_{metric}_seconds_sum{{job=\"JOB\"}})"
            ));
            // The file's mean is cut to whole nanoseconds.
            let mean = of["mean_ms"].as_f64().unwrap() / 1e3;
            assert!(
                (sum / count - mean).abs() < 1e-6,
                "{job}: {metric}: {sum} {mean}"
            );
        }
        let cost = figure("sum(tollgate_cost_usd_total{job=\"JOB\"})");
        assert!(
            (cost - totals["cost"]["usd"].as_f64().unwrap()).abs() < 1e-9,
            "{cost}"
        );
        let validity = watched.folder.info()["validity"].clone();
        for check in validity["checks"].as_array().unwrap() {
            let name = check["name"].as_str().unwrap();
            let level = ["valid", "warn", "invalid"]
                .iter()
                .position(|l| check["level"] == *l);
            let query = format!("tollgate_validity{{job=\"JOB\",check=\"{name}\"}}");
            assert_eq!(figure(&query), level.unwrap() as f64, "{name}");
        }
    }
}

#[test]
fn what_went_on_was_seen_while_it_went_on() {
    let Some(watched) = watched() else { return };
    let (job, at) = watched.last[0];
    let over = |of: &str, name: &str| {
        let query = format!("{of}_over_time(tollgate_{name}{{job=\"{job}\"}}[1m])");
        watched.prometheus.figure(&query, at)
    };
    assert_eq!(over("max", "target_rate_per_second"), RATE);
    assert!(over("max", "in_flight") >= 1.0);
    let fastest = over("max", "achieved_rate_per_second");
    assert!((RATE * 0.5..RATE * 2.0).contains(&fastest), "{fastest}");
    assert!(over("max", "worker_cpu_ratio") > 0.0);
    assert_eq!(
        over("max", "target_users"),
        2.0,
        "the warm-up is a closed loop"
    );
    assert_eq!(over("max", "budget_usd"), 5.0);
    // A counter that fell would have been taken for one that began anew.
    let counters = ["requests_total", "arrivals_total", "cost_usd_total"].map(str::to_owned);
    let parts = ["_bucket", "_sum", "_count"];
    let times = METRICS
        .iter()
        .flat_map(|m| parts.map(|part| format!("{m}_seconds{part}")));
    for name in counters.into_iter().chain(times) {
        let resets = format!("sum(resets(tollgate_{name}[1m]))");
        assert_eq!(watched.prometheus.figure(&resets, at), 0.0, "{name}");
    }
    let phases = format!("sum by (phase) (max_over_time(tollgate_phase{{job=\"{job}\"}}[1m]))");
    let phases = watched.prometheus.ask(&phases, Some(at));
    let steady = phases
        .iter()
        .find(|point| point.label("phase") == "steady")
        .unwrap();
    assert_eq!(steady.value, 1.0);
}

#[test]
fn the_written_series_end_with_the_run_and_their_delivery_is_told() {
    let Some(watched) = watched() else { return };
    let (job, at) = watched.last[1];
    let over = format!("tollgate_run_over{{job=\"{job}\"}}");
    assert_eq!(watched.prometheus.figure(&over, at + 4.0), 1.0);
    // A series without its mark would be seen for five minutes.
    until("the end of the series", || {
        watched.prometheus.ask(&over, Some(at + 6.0)).is_empty()
    });
    let told = watched.folder.info()["telemetry"].clone();
    let written = &told["remote_write"];
    assert_eq!(written["delivered"], written["looks"], "{told}");
    assert!(written["looks"].as_u64().unwrap() >= 2, "{told}");
    assert_eq!(written["last_delivered"], true, "{told}");
    assert!(
        told["prometheus"]["scrapes"].as_u64().unwrap() >= 3,
        "{told}"
    );
    let said = &watched.ran.stderr;
    assert!(
        said.contains("prometheus: the endpoint stays for 20 s"),
        "{said}"
    );
    assert!(
        !said.contains("remote write"),
        "all went well, and yet: {said}"
    );
}
