//! Thresholds against figures: a finding for each, and what they come to. Whatever has no data, or no
//! data that is to be trusted, never passes.

use super::measure::{Measured, Value, interval_in_words, measure};
use super::sandwich;
use super::words::{counted, words};
use super::{Difference, Finding, GATE_SCHEMA, Gate, GatedRun};
use crate::judge::{Comparison, Level, Overhead, ShareVerdict, SharesFound, Validity, Verdict};
use crate::record::ScopeFigures;
use crate::scenario::{Figure, Key, Limit, Margin, Relation, Threshold, Unit};

/// A run as it is judged.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The run.
    pub run: GatedRun,
    /// The scopes that thresholds name, and others.
    pub figures: &'a [ScopeFigures],
    /// How the answers were shared out.
    pub shares: &'a [SharesFound],
    /// Whether the figures are to be trusted.
    pub validity: &'a Validity,
    /// How it ended.
    pub ending: Ending,
    /// Its arms against each other, where it has several.
    pub comparison: Option<&'a Comparison>,
    /// What was found of a gateway between client and provider, where it was measured.
    pub overhead: Option<&'a Overhead>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its plan.
    Whole,
    /// Before its plan, and why.
    Cut(String),
    /// Before its plan, since these thresholds, by their places, did not hold.
    Aborted(Vec<usize>),
}

/// A run that another is held against.
#[derive(Clone, Debug)]
pub struct Baseline<'a> {
    /// The run.
    pub run: GatedRun,
    /// Its scopes.
    pub figures: &'a [ScopeFigures],
    /// In what it is unlike the run that is judged.
    pub differences: Vec<Difference>,
}

/// Judges a run by its thresholds, and by how its arms compare.
pub fn gate(
    thresholds: &[Threshold],
    evidence: &Evidence<'_>,
    baseline: Option<&Baseline<'_>>,
) -> Gate {
    let aborted =
        |place: &usize| matches!(&evidence.ending, Ending::Aborted(by) if by.contains(place));
    let findings: Vec<Finding> = thresholds
        .iter()
        .enumerate()
        .map(|(place, threshold)| {
            let mut finding = find(threshold, evidence, baseline);
            finding.aborted = aborted(&place);
            finding
        })
        .collect();
    let deciding = findings.iter().filter(|finding| !finding.advisory);
    let deciding: Vec<Verdict> = deciding.map(|finding| finding.verdict).collect();
    let (whole_run, reasons) = of_the_run(evidence, thresholds, deciding.len());
    let compared = evidence.comparison.map(|comparison| comparison.verdict);
    let worst = Verdict::worst(deciding.into_iter().chain([whole_run]).chain(compared));
    let verdict = match evidence.ending {
        // That it did not hold is known, whatever else is not.
        Ending::Aborted(_) => Verdict::Fail,
        _ => worst.expect("the run itself is one of them"),
    };
    Gate {
        schema: GATE_SCHEMA,
        verdict,
        reasons,
        run: evidence.run.clone(),
        baseline: baseline.map(|baseline| baseline.run.clone()),
        differences: baseline.map_or_else(Vec::new, |baseline| baseline.differences.clone()),
        findings,
        comparison: evidence.comparison.cloned(),
    }
}

/// What the run as a whole comes to, and why.
fn of_the_run(
    evidence: &Evidence<'_>,
    thresholds: &[Threshold],
    deciding: usize,
) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    if evidence.comparison.is_some() && deciding == 0 {
        // The comparison decides.
    } else if thresholds.is_empty() {
        reasons.push("there are no thresholds: nothing was asked of the run".to_owned());
    } else if deciding == 0 {
        reasons.push("every threshold is advisory: nothing decides".to_owned());
    }
    match &evidence.ending {
        Ending::Whole => {}
        Ending::Cut(why) => reasons.push(why.clone()),
        Ending::Aborted(by) => {
            let by: Vec<String> = by
                .iter()
                .filter_map(|place| thresholds.get(*place))
                .map(|threshold| format!("`{}`", threshold.written))
                .collect();
            reasons.push(format!(
                "the run was ended, as it could not keep to {}",
                by.join(", ")
            ));
        }
    }
    let checks = &evidence.validity.checks;
    let invalid = checks.iter().filter(|check| check.level == Level::Invalid);
    reasons.extend(invalid.map(|check| {
        format!(
            "the run is invalid: {} is {}, wanted {}",
            check.name, check.value, check.limit
        )
    }));
    if evidence.validity.verdict == Level::Invalid && checks.is_empty() {
        reasons.push("the run is invalid: nothing was checked".to_owned());
    }
    let verdict = if reasons.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Invalid
    };
    (verdict, reasons)
}

