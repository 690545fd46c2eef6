//! `tollgate gate` and `tollgate baseline` as a user runs them, and the gate at the end of a run.
//!
//! What decides is written by the test: a real run's folder is taken, and that this machine was quiet is
//! put into its `run.json`, since other programs may have made it noisy.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as its tests do"
)]

#[path = "gate/abort.rs"]
mod abort;
#[path = "gate/bad_input.rs"]
mod bad_input;
#[path = "gate/baselines.rs"]
mod baselines;
#[path = "gate/bench.rs"]
mod bench;
#[path = "gate/exits.rs"]
mod exits;
#[path = "gate/no_data.rs"]
mod no_data;
#[path = "gate/scopes.rs"]
mod scopes;
#[expect(dead_code, reason = "the tests of the command line need more of it")]
#[path = "cli/support.rs"]
mod support;
