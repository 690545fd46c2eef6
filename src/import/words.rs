//! Quantities as other tools write them, in ours.

use std::time::Duration;

use crate::base::HumanDuration;

/// A duration in seconds as we write it; `None` where it is none.
pub(super) fn seconds(seconds: f64) -> Option<String> {
    let fits = seconds.is_finite() && (0.0..=1e9).contains(&seconds);
    // To the microsecond, so that what was 0.1 is not 0.1000000001.
    fits.then(|| HumanDuration(Duration::from_micros((seconds * 1e6).round() as u64)).to_string())
}

/// Arrivals a second as we write them.
pub(super) fn rate(per_second: f64) -> Option<String> {
    let fits = per_second.is_finite() && (0.0..=1e9).contains(&per_second);
    fits.then(|| format!("{}/s", number(per_second)))
}

/// A number without a tail of rounding.
pub(super) fn number(number: f64) -> String {
    format!("{}", (number * 1e6).round() / 1e6)
}

/// A duration as Go has it, `1m30s`, or a number of milliseconds; in seconds.
pub(super) fn go_seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if let Ok(millis) = rest.parse::<f64>() {
        return Some(millis / 1e3).filter(|s| s.is_finite() && *s >= 0.0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        sum += value
            * match &rest[..end] {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (sum.is_finite() && !text.trim().is_empty()).then_some(sum)
}

/// A duration as `AIPerf` has it: seconds, or `30s`, `5m`, `2h`; in seconds. `inf` is infinite.
pub(super) fn aiperf_seconds(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    if matches!(text.as_str(), "inf" | "infinity") {
        return Some(f64::INFINITY);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (value, unit) = text.split_at(end.unwrap_or(text.len()));
    let value: f64 = value.parse().ok()?;
    let factor = match unit.trim() {
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" | "hr" | "hour" => 3_600.0,
        _ => return None,
    };
    Some(value * factor)
}

/// A name that can be one in a scenario: letters, digits, `-`, `_` and `.`.
pub(super) fn name(text: &str) -> String {
    let kept = text.chars().map(|c| {
        let fits = c.is_ascii_alphanumeric() || "-_.".contains(c);
        if fits { c } else { '-' }
    });
    let kept: String = kept.take(64).collect();
    let kept = kept.trim_matches(['-', '.']);
    if kept.is_empty() {
        "imported".to_owned()
    } else {
        kept.to_owned()
    }
}

/// Makes a name one that is not in `taken`, and takes it.
pub(super) fn unique(text: &str, taken: &mut Vec<String>) -> String {
    let base = name(text);
    let mut found = base.clone();
    let mut n = 2;
    while taken.contains(&found) {
        found = format!("{base}-{n}");
        n += 1;
    }
    taken.push(found.clone());
    found
}

/// How many, with the word in its number.
pub(super) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_other_tools_are_seconds() {
        assert_eq!(go_seconds("1m30s"), Some(90.0));
        assert_eq!(go_seconds("1500"), Some(1.5));
        assert_eq!(go_seconds("2h"), Some(7_200.0));
        for wrong in ["", "s", "5x", "1m3", "-5s", "1..s", "NaN", "inf"] {
            assert_eq!(go_seconds(wrong), None, "{wrong}");
        }
        assert_eq!(aiperf_seconds("5 min"), Some(300.0));
        assert_eq!(aiperf_seconds("2.5"), Some(2.5));
        assert_eq!(aiperf_seconds("fast"), None);
    }

    #[test]
    fn what_we_write_reads_back() {
        assert_eq!(seconds(90.0).as_deref(), Some("90s"));
        assert_eq!(seconds(0.1).as_deref(), Some("100ms"));
        assert_eq!(seconds(f64::NAN), None);
        assert_eq!(rate(1.0 / 3.0).as_deref(), Some("0.333333/s"));
        assert!(
            seconds(123.456_789)
                .unwrap()
                .parse::<HumanDuration>()
                .is_ok()
        );
    }

    #[test]
    fn names_are_made_fit_and_told_apart() {
        let mut taken = Vec::new();
        assert_eq!(unique("Qwen/Qwen3 8B", &mut taken), "Qwen-Qwen3-8B");
        assert_eq!(unique("Qwen Qwen3/8B", &mut taken), "Qwen-Qwen3-8B-2");
        assert_eq!(unique("../..", &mut taken), "imported");
    }
}
