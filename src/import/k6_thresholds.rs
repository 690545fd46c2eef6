//! k6's thresholds in ours, where a figure means the same.

use serde_json::Value;

use super::draft::Draft;
use super::reading::{Section, json};
use super::{words, yaml};
use crate::scenario::Problem;

/// Metrics whose thresholds are looked at.
const MOST: usize = 500;

/// The thresholds of options: lists of expressions, or of mappings with one.
pub(super) fn of_options(thresholds: &Section<'_>, draft: &mut Draft) {
    let more = thresholds.all().count().saturating_sub(MOST);
    if more > 0 {
        let what = format!("{more} more: {MOST} are the most that an import looks at");
        draft.left("thresholds", what);
    }
    for (metric, _) in thresholds.all().take(MOST) {
        let at = thresholds.at(metric);
        for node in thresholds.list(metric) {
            match json(node) {
                Value::String(text) => add(metric, &text, None, &at, draft),
                Value::Object(rule) => {
                    let text = rule.get("threshold").and_then(Value::as_str);
                    let aborts = rule.get("abortOnFail") == Some(&Value::Bool(true));
                    let grace = rule.get("delayAbortEval").and_then(Value::as_str);
                    let grace = grace.and_then(words::go_seconds).and_then(words::seconds);
                    match text {
                        Some(text) => {
                            let grace = grace.map(|grace| format!(", grace: {grace}"));
                            let abort = aborts.then(|| grace.unwrap_or_default());
                            add(metric, text, abort.as_deref(), &at, draft);
                        }
                        None => draft.left(&at, "it has no `threshold`"),
                    }
                }
                _ => draft.left(&at, "no expression, and no mapping with one"),
            }
        }
    }
}

/// The thresholds of a summary's metric: an expression, and what came of it.
pub(super) fn of_summary(
    name: &str,
    metric: &Section<'_>,
    draft: &mut Draft,
) -> Result<(), Problem> {
    let Some(thresholds) = metric.section("thresholds")? else {
        return Ok(());
    };
    for (text, _) in thresholds.all() {
        add(name, text, None, &metric.at("thresholds"), draft);
    }
    Ok(())
}

/// Adds a threshold, or tells why there is none. `abort` is there where it ends a run, and holds its grace.
fn add(metric: &str, text: &str, abort: Option<&str>, at: &str, draft: &mut Draft) {
    let written = match translated(metric, text) {
        Ok((written, note)) => {
            if let Some(note) = note {
                draft.left(at, format!("`{text}` is `{written}` here: {note}"));
            }
            written
        }
        Err(why) => {
            draft.left(at, format!("`{text}`: {why}"));
            return;
        }
    };
    let quoted = yaml::text(&written);
    if draft.thresholds.iter().any(|known| known.contains(&quoted)) {
        return;
    }
    draft.thresholds.push(match abort {
        None => quoted,
        Some(grace) => format!("{{ check: {quoted}, abort: true{grace} }}"),
    });
}

/// What a figure of k6 is here.
enum Figure {
    /// A time, under our name, and how the two differ.
    Time(&'static str, Option<&'static str>),
    /// A share that must stay low.
    Failed,
    /// Requests, by count or by rate.
    Requests,
}