/// Whether a figure fails so that nothing which is still to come is likely to change it: its whole
/// interval lies beyond the limit, or, where it has none, the value.
pub fn fails_clearly(threshold: &Threshold, figures: &[ScopeFigures]) -> bool {
    let Limit::Value(limit) = threshold.test.limit else {
        return false;
    };
    let relation = threshold.test.relation;
    let name = threshold.test.scope_name();
    let Some(of) = figures.iter().find(|figures| figures.summary.scope == name) else {
        return false;
    };
    let measured = measure(&threshold.test.figure, of, 0);
    let Value::Known(value) = measured.value else {
        // Of failures alone there is no time, and yet a failure counts as infinitely slow.
        let count = of.summary.count;
        let timed = matches!(threshold.test.figure, Figure::Time(..)) && relation.is_upper();
        return timed && count.ok == 0 && count.failed >= measured.needs && measured.needs > 1;
    };
    let (low, high) = measured.interval.unwrap_or((value, value));
    !relation.holds(low, limit) && !relation.holds(high, limit)
}

/// The finding of a threshold of which nothing is known yet.
fn blank(threshold: &Threshold) -> Finding {
    let test = &threshold.test;
    Finding {
        threshold: threshold.written.clone(),
        line: (threshold.line > 0).then_some(threshold.line),
        scope: test.scope_name(),
        metric: test.figure.name(),
        stat: test.figure.stat(),
        unit: test.figure.unit(),
        value: None,
        infinite: false,
        ci_low: None,
        ci_high: None,
        relation: test.relation.sign().to_owned(),
        limit: None,
        baseline: None,
        n: 0,
        needs: 1,
        verdict: Verdict::Invalid,
        advisory: threshold.advisory,
        aborted: false,
        why: String::new(),
    }
}

fn find(
    threshold: &Threshold,
    evidence: &Evidence<'_>,
    baseline: Option<&Baseline<'_>>,
) -> Finding {
    let mut finding = blank(threshold);
    let test = &threshold.test;
    if matches!(test.figure, Figure::Shares) {
        return shares(threshold, evidence.shares, finding);
    }
    if matches!(test.figure, Figure::Stream | Figure::Added(..)) {
        return sandwich::find(threshold, evidence.overhead, finding);
    }
    if let Limit::Value(limit) = test.limit {
        finding.limit = Some(limit);
    }
    let in_scope = |figures: &&ScopeFigures| figures.summary.scope == finding.scope;
    let Some(of) = evidence.figures.iter().find(in_scope) else {
        "the files of the run don't tell this scope".clone_into(&mut finding.why);
        return finding;
    };
    let measured = measure(&test.figure, of, 0);
    (finding.n, finding.needs) = (measured.n, measured.needs);
    let value = match &measured.value {
        Value::Known(value) => *value,
        Value::TooFew => {
            finding.verdict = Verdict::Inconclusive;
            finding.why = format!("it needs {} values, and has {}", measured.needs, measured.n);
            return finding;
        }
        Value::Missing(why) => {
            finding.why.clone_from(why);
            return finding;
        }
    };
    finding.value = Some(value).filter(|value| value.is_finite());
    finding.infinite = value.is_infinite();
    let finite = |end: Option<f64>| end.filter(|end| end.is_finite());
    finding.ci_low = finite(measured.interval.map(|(low, _)| low));
    finding.ci_high = finite(measured.interval.map(|(_, high)| high));
    let (verdict, mut why) = match &test.limit {
        Limit::Value(limit) => absolute(threshold, &measured, value, *limit),
        Limit::Baseline(margins) => match base_value(threshold, baseline) {
            Err(why) => (Verdict::Invalid, why),
            Ok((base, interval)) => {
                let limit = widest(margins, base, test.relation);
                (finding.baseline, finding.limit) = (Some(base), Some(limit));
                relative(threshold, &measured, value, (base, interval), limit)
            }
        },
        Limit::Expected | Limit::Stream(_) => unreachable!("these are judged by themselves"),
    };
    finding.verdict = verdict;
    if !measured.note.is_empty() {
        why = format!("{why}; {}", measured.note);
    }
    finding.why = why;
    doubt(threshold, of, &mut finding);
    finding
}

