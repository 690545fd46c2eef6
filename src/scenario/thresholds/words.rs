//! The words of a threshold: statistics, figures and amounts by how they are written, and what to say of
//! one that is not known.

use std::ops::Range;

use super::figure::{Plain, ROUTING_TIME, Stat, TIMES, Unit};
use crate::base::{HumanDuration, Percent, Rate, Usd};
use crate::scenario::document::nearest;

/// What is wrong with a threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The bytes of the text that it is about.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub help: String,
}

pub(super) type Parsed<T> = Result<T, Fault>;

pub(super) const STATS: [&str; 8] = ["p50", "p90", "p95", "p99", "p99.9", "mean", "max", "share"];

pub(super) fn fault<T>(
    at: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Parsed<T> {
    let (message, help) = (message.into(), help.into());
    Err(Fault { at, message, help })
}

/// A number and what it is of: `None` where it has no unit.
pub(super) fn measure(said: &str) -> Option<(f64, Option<Unit>)> {
    let plain = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        text.parse::<f64>().ok().filter(|_| digits)
    };
    if let Some(dollars) = said.strip_prefix('$') {
        dollars.parse::<Usd>().ok()?;
        return Some((plain(dollars)?, Some(Unit::Usd)));
    }
    if said.ends_with('%') {
        let share = said.parse::<Percent>().ok();
        let beyond = || said.strip_suffix('%').and_then(plain).map(|v| v / 100.0);
        return Some((
            share.map(Percent::fraction).or_else(beyond)?,
            Some(Unit::Share),
        ));
    }
    if said.contains('/') {
        return Some((said.parse::<Rate>().ok()?.per_second(), Some(Unit::PerS)));
    }
    if let Some(value) = plain(said) {
        return Some((value, None));
    }
    let time = said.parse::<HumanDuration>().ok()?;
    Some((time.0.as_nanos() as f64 / 1e6, Some(Unit::Ms)))
}

pub(super) fn plain(name: &str) -> Option<Plain> {
    let mut all = Plain::ALL.iter().copied();
    all.find(|plain| plain.name() == name)
}

pub(super) fn time(name: &str) -> Option<&'static str> {
    let name = if name == ROUTING_TIME {
        "overhead_claimed"
    } else {
        name
    };
    TIMES.into_iter().find(|time| *time == name)
}

pub(super) fn stat(name: &str, at: &Range<usize>) -> Parsed<Stat> {
    let known = "known: p50, p95, p99.9 and others between p0 and p100, mean, max";
    match name {
        "mean" => return Ok(Stat::Mean),
        "max" => return Ok(Stat::Max),
        "avg" | "average" => {
            let message = format!("there is no statistic `{name}`, did you mean `mean`?");
            return fault(at.clone(), message, known);
        }
        "med" | "median" => {
            let message = format!("there is no statistic `{name}`, did you mean `p50`?");
            return fault(at.clone(), message, known);
        }
        _ => {}
    }
    let number = name.strip_prefix('p').map(str::parse::<f64>);
    match number {
        Some(Ok(percent)) if percent > 0.0 && percent < 100.0 => {
            Ok(Stat::Quantile(percent / 100.0))
        }
        Some(Ok(_)) => {
            let message = format!("the percentile `{name}` is out of range");
            let help = "a percentile lies between 0 and 100: p50, p99.9; the longest is max(...)";
            fault(at.clone(), message, help)
        }
        _ => {
            let near = did_you_mean(name, &STATS);
            let message = format!("there is no statistic `{name}`{near}");
            fault(at.clone(), message, known)
        }
    }
}

pub(super) fn did_you_mean(name: &str, known: &[&'static str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}
