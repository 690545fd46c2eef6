//! Is a run to be trusted? A run is invalid when the client, not the server, made the numbers.

use serde::{Deserialize, Serialize};

use crate::record::Summary;
use crate::sample::Metric;

/// Whether the figures of a run are to be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst of the checks.
    pub verdict: Level,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing speaks against the figures.
    Valid,
    /// They are to be read with care.
    Warn,
    /// They say more of the client than of the server.
    Invalid,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it came out.
    pub level: Level,
    /// What was found, in words.
    pub value: String,
    /// What was wanted, in words.
    pub limit: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
}

/// What the engine knows beyond the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Health {
    /// Arrivals that the plan called for in the phases that came to their end; `None` where the
    /// answers decide.
    pub planned_arrivals: Option<u64>,
    /// Arrivals that came in those phases.
    pub arrivals: u64,
    /// The highest share of a core that a worker used.
    pub worker_cpu: Option<f64>,
}

/// Judges a run.
pub fn validity(summary: &Summary, health: &Health) -> Validity {
    let checks = vec![
        ok_samples(summary),
        dispatch_lag(summary),
        in_flight_cap(summary),
        achieved_rate(health),
        worker_cpu(health),
    ];
    let checks: Vec<Check> = checks.into_iter().flatten().collect();
    let verdict = checks
        .iter()
        .map(|check| check.level)
        .max()
        .unwrap_or(Level::Invalid);
    Validity { verdict, checks }
}

fn check(name: &str, level: Level, value: String, limit: &str, remedy: &str) -> Check {
    let remedy = if level == Level::Valid { "" } else { remedy };
    let [name, limit, remedy] = [name, limit, remedy].map(str::to_owned);
    Check {
        name,
        level,
        value,
        limit,
        remedy,
    }
}

fn ok_samples(summary: &Summary) -> Option<Check> {
    let ok = summary.total()?.count.ok;
    let level = if ok == 0 {
        Level::Invalid
    } else {
        Level::Valid
    };
    let remedy = "no request was answered: the errors above say why";
    Some(check(
        "ok samples",
        level,
        ok.to_string(),
        "at least 1",
        remedy,
    ))
}

/// Our own lateness must be small against what is measured: p99 within 1 ms or 2 % of the median TTFT
/// (of the median response time, where nothing is streamed), whichever is more.
fn dispatch_lag(summary: &Summary) -> Option<Check> {
    let total = summary.total()?;
    let median = |metric| total.metric(metric)?.quantile("p50")?.value_ms;
    let reference = median(Metric::Ttft)
        .or_else(|| median(Metric::E2e))
        .unwrap_or(0.0);
    let limit = f64::max(1.0, 0.02 * reference);
    let lag = total.metric(Metric::Lag)?;
    // Too few rows for a p99: then the longest must do, which is stricter.
    let (stat, value) = match lag.quantile("p99").and_then(|q| q.value_ms) {
        Some(p99) => ("p99", p99),
        None => ("max", lag.max_ms),
    };
    let level = if value <= limit {
        Level::Valid
    } else {
        Level::Invalid
    };
    let remedy = if total.totals.queued > 0 {
        "requests waited for a place in flight: raise max_in_flight, or read the response times as those of that cap"
    } else {
        "the client was late: lower the rate, close other programs, or give it a machine of its own"
    };
    let limit = format!("{stat} within {limit:.2} ms (1 ms or 2 % of the median)");
    Some(check(
        "dispatch lag",
        level,
        format!("{stat} {value:.3} ms"),
        &limit,
        remedy,
    ))
}

fn in_flight_cap(summary: &Summary) -> Option<Check> {
    let total = summary.total()?;
    let queued = total.totals.queued;
    let level = if queued == 0 {
        Level::Valid
    } else {
        Level::Warn
    };
    let remedy =
        "the cap shaped the load: raise max_in_flight, or keep it and quote it with the figures";
    let value = format!("{queued} of {} waited", total.count.requests);
    Some(check("in-flight cap", level, value, "0 waited", remedy))
}

fn achieved_rate(health: &Health) -> Option<Check> {
    let planned = health.planned_arrivals.filter(|planned| *planned > 0)?;
    let share = health.arrivals as f64 / planned as f64;
    let level = if (share - 1.0).abs() <= 0.02 {
        Level::Valid
    } else {
        Level::Invalid
    };
    let value = format!("{} of {planned} ({:.1} %)", health.arrivals, share * 100.0);
    let remedy = "the client could not keep up with the plan: lower the rate";
    Some(check(
        "achieved arrivals",
        level,
        value,
        "within 2 % of the plan",
        remedy,
    ))
}

fn worker_cpu(health: &Health) -> Option<Check> {
    let share = health.worker_cpu?;
    let level = if share < 0.85 {
        Level::Valid
    } else {
        Level::Invalid
    };
    let remedy =
        "a worker thread was nearly out of CPU: use a machine with more cores, or lower the rate";
    let value = format!("{:.0} % of a core", share * 100.0);
    Some(check("worker CPU", level, value, "below 85 %", remedy))
}
