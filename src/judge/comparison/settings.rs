//! What is asked of a comparison.

use serde::{Deserialize, Serialize};

use super::Design;
use crate::base::Seed;
use crate::judge::Unit;
use crate::record::Tally;
use crate::sample::Metric;

/// What a comparison is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The arms' names, in the order of the tallies.
    pub arms: Vec<String>,
    /// Which of them the others are held against.
    pub baseline: usize,
    /// How they shared the time.
    pub design: Design,
    /// By how much an arm may be worse, as a share. 10 % unless said otherwise.
    pub margin: f64,
    /// By how much its error rate may be higher, as a difference. One in a hundred requests unless said
    /// otherwise.
    pub error_margin: f64,
    /// The chance of a false verdict that is accepted. 5 % unless said otherwise.
    pub alpha: f64,
    /// What decides, besides the error rate, which always does. Empty: see [`Settings::primaries`].
    pub primary: Vec<Judged>,
    /// The seconds of each arm's window of arrivals, for goodput.
    pub window_s: Vec<f64>,
    /// What the label swaps are drawn from.
    pub seed: Seed,
    /// Looks at the figures that the plan declares, the last one included: 1 is one look at the end.
    pub looks: u32,
}

impl Settings {
    /// The usual settings for these arms, whose baseline is the first.
    pub fn new(arms: Vec<String>) -> Self {
        Self {
            window_s: vec![0.0; arms.len()],
            arms,
            baseline: 0,
            design: Design::Duet,
            margin: 0.1,
            error_margin: 0.01,
            alpha: 0.05,
            primary: Vec::new(),
            seed: Seed(0),
            looks: 1,
        }
    }

    /// What decides: what was asked for, else TTFT p50 and p95 and response time p95 where anything was
    /// streamed, and response time p50 and p95 where nothing was. The error rate always decides, so that
    /// no arm looks fast by failing fast.
    pub fn primaries(&self, all: &Tally) -> Vec<Judged> {
        let mut primary = if !self.primary.is_empty() {
            self.primary.clone()
        } else if all.times(Metric::Ttft).is_some() || all.failed_streamed > 0 {
            vec![
                Judged::Time(Metric::Ttft, Stat::P50),
                Judged::Time(Metric::Ttft, Stat::P95),
                Judged::Time(Metric::E2e, Stat::P95),
            ]
        } else {
            vec![
                Judged::Time(Metric::E2e, Stat::P50),
                Judged::Time(Metric::E2e, Stat::P95),
            ]
        };
        if !primary.contains(&Judged::Figure(Figure::ErrorRate)) {
            primary.push(Judged::Figure(Figure::ErrorRate));
        }
        primary
    }
}

/// Something that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// A quantile of a time.
    Time(Metric, Stat),
    /// A figure that is no time.
    Figure(Figure),
}

/// A quantile that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    /// The median.
    P50,
    /// 95 % are no longer.
    P95,
    /// 99 % are no longer.
    P99,
}

impl Stat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::P50, Self::P95, Self::P99];

    /// The share of values that are no longer.
    pub const fn q(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }
}

/// A figure that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Failed requests as a share of all.
    ErrorRate,
    /// Whole answers within every SLO that ended in the window, per second of it.
    Goodput,
    /// The mean known cost of a request.
    CostPerRequest,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ErrorRate, Self::Goodput, Self::CostPerRequest];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Goodput => "goodput",
            Self::CostPerRequest => "cost_per_request",
        }
    }

    /// How it is worked out.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::ErrorRate => "failed / requests",
            Self::Goodput => {
                "whole answers within every SLO that ended in the window / its seconds"
            }
            Self::CostPerRequest => "known cost / requests whose cost is known",
        }
    }

    /// What its values are in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::ErrorRate => Unit::Share,
            Self::Goodput => Unit::PerS,
            Self::CostPerRequest => Unit::Usd,
        }
    }

    /// Whether more is better.
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::Goodput)
    }
}
