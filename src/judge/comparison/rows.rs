//! Times and other figures in one form, for whoever shows them.

use super::{ArmComparison, Evidence, Figure, FigureComparison, MetricComparison};
use crate::judge::{Unit, Verdict};

/// One line of a comparison's table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'c> {
    /// The name in files: `ttft`, `error_rate`.
    pub metric: &'static str,
    /// The statistic of a time: `p95`.
    pub stat: Option<&'c str>,
    /// How it is worked out.
    pub formula: &'static str,
    /// What the values are in.
    pub unit: Unit,
    /// Whether it decides.
    pub primary: bool,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// The baseline's value and its interval.
    pub baseline: [Option<f64>; 3],
    /// The arm's.
    pub arm: [Option<f64>; 3],
    /// Whether `change` is a difference; else it is a ratio.
    pub difference: bool,
    /// Arm against baseline, and its interval.
    pub change: [Option<f64>; 3],
    /// What decides.
    pub evidence: &'c Evidence,
    /// Values of the baseline and of the arm.
    pub n: [u64; 2],
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub why: &'c str,
}

impl ArmComparison {
    /// Everything that was compared, what decides first.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let times = self.metrics.iter().map(Row::from);
        let mut rows: Vec<Row<'_>> = times.chain(self.figures.iter().map(Row::from)).collect();
        rows.sort_by_key(|row| !row.primary);
        rows
    }
}

impl<'c> From<&'c MetricComparison> for Row<'c> {
    fn from(of: &'c MetricComparison) -> Self {
        Self {
            metric: of.metric.name(),
            stat: Some(&of.stat),
            formula: of.metric.formula(),
            unit: Unit::Ms,
            primary: of.primary,
            higher_is_better: false,
            baseline: [of.baseline_ms, of.baseline_low_ms, of.baseline_high_ms],
            arm: [of.arm_ms, of.arm_low_ms, of.arm_high_ms],
            difference: false,
            change: [of.ratio, of.ratio_low, of.ratio_high],
            evidence: &of.evidence,
            n: [of.baseline_n, of.arm_n],
            verdict: of.verdict,
            why: &of.why,
        }
    }
}

impl<'c> From<&'c FigureComparison> for Row<'c> {
    fn from(of: &'c FigureComparison) -> Self {
        Self {
            metric: of.figure.name(),
            stat: None,
            formula: of.figure.formula(),
            unit: of.unit,
            primary: of.primary,
            higher_is_better: of.figure.higher_is_better(),
            baseline: [of.baseline, of.baseline_low, of.baseline_high],
            arm: [of.arm, of.arm_low, of.arm_high],
            difference: of.figure == Figure::ErrorRate,
            change: [of.change, of.change_low, of.change_high],
            evidence: &of.evidence,
            n: [of.baseline_n, of.arm_n],
            verdict: of.verdict,
            why: &of.why,
        }
    }
}
