//! A comparison as the page shows it: times and other figures in one form.

use serde::Serialize;

use crate::judge::{
    ArmComparison, Comparison, Design, Ranking, Row as ComparisonRow, Unit, Verdict,
};

/// What was found of all arms.
#[derive(Serialize)]
pub(super) struct Compared<'a> {
    design: Design,
    baseline: &'a str,
    margin: f64,
    error_margin: f64,
    alpha: f64,
    looks: u32,
    slices: u32,
    verdict: Verdict,
    arms: Vec<Arm<'a>>,
    ranking: Option<&'a Ranking>,
}

#[derive(Serialize)]
struct Arm<'a> {
    name: &'a str,
    verdict: Verdict,
    rows: Vec<Row<'a>>,
}

/// A value stands with the ends of its interval.
#[derive(Serialize)]
struct Row<'a> {
    metric: &'a str,
    stat: Option<&'a str>,
    formula: &'a str,
    unit: Unit,
    primary: bool,
    higher_is_better: bool,
    baseline: [Option<f64>; 3],
    arm: [Option<f64>; 3],
    difference: bool,
    change: [Option<f64>; 3],
    detectable: Option<f64>,
    n: [u64; 2],
    verdict: Verdict,
    why: &'a str,
}

impl<'a> From<&'a Comparison> for Compared<'a> {
    fn from(of: &'a Comparison) -> Self {
        Self {
            design: of.design,
            baseline: &of.baseline,
            margin: of.margin,
            error_margin: of.error_margin,
            alpha: of.alpha,
            looks: of.looks,
            slices: of.slices,
            verdict: of.verdict,
            arms: of.arms.iter().map(Arm::from).collect(),
            ranking: of.ranking.as_ref(),
        }
    }
}

impl<'a> From<&'a ArmComparison> for Arm<'a> {
    fn from(of: &'a ArmComparison) -> Self {
        Self {
            name: &of.arm,
            verdict: of.verdict,
            rows: of.rows().into_iter().map(Row::from).collect(),
        }
    }
}

impl<'a> From<ComparisonRow<'a>> for Row<'a> {
    fn from(of: ComparisonRow<'a>) -> Self {
        // JSON has no infinity: what is beyond all numbers is absent.
        let finite = |values: [Option<f64>; 3]| values.map(|value| value.filter(|x| x.is_finite()));
        Self {
            metric: of.metric,
            stat: of.stat,
            formula: of.formula,
            unit: of.unit,
            primary: of.primary,
            higher_is_better: of.higher_is_better,
            baseline: finite(of.baseline),
            arm: finite(of.arm),
            difference: of.difference,
            change: finite(of.change),
            detectable: of.evidence.detectable.filter(|x| x.is_finite()),
            n: of.n,
            verdict: of.verdict,
            why: of.why,
        }
    }
}
