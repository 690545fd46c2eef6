//! Gateways that tollgate starts itself: real ones from their presets, and a made-up one that fails in
//! every way that a process can.
//!
//! `litellm` and `portkey` are large, and are tried with `TOLLGATE_REAL=all` only.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "gateways/ends.rs"]
mod ends;
#[path = "gateways/fails.rs"]
mod fails;
#[path = "installed/mod.rs"]
mod installed;
#[path = "gateways/made_up.rs"]
mod made_up;
#[path = "real_gateway/python.rs"]
mod python;
#[path = "gateways/real.rs"]
mod real;
