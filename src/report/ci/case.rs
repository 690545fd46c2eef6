//! A gate as a list of cases, each with one outcome: what test reports and annotations are made of.

use super::text::{at_most, found, interval, limit, line, value};
use super::{Context, OnInconclusive};
use crate::judge::{ArmComparison, Comparison, Finding, Gate, Level, Row, Validity, Verdict};

/// Characters of a name.
const NAME: usize = 500;

/// One thing that was judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// What, as it was written. No two cases have one name.
    pub(super) name: String,
    /// The line of the scenario that asks for it.
    pub(super) line: Option<u32>,
    /// What became of it.
    pub(super) verdict: Verdict,
    /// Whether the gate's verdict hangs on it.
    pub(super) decides: bool,
    /// Why, in a sentence.
    pub(super) why: String,
    /// The figures, in a line.
    pub(super) detail: String,
}

/// How a case is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It holds.
    Green,
    /// It stops nothing, and is no pass.
    Open,
    /// It does not hold.
    Failure,
    /// It can't be told.
    Error,
}

impl Case {
    /// How it is shown where the policy is so.
    pub(super) fn shown(&self, policy: OnInconclusive) -> Shown {
        match (self.verdict, self.decides, policy) {
            (Verdict::Pass, ..) => Shown::Green,
            (_, false, _) | (Verdict::Inconclusive, true, OnInconclusive::Pass) => Shown::Open,
            (Verdict::Inconclusive, true, OnInconclusive::Tell) | (Verdict::Invalid, ..) => {
                Shown::Error
            }
            (Verdict::Inconclusive, true, OnInconclusive::Fail) | (Verdict::Fail, ..) => {
                Shown::Failure
            }
        }
    }
}

/// All that was judged: the whole where the parts don't tell it, the run itself, each threshold, and each
/// metric of each arm. Never empty.
pub(super) fn cases(gate: &Gate, context: &Context) -> Vec<Case> {
    let validity = validity(context.validity);
    let mut parts: Vec<Case> = gate.findings.iter().map(threshold).collect();
    if let Some(comparison) = &gate.comparison {
        for arm in &comparison.arms {
            parts.extend(of_arm(arm, comparison));
        }
    }
    let told = parts.iter().chain([&validity]).filter(|case| case.decides);
    let told = Verdict::worst(told.map(|case| case.verdict));
    let mut all = Vec::new();
    let untold = gate.reasons.iter().any(|why| !tells(context.validity, why));
    if parts.is_empty() || untold || told != Some(gate.verdict) {
        all.push(whole(gate, parts.is_empty()));
    }
    all.push(validity);
    all.append(&mut parts);
    tell_apart(&mut all);
    all
}

/// Whether a reason is but a check of the run's validity, which has a case of its own.
fn tells(validity: &Validity, reason: &str) -> bool {
    let mut against = validity.checks.iter().filter(|c| c.level == Level::Invalid);
    against.any(|check| reason.contains(&check.name) && reason.contains(&check.value))
}

/// The gate as a whole. Without anything that was asked of the run there is nothing that could pass.
fn whole(gate: &Gate, nothing_asked: bool) -> Case {
    let why = match (gate.reasons.is_empty(), nothing_asked) {
        (true, true) => "no threshold was asked and nothing was compared".to_owned(),
        (true, false) => format!("the gate's verdict is {}", gate.verdict),
        (false, _) => gate.reasons.join("; "),
    };
    Case {
        name: "the gate".to_owned(),
        line: None,
        verdict: if nothing_asked && gate.verdict == Verdict::Pass {
            Verdict::Invalid
        } else {
            gate.verdict
        },
        decides: true,
        why,
        detail: String::new(),
    }
}

fn validity(validity: &Validity) -> Case {
    let against = validity
        .checks
        .iter()
        .filter(|check| check.level > Level::Valid);
    let against: Vec<String> = against
        .map(|check| {
            format!(
                "{} is {}, wanted {}. {}",
                check.name, check.value, check.limit, check.remedy
            )
        })
        .collect();
    let all = validity.checks.iter();
    let all: Vec<String> = all.map(|c| format!("{} {}", c.name, c.value)).collect();
    Case {
        name: "validity of the run".to_owned(),
        line: None,
        verdict: match validity.verdict {
            Level::Valid | Level::Warn => Verdict::Pass,
            Level::Invalid => Verdict::Invalid,
        },
        decides: true,
        why: against.join("; "),
        detail: all.join("; "),
    }
}

