//! What a gate gives to machines: each format, from a gate made by hand.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "ci_outputs/annotations.rs"]
mod annotations;
#[path = "ci_outputs/figures.rs"]
mod figures;
#[path = "ci_outputs/gates.rs"]
mod gates;
#[path = "ci_outputs/junit.rs"]
mod junit;
#[path = "ci_outputs/markdown.rs"]
mod markdown;
