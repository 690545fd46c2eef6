//! A load-testing and latency-benchmarking harness for LLM gateways: an instrument.
//!
//! The modules stand in the order in which one request's data flows, and a module may import only
//! what is declared above it (`tests/layering.rs` holds them to it).

pub mod base; // words every stage shares: instants, money, seeds, usage, secrets, units
pub mod sse; // bytes <-> server-sent events; no IO
pub mod pricing; // usage -> money, from a dated price table
pub mod dialect; // provider JSON <-> a neutral ask and delta; used by client and stand-ins
pub mod lab; // the stand-ins: a provider whose every delay is known, and a gateway
pub mod scenario; // what the file says and where it says it
pub mod import; // other tools' files and gateways' logs -> the text of a scenario; pure
pub mod plan; // everything decided before the first byte
pub mod schedule; // plan -> arrivals; pure arithmetic, no clock
pub mod shot; // arrival -> request bytes; pure
pub mod wire; // the only seam to the network: request bytes -> a reading of the answer
pub mod sample; // one arrival, one row
pub mod record; // rows -> histograms, intervals and a summary
pub mod engine; // arrivals x wire -> rows and what is recorded of them, in real time
pub mod judge; // is a run to be trusted? pure; works on figures alone
pub mod results; // rows, intervals, summary <-> files of a run folder
pub mod report; // summaries and verdicts -> bytes; never prints
pub mod app; // clap, terminal, wall clock, environment, exit codes: the only module that prints