/// A pass that would not be one if the failures that don't tell their scope belonged to it is none.
fn doubt(threshold: &Threshold, of: &ScopeFigures, finding: &mut Finding) {
    let (Some(limit), Verdict::Pass) = (finding.limit, finding.verdict) else {
        return;
    };
    if of.untold == 0 {
        return;
    }
    let worse = measure(&threshold.test.figure, of, of.untold);
    let holds =
        matches!(worse.value, Value::Known(value) if threshold.test.relation.holds(value, limit));
    let keys = threshold.test.scope.iter().map(|part| part.key);
    let keys: Vec<&str> = keys.filter(|key| key.is_told()).map(Key::name).collect();
    let untold = format!(
        "{} told no {}, and may belong here",
        counted(of.untold, "failed request"),
        keys.join(" and ")
    );
    if holds {
        finding.why = format!("{}; {untold}: it holds all the same", finding.why);
    } else {
        finding.verdict = Verdict::Inconclusive;
        finding.why = format!("{}; but {untold}: then it does not hold", finding.why);
    }
}

/// Against a value: by the value alone, unless the threshold asks for confidence.
fn absolute(
    threshold: &Threshold,
    measured: &Measured,
    value: f64,
    limit: f64,
) -> (Verdict, String) {
    let (relation, unit) = (threshold.test.relation, threshold.test.figure.unit());
    let holds = relation.holds(value, limit);
    let mut why = against(value, limit, holds, unit);
    let crossing = measured
        .interval
        .filter(|(low, high)| relation.holds(*low, limit) != relation.holds(*high, limit));
    if let Some(interval) = crossing {
        why = format!(
            "{why}, but its interval {} has the limit in it",
            interval_in_words(interval, unit)
        );
    }
    let verdict = match holds {
        _ if threshold.confident && crossing.is_some() => Verdict::Inconclusive,
        true => Verdict::Pass,
        false => Verdict::Fail,
    };
    (verdict, why)
}

fn against(value: f64, limit: f64, holds: bool, unit: Unit) -> String {
    let keeps = if holds {
        "keeps to"
    } else {
        "does not keep to"
    };
    format!("{} {keeps} {}", words(value, unit), words(limit, unit))
}

/// The baseline's value and interval, or why there is none.
fn base_value(
    threshold: &Threshold,
    baseline: Option<&Baseline<'_>>,
) -> Result<(f64, Option<(f64, f64)>), String> {
    let Some(baseline) = baseline else {
        return Err("no baseline was given: name one with --baseline".to_owned());
    };
    let scope = threshold.test.scope_name();
    let mut scopes = baseline.figures.iter();
    let Some(of) = scopes.find(|figures| figures.summary.scope == scope) else {
        return Err("the baseline's files don't tell this scope".to_owned());
    };
    let measured = measure(&threshold.test.figure, of, 0);
    match measured.value {
        Value::Known(value) if value.is_finite() => Ok((value, measured.interval)),
        Value::Known(_) => {
            Err("the baseline's value is infinite: too many requests failed".to_owned())
        }
        Value::TooFew => Err(format!(
            "the baseline needs {} values for it, and has {}",
            measured.needs, measured.n
        )),
        Value::Missing(why) => Err(format!("the baseline has no value: {why}")),
    }
}

/// The limit of the widest margin on a baseline's value.
fn widest(margins: &[Margin], base: f64, relation: Relation) -> f64 {
    let limit = |margin: &Margin| match *margin {
        Margin::Times(factor) => base * factor,
        Margin::Plus(more) => base + more,
    };
    let limits = margins.iter().map(limit);
    let widest = if relation.is_upper() {
        limits.reduce(f64::max)
    } else {
        limits.reduce(f64::min)
    };
    widest.unwrap_or(base)
}

