//! The built binary from outside: what it prints, writes and sends, and how it exits.
//!
//! Times are held against the lab's script or against each other, never against how fast this
//! machine may be.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as its tests do"
)]

#[path = "cli/asking.rs"]
mod asking;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/broken_folder.rs"]
mod broken_folder;
#[path = "cli/budget.rs"]
mod budget;
#[path = "cli/ci.rs"]
mod ci;
#[path = "cli/closed.rs"]
mod closed;
#[cfg(unix)]
#[path = "connections/authority.rs"]
mod authority;
#[cfg(unix)]
#[path = "cli/connections.rs"]
mod connections;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/costs.rs"]
mod costs;
#[path = "cli/exits.rs"]
mod exits;
#[path = "cli/hints.rs"]
mod hints;
#[cfg(target_os = "linux")]
#[path = "cli/live.rs"]
mod live;
#[path = "cli/log_server.rs"]
mod log_server;
#[path = "cli/log_to.rs"]
mod log_to;
#[path = "cli/mirror.rs"]
mod mirror;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/overrides.rs"]
mod overrides;
#[path = "cli/planted.rs"]
mod planted;
#[path = "cli/prices.rs"]
mod prices;
#[path = "cli/probe.rs"]
mod probe;
#[path = "cli/reconcile.rs"]
mod reconcile;
#[path = "cli/same_bytes.rs"]
mod same_bytes;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/shipped.rs"]
mod shipped;
#[cfg(unix)]
#[path = "connections/server.rs"]
mod server;
#[cfg(target_os = "linux")]
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/stage.rs"]
mod stage;
#[path = "cli/stall.rs"]
mod stall;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/told.rs"]
mod told;
#[cfg(target_os = "linux")]
#[path = "cli/validity.rs"]
mod validity;
#[path = "cli/whole_run.rs"]
mod whole_run;
