//! What a threshold's figure is in one scope, with how far to trust it.

use std::time::Duration;

use super::words::{counted, words};
use crate::base::Money;
use crate::record::{NameCount, ScopeFigures, needed};
use crate::sample::Metric;
use crate::scenario::{By, Figure, Plain, Stat, Unit};

/// Two-sided 95 % of a normal distribution.
const Z95: f64 = 1.959_964;

/// A figure of one scope.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    /// The value.
    pub(super) value: Value,
    /// The 95 % confidence interval; its upper end may be infinite.
    pub(super) interval: Option<(f64, f64)>,
    /// Values that it stands on.
    pub(super) n: u64,
    /// Values that it needs.
    pub(super) needs: u64,
    /// What is to be said beside it.
    pub(super) note: String,
}

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// It may be infinite.
    Known(f64),
    /// The sample can't carry it.
    TooFew,
    /// There is none, and why.
    Missing(String),
}

impl Measured {
    fn missing(n: u64, needs: u64, why: impl Into<String>) -> Self {
        Self {
            value: Value::Missing(why.into()),
            interval: None,
            n,
            needs,
            note: String::new(),
        }
    }

    fn known(value: f64, n: u64) -> Self {
        Self {
            value: Value::Known(value),
            interval: None,
            n,
            needs: 1,
            note: String::new(),
        }
    }
}

/// Measures a figure. So many more failures are taken to belong to the scope.
pub(super) fn measure(figure: &Figure, of: &ScopeFigures, more_failed: u64) -> Measured {
    let requests = of.summary.count.requests;
    if requests == 0 {
        return Measured::missing(0, 1, "there is no such request");
    }
    match figure {
        Figure::Time(stat, name) => time(*stat, name, of, more_failed),
        Figure::Plain(Plain::ErrorRate) => {
            let failed = of.summary.count.failed + more_failed;
            proportion(failed, requests + more_failed, "there is no such request")
        }
        Figure::Plain(plain) => number(*plain, of),
        Figure::Share(by, name) => {
            let told = match by {
                By::Model => &of.summary.told.models,
                By::Provider => &of.summary.told.providers,
            };
            let all = told.iter().map(|told| told.count).sum();
            let named = |told: &&NameCount| told.name == *name;
            let part = told.iter().find(named).map_or(0, |told| told.count);
            let none = format!("no answer told its {}", by.name());
            proportion(part, all, &none)
        }
        Figure::Shares | Figure::Stream | Figure::Added(..) => {
            Measured::missing(0, 1, "this is judged by itself")
        }
    }
}

fn time(stat: Stat, name: &str, of: &ScopeFigures, more_failed: u64) -> Measured {
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name);
    let metric = metric.expect("a threshold names the times that there are");
    let failed = of.failures(metric);
    let failed = match (failed, more_failed) {
        // Whether the untold ones were streamed is not known: they count in all.
        (_, more) if adjusts(metric) => failed + more,
        _ => failed,
    };
    let needs = match stat {
        Stat::Quantile(q) => needed(q),
        Stat::Mean | Stat::Max => 1,
    };
    let Some(times) = of.times.get(&metric).filter(|times| !times.is_empty()) else {
        let why = format!("no whole answer has a `{name}`");
        return Measured::missing(0, needs, why);
    };
    let n = times.len() + failed;
    let note = match failed {
        0 => String::new(),
        _ => format!(
            "{} count as infinitely slow",
            counted(failed, "failed request")
        ),
    };
    let or_infinite = |time: Option<Duration>| time.map_or(f64::INFINITY, ms);
    let infinite = (Value::Known(f64::INFINITY), None);
    let (value, interval) = match stat {
        Stat::Quantile(q) => match times.adjusted_interval(q, failed) {
            None => (Value::TooFew, None),
            Some(found) => (
                Value::Known(or_infinite(found.value)),
                Some((or_infinite(found.low), or_infinite(found.high))),
            ),
        },
        Stat::Mean | Stat::Max if failed > 0 => infinite,
        Stat::Mean => {
            let (mean, error) = (ms(times.mean()), times.mean_error().map(ms));
            (
                Value::Known(mean),
                error.map(|error| ((mean - error).max(0.0), mean + error)),
            )
        }
        Stat::Max => (Value::Known(ms(times.max())), None),
    };
    Measured {
        value,
        interval,
        n,
        needs,
        note,
    }
}

/// Whether a failure has a place among these times.
const fn adjusts(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Ttft | Metric::TtftService | Metric::Ttfo | Metric::E2e | Metric::Service
    )
}

fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// A share with Wilson's interval.
fn proportion(part: u64, all: u64, none: &str) -> Measured {
    if all == 0 {
        return Measured::missing(0, 1, none);
    }
    let (n, p) = (all as f64, part as f64 / all as f64);
    let z2 = Z95 * Z95;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Measured {
        interval: Some(((middle - half).clamp(0.0, p), (middle + half).clamp(p, 1.0))),
        ..Measured::known(p, all)
    }
}

/// A figure that is one number.
fn number(plain: Plain, of: &ScopeFigures) -> Measured {
    let (count, totals, told) = (&of.summary.count, &of.summary.totals, &of.summary.told);
    let n = count.requests;
    let exactly = |value: u64| Measured::known(value as f64, n);
    match plain {
        Plain::ErrorRate => proportion(count.failed, n, "there is no such request"),
        Plain::Goodput => Measured::known(totals.goodput_per_s, n),
        Plain::Throughput => Measured::known(totals.throughput_per_s, n),
        Plain::OutputTokensRate => Measured::known(totals.output_tokens_per_s, n),
        Plain::Cost => money(Some(totals.cost.usd), of),
        Plain::CostPerRequest => money(totals.cost.per_request_usd, of),
        Plain::CostPer1kOutput => money(totals.cost.per_1k_output_usd, of),
        Plain::CostPerGood => money(totals.cost.per_good_usd, of),
        Plain::CostReported => totals.cost_reported_usd.map_or_else(
            || Measured::missing(n, 1, "the server claimed no cost"),
            |cost| Measured::known(cost.dollars(), n),
        ),
        Plain::CacheHitRate => proportion(
            told.cache_hits,
            told.cache_told,
            "no answer told whether it came from a cache",
        ),
        Plain::RetriedRate => proportion(
            told.retried,
            told.attempts_told,
            "no answer told how often a provider was asked",
        ),
        Plain::CoalescedShare => totals.coalesced_share.map_or_else(
            || Measured::missing(n, 1, "no answer was streamed"),
            |share| Measured::known(share, n),
        ),
        Plain::CostDrift | Plain::MissingLogs => by_log(plain, of),
        Plain::Requests => exactly(n),
        Plain::Ok => exactly(count.ok),
        Plain::Failed => exactly(count.failed),
        Plain::Good => exactly(totals.good),
        Plain::EmptyAnswers => exactly(totals.empty_answers),
        Plain::Queued => exactly(totals.queued),
        Plain::InputTokens => exactly(totals.input_tokens),
        Plain::OutputTokens => exactly(totals.output_tokens),
    }
}

/// What only the gateway's log tells.
fn by_log(plain: Plain, of: &ScopeFigures) -> Measured {
    let Some(log) = &of.log else {
        let why =
            "the run was not held against a log: add `reconcile`, or use `tollgate reconcile`";
        return Measured::missing(0, 1, why);
    };
    match plain {
        _ if !log.whole => Measured::missing(log.joined, 1, "not all of the log could be read"),
        Plain::MissingLogs => Measured::known(log.missing as f64, log.sent),
        _ => log.cost_drift.map_or_else(
            || Measured::missing(log.joined, 1, "no request has both a cost and a logged one"),
            |drift| Measured::known(drift, log.joined),
        ),
    }
}

/// A cost, which is unknown where that of any request is.
fn money(cost: Option<Money>, of: &ScopeFigures) -> Measured {
    let n = of.summary.count.requests;
    let unknown = of.summary.totals.cost.unknown;
    match cost {
        _ if unknown > 0 => {
            let why = format!("the cost of {unknown} of {n} requests is unknown");
            Measured::missing(n - unknown, 1, why)
        }
        None => Measured::missing(n, 1, "there is nothing to share the cost out to"),
        Some(cost) => Measured::known(cost.dollars(), n),
    }
}

/// An interval in words: `[59.1 ms - 64 ms]`.
pub(super) fn interval_in_words((low, high): (f64, f64), unit: Unit) -> String {
    format!("[{} - {}]", words(low, unit), words(high, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::TIMES;

    #[test]
    fn thresholds_know_the_times_that_are_measured() {
        assert_eq!(TIMES, Metric::ALL.map(Metric::name));
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // 5 of 100: [0.0215, 0.1118], as tables have it.
        let (low, high) = proportion(5, 100, "").interval.unwrap();
        assert!((low - 0.0215).abs() < 1e-4 && (high - 0.1118).abs() < 1e-4);
        assert!(proportion(0, 10, "").interval.unwrap().0.abs() < 1e-12);
        assert!((proportion(10, 10, "").interval.unwrap().1 - 1.0).abs() < 1e-12);
        assert!(matches!(proportion(0, 0, "none").value, Value::Missing(_)));
    }
}
