//! What the figures are worth: is a run to be trusted? Pure: it works on the figures alone.

mod validity;

pub use validity::{Check, Health, Level, Validity, validity};
