//! Quantities as people write them: `800ms`, `50/s`, `1%`. A number with no unit is refused.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is wrong with a quantity that was written down. The second line says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("`{0}` is no duration\nwrite a number with its unit: 250us, 800ms, 20s, 5m or 1h")]
    Duration(String),
    /// A duration without a unit.
    #[error("the duration `{0}` has no unit\nwrite {0}ms, {0}s, {0}m or {0}h")]
    DurationUnit(String),
    /// Not a rate.
    #[error("`{0}` is no rate\nwrite a number above zero and its unit: 50/s, 0.5/s, 30/m or 100/h")]
    Rate(String),
    /// A rate without a unit.
    #[error("the rate `{0}` has no unit\nwrite {0}/s, {0}/m or {0}/h")]
    RateUnit(String),
    /// Not a percentage.
    #[error("`{0}` is no percentage\nwrite a number from 0 to 100 and a percent sign: 1%, 0.5%")]
    Percent(String),
}

/// A duration with its unit in the text: `250us`, `800ms`, `20s`, `5m`, `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^\$\{.*\}$|^[0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h)$", "examples" = ["800ms", "20s"]))]
pub struct HumanDuration(pub Duration);

impl FromStr for HumanDuration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Duration(text.to_owned());
        let (number, unit) = split_number(text);
        let value: f64 = number.parse().map_err(|_| wrong())?;
        let nanos = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3_600e9,
            "" => return Err(UnitError::DurationUnit(text.to_owned())),
            _ => return Err(wrong()),
        } * value;
        if !(nanos.is_finite() && nanos < 9e18) {
            return Err(wrong());
        }
        Ok(Self(Duration::from_nanos(nanos.round() as u64)))
    }
}

impl fmt::Display for HumanDuration {
    /// In the largest unit that shows it exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let units = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ];
        let exact = units
            .iter()
            .find(|(size, _)| nanos > 0 && nanos.is_multiple_of(*size));
        match exact {
            Some((size, unit)) => f.pad(&format!("{}{unit}", nanos / size)),
            None if nanos == 0 => f.pad("0s"),
            None => f.pad(&format!("{}ms", nanos as f64 / 1e6)),
        }
    }
}

/// How often something happens, per second inside: `50/s`, `0.5/s`, `30/m`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^\$\{.*\}$|^[0-9]+(\.[0-9]+)?/(s|m|min|h)$", "examples" = ["50/s", "0.5/s"]))]
pub struct Rate(f64);

impl Rate {
    /// Events per second.
    pub const fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Rate(text.to_owned());
        let (number, unit) = split_number(text);
        let value: f64 = number.parse().map_err(|_| wrong())?;
        let per_second = match unit.replace(' ', "").as_str() {
            "/s" => value,
            "/m" | "/min" => value / 60.0,
            "/h" => value / 3_600.0,
            "" => return Err(UnitError::RateUnit(text.to_owned())),
            _ => return Err(wrong()),
        };
        if per_second.is_finite() && per_second >= 0.0 {
            Ok(Self(per_second))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", (self.0 * 1e6).round() / 1e6))
    }
}

/// A share of the whole, written `1%`; a fraction from 0 to 1 inside.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, JsonSchema)]
#[schemars(with = "String", extend("pattern" = r"^\$\{.*\}$|^[0-9]+(\.[0-9]+)?%$", "examples" = ["1%"]))]
pub struct Percent(f64);

impl Percent {
    /// The share as a fraction from 0 to 1.
    pub const fn fraction(self) -> f64 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Percent(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(wrong)?;
        let value: f64 = number.trim().parse().map_err(|_| wrong())?;
        if (0.0..=100.0).contains(&value) {
            Ok(Self(value / 100.0))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", (self.0 * 1e8).round() / 1e6))
    }
}

/// The leading number of a quantity, and what follows it.
fn split_number(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// Quantities are strings in files, so that the unit is always there.
macro_rules! text_in_files {
    ($($quantity:ty),+) => {$(
        impl Serialize for $quantity {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

text_in_files!(HumanDuration, Rate, Percent);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration(text: &str) -> Result<Duration, UnitError> {
        text.parse::<HumanDuration>().map(|d| d.0)
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("20"), Err(UnitError::DurationUnit("20".into())));
        assert!(duration("-1s").is_err());
        assert!(duration("fast").is_err());
        assert!(duration("1e30h").is_err());
    }

    #[test]
    fn rates_may_be_fractional_and_need_a_unit() {
        let rate = |text: &str| text.parse::<Rate>().map(Rate::per_second);
        assert_eq!(rate("0.5/s"), Ok(0.5));
        assert_eq!(rate("30/m"), Ok(0.5));
        assert_eq!(rate("50"), Err(UnitError::RateUnit("50".into())));
        assert!(rate("-3/s").is_err());
        assert!(rate("many").is_err());
    }

    #[test]
    fn a_percentage_is_a_share_of_the_whole() {
        assert_eq!("1%".parse::<Percent>().map(Percent::fraction), Ok(0.01));
        assert!("101%".parse::<Percent>().is_err());
        assert!("0.1".parse::<Percent>().is_err());
    }

    proptest! {
        #[test]
        fn a_duration_shown_reads_back_the_same(nanos in 0_u64..1_000_000_000_000_000) {
            let shown = HumanDuration(Duration::from_nanos(nanos));
            prop_assert_eq!(shown.to_string().parse::<HumanDuration>(), Ok(shown));
        }

        #[test]
        fn no_text_makes_a_unit_panic(text in ".*") {
            let _ = (text.parse::<HumanDuration>(), text.parse::<Rate>(), text.parse::<Percent>());
        }
    }
}
