//! Values as sentences have them.

use crate::scenario::Unit;

/// A value with its unit: `61.2 ms`, `0.5 %`, `20/s`.
pub(super) fn words(value: f64, unit: Unit) -> String {
    if value.is_infinite() {
        return "infinite".to_owned();
    }
    match unit {
        Unit::Ms => format!("{} ms", short(value)),
        Unit::Share => format!("{} %", short(value * 100.0)),
        Unit::PerS => format!("{}/s", short(value)),
        Unit::Usd => format!("${}", (value * 1e9).round() / 1e9),
        Unit::Count => format!("{value}"),
    }
}

/// A number of up to four digits that say something.
fn short(value: f64) -> f64 {
    let places = match value.abs() {
        size if size >= 1_000.0 => 1.0,
        size if size >= 10.0 => 10.0,
        size if size >= 1.0 => 100.0,
        _ => 1_000.0,
    };
    (value * places).round() / places
}

/// A count of things, in words.
pub(super) fn counted(n: u64, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}
