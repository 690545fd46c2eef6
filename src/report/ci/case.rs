//! A gate as a list of cases, each with one outcome: what test reports and annotations are made of.

use super::text::{at_most, found, interval, limit, line};
use super::{Context, OnInconclusive};
use crate::judge::{
    ArmComparison, Comparison, Finding, Gate, Level, MetricComparison, Validity, Verdict,
};

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

/// The metrics of an arm; the arm itself where it has none.
fn of_arm<'a>(
    arm: &'a ArmComparison,
    comparison: &'a Comparison,
) -> Box<dyn Iterator<Item = Case> + 'a> {
    if arm.metrics.is_empty() {
        return Box::new(std::iter::once(Case {
            name: format!("{} against {}", arm.arm, comparison.baseline),
            line: None,
            verdict: arm.verdict,
            decides: true,
            why: "there is no figure to compare".to_owned(),
            detail: String::new(),
        }));
    }
    Box::new(arm.metrics.iter().map(|of| metric(of, arm, comparison)))
}

fn metric(of: &MetricComparison, arm: &ArmComparison, comparison: &Comparison) -> Case {
    let ms =
        |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2} ms"));
    Case {
        name: format!(
            "{}({}) of {} against {}",
            of.stat,
            of.metric.name(),
            arm.arm,
            comparison.baseline
        ),
        line: None,
        verdict: of.verdict,
        // All primary metrics together may be judged more mildly than one alone.
        decides: of.primary && of.verdict <= arm.verdict,
        why: of.why.clone(),
        detail: format!(
            "{} against {}, ratio {}, margin {:.1} %; n {} against {}",
            ms(of.arm_ms),
            ms(of.baseline_ms),
            ratio(of),
            comparison.margin * 100.0,
            of.arm_n,
            of.baseline_n
        ),
    }
}

/// The ratio of a comparison, with its interval.
pub(super) fn ratio(of: &MetricComparison) -> String {
    let Some(ratio) = of.ratio else {
        return "n/a".to_owned();
    };
    match of.ratio_low.zip(of.ratio_high) {
        Some((low, high)) => format!("{ratio:.3} ({low:.3} - {high:.3})"),
        None => format!("{ratio:.3}"),
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