fn threshold(finding: &Finding) -> Case {
    let whose = match finding.scope.as_str() {
        "total" | "" => String::new(),
        _ if finding.threshold.contains('{') => String::new(),
        scope => format!(" [{scope}]"),
    };
    let ended = if finding.aborted {
        ", which ended the run"
    } else {
        ""
    };
    let within = match interval(finding) {
        ends if ends.is_empty() => ends,
        ends => format!(" (95 % within {ends})"),
    };
    Case {
        name: finding.threshold.clone() + &whose,
        line: finding.line,
        verdict: finding.verdict,
        decides: !finding.advisory,
        why: format!("{}{ended}", finding.why),
        detail: format!(
            "{} is {}{}, wanted {}; n {}",
            finding.scope,
            found(finding),
            within,
            limit(finding),
            finding.n
        ),
    }
}

/// The figures of an arm; the arm itself where it has none, or where they don't tell its verdict.
fn of_arm(arm: &ArmComparison, comparison: &Comparison) -> Vec<Case> {
    let figures = arm.rows();
    let mut cases: Vec<Case> = figures
        .iter()
        .map(|row| figure(row, arm, comparison))
        .collect();
    let deciding = cases.iter().filter(|case| case.decides);
    let told = Verdict::worst(deciding.map(|case| case.verdict));
    if told != Some(arm.verdict) {
        let why = if figures.is_empty() {
            "there is no figure to compare"
        } else {
            "all figures that decide, taken together"
        };
        let whole = Case {
            name: format!("{} against {}", arm.arm, comparison.baseline),
            line: None,
            verdict: arm.verdict,
            decides: true,
            why: why.to_owned(),
            detail: String::new(),
        };
        cases.insert(0, whole);
    }
    cases
}

fn figure(row: &Row, arm: &ArmComparison, comparison: &Comparison) -> Case {
    let of = |number: Option<f64>| number.map_or_else(|| "n/a".to_owned(), |n| value(row.unit, n));
    let margin = if row.difference {
        comparison.error_margin
    } else {
        comparison.margin
    };
    Case {
        name: format!(
            "{} of {} against {}",
            name(row),
            arm.arm,
            comparison.baseline
        ),
        line: None,
        verdict: row.verdict,
        // All primary figures together may be judged more mildly than one alone.
        decides: row.primary && row.verdict <= arm.verdict,
        why: row.why.to_owned(),
        detail: format!(
            "{} against {}, {}, margin {:.1} %; n {} against {}",
            of(row.arm[0]),
            of(row.baseline[0]),
            change(row),
            margin * 100.0,
            row.n[1],
            row.n[0]
        ),
    }
}

/// A compared figure, as a threshold would name it.
pub(super) fn name(row: &Row) -> String {
    match row.stat {
        Some(stat) => format!("{stat}({})", row.metric),
        None => row.metric.to_owned(),
    }
}

/// Arm against baseline, with its interval.
pub(super) fn change(row: &Row) -> String {
    let [change, low, high] = row.change;
    if row.difference {
        let of = |number: f64| format!("{:+.2}", number * 100.0);
        return match (change, low.zip(high)) {
            (None, _) => "difference n/a".to_owned(),
            (Some(change), None) => format!("difference {} points", of(change)),
            (Some(change), Some((low, high))) => {
                format!(
                    "difference {} ({} to {}) points",
                    of(change),
                    of(low),
                    of(high)
                )
            }
        };
    }
    match (change, low.zip(high)) {
        (None, _) => "ratio n/a".to_owned(),
        (Some(ratio), None) => format!("ratio {ratio:.3}"),
        (Some(ratio), Some((low, high))) => format!("ratio {ratio:.3} ({low:.3} - {high:.3})"),
    }
}

/// Makes names that fit a line, and numbers those that would be the same: readers take two cases of one
/// name for one.
fn tell_apart(cases: &mut [Case]) {
    let mut seen = std::collections::BTreeSet::new();
    for case in cases {
        let name = line(&at_most(&case.name, NAME));
        case.name.clone_from(&name);
        let mut copy = 2;
        while !seen.insert(case.name.clone()) {
            case.name = format!("{name} ({copy})");
            copy += 1;
        }
    }
}