/// Against a baseline: inconclusive where the limit lies within what both intervals leave open.
fn relative(
    threshold: &Threshold,
    measured: &Measured,
    value: f64,
    (base, base_interval): (f64, Option<(f64, f64)>),
    limit: f64,
) -> (Verdict, String) {
    let (relation, unit) = (threshold.test.relation, threshold.test.figure.unit());
    let holds = relation.holds(value, limit);
    let change = if base > 0.0 && value.is_finite() {
        format!(" ({:+.1} %)", (value / base - 1.0) * 100.0)
    } else {
        String::new()
    };
    let why = format!(
        "{}: the baseline has {}{change}",
        against(value, limit, holds, unit),
        words(base, unit)
    );
    let verdict = if holds { Verdict::Pass } else { Verdict::Fail };
    let (Some(own), Some(other)) = (measured.interval, base_interval) else {
        return (verdict, format!("{why}; it has no interval"));
    };
    let (low, high) = both(value, own, base, other, unit);
    if relation.holds(low, limit) == relation.holds(high, limit) {
        return (verdict, why);
    }
    let open = interval_in_words((low, high), unit);
    let why = format!("{why}; with both intervals it may be {open}, which has the limit in it");
    (Verdict::Inconclusive, why)
}

/// The value's interval widened by what is not known of the baseline's. Times are compared by their
/// ratio, with the root of the sum of squares of both intervals on a log scale; shares by their
/// difference, as Newcombe has it.
fn both(
    value: f64,
    (low, high): (f64, f64),
    base: f64,
    (base_low, base_high): (f64, f64),
    unit: Unit,
) -> (f64, f64) {
    if unit == Unit::Share {
        let down = f64::hypot(value - low, base_high - base);
        let up = f64::hypot(high - value, base - base_low);
        return (value - down, value + up);
    }
    let ln = |over: f64, under: f64| (over.max(1e-9) / under.max(1e-9)).ln();
    let down = f64::hypot(ln(value, low), ln(base_high, base));
    let up = f64::hypot(ln(high, value), ln(base, base_low));
    if value.is_infinite() {
        return (low, value);
    }
    (value * (-down).exp(), value * up.exp())
}

/// How the answers were shared out, of one recipe or of all that expect shares.
fn shares(threshold: &Threshold, found: &[SharesFound], mut finding: Finding) -> Finding {
    let meant = |found: &&SharesFound| {
        let mut parts = threshold.test.scope.iter();
        parts.all(|part| part.value == found.recipe)
    };
    let judged: Vec<&SharesFound> = found.iter().filter(meant).collect();
    let verdict = |found: &SharesFound| match found.verdict {
        ShareVerdict::AsExpected => Verdict::Pass,
        ShareVerdict::Off | ShareVerdict::Unexpected => Verdict::Fail,
        ShareVerdict::TooFew if found.answers == 0 => Verdict::Invalid,
        ShareVerdict::TooFew => Verdict::Inconclusive,
    };
    let Some(worst) = judged.iter().max_by_key(|found| verdict(found)) else {
        "no recipe says which shares are expected".clone_into(&mut finding.why);
        return finding;
    };
    finding.verdict = verdict(worst);
    finding.n = judged.iter().map(|found| found.answers).sum();
    let recipe = &worst.recipe;
    finding.why = match (worst.verdict, worst.p) {
        (ShareVerdict::Unexpected, _) => {
            let name = worst.shares.iter().find(|share| share.expected <= 0.0);
            let name = name.map_or("", |share| share.name.as_str());
            format!("`{recipe}` was answered by `{name}`, which has no weight")
        }
        (ShareVerdict::TooFew, _) => format!(
            "{} of `{recipe}` are too few to tell",
            counted(worst.answers, "answer")
        ),
        (_, Some(p)) => format!("chance alone gives the shares of `{recipe}` with p = {p:.4}"),
        (_, None) => format!("the shares of `{recipe}`"),
    };
    finding
}
