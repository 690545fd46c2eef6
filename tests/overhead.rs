//! What a gateway adds and what it makes of streams: the lab's gateway, whose every fault is scripted, and
//! real ones that nobody here wrote.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "installed/mod.rs"]
mod installed;
#[path = "overhead/known.rs"]
mod known;
#[path = "real_gateway/python.rs"]
mod python;
#[path = "overhead/real.rs"]
mod real;
#[path = "overhead/stage.rs"]
mod stage;
