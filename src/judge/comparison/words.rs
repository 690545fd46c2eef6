//! Why a verdict is what it is, in a sentence.

use super::pair::Line;
use super::settings::{Figure, Judged, Settings};
use crate::judge::Verdict;

type KeptBack = Option<(Verdict, String)>;

/// An arm has no value, or fewer than the quantile needs.
pub(super) fn too_few(arms: [&str; 2], name: &str, n: [u64; 2], needed: u64) -> KeptBack {
    let few = arms.into_iter().zip(n).find(|(_, n)| *n < needed)?;
    Some(match few {
        (arm, 0) => (
            Verdict::Invalid,
            format!("arm `{arm}` has no values of {name}: there is nothing to compare"),
        ),
        (arm, n) => (
            Verdict::Inconclusive,
            format!("{name} needs {needed} values of each arm, and `{arm}` has {n}"),
        ),
    })
}

/// An arm has no request of which there is such a figure.
pub(super) fn nothing(arms: [&str; 2], figure: Figure, n: [u64; 2]) -> KeptBack {
    let (arm, _) = arms.into_iter().zip(n).find(|(_, n)| *n == 0)?;
    let what = match figure {
        Figure::CostPerRequest => "no request whose cost is known",
        Figure::ErrorRate | Figure::Goodput => "no requests",
    };
    let why = format!("arm `{arm}` has {what}: there is nothing to compare");
    Some((Verdict::Invalid, why))
}

/// There are too few slices to know the error.
pub(super) fn few_slices(paired: usize, least: usize) -> KeptBack {
    let why = || {
        format!(
            "the error is worked out from at least {least} slices in which both arms have values, and there are {paired}"
        )
    };
    (paired < least).then(|| (Verdict::Inconclusive, why()))
}

/// A quantile is shorter than what can be told from zero.
pub(super) fn unresolved(name: &str, quantiles: [Option<f64>; 2], least: f64) -> KeptBack {
    let short = quantiles.into_iter().flatten().any(|nanos| nanos < least);
    let why = || format!("{name} is below a microsecond, of which no ratio is worth anything");
    short.then(|| (Verdict::Inconclusive, why()))
}

/// So many of both arms failed that both quantiles are infinite.
pub(super) fn both_infinite(
    name: &str,
    quantiles: [Option<f64>; 2],
    failed: [u64; 2],
    n: [u64; 2],
) -> KeptBack {
    let why = || {
        format!(
            "{name} is infinite in both arms: {} of {} and {} of {} failed",
            failed[0], n[0], failed[1], n[1]
        )
    };
    (quantiles == [None, None]).then(|| (Verdict::Inconclusive, why()))
}

/// A ratio of nothing to nothing.
pub(super) fn both_zero(figure: Figure, values: [Option<f64>; 2]) -> KeptBack {
    let zero = figure != Figure::ErrorRate && values == [Some(0.0); 2];
    let why = || format!("{} is 0 in both arms, which has no ratio", figure.name());
    zero.then(|| (Verdict::Inconclusive, why()))
}

/// Why a line that could be judged was judged so.
pub(super) fn sentence(line: &Line, verdict: Verdict, settings: &Settings, level: f64) -> String {
    let kind = Kind::of(line.judged);
    let evidence = &line.evidence;
    let margin = match kind {
        Kind::ErrorRate => format!("{} of 100 requests", hundredths(settings.error_margin)),
        _ => format!("{} %", hundredths(settings.margin)),
    };
    let sure = format!("{} % confidence", hundredths(1.0 - level));
    let seen = match line.change {
        Some(change) => kind.change(change),
        None if line.values[1].is_none() => {
            "so many failed that it is infinite, and not the baseline's".to_owned()
        }
        None => "the baseline's is infinite or 0, and this is not".to_owned(),
    };
    let bound = |end: Option<f64>| end.map(|end| kind.change(end));
    let (best, worst) = if kind == Kind::Goodput {
        (evidence.bound_high, evidence.bound_low)
    } else {
        (evidence.bound_low, evidence.bound_high)
    };
    match verdict {
        Verdict::Pass => {
            let at_most = bound(worst).map(|end| format!(", with {sure} no worse than {end}"));
            format!(
                "{seen}{}: within the margin of {margin}",
                at_most.unwrap_or_default()
            )
        }
        Verdict::Fail => {
            let at_least = bound(best).map(|end| format!(", with {sure} no better than {end}"));
            format!(
                "{seen}{}: beyond the margin of {margin}",
                at_least.unwrap_or_default()
            )
        }
        _ => format!("{seen}; {}", undecided(line, &margin, level)),
    }
}

/// Why there is no verdict.
fn undecided(line: &Line, margin: &str, level: f64) -> String {
    let evidence = &line.evidence;
    let (Some(t), Some(swap)) = (evidence.p_t, evidence.p_swap) else {
        return "there is nothing to go by".to_owned();
    };
    if t <= level && swap > level {
        return format!(
            "the slices' spread would tell it from the margin of {margin} (p {t:.3}) and the label swaps do not (p {swap:.3})"
        );
    }
    if evidence.p_fail.is_some_and(|p| p <= level) {
        return format!(
            "beyond the margin of {margin} by itself (p {:.3}), but not among all that decides (Holm)",
            t.max(swap)
        );
    }
    format!("the figures can't tell it from the margin of {margin}")
}

/// A share in percent, with two places at most.
fn hundredths(share: f64) -> f64 {
    (share * 1e4).round() / 1e2
}

/// What a change is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Time,
    Cost,
    Goodput,
    ErrorRate,
}

impl Kind {
    const fn of(judged: Judged) -> Self {
        match judged {
            Judged::Time(..) => Self::Time,
            Judged::Figure(Figure::ErrorRate) => Self::ErrorRate,
            Judged::Figure(Figure::Goodput) => Self::Goodput,
            Judged::Figure(Figure::CostPerRequest) => Self::Cost,
        }
    }

    /// A ratio, or a difference of error rates, in words.
    fn change(self, change: f64) -> String {
        let percent = match self {
            Self::ErrorRate => change * 100.0,
            Self::Time | Self::Cost | Self::Goodput => (change - 1.0) * 100.0,
        };
        let (more, less) = match self {
            Self::Time => ("% slower", "% faster"),
            Self::Cost => ("% dearer", "% cheaper"),
            Self::Goodput => ("% more", "% less"),
            Self::ErrorRate => ("points higher", "points lower"),
        };
        let places = if self == Self::ErrorRate { 2 } else { 1 };
        let word = if percent < 0.0 { less } else { more };
        format!("{:.places$} {word}", percent.abs())
    }
}
