//! The fields of a log row. What is not there is unknown; what can't be read is unknown, too, and told.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::base::Money;

/// The fields of one row.
pub(super) struct Fields<'a> {
    row: &'a Map<String, Value>,
    /// The first field that can't be read.
    pub(super) wrong: Option<String>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(row: &'a Map<String, Value>) -> Self {
        Self { row, wrong: None }
    }

    /// The first of these fields that is there.
    fn any(&self, names: &[&str]) -> Option<(&'a Value, String)> {
        let found = |name: &&str| {
            let value = self.row.get(*name).filter(|value| !value.is_null())?;
            Some((value, (*name).to_owned()))
        };
        names.iter().find_map(found)
    }

    fn read<T>(&mut self, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let (value, name) = self.any(names)?;
        let found = read(value);
        if found.is_none() && self.wrong.is_none() {
            let mut shown: String = value.to_string().chars().take(40).collect();
            shown.retain(|c| !c.is_control());
            self.wrong = Some(format!("`{name}` is {shown}"));
        }
        found
    }

    /// A text, or a number as one.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<String> {
        let found = self.read(names, |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        found.filter(|text| !text.is_empty())
    }

    /// A number from zero up.
    pub(super) fn number(&mut self, names: &[&str]) -> Option<f64> {
        self.read(names, number)
    }

    /// A whole number from zero up.
    pub(super) fn count(&mut self, names: &[&str]) -> Option<u64> {
        self.read(names, |value| {
            let number = number(value)?;
            (number.fract() == 0.0 && number < 2_f64.powi(53)).then_some(number as u64)
        })
    }

    /// An HTTP status.
    pub(super) fn status(&mut self, names: &[&str]) -> Option<u16> {
        self.read(names, |value| {
            let number = number(value)?;
            let fits = number.fract() == 0.0 && (100.0..1000.0).contains(&number);
            fits.then_some(number as u16)
        })
    }

    /// An amount of US dollars.
    pub(super) fn dollars(&mut self, names: &[&str]) -> Option<Money> {
        self.read(names, |value| Money::from_dollars(number(value)?))
    }

    /// A truth, as such or as a number.
    pub(super) fn truth(&mut self, names: &[&str]) -> Option<bool> {
        self.read(names, |value| match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            value => number(value).map(|number| number > 0.0),
        })
    }

    /// An instant, in seconds since the Unix epoch.
    pub(super) fn instant(&mut self, names: &[&str]) -> Option<f64> {
        self.read(names, |value| match value {
            Value::String(text) => instant(text),
            value => value.as_f64(),
        })
    }
}

/// A number from zero up, also where it is written as text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number| number.is_finite() && *number >= 0.0)
}

/// An instant in seconds since the Unix epoch. One without a zone is taken to be of UTC.
pub(super) fn instant(text: &str) -> Option<f64> {
    let text = text.trim().replacen(' ', "T", 1);
    let read = OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339));
    let nanos = read.ok()?.unix_timestamp_nanos();
    Some(nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_unknown_and_what_cant_be_read_is_told() {
        let row = serde_json::json!({
            "a": null, "cost": "0.25", "status_code": 200, "prompt_tokens": -1, "cache_bit": 1,
            "completion_tokens": 2.5, "timestamp": "2026-11-24 12:00:00.5", "latency": "fast",
        });
        let row = row.as_object().unwrap();
        let mut fields = Fields::of(row);
        assert_eq!(fields.number(&["a", "b"]), None);
        assert_eq!(
            fields.dollars(&["a", "cost"]),
            Some(Money::from_nanos(250_000_000))
        );
        assert_eq!(fields.status(&["status_code"]), Some(200));
        assert_eq!(fields.truth(&["cache_bit"]), Some(true));
        assert_eq!(fields.instant(&["timestamp"]), Some(1_795_521_600.5));
        assert_eq!(fields.wrong, None);
        assert_eq!(fields.count(&["prompt_tokens"]), None);
        assert_eq!(fields.count(&["completion_tokens"]), None);
        assert_eq!(fields.number(&["latency"]), None);
        assert_eq!(fields.wrong.as_deref(), Some("`prompt_tokens` is -1"));
    }
}
