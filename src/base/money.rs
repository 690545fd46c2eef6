//! Money is counted in whole nano-dollars, so sums are exact and do not depend on their order.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS: i64 = 1_000_000_000;
/// Decimal places that a price may have: 10^-15 dollars.
const PRICE_PLACES: u32 = 15;

/// An amount of money in whole nano-dollars (10^-9 USD).
///
/// In files it is a number of US dollars, exact up to a million dollars. Sums saturate at 9.2 billion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// No money at all.
    pub const ZERO: Self = Self(0);

    /// `nanos` nano-dollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The amount in dollars, for display and ratios.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// The nearest amount to `dollars`; `None` where it is not a finite amount that fits.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * NANOS as f64).round();
        (nanos.is_finite() && nanos.abs() < i64::MAX as f64).then_some(Self(nanos as i64))
    }

    /// This amount divided among `n`, to the nearest nano-dollar.
    pub fn per(self, n: u64) -> Option<Self> {
        let n = i64::try_from(n).ok().filter(|n| *n > 0)?;
        Some(Self((self.0 + self.0.signum() * (n / 2)) / n))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Dollars with the places that matter: at least cents, at most nano-dollars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / NANOS as u64, magnitude % NANOS as u64);
        let digits = format!("{fraction:09}");
        let kept = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("{sign}${whole}.{}", &digits[..kept]))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        Self::from_dollars(dollars)
            .ok_or_else(|| serde::de::Error::custom(format!("{dollars} is no amount of dollars")))
    }
}

/// A price in US dollars, exact to 10^-15 dollars: prices per token are far below a nano-dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "f64", extend("minimum" = 0))]
pub struct Usd(i128);

/// What is wrong with an amount that was written down.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a plain decimal number.
    #[error("`{0}` is no amount of US dollars\nwrite a plain decimal number of dollars, like 2.50")]
    NotANumber(String),
    /// The text has more decimal places than a price may have.
    #[error("`{0}` has more than {PRICE_PLACES} decimal places")]
    TooFine(String),
    /// The amount is below zero.
    #[error("`{0}` is negative; a price can't be")]
    Negative(String),
}

impl Usd {
    /// The price in 10^-15 dollars.
    pub const fn femtos(self) -> i128 {
        self.0
    }

    /// An amount of 10^-15 dollars to the nearest nano-dollar, halves away from zero.
    pub fn round_femtos(femtos: i128) -> Money {
        let half = 500_000 * femtos.signum();
        Money(i64::try_from((femtos + half) / 1_000_000).unwrap_or(i64::MAX))
    }
}

impl FromStr for Usd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::NotANumber(text.to_owned());
        let trimmed = text.trim().trim_start_matches('$');
        if trimmed.starts_with('-') {
            return Err(MoneyError::Negative(text.to_owned()));
        }
        let (whole, fraction) = trimmed.split_once('.').unwrap_or((trimmed, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return Err(wrong());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > PRICE_PLACES as usize {
            return Err(MoneyError::TooFine(text.to_owned()));
        }
        if whole.len() > 12 {
            return Err(wrong());
        }
        let scaled = format!("{whole}{fraction:0<width$}", width = PRICE_PLACES as usize);
        scaled.parse().map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!(
            "{}.{:015}",
            self.0 / 10_i128.pow(PRICE_PLACES),
            self.0 % 10_i128.pow(PRICE_PLACES)
        ))
    }
}

impl<'de> Deserialize<'de> for Usd {
    /// Reads the exact decimal text, never a rounded float.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_price_is_read_exactly() {
        assert_eq!(
            "2.50".parse::<Usd>().unwrap().femtos(),
            2_500_000_000_000_000
        );
        assert_eq!("0.0000000375".parse::<Usd>().unwrap().femtos(), 37_500_000);
        assert_eq!("$3".parse::<Usd>().unwrap().femtos(), 3_000_000_000_000_000);
        assert!("1e-6".parse::<Usd>().is_err());
        assert!("-1".parse::<Usd>().is_err());
        assert!("0.0000000000000001".parse::<Usd>().is_err());
    }

    #[test]
    fn dollars_are_shown_with_the_places_that_matter() {
        assert_eq!(Money::from_nanos(1_500_000_000).to_string(), "$1.50");
        assert_eq!(Money::from_nanos(12_345).to_string(), "$0.000012345");
        assert_eq!(Money::from_nanos(-2_000_000_000).to_string(), "-$2.00");
    }

    #[test]
    fn a_share_of_money_is_rounded_to_the_nearest() {
        assert_eq!(Money::from_nanos(10).per(4), Some(Money::from_nanos(3)));
        assert_eq!(Money::from_nanos(10).per(0), None);
    }

    proptest! {
        #[test]
        fn money_read_back_from_a_file_is_the_same(nanos in -(1_i64 << 50)..(1 << 50)) {
            let text = serde_json::to_string(&Money::from_nanos(nanos)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), Money::from_nanos(nanos));
        }
    }
}
