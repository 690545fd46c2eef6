//! Lengths as `AIPerf` describes them.

use serde_json::Value;

use super::{chats, words};
use crate::dialect::Role;

/// A distribution of lengths as YAML, with the weight of each of its peaks.
pub(super) fn distributions(value: &Value) -> Vec<(String, f64)> {
    if let Some(number) = number(value).or_else(|| number(&value["value"])) {
        return vec![(format!("{{ constant: {} }}", tokens(number)), 1.0)];
    }
    if let Some(peaks) = value["peaks"].as_array() {
        let weighted = peaks.iter().flat_map(|peak| {
            let weight = peak["weight"].as_f64().filter(|weight| *weight > 0.0);
            let found = distributions(peak).into_iter();
            found.map(move |(tokens, _)| (tokens, weight.unwrap_or(1.0)))
        });
        return weighted.collect();
    }
    if let Some(points) = value["points"].as_array() {
        return empirical(points)
            .into_iter()
            .map(|list| (list, 1.0))
            .collect();
    }
    let Some(mean) = number(&value["mean"]) else {
        return Vec::new();
    };
    // Of a lognormal, mean / median = exp(sigma^2 / 2).
    let by_median = number(&value["median"])
        .filter(|median| *median > 0.0 && mean > *median)
        .map(|median| mean * ((mean / median).powi(2) - 1.0).sqrt());
    let sd = number(&value["stddev"]).or(by_median).unwrap_or(0.0);
    let found = if sd < 0.5 {
        format!("{{ constant: {} }}", tokens(mean))
    } else {
        format!(
            "{{ lognormal: {{ mean: {}, sd: {} }} }}",
            tokens(mean),
            tokens(sd)
        )
    };
    vec![(found, 1.0)]
}

/// Points with weights as a list in which each stands as often as it weighs.
fn empirical(points: &[Value]) -> Option<String> {
    const MOST: f64 = 100.0;
    let points: Vec<(u32, f64)> = points
        .iter()
        .filter_map(|point| {
            let value = number(&point["value"])?;
            let weight = point["weight"].as_f64().unwrap_or(1.0);
            (weight > 0.0).then_some((tokens(value), weight))
        })
        .take(MOST as usize)
        .collect();
    let sum: f64 = points.iter().map(|(_, weight)| weight).sum();
    let often = |weight: f64| (weight / sum * MOST).round().clamp(1.0, MOST) as usize;
    let list: Vec<String> = points
        .iter()
        .flat_map(|(value, weight)| std::iter::repeat_n(value.to_string(), often(*weight)))
        .collect();
    (!list.is_empty()).then(|| format!("{{ empirical: [{}] }}", list.join(", ")))
}

/// The mean of a length.
pub(super) fn mean(value: &Value) -> Option<f64> {
    if let Some(number) = number(value) {
        return Some(number);
    }
    number(&value["mean"])
        .or_else(|| number(&value["value"]))
        .or_else(|| mean(value["peaks"].get(0)?))
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite() && (0.0..1e9).contains(number))
}

/// A length as a whole number of tokens, at least one.
pub(super) fn tokens(number: f64) -> u32 {
    number.round().clamp(1.0, 1e9) as u32
}

/// A duration in seconds, as a number or as a text.
pub(super) fn seconds_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => words::aiperf_seconds(text),
        value => value.as_f64(),
    }
    .filter(|seconds| (0.0..1e9).contains(seconds))
}

/// The line of a prompt file for a record with one text.
pub(super) fn single_turn(record: &Value) -> Option<String> {
    let text = match (&record["text"], &record["texts"]) {
        (Value::String(text), _) => text.clone(),
        (_, Value::Array(texts)) => texts.first()?.as_str()?.to_owned(),
        _ => return None,
    };
    (!text.trim().is_empty()).then(|| chats::row(&[(Role::User, text)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_are_distributions_of_ours() {
        let of = |value: Value| distributions(&value);
        let one = |text: &str| vec![(text.to_owned(), 1.0)];
        assert_eq!(of(json!(512)), one("{ constant: 512 }"));
        let normal = json!({ "mean": 550, "stddev": 50 });
        assert_eq!(of(normal), one("{ lognormal: { mean: 550, sd: 50 } }"));
        let lognormal = json!({ "mean": 256, "median": 214 });
        assert_eq!(of(lognormal), one("{ lognormal: { mean: 256, sd: 168 } }"));
        let peaks = json!({ "peaks": [{ "mean": 10, "weight": 70 }, { "mean": 20, "stddev": 5, "weight": 30 }] });
        assert_eq!(
            of(peaks)[1],
            ("{ lognormal: { mean: 20, sd: 5 } }".to_owned(), 30.0)
        );
        let points = json!({ "points": [{ "value": 3, "weight": 3 }, { "value": 9 }] });
        assert_eq!(of(points)[0].0.matches("3, ").count(), 75);
        for wrong in [
            json!("long"),
            json!(-3),
            json!({}),
            json!([]),
            json!(null),
            json!({ "points": [] }),
        ] {
            assert!(of(wrong.clone()).is_empty(), "{wrong}");
        }
    }
}
