//! Arms against each other: each metric's ratio, its uncertainty, and the verdict on a margin.

use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::sample::Metric;

/// How the arms shared the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Each block of arrivals has one for each arm, in random order, with the same prompt.
    #[default]
    Duet,
    /// Arms take turns, in slices whose order is random within each pair.
    Slices,
    /// Two runs at different times: weaker, since whatever else changed is in it.
    Historical,
}

/// What was found of all arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How they shared the time.
    pub design: Design,
    /// The arm that the others are held against.
    pub baseline: String,
    /// By how much an arm may be worse, as a share: 0.1 is 10 %.
    pub margin: f64,
    /// The chance of a false verdict that was accepted, all primary metrics together.
    pub alpha: f64,
    /// The slices that the error was worked out from.
    pub slices: u32,
    /// Each other arm against the baseline.
    pub arms: Vec<ArmComparison>,
    /// The worst of the arms' verdicts.
    pub verdict: Verdict,
}

/// One arm against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmComparison {
    /// The arm.
    pub arm: String,
    /// Each metric, the primary ones first.
    pub metrics: Vec<MetricComparison>,
    /// What the primary metrics come to together.
    pub verdict: Verdict,
}

/// One figure of one arm against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// The time.
    pub metric: Metric,
    /// The statistic: `p50`, `p95`.
    pub stat: String,
    /// Whether it decides; the others are told.
    pub primary: bool,
    /// The baseline's value, in milliseconds.
    pub baseline_ms: Option<f64>,
    /// The arm's.
    pub arm_ms: Option<f64>,
    /// Arm over baseline.
    pub ratio: Option<f64>,
    /// The lower end of the ratio's interval.
    pub ratio_low: Option<f64>,
    /// The upper end.
    pub ratio_high: Option<f64>,
    /// Values of the baseline.
    pub baseline_n: u64,
    /// Values of the arm.
    pub arm_n: u64,
    /// The verdict against the margin.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub why: String,
}
