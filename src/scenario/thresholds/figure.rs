//! The figures that a threshold can name.

use serde::{Deserialize, Serialize};

use crate::scenario::By;

/// What a threshold is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A statistic of a time, by its name in [`TIMES`].
    Time(Stat, &'static str),
    /// A figure that is one number.
    Plain(Plain),
    /// The share of the answers that one model or provider gave.
    Share(By, String),
    /// All shares together, against those that the recipes expect.
    Shares,
    /// What a gateway makes of streams. Measured by `tollgate overhead`.
    Stream,
    /// A quantile of what a gateway adds to a time, by its name in [`ADDED`](super::ADDED). Measured by
    /// `tollgate overhead`.
    Added(f64, &'static str),
}

/// A statistic of a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    /// A quantile, from 0 to 1, both left out.
    Quantile(f64),
    /// The mean.
    Mean,
    /// The longest.
    Max,
}

/// The times, as files name them.
pub const TIMES: [&str; 10] = [
    "ttft",
    "ttft_service",
    "ttfo",
    "tpot",
    "chunk_gap",
    "e2e",
    "service",
    "lag",
    "connect",
    "overhead_claimed",
];

/// Another name of `overhead_claimed`: the field in which Respan's gateway claims it.
pub(super) const ROUTING_TIME: &str = "routing_time";

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// A share of 1.
    Share,
    /// Per second.
    PerS,
    /// US dollars.
    Usd,
    /// A count.
    Count,
}

macro_rules! plain {
    ($($(#[$doc:meta])+ $variant:ident $name:literal $unit:ident,)+) => {
        /// A figure that is one number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Plain {
            $($(#[$doc])+ $variant,)+
        }

        impl Plain {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Their names.
            pub(super) const NAMES: &[&'static str] = &[$($name),+];

            /// The name, as `summary.csv` has it where it is there.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is counted in.
            pub const fn unit(self) -> Unit {
                match self {
                    $(Self::$variant => Unit::$unit,)+
                }
            }
        }
    };
}

plain! {
    /// Failed requests as a share of all.
    ErrorRate "error_rate" Share,
    /// Whole answers within every SLO that ended in the window, per second of it.
    Goodput "goodput" PerS,
    /// Whole answers that ended in the window, per second of it.
    Throughput "throughput" PerS,
    /// Output tokens of whole answers that ended in the window, per second of it.
    OutputTokensRate "output_tokens_rate" PerS,
    /// The cost by the price table.
    Cost "cost" Usd,
    /// The cost of a request.
    CostPerRequest "cost_per_request" Usd,
    /// The cost of 1000 output tokens.
    CostPer1kOutput "cost_per_1k_output" Usd,
    /// The cost of an answer within every SLO.
    CostPerGood "cost_per_good" Usd,
    /// The cost that the server claimed.
    CostReported "cost_reported" Usd,
    /// Answers from the gateway's cache, as a share of those that told.
    CacheHitRate "cache_hit_rate" Share,
    /// Requests for which the gateway asked more than once, as a share of those that told.
    RetriedRate "retried_rate" Share,
    /// Token chunks that came in one read with the one before, as a share of all.
    CoalescedShare "coalesced_share" Share,
    /// How far the cost in the gateway's log is from ours. Of the whole run, once it is reconciled.
    CostDrift "cost_drift" Share,
    /// Requests that were sent and are not in the gateway's log. Of the whole run, once it is reconciled.
    MissingLogs "missing_logs" Count,
    /// Requests.
    Requests "requests" Count,
    /// Whole answers.
    Ok "ok" Count,
    /// The others.
    Failed "failed" Count,
    /// Whole answers within every SLO.
    Good "good" Count,
    /// Whole answers without a token.
    EmptyAnswers "empty_answers" Count,
    /// Requests that waited for a place in flight.
    Queued "queued" Count,
    /// Prompt tokens.
    InputTokens "input_tokens" Count,
    /// Output tokens.
    OutputTokens "output_tokens" Count,
}

impl Unit {
    /// How a limit in it is written.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Ms => "a duration such as 800ms or 1.5s",
            Self::Share => "a percentage such as 1% or 0.5%",
            Self::PerS => "a rate such as 20/s",
            Self::Usd => "dollars such as $0.002",
            Self::Count => "a whole number such as 1000",
        }
    }

    /// What it is, in words.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Ms => "a time",
            Self::Share => "a share",
            Self::PerS => "a rate",
            Self::Usd => "an amount of money",
            Self::Count => "a count",
        }
    }
}

impl Figure {
    /// What it is counted in.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Time(..) | Self::Added(..) => Unit::Ms,
            Self::Plain(plain) => plain.unit(),
            Self::Share(..) | Self::Shares => Unit::Share,
            Self::Stream => Unit::Count,
        }
    }

    /// Its name: `ttft`, `error_rate`, `share(model=gpt-lab)`.
    pub fn name(&self) -> String {
        match self {
            Self::Time(_, name) | Self::Added(_, name) => (*name).to_owned(),
            Self::Plain(plain) => plain.name().to_owned(),
            Self::Share(by, name) => format!("share({}={})", by.name(), super::text::quoted(name)),
            Self::Shares => "shares".to_owned(),
            Self::Stream => "stream".to_owned(),
        }
    }

    /// The statistic of a time: `p95`, `mean`, `max`.
    pub fn stat(&self) -> Option<String> {
        match self {
            Self::Time(Stat::Quantile(q), _) | Self::Added(q, _) => {
                Some(format!("p{}", percent(*q)))
            }
            Self::Time(Stat::Mean, _) => Some("mean".to_owned()),
            Self::Time(Stat::Max, _) => Some("max".to_owned()),
            Self::Plain(_) | Self::Share(..) | Self::Shares | Self::Stream => None,
        }
    }

    /// Whether it comes with a confidence interval.
    pub const fn has_interval(&self) -> bool {
        match self {
            Self::Time(stat, _) => !matches!(stat, Stat::Max),
            Self::Plain(plain) => matches!(plain.unit(), Unit::Share),
            Self::Share(..) | Self::Added(..) => true,
            Self::Shares | Self::Stream => false,
        }
    }
}

/// A share of 1 in percent, without the dust of binary fractions.
pub(super) fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}
