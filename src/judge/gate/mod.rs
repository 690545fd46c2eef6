//! What a gate found: the one type that text, JSON, `JUnit`, Markdown and all other outputs are made of.

mod evaluate;
mod measure;
mod sandwich;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use super::{Comparison, Verdict};
pub use crate::scenario::Unit;
pub use evaluate::{Baseline, Ending, Evidence, fails_clearly, gate};

/// The version of a gate's JSON. It grows when a reader of the old one would be misled.
pub const GATE_SCHEMA: u32 = 1;

/// What a gate found of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The version of the layout.
    pub schema: u32,
    /// What it comes to: the worst of all that follows, advisory findings aside.
    pub verdict: Verdict,
    /// What decided besides the thresholds, in sentences: an invalid run, a stop by the budget, no thresholds.
    pub reasons: Vec<String>,
    /// The run that was judged.
    pub run: GatedRun,
    /// The run that it was held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<GatedRun>,
    /// What differs between the two beyond what was to be judged: they were compared all the same, since
    /// that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Each threshold, in the order of the scenario.
    pub findings: Vec<Finding>,
    /// The arms against each other, where the run has several or a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// A run, by what names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatedRun {
    /// Its folder.
    pub folder: String,
    /// The scenario's name.
    pub scenario: String,
    /// The digest of its plan.
    pub digest: String,
    /// When it started, in UTC.
    pub started_utc: String,
}

/// A field in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What the baseline has.
    pub baseline: String,
    /// What the run has.
    pub run: String,
}

/// What became of one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The threshold, as it was written.
    pub threshold: String,
    /// The line of the scenario that has it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Whose figure it is: `total`, `recipe:chat`, `provider=openai,stream=true`.
    pub scope: String,
    /// The figure: `ttft`, `error_rate`.
    pub metric: String,
    /// The statistic of a time: `p95`, `mean`, `max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stat: Option<String>,
    /// What the numbers are in.
    pub unit: Unit,
    /// The value; absent where there is none, or where it is infinite.
    pub value: Option<f64>,
    /// Whether the value is infinite: so many requests failed, and a failure counts as infinitely slow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub infinite: bool,
    /// The lower end of its 95 % confidence interval.
    pub ci_low: Option<f64>,
    /// The upper end; absent where there is no interval, or where it is infinite.
    pub ci_high: Option<f64>,
    /// How the value is to stand to the limit: `<`, `<=`, `>`, `>=`, `==`.
    pub relation: String,
    /// The limit, with the margin on the baseline worked out; absent where the baseline has no value.
    pub limit: Option<f64>,
    /// The baseline's value, where the threshold names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Values that the figure is made of.
    pub n: u64,
    /// Values that it needs to be given.
    pub needs: u64,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether it is told and decides nothing.
    #[serde(default)]
    pub advisory: bool,
    /// Whether it ended the run before its plan did.
    #[serde(default)]
    pub aborted: bool,
    /// Why, in a sentence.
    pub why: String,
}
