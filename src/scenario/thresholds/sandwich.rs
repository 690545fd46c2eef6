//! What a threshold can ask of a gateway between two ends that both keep marks.

use std::fmt;

use serde::{Deserialize, Serialize};

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
