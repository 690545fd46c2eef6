//! Is a run to be trusted? A run is invalid when the client, not the server, made the numbers.

use serde::{Deserialize, Serialize};

use crate::engine::ROWS_WAITING_LIMIT;
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
    /// The most rows that waited for their file at one time.
    pub rows_waiting: u64,
}

/// Rows that may wait for their file without a word about it.
const QUIETLY: u64 = ROWS_WAITING_LIMIT / 10;

/// Judges a run.
pub fn validity(summary: &Summary, health: &Health) -> Validity {
    let checks = vec![
        ok_samples(summary),
        dispatch_lag(summary),
        in_flight_cap(summary),
        achieved_rate(health),
        worker_cpu(health),
        rows_waiting(health),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::base::Offset;
    use crate::plan::{ArmId, ArrivalId, RecipeId};
    use crate::record::{PhaseRecord, Recorder};
    use crate::sample::Sample;
    use crate::wire::{Exchange, Marks, Outcome};

    /// A run of so many requests, each due every 10 ms, sent `lag` late, and answered 50 ms later.
    fn summary(requests: u64, lag: Duration, queued: Duration, outcome: Outcome) -> Summary {
        let phase = PhaseRecord {
            started: Some(Offset::ZERO),
            ..PhaseRecord::default()
        };
        let mut recorder = Recorder::new(1, vec![phase]);
        for number in 0..requests {
            let due = Offset::from_nanos(number * 10_000_000);
            let sent = due + lag;
            let end = Some(sent + Duration::from_millis(50));
            let marks = Marks {
                sent: Some(sent),
                first_token: end,
                end,
                ..Marks::default()
            };
            recorder.push(&Sample {
                id: ArrivalId {
                    number,
                    ..ArrivalId::default()
                },
                arm: ArmId(0),
                recipe: RecipeId(0),
                warmup: false,
                stream: true,
                due,
                queued,
                exchange: Exchange {
                    outcome,
                    marks,
                    ..Exchange::default()
                },
                cost: None,
                good: false,
            });
        }
        Summary::new(&recorder, &["chat".to_owned()])
    }

    fn level(validity: &Validity, name: &str) -> Level {
        validity
            .checks
            .iter()
            .find(|check| check.name == name)
            .unwrap()
            .level
    }

    const PROMPT: Duration = Duration::from_micros(100);

    #[test]
    fn a_healthy_run_is_valid_and_asks_for_nothing() {
        let health = Health {
            planned_arrivals: Some(500),
            arrivals: 500,
            worker_cpu: Some(0.2),
            rows_waiting: 0,
        };
        let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
        assert_eq!(judged.verdict, Level::Valid);
        assert!(judged.checks.iter().all(|check| check.remedy.is_empty()));
        assert_eq!(judged.checks.len(), 5);
    }

    #[test]
    fn a_run_without_an_answer_is_invalid() {
        let failed = summary(500, PROMPT, Duration::ZERO, Outcome::Status(500));
        assert_eq!(
            level(&validity(&failed, &Health::default()), "ok samples"),
            Level::Invalid
        );
        let empty = summary(0, PROMPT, Duration::ZERO, Outcome::Ok);
        assert_eq!(validity(&empty, &Health::default()).verdict, Level::Invalid);
    }

    #[test]
    fn a_client_that_is_late_makes_the_run_invalid() {
        let late = summary(500, Duration::from_millis(3), Duration::ZERO, Outcome::Ok);
        let judged = validity(&late, &Health::default());
        assert_eq!(level(&judged, "dispatch lag"), Level::Invalid);
        // The limit grows with what is measured: 3 ms are nothing against a median of seconds.
        let few = summary(20, Duration::from_millis(3), Duration::ZERO, Outcome::Ok);
        let judged = validity(&few, &Health::default());
        assert_eq!(
            level(&judged, "dispatch lag"),
            Level::Invalid,
            "too few for a p99: the longest"
        );
    }

    #[test]
    fn a_cap_that_makes_requests_wait_is_named() {
        let waited = Duration::from_millis(20);
        let judged = validity(
            &summary(500, waited, waited, Outcome::Ok),
            &Health::default(),
        );
        assert_eq!(level(&judged, "in-flight cap"), Level::Warn);
        let lag = judged
            .checks
            .iter()
            .find(|check| check.name == "dispatch lag")
            .unwrap();
        assert!(lag.remedy.contains("max_in_flight"), "{}", lag.remedy);
    }

    #[test]
    fn a_disk_that_is_too_slow_is_named_only_where_it_was() {
        let summary = summary(500, PROMPT, Duration::ZERO, Outcome::Ok);
        let judged = |rows_waiting| {
            let health = Health {
                rows_waiting,
                ..Health::default()
            };
            let checks = validity(&summary, &health).checks;
            let check = checks
                .into_iter()
                .find(|check| check.name == "rows waiting");
            check.map(|check| check.level)
        };
        assert_eq!(judged(QUIETLY), None);
        assert_eq!(judged(QUIETLY + 1), Some(Level::Warn));
        assert_eq!(judged(ROWS_WAITING_LIMIT + 1), Some(Level::Invalid));
    }

    #[test]
    fn a_starved_worker_and_missing_arrivals_make_the_run_invalid() {
        let health = Health {
            planned_arrivals: Some(500),
            arrivals: 400,
            worker_cpu: Some(0.97),
            rows_waiting: 0,
        };
        let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
        assert_eq!(level(&judged, "achieved arrivals"), Level::Invalid);
        assert_eq!(level(&judged, "worker CPU"), Level::Invalid);
    }
}