fn translated(metric: &str, text: &str) -> Result<(String, Option<&'static str>), &'static str> {
    let (name, tags) = metric
        .split_once('{')
        .map_or((metric, ""), |(name, tags)| (name, tags));
    let tags = tags.trim_end_matches('}').replace(' ', "");
    if !matches!(tags.as_str(), "" | "expected_response:true") {
        return Err("a threshold of some tags alone: scope it by recipe or phase");
    }
    let figure = match name {
        "http_req_duration" => Figure::Time("service", None),
        "iteration_duration" => Figure::Time(
            "e2e",
            Some(
                "an iteration takes its script's own time and pauses, e2e our lateness and queueing",
            ),
        ),
        "ttft" | "time_to_first_token" => Figure::Time(
            "ttft",
            Some(
                "taken for the time to first token by its name; ours counts from when a request was due",
            ),
        ),
        "http_req_failed" => Figure::Failed,
        "http_reqs" => Figure::Requests,
        "http_req_waiting" => {
            return Err(
                "the time to the first byte of the answer, which is no token: think of ttft_service",
            );
        }
        "dropped_iterations" => {
            return Err("nothing is dropped here: what waits for a place counts as `queued`");
        }
        "checks" => {
            return Err("give the recipe `checks`; an answer that fails one counts in error_rate");
        }
        _ => return Err("no figure here is known to mean the same"),
    };
    let (left, relation, limit) = parsed(text).ok_or("the expression can't be read")?;
    match figure {
        Figure::Time(time, note) => {
            let stat = stat(left).ok_or("no figure here has this statistic")?;
            let limit = words::seconds(limit / 1e3).ok_or("the limit can't be read")?;
            Ok((format!("{stat}({time}) {relation} {limit}"), note))
        }
        Figure::Failed if left == "rate" => {
            let percent = words::number(limit * 100.0);
            Ok((format!("error_rate {relation} {percent}%"), None))
        }
        Figure::Requests if left == "count" => Ok((
            format!("requests {relation} {}", words::number(limit)),
            None,
        )),
        Figure::Requests if left == "rate" => Ok((
            format!("throughput {relation} {}/s", words::number(limit)),
            Some("throughput counts whole answers alone"),
        )),
        _ => Err("no figure here has this statistic"),
    }
}

/// `p(95)` as `p95`.
fn stat(text: &str) -> Option<String> {
    match text {
        "avg" => Some("mean".to_owned()),
        "med" => Some("p50".to_owned()),
        "max" => Some("max".to_owned()),
        _ => {
            let inner = text.strip_prefix("p(")?.strip_suffix(')')?.trim();
            let quantile: f64 = inner.parse().ok()?;
            let fits = quantile > 0.0 && quantile < 100.0;
            fits.then(|| format!("p{}", words::number(quantile)))
        }
    }
}

/// The parts of `p(95)<800`.
fn parsed(text: &str) -> Option<(&str, &'static str, f64)> {
    let at = text.find(['<', '>', '='])?;
    let (left, rest) = text.split_at(at);
    let relations = [
        ("===", "=="),
        ("==", "=="),
        ("<=", "<="),
        (">=", ">="),
        ("<", "<"),
        (">", ">"),
    ];
    let (relation, limit) = relations
        .iter()
        .find_map(|(theirs, ours)| Some((*ours, rest.strip_prefix(theirs)?)))?;
    let limit: f64 = limit.trim().parse().ok()?;
    let fits = limit.is_finite() && (0.0..1e12).contains(&limit);
    fits.then(|| (left.trim(), relation, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_carried_where_a_figure_means_the_same() {
        let ours = |metric: &str, text: &str| translated(metric, text).map(|(written, _)| written);
        let time = "http_req_duration";
        assert_eq!(ours(time, "p(95)<800").unwrap(), "p95(service) < 800ms");
        assert_eq!(
            ours(time, "p(99.9) <= 1500").unwrap(),
            "p99.9(service) <= 1500ms"
        );
        assert_eq!(ours(time, "avg<200").unwrap(), "mean(service) < 200ms");
        let expected = "http_req_duration{ expected_response:true }";
        assert_eq!(ours(expected, "med<90").unwrap(), "p50(service) < 90ms");
        assert_eq!(
            ours("http_req_failed", "rate<0.01").unwrap(),
            "error_rate < 1%"
        );
        assert_eq!(ours("http_reqs", "count>100").unwrap(), "requests > 100");
        for (metric, text) in [
            ("http_req_duration{status:200}", "p(95)<800"),
            ("http_req_waiting", "p(95)<800"),
            (time, "min<3"),
            (time, "p(95)"),
            (time, "p(95)<fast"),
            (time, "p(0)<1"),
            (time, ""),
            ("my_trend", "p(95)<8"),
        ] {
            assert!(ours(metric, text).is_err(), "{metric} {text}");
        }
    }
}
