//! The exit codes: documented, and stable.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is fine.
    Fine = 0,
    /// What was asked of the figures does not hold: a threshold, a margin or a limit.
    Fail = 1,
    /// The command line or the scenario is wrong; nothing was sent.
    Usage = 2,
    /// The gate can't tell: the figures leave it open whether a threshold holds.
    Inconclusive = 3,
    /// There is nothing to stand on: no request was answered, or what is gated is invalid.
    NoData = 4,
    /// The target can't be reached, or refuses the key; nothing was measured.
    Preflight = 5,
    /// The budget stopped the run; its results are flagged incomplete.
    Budget = 6,
    /// A mistake of tollgate itself, or its own files can't be written.
    Internal = 70,
    /// SIGINT ended the run; its results are flagged incomplete.
    Interrupted = 130,
    /// SIGTERM ended the run; its results are flagged incomplete.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
