//! What tollgate and the supervisor of a gateway say to each other: JSON, a line each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The hidden command of the supervisor.
pub(super) const COMMAND: &str = "gateway-supervisor";
/// What the supervisor is asked by after its job: to end the gateway. It ends it at once when its stdin
/// ends.
pub(super) const STOP: &str = "stop";

/// What to run, said first. It goes through a pipe, since it holds keys.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// The whole environment.
    pub(super) env: BTreeMap<String, String>,
    pub(super) cwd: PathBuf,
    /// Where to keep what it says.
    pub(super) log: PathBuf,
    /// What is hidden in that.
    pub(super) secrets: Vec<String>,
    /// Files in which the secrets are hidden once it has ended.
    pub(super) configs: Vec<PathBuf>,
    /// How long it may take to end when it is asked to, in milliseconds.
    pub(super) end_within_ms: u64,
}

/// What the supervisor tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    Started { pid: u32 },
    NotStarted { why: String },
    Usage(Usage),
    Ended(Ended),
}

/// CPU time and memory of the gateway with all its processes, at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::app) struct Usage {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub(in crate::app) at_ns: u64,
    /// User and system time so far, in nanoseconds. The kernel tells it in ticks of 10 ms a process.
    pub(in crate::app) cpu_ns: u64,
    /// Resident memory, in bytes. Pages that its processes share are counted for each.
    pub(in crate::app) rss_bytes: u64,
    /// Processes.
    pub(in crate::app) processes: u32,
}

/// How a gateway ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::app) struct Ended {
    /// Its exit status in words.
    pub(in crate::app) status: String,
    /// Whether it was asked to end.
    pub(in crate::app) asked: bool,
    /// Whether it did not end when asked, and was killed.
    pub(in crate::app) forced: bool,
    /// The last lines that it said, redacted.
    pub(in crate::app) last: Vec<String>,
    /// Bytes of what it said that were not kept.
    pub(in crate::app) left_out: u64,
}
