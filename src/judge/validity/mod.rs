//! Is a run to be trusted? A run is invalid when the client, not the server, made the numbers.

mod arms;
mod drift;
mod held;

use serde::{Deserialize, Serialize};

use crate::engine::ROWS_WAITING_LIMIT;
use crate::record::Summary;
use crate::sample::Metric;
use crate::wire::Outcome;
pub use drift::Course;
pub use held::Held;

/// Whether the figures of a run are to be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The worst of the checks.
    pub verdict: Level,
    /// What was checked.
    pub checks: Vec<Check>,
}

impl Validity {
    /// What is wrong with invalid figures, in words.
    pub fn what_is_wrong(&self) -> &'static str {
        let invalid = self.checks.iter().filter(|c| c.level == Level::Invalid);
        if invalid.map(|check| check.name.as_str()).eq([OK_SAMPLES]) {
            return "no request was answered";
        }
        "the figures say more of the client than of the server"
    }
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

/// What is known beyond the summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Arrivals that the plan called for in the phases that came to their end; `None` where the
    /// answers decide.
    pub planned_arrivals: Option<u64>,
    /// Arrivals that came in those phases.
    pub arrivals: u64,
    /// The highest share of a core that a worker used.
    pub worker_cpu: Option<f64>,
    /// Whether neither the certificate of who answered nor its name was checked.
    pub insecure: bool,
    /// The most rows that waited for their file at one time.
    pub rows_waiting: u64,
    /// The share of all cores that the process used.
    pub process_cpu: Option<f64>,
    /// How long the workers were away.
    pub stalls: Option<Stalls>,
    /// The measured phases under an even load.
    pub courses: Vec<Course>,
    /// How often and how long arrivals were held by hand; `None` where they were not.
    pub held: Option<Held>,
}

/// How long worker threads did not come round while requests were measured, each at its worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stalls {
    /// The longest time without a turn, in milliseconds.
    pub longest_ms: f64,
    /// The share of the time that a worker was away.
    pub lost_share: f64,
}

/// Rows that may wait for their file without a word about it.
const QUIETLY: u64 = ROWS_WAITING_LIMIT / 10;

/// Judges a run.
pub fn validity(summary: &Summary, health: &Health) -> Validity {
    let checks = [
        ok_samples(summary),
        client_limits(summary),
        dispatch_lag(summary),
        worker_stalls(summary, health),
        in_flight_cap(summary),
        achieved_rate(health),
        arms::balance(summary),
        worker_cpu(health),
        identity(health),
        process_cpu(health),
        drift::check(&health.courses),
        rows_waiting(health),
        held::check(health.held),
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

const OK_SAMPLES: &str = "ok samples";

fn ok_samples(summary: &Summary) -> Option<Check> {
    let ok = summary.total()?.count.ok;
    let level = if ok == 0 {
        Level::Invalid
    } else {
        Level::Valid
    };
    let remedy = "no request was answered: the errors below say why";
    Some(check(
        OK_SAMPLES,
        level,
        ok.to_string(),
        "at least 1",
        remedy,
    ))
}

/// A request that this machine had no means to send says nothing of the server.
fn client_limits(summary: &Summary) -> Option<Check> {
    let total = summary.total()?;
    let name = Outcome::ClientLimit.to_string();
    let error = total.errors.iter().find(|error| error.outcome == name);
    let failed = error.map_or(0, |error| error.count);
    let level = if failed == 0 {
        Level::Valid
    } else {
        Level::Invalid
    };
    let value = format!("{failed} of {} failed", total.count.requests);
    let remedy = "this machine had no file descriptor, or no local port, for a connection: raise `ulimit -n`, widen net.ipv4.ip_local_port_range, or lower max_in_flight or the concurrency";
    Some(check("client limits", level, value, "0 failed", remedy))
}

/// What times are held against: the median TTFT, or the median response time, where nothing is streamed.
fn reference_ms(summary: &Summary) -> f64 {
    let median = |metric| {
        let quantile = summary.total()?.metric(metric)?.quantile("p50")?;
        quantile.value_ms
    };
    median(Metric::Ttft)
        .or_else(|| median(Metric::E2e))
        .unwrap_or(0.0)
}

/// Our own lateness must be small against what is measured: p99 within 1 ms or 2 % of the median TTFT
/// (of the median response time, where nothing is streamed), whichever is more.
fn dispatch_lag(summary: &Summary) -> Option<Check> {
    let total = summary.total()?;
    let limit = f64::max(1.0, 0.02 * reference_ms(summary));
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

/// A stall that is long against what is measured makes departures late, and marks too, unless the kernel
/// stamps them. One such stall, or a hundredth of the time, is to be known of; ten times as much, and the
/// worker was no longer at its post.
fn worker_stalls(summary: &Summary, health: &Health) -> Option<Check> {
    const GROSS: f64 = 10.0;
    let stalls = health.stalls?;
    let longest = f64::max(10.0, 0.1 * reference_ms(summary));
    let excess = f64::max(stalls.longest_ms / longest, stalls.lost_share / 0.01);
    let level = match excess {
        _ if excess <= 1.0 => Level::Valid,
        _ if excess <= GROSS => Level::Warn,
        _ => Level::Invalid,
    };
    let lost = stalls.lost_share * 100.0;
    let value = format!(
        "longest {:.1} ms, {lost:.2} % of the time",
        stalls.longest_ms
    );
    let limit = format!(
        "longest within {longest:.0} ms (10 ms or 10 % of the median), 1 % of the time; invalid at ten times that"
    );
    let remedy = "a worker thread was away: what was due then was sent late, and what came then is stamped late unless the kernel stamps it. Close other programs, leave the lab its own machine, or lower the rate";
    Some(check("worker stalls", level, value, &limit, remedy))
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

/// Without verification the figures may be those of anybody who answered.
fn identity(health: &Health) -> Option<Check> {
    let remedy = "nobody knows who answered: give the server's authority, `tls: { ca: file.pem }`, instead of `insecure`";
    let value = "not verified".to_owned();
    let check = check("TLS", Level::Warn, value, "a verified server", remedy);
    health.insecure.then_some(check)
}

/// Rows that wait for a slow disk take memory, and at the limit the engine ends the run. Named only where
/// it came near: it says nothing of the figures before.
fn rows_waiting(health: &Health) -> Option<Check> {
    let most = health.rows_waiting;
    let level = match most {
        0..=QUIETLY => return None,
        _ if most <= ROWS_WAITING_LIMIT => Level::Warn,
        _ => Level::Invalid,
    };
    let remedy = "the disk could not keep up with samples.csv: write to a faster one with -o, or lower the rate";
    let limit = format!("{QUIETLY} at most; beyond {ROWS_WAITING_LIMIT} the run is ended");
    Some(check(
        "rows waiting",
        level,
        most.to_string(),
        &limit,
        remedy,
    ))
}

fn process_cpu(health: &Health) -> Option<Check> {
    let share = health.process_cpu?;
    let level = if share < 0.85 {
        Level::Valid
    } else {
        Level::Invalid
    };
    let remedy = "the process, with the lab where that is embedded, was nearly out of CPU: use a machine with more cores, or lower the rate";
    let value = format!("{:.0} % of all cores", share * 100.0);
    Some(check("process CPU", level, value, "below 85 %", remedy))
}

#[cfg(test)]
mod tests;
