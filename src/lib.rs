//! tollgate
#![cfg_attr(not(test), warn(missing_docs))]
pub mod base;
pub mod sse;
pub mod pricing;
pub mod dialect;
