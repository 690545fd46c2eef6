//! Words that every stage shares: instants, counted times, money, seeds, usage, secrets
//! and units.
//!
//! Nothing here knows a scenario, a wire or a file; a word is here because both the tester and the
//! stand-ins, or two distant stages, must mean the same by it.

mod alarm;
mod counts;
mod descriptors;
mod distribution;
mod marker;
mod money;
mod monotonic;
mod offset;
mod secret;
mod seed;
pub mod tokens;
mod units;
mod usage;

pub use alarm::Alarm;
pub use counts::{Bucket, TimeCounts};
pub use descriptors::no_descriptor_left;
pub use distribution::{Distribution, DistributionError, Magnitude};
pub use marker::Marker;
pub use money::{Money, MoneyError, Usd};
pub use monotonic::Monotonic;
pub use offset::Offset;
pub use secret::Secret;
pub use seed::{Lane, Seed};
pub use units::{HumanDuration, Percent, Rate, UnitError};
pub use usage::Usage;
