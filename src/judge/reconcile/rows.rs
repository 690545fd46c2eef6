//! The rows of the two sides, reduced to what can be compared.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::base::Money;
use crate::plan::ArrivalId;

/// What names a request on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The arrival, where requests bear it as `RUN-ARRIVAL`.
    Arrival(ArrivalId),
    /// The gateway's own name for the request, where its answers tell it.
    Request(Box<str>),
}

impl Key {
    /// The arrival in an identifier `RUN-ARRIVAL`; `None` where it is of another run, or of none.
    pub fn of_identifier(identifier: &str, run_id: &str) -> Option<Self> {
        let arrival = identifier.strip_prefix(run_id)?.strip_prefix('-')?;
        arrival.parse().ok().map(Self::Arrival)
    }
}

/// What the client knows of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The arrival.
    pub id: ArrivalId,
    /// The gateway's name for the request, where its answer told one.
    pub request_id: Option<String>,
    /// Whether it is kept apart from every figure of the run.
    pub warmup: bool,
    /// Whether it was sent at all.
    pub sent: bool,
    /// Whether it has a whole answer.
    pub ok: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Input tokens, as the answer counted them.
    pub input_tokens: Option<u64>,
    /// Output tokens, as the answer counted them; no estimate.
    pub output_tokens: Option<u64>,
    /// The cost by the price table.
    pub cost_computed: Option<Money>,
    /// The cost that the answer claimed.
    pub cost_in_band: Option<Money>,
    /// From sending to the end.
    pub latency: Option<Duration>,
    /// From sending to the first token, of a stream.
    pub ttft: Option<Duration>,
    /// When it ended, in seconds since the Unix epoch.
    pub ended: Option<f64>,
    /// The model that answered, in the answer's words.
    pub model: Option<String>,
    /// The provider that answered, in the answer's words.
    pub provider: Option<String>,
}

/// What a log says of a request. Times are seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logged {
    /// The log's name for the row: the same row read twice has the same.
    pub row: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Input tokens.
    pub input_tokens: Option<u64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
    /// The cost.
    pub cost: Option<Money>,
    /// How long the request took.
    pub latency_s: Option<f64>,
    /// The time to its first token.
    pub ttft_s: Option<f64>,
    /// The gateway's own time.
    pub routing_s: Option<f64>,
    /// When it ended, in seconds since the Unix epoch.
    pub ended: Option<f64>,
    /// The model that answered.
    pub model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// Whether the answer came from the gateway's cache.
    pub cache_hit: Option<bool>,
}

/// The rows of a run that a log was found to hold. A row that is read again changes nothing.
#[derive(Clone, Debug, Default)]
pub struct LogRows {
    names: HashSet<Box<str>>,
    pub(super) by_key: HashMap<Key, Vec<Logged>>,
}

impl LogRows {
    /// Adds a row; whether it is new.
    pub fn add(&mut self, key: Key, mut row: Logged) -> bool {
        if !self.names.insert(std::mem::take(&mut row.row).into()) {
            return false;
        }
        self.by_key.entry(key).or_default().push(row);
        true
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.names.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a request has a row.
    pub fn holds(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }
}
