//! What a run must keep to: `p95(ttft){recipe=chat} <= baseline * 1.10 or baseline + 20ms`.

mod check;
mod figure;
mod parse;
mod sandwich;
mod text;
mod words;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Spanned;
use crate::base::HumanDuration;

pub(super) use check::{Named, ThresholdEntry};
pub use figure::{Figure, Plain, Stat, TIMES, Unit};
pub use sandwich::{ADDED, ADDED_QUANTILES, StreamVerdict};
pub use words::Fault;

/// A threshold with what is to become of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRule {
    /// The threshold: `p95(ttft) < 800ms`.
    pub check: Spanned<String>,
    /// Whether the run ends as soon as it is clear that the threshold does not hold.
    #[serde(default)]
    pub abort: Spanned<bool>,
    /// How long after the first measured arrival nothing is ended for it. 10s where absent.
    pub grace: Option<Spanned<HumanDuration>>,
    /// Whether it is told and decides nothing.
    #[serde(default)]
    pub advisory: bool,
    /// Whether an interval that has the limit in it is inconclusive, whatever the value is.
    #[serde(default)]
    pub confident: Spanned<bool>,
}

/// A threshold that was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Threshold {
    /// As it was written.
    pub written: String,
    /// The line of the scenario that has it, from 1.
    pub line: u32,
    /// What it says.
    pub test: Test,
    /// Whether the run ends as soon as it is clear that it does not hold.
    pub abort: bool,
    /// How long after the first measured arrival nothing is ended for it.
    pub grace: Duration,
    /// Whether it is told and decides nothing.
    pub advisory: bool,
    /// Whether an interval that has the limit in it is inconclusive.
    pub confident: bool,
}

/// What a threshold says.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The figure.
    pub figure: Figure,
    /// Whose figure it is: all of this must be so of a request. All requests where empty.
    pub scope: Vec<Part>,
    /// How it is to stand to the limit.
    pub relation: Relation,
    /// The limit.
    pub limit: Limit,
}

/// What must be so of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Of what.
    pub key: Key,
    /// What it must be.
    pub value: String,
}

/// What requests are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The recipe.
    Recipe,
    /// The arm.
    Arm,
    /// The phase of load.
    Phase,
    /// The model that answered, in the server's words.
    Model,
    /// The provider that answered, in the gateway's words.
    Provider,
    /// Whether the answer was to be streamed.
    Stream,
    /// Whether a connection was opened for it.
    Cold,
    /// Whether its connection had been used before.
    Reused,
}

/// How a figure is to stand to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// What a figure is held against.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// A value, in the figure's unit.
    Value(f64),
    /// The baseline's value with a margin; of several margins the widest counts.
    Baseline(Vec<Margin>),
    /// The shares that the recipes expect.
    Expected,
    /// What becomes of streams.
    Stream(StreamVerdict),
}

/// A margin on the baseline's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// So many times the value.
    Times(f64),
    /// So much more, or less, in the figure's unit.
    Plus(f64),
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Recipe,
        Self::Arm,
        Self::Phase,
        Self::Model,
        Self::Provider,
        Self::Stream,
        Self::Cold,
        Self::Reused,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recipe => "recipe",
            Self::Arm => "arm",
            Self::Phase => "phase",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Stream => "stream",
            Self::Cold => "cold",
            Self::Reused => "reused",
        }
    }

    /// Whether only an answer tells it, so that a failed request may not.
    pub const fn is_told(self) -> bool {
        matches!(
            self,
            Self::Model | Self::Provider | Self::Cold | Self::Reused
        )
    }
}

impl Relation {
    /// All of them, those that begin another after it.
    const ALL: [Self; 5] = [
        Self::AtMost,
        Self::AtLeast,
        Self::Equal,
        Self::Below,
        Self::Above,
    ];

    /// The sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
        }
    }

    /// Whether a value stands so to a limit.
    #[expect(
        clippy::float_cmp,
        reason = "`==` is for counts, which are exact as they are"
    )]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
        }
    }

    /// Whether less is better.
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

impl Test {
    /// The scope by its name, as a summary has it where it is there: `total`, `recipe:chat`, `arm:new`,
    /// `group:new/chat`; and else `provider=openai,stream=true`.
    pub fn scope_name(&self) -> String {
        let of = |key: Key| {
            let part = self.scope.iter().find(|part| part.key == key)?;
            Some(&part.value)
        };
        match (self.scope.len(), of(Key::Arm), of(Key::Recipe)) {
            (0, _, _) => "total".to_owned(),
            (1, None, Some(recipe)) => format!("recipe:{recipe}"),
            (1, Some(arm), None) => format!("arm:{arm}"),
            (2, Some(arm), Some(recipe)) => format!("group:{arm}/{recipe}"),
            _ => {
                let parts = self.scope.iter().map(Part::to_string);
                parts.collect::<Vec<_>>().join(",")
            }
        }
    }

    /// Whether it is held against a baseline.
    pub const fn needs_baseline(&self) -> bool {
        matches!(self.limit, Limit::Baseline(_))
    }
}

/// How long nothing is ended, where a threshold does not say.
const GRACE: Duration = Duration::from_secs(10);

/// A threshold in `run.json`.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    check: String,
    line: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    abort: bool,
    #[serde(default)]
    grace: Option<HumanDuration>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    advisory: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    confident: bool,
}

impl From<Threshold> for Written {
    fn from(threshold: Threshold) -> Self {
        Self {
            check: threshold.written,
            line: threshold.line,
            abort: threshold.abort,
            grace: threshold.abort.then_some(HumanDuration(threshold.grace)),
            advisory: threshold.advisory,
            confident: threshold.confident,
        }
    }
}

impl TryFrom<Written> for Threshold {
    type Error = Fault;

    fn try_from(written: Written) -> Result<Self, Fault> {
        Ok(Self {
            test: written.check.parse()?,
            line: written.line,
            abort: written.abort,
            grace: written.grace.map_or(GRACE, |grace| grace.0),
            advisory: written.advisory,
            confident: written.confident,
            written: written.check,
        })
    }
}
