//! Telemetry against the programs that read it: a real Prometheus scrapes a run and takes its remote write,
//! and what it says afterwards is what the run's own files say.
//!
//! `prometheus` (Debian: prometheus) is all that is needed. Where it can't be had, `TOLLGATE_SKIP_REAL=1`
//! leaves these tests out.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as its tests do"
)]
#![expect(
    clippy::float_cmp,
    reason = "counts are whole numbers, whoever tells them"
)]

#[path = "telemetry/agree.rs"]
mod agree;
#[path = "telemetry/dashboard.rs"]
mod dashboard;
#[path = "telemetry/delivery.rs"]
mod delivery;
#[path = "installed/mod.rs"]
#[cfg_attr(
    not(feature = "otlp"),
    expect(
        dead_code,
        reason = "the reader of OTLP is installed for its test alone"
    )
)]
mod installed;
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "the test of OTLP needs more of it")
)]
#[path = "cli/log_server.rs"]
mod log_server;
#[cfg(feature = "otlp")]
#[path = "telemetry/otlp.rs"]
mod otlp;
#[path = "telemetry/prometheus.rs"]
mod prometheus;
#[path = "telemetry/run.rs"]
mod run;
#[expect(dead_code, reason = "the tests of the command line need more of it")]
#[path = "cli/support.rs"]
mod support;
