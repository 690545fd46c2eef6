//! Arms against each other: each figure's ratio, its uncertainty, and the verdict on a margin.
//!
//! How it is reached is told in `test.rs`; how often it errs is measured by `benches/gate_error`.

mod asked;
mod calibrate;
mod case;
mod compare;
mod contrast;
mod looks;
mod pair;
mod power;
mod quantiles;
mod ranking;
mod rows;
mod settings;
mod test;
mod totals;
mod words;

use serde::{Deserialize, Serialize};

use super::{Unit, Verdict};
use crate::sample::Metric;

pub use calibrate::{Calibration, Floor, calibrate};
pub use compare::compare_arms;
pub use looks::{look, pocock};
pub use power::{Aim, detectable, requests_needed};
pub use ranking::{Ranked, Ranking};
pub use rows::Row;
pub use settings::{Figure, Judged, Settings, Stat};

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
    /// By how much its error rate may be higher, as a difference: 0.01 is one in a hundred requests.
    #[serde(default)]
    pub error_margin: f64,
    /// The chance of a false verdict that was accepted, all primary metrics together.
    pub alpha: f64,
    /// Looks at the figures that were declared, the last one included.
    #[serde(default)]
    pub looks: u32,
    /// The level of one test: `alpha`, or less where there are several looks (Pocock).
    #[serde(default)]
    pub level: f64,
    /// The slices that the error was worked out from.
    pub slices: u32,
    /// Each other arm against the baseline.
    pub arms: Vec<ArmComparison>,
    /// Which arms can be told apart; of three arms and more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
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
    /// What is no time: error rate, goodput and cost. [`Self::rows`] has both in one form.
    #[serde(default)]
    pub figures: Vec<FigureComparison>,
    /// What the primary metrics and figures come to together.
    pub verdict: Verdict,
}

/// One time of one arm against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// The time.
    pub metric: Metric,
    /// The statistic: `p50`, `p95`.
    pub stat: String,
    /// Whether it decides; the others are told.
    pub primary: bool,
    /// The baseline's value, in milliseconds; failures count as infinitely slow. Absent where it is
    /// infinite, or where there are too few values.
    pub baseline_ms: Option<f64>,
    /// The lower end of its 95 % interval, by slices.
    #[serde(default)]
    pub baseline_low_ms: Option<f64>,
    /// The upper end; absent also where it is infinite.
    #[serde(default)]
    pub baseline_high_ms: Option<f64>,
    /// The arm's.
    pub arm_ms: Option<f64>,
    /// The lower end of its 95 % interval.
    #[serde(default)]
    pub arm_low_ms: Option<f64>,
    /// The upper end.
    #[serde(default)]
    pub arm_high_ms: Option<f64>,
    /// Arm over baseline.
    pub ratio: Option<f64>,
    /// The lower end of the ratio's two-sided interval of confidence 1 - `level`.
    pub ratio_low: Option<f64>,
    /// The upper end.
    pub ratio_high: Option<f64>,
    /// What decides, the p values and what could have been seen.
    #[serde(default)]
    pub evidence: Evidence,
    /// Values of the baseline, failures that count as infinitely slow included.
    pub baseline_n: u64,
    /// Values of the arm.
    pub arm_n: u64,
    /// The verdict against the margin.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub why: String,
}

/// One figure that is no time, of one arm against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FigureComparison {
    /// The figure.
    pub figure: Figure,
    /// What the values are in.
    pub unit: Unit,
    /// Whether it decides.
    pub primary: bool,
    /// The baseline's value; absent where there is none.
    pub baseline: Option<f64>,
    /// The lower end of its 95 % interval, by slices.
    pub baseline_low: Option<f64>,
    /// The upper end.
    pub baseline_high: Option<f64>,
    /// The arm's.
    pub arm: Option<f64>,
    /// The lower end of its 95 % interval.
    pub arm_low: Option<f64>,
    /// The upper end.
    pub arm_high: Option<f64>,
    /// Arm over baseline; of the error rate, arm less baseline.
    pub change: Option<f64>,
    /// The lower end of its two-sided interval of confidence 1 - `level`.
    pub change_low: Option<f64>,
    /// The upper end.
    pub change_high: Option<f64>,
    /// What decides, the p values and what could have been seen.
    pub evidence: Evidence,
    /// Requests of the baseline that the value is made of.
    pub baseline_n: u64,
    /// Requests of the arm.
    pub arm_n: u64,
    /// The verdict against the margin.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub why: String,
}

/// What a verdict stands on. Bounds are ratios; of the error rate, differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The one-sided lower bound of confidence 1 - `level`.
    pub bound_low: Option<f64>,
    /// The one-sided upper bound.
    pub bound_high: Option<f64>,
    /// How often chance alone would speak as clearly for worse than the margin: the larger of the t test
    /// and the label swaps.
    pub p_fail: Option<f64>,
    /// The same for within the margin.
    pub p_pass: Option<f64>,
    /// The p value of the t test, on the side that the figures lean to.
    pub p_t: Option<f64>,
    /// The p value of the label swaps on that side.
    pub p_swap: Option<f64>,
    /// The smallest change that this run would have told from none with a power of 80 %: 0.08 is 8 %
    /// worse; of the error rate, a difference.
    pub detectable: Option<f64>,
}
