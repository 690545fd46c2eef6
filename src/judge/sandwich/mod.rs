//! The sandwich: what a gateway adds, and what it makes of a stream, between a client and a provider
//! that both keep exact marks.
//!
//! Each request carries a marker that the provider reads, so what the client saw of a request is held
//! against what the provider did with the very same one. A pair is a request through the gateway and one
//! past it that ask the same. What can't be paired is dropped from the figures and counted, by its reason.

mod added;
mod fidelity;
mod front;
mod join;
mod upstream;

use serde::{Deserialize, Serialize};

pub use added::{Added, AddedStat, AddedTime};
pub use fidelity::Fidelity;
pub use front::{Front, Level};
pub use join::{Pairs, Provided, Sandwich};
pub use upstream::{Upstream, UpstreamShare};

/// The version of `overhead.json`.
pub const OVERHEAD_SCHEMA: u32 = 1;

/// What was found of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// The version of this layout.
    pub schema: u32,
    /// Whether the provider's own marks were there. Else only the two arms' times are held against
    /// each other.
    pub exact: bool,
    /// How far the client's and the provider's clocks may be apart, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_error_us: Option<f64>,
    /// The gateway, where tollgate started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayFacts>,
    /// Requests in pairs, and those that were dropped.
    pub pairs: Pairs,
    /// What became of the streams.
    pub stream: Fidelity,
    /// What the gateway added at each load, in the order of the run.
    pub levels: Vec<LevelFound>,
    /// At which rate the added time to first token gets beyond a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<RateLimit>,
    /// What the gateway asked of the providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// What the gateway says that it added, beside what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Requests that the provider kept no marks of, for want of room.
    #[serde(default)]
    pub unkept: u64,
}

/// A gateway that tollgate started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFacts {
    /// The name of its preset.
    pub name: String,
    /// Its version, where its command tells it.
    pub version: Option<String>,
    /// How it ended, in words.
    pub ended: String,
    /// Whether it ended by itself, before it was asked to.
    pub by_itself: bool,
}

/// One load of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelFound {
    /// The name of its phase.
    pub name: String,
    /// The load in words.
    pub load: String,
    /// Its arrivals a second, both arms together; `None` in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// The users of a closed loop, both arms together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Requests a second through the gateway that came to a whole answer.
    pub through_per_s: f64,
    /// Requests in pairs, and those that were dropped.
    pub pairs: Pairs,
    /// What the gateway added.
    pub added: Vec<Added>,
    /// What became of the streams.
    pub stream: Fidelity,
    /// What the gateway's processes used meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// From when to when it went on, in nanoseconds of the shared clock: of its first and last answer.
    #[serde(skip)]
    pub span: Option<(u64, u64)>,
    /// Requests through the gateway that it answered or failed.
    #[serde(skip)]
    pub through: u64,
}

/// What the processes of a gateway used during a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Processor time, as a share of one core.
    pub cpu_cores: f64,
    /// Processor time for each request, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_per_request_us: Option<f64>,
    /// The most memory that was resident, in bytes.
    pub memory_bytes: u64,
}

/// A limit on what is added, and the rate at which it is passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// The limit on the added time to first token, 99th percentile, in milliseconds.
    pub added_p99_ms: f64,
    /// The highest rate through the gateway at which it was kept, per second.
    pub kept_at_per_s: Option<f64>,
    /// The lowest rate at which it was not.
    pub passed_at_per_s: Option<f64>,
}

/// A gateway's own word for what it added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Requests with such a word.
    pub n: u64,
    /// Its median, in milliseconds.
    pub claimed_p50_ms: f64,
    /// The median of what was measured of the same requests, in milliseconds: to the first token of a
    /// stream, and to the end of another answer.
    pub measured_p50_ms: f64,
}

impl Overhead {
    /// Works out from the levels at which rates the limits are passed.
    pub fn set_limits(&mut self) {
        const LIMITS_MS: [f64; 4] = [1.0, 5.0, 10.0, 50.0];
        let p99 = |level: &LevelFound| {
            let added = level.added.iter().find(|a| a.time == AddedTime::Ttft)?;
            let stat = added.stats.iter().find(|stat| stat.stat == "p99")?;
            Some((level.rate_per_s? / 2.0, stat.added_ms))
        };
        let mut seen: Vec<(f64, f64)> = self.levels.iter().filter_map(p99).collect();
        seen.sort_by(|one, other| one.0.total_cmp(&other.0));
        if seen.len() < 2 {
            return;
        }
        self.limits = LIMITS_MS
            .iter()
            .map(|limit| {
                let passed = seen.iter().position(|(_, added)| added > limit);
                let kept = seen[..passed.unwrap_or(seen.len())].last();
                RateLimit {
                    added_p99_ms: *limit,
                    kept_at_per_s: kept.map(|(rate, _)| *rate),
                    passed_at_per_s: passed.map(|at| seen[at].0),
                }
            })
            .collect();
    }
}

#[cfg(test)]
mod tests;
