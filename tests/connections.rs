//! How a target's connections are opened and shared, as its scenario says, on real sockets.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as its tests do"
)]

#[path = "connections/ahead.rs"]
mod ahead;
#[path = "connections/authority.rs"]
mod authority;
#[path = "connections/elsewhere.rs"]
mod elsewhere;
#[path = "connections/problems.rs"]
mod problems;
#[path = "connections/secured.rs"]
mod secured;
#[path = "connections/server.rs"]
mod server;
#[path = "connections/sharing.rs"]
mod sharing;
#[path = "connections/wires.rs"]
mod wires;
