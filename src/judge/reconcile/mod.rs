//! A run's requests against a gateway's log of them: joined one by one, and what the two differ in.
//!
//! Nothing that is unknown on either side counts as zero: it is left out, and how many values a figure
//! is made of stands beside it.

mod join;
mod rows;
mod spread;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::base::Money;

pub use join::{Joined, Joiner, Side};
pub use rows::{Key, LogRows, Logged, Seen};
pub use spread::{Spread, SpreadQuantile};

/// The version of the layout of `reconcile.json`. It grows when a reader of the old one would be misled.
pub const RECONCILE_SCHEMA: u32 = 1;

/// What came of holding a run against a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The version of the layout.
    pub schema: u32,
    /// What the run is called in the tags of its requests.
    pub run_id: String,
    /// The scenario's name.
    pub scenario: String,
    /// The log that was read.
    pub log: LogRead,
    /// Requests of the run, warm-up included: these are paid for, too.
    pub requests: u64,
    /// Of these, the ones that were sent: a log should hold each of them once.
    pub sent: u64,
    /// Requests that were found in the log.
    pub joined: u64,
    /// Requests that were sent and are not in the log.
    pub missing_logs: u64,
    /// Of these, the ones that failed: a gateway may leave out of its log what it refused.
    pub missing_failed: u64,
    /// Log rows of this run that none of its requests belongs to.
    pub missing_requests: u64,
    /// Further log rows of a request that has one already.
    pub duplicates: u64,
    /// Requests of which the two sides say something different.
    pub disagree: Disagree,
    /// How far the logged cost is from the one that it is held against, as a share of that: the sum of
    /// the differences without their signs. `None` where no request has both.
    pub cost_drift: Option<f64>,
    /// The cost that `cost_drift` is held against: `computed`, or `in_band` where none was computed.
    pub cost_drift_against: Option<Against>,
    /// Logged cost against the one by the price table. Answers from the gateway's cache are not in it.
    pub computed: CostDifference,
    /// Logged cost against the one that the answers claimed.
    pub in_band: CostDifference,
    /// What all log rows of the run cost, duplicates and unknown requests included; `None` where no row
    /// has a cost.
    pub logged_usd: Option<Money>,
    /// Log rows of the run without a cost.
    pub logged_unknown: u64,
    /// Input tokens.
    pub input_tokens: TokenDifference,
    /// Output tokens. Where the client had to estimate, it has none.
    pub output_tokens: TokenDifference,
    /// Answers from the gateway's cache, by its log.
    pub cache: CacheLogged,
    /// The gateway's own time by its log, in ms. Warm-up is not in the times.
    pub routing_time: Option<Spread>,
    /// The client's time to first token from sending, less the gateway's, in ms.
    pub ttft_beyond_gateway: Option<Spread>,
    /// The client's service time, less the gateway's latency, in ms.
    pub latency_beyond_gateway: Option<Spread>,
    /// By how many seconds the log's clock is ahead of ours: the median of its instant of a request's end
    /// less ours. The run's start is written in whole seconds, so up to 1 s of it may be ours.
    pub clock_skew_s: Option<f64>,
}

/// The log, and how much of it could be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogRead {
    /// Whose log: `respan`, `respan_oss`, `litellm`.
    pub kind: String,
    /// Where it was read.
    pub url: String,
    /// Whether it was read to its end, and every row could be read: otherwise the figures are of a part.
    pub complete: bool,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
    /// Pages that were read.
    pub pages: u64,
    /// How often the log was read from its start.
    pub rounds: u64,
    /// For how long, waiting included, in seconds.
    pub took_s: f64,
    /// Rows of the run, each counted once however often it was read.
    pub rows: u64,
    /// Rows that are of other runs, or of none.
    pub foreign: u64,
    /// Rows that are no rows, or of which a field could not be read: that field is then unknown.
    pub broken: u64,
}

/// What a cost is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The cost by the price table.
    Computed,
    /// The cost that the answer claimed.
    InBand,
}

impl Against {
    /// In words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Computed => "the price table",
            Self::InBand => "what the answers claimed",
        }
    }
}

/// Requests of which the two sides say something different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagree {
    /// Requests with any difference.
    pub rows: u64,
    /// Another status.
    pub status: u64,
    /// Other input tokens.
    pub input_tokens: u64,
    /// Other output tokens.
    pub output_tokens: u64,
    /// A logged cost that is more than a nano-dollar off the computed one.
    pub cost_computed: u64,
    /// A logged cost that is more than a nano-dollar off the claimed one.
    pub cost_in_band: u64,
}

/// The costs of the requests that have both, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostDifference {
    /// Requests that have both.
    pub n: u64,
    /// The client's sum.
    pub client_usd: Money,
    /// The log's sum.
    pub logged_usd: Money,
    /// The sum of the differences without their signs.
    pub apart_usd: Money,
    /// The largest difference, without its sign.
    pub largest_usd: Money,
}

impl CostDifference {
    /// Adds a request.
    fn add(&mut self, client: Money, logged: Money) {
        let apart = Money::from_nanos((logged - client).nanos().saturating_abs());
        self.n += 1;
        self.client_usd += client;
        self.logged_usd += logged;
        self.apart_usd += apart;
        self.largest_usd = self.largest_usd.max(apart);
    }

    /// How far apart they are, as a share of the client's; infinite where the client's is nothing and the
    /// log's is not. `None` where no request has both.
    pub fn share(&self) -> Option<f64> {
        let (apart, client) = (self.apart_usd.dollars(), self.client_usd.dollars());
        match self.n {
            0 => None,
            _ if self.apart_usd == Money::ZERO => Some(0.0),
            _ if client > 0.0 => Some(apart / client),
            _ => Some(f64::INFINITY),
        }
    }
}

/// The tokens of the requests that have both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDifference {
    /// Requests that have both.
    pub n: u64,
    /// The client's sum.
    pub client: u64,
    /// The log's sum.
    pub logged: u64,
}

impl TokenDifference {
    /// Adds a request; whether the two are the same.
    fn add(&mut self, client: Option<u64>, logged: Option<u64>) -> bool {
        let (Some(client), Some(logged)) = (client, logged) else {
            return true;
        };
        self.n += 1;
        self.client = self.client.saturating_add(client);
        self.logged = self.logged.saturating_add(logged);
        client == logged
    }
}

/// Answers from the gateway's cache, by its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLogged {
    /// Joined rows that say whether.
    pub told: u64,
    /// Of these, the ones that do come from it.
    pub hits: u64,
    /// What the price table says of these: what they would have cost without a cache.
    pub computed_usd: Money,
    /// What the log says that they cost; a row without a cost is not in it.
    pub logged_usd: Money,
}

impl Reconciled {
    /// Whether there is anything to stand on.
    pub const fn is_empty(&self) -> bool {
        self.joined == 0
    }

    /// How far the logged sum is from the client's, with its sign, as a share; `None` where no request has
    /// both or the client's sum is nothing.
    pub fn net_drift(&self) -> Option<f64> {
        let against = match self.cost_drift_against? {
            Against::Computed => &self.computed,
            Against::InBand => &self.in_band,
        };
        let client = against.client_usd.dollars();
        (client > 0.0).then(|| against.logged_usd.dollars() / client - 1.0)
    }
}
