//! A piece of a stream that is known by its bytes says what the parser would have said of it.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "scanner/exact.rs"]
mod exact;
#[path = "scanner/hits.rs"]
mod hits;
#[path = "scanner/pieces.rs"]
mod pieces;
