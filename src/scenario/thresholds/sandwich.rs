//! What a threshold can ask of a gateway between two ends that both keep marks.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Stat;
use super::words::{Parsed, did_you_mean, fault};
use crate::scenario::document::names_in_words;

/// What a gateway makes of streams, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamVerdict {
    /// Each chunk went on as it came.
    Faithful,
    /// Chunks were put together, or held to go out with others.
    Coalesced,
    /// The whole answer was held to its end.
    Buffered,
    /// Content was lost, doubled, swapped or rewritten, or the stream failed though the provider's did not.
    Broken,
}

impl StreamVerdict {
    /// All of them, from best to worst.
    pub const ALL: [Self; 4] = [
        Self::Faithful,
        Self::Coalesced,
        Self::Buffered,
        Self::Broken,
    ];

    /// Its place from best to worst, as findings have it.
    pub const fn rank(self) -> f64 {
        self as u8 as f64
    }

    /// The name at such a place.
    pub fn name_at(rank: f64) -> &'static str {
        let found = Self::ALL.into_iter().find(|v| v.rank() >= rank);
        found.map_or("-", Self::name)
    }

    /// The name in files and thresholds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Faithful => "faithful",
            Self::Coalesced => "coalesced",
            Self::Buffered => "buffered",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for StreamVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The times that a gateway adds to, as thresholds name them.
pub const ADDED: [&str; 4] = ["added_ttft", "added_chunk", "added_e2e", "added_plain_e2e"];

/// The quantiles of an added time that are told.
pub const ADDED_QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
];

/// What becomes of streams, by the name that stands at `at`.
pub(super) fn verdict(said: &str, at: Range<usize>) -> Parsed<StreamVerdict> {
    let found = StreamVerdict::ALL.into_iter().find(|v| v.name() == said);
    let Some(verdict) = found else {
        let known = StreamVerdict::ALL.map(StreamVerdict::name);
        let near = did_you_mean(said, &known);
        let message = format!("no stream is `{said}`{near}");
        return fault(at, message, format!("known: {}", names_in_words(&known)));
    };
    Ok(verdict)
}

/// The quantile of what was added that the statistic `name`, at `at`, stands for.
pub(super) fn quantile(stat: Stat, name: &str, at: &Range<usize>) -> Parsed<f64> {
    if let Stat::Quantile(q) = stat
        && ADDED_QUANTILES
            .iter()
            .any(|(_, known)| (known - q).abs() < 1e-9)
    {
        return Ok(q);
    }
    let known = ADDED_QUANTILES.map(|(name, _)| name);
    let message = format!("what was added has no `{name}`");
    fault(
        at.clone(),
        message,
        format!("known: {}", names_in_words(&known)),
    )
}
