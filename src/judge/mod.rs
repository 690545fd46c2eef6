//! What the figures are worth: is a run to be trusted? Pure: it works on the figures alone.

mod selftest;
mod shares;
mod validity;

pub use selftest::{Certificate, Clocks, Errors, Load, Measured, Round, SELFTEST_SCHEMA, compare};
pub use shares::{ShareFound, ShareVerdict, SharesFound, shares};
pub use validity::{Check, Course, Health, Level, Stalls, Validity, validity};
