//! A threshold as text; what is shown reads back as the same.

use std::fmt::{self, Display};

use super::figure::{Unit, percent};
use super::{Limit, Margin, Part, Test};

impl Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.figure.stat() {
            Some(stat) => write!(f, "{stat}({})", self.figure.name())?,
            None => write!(f, "{}", self.figure.name())?,
        }
        if !self.scope.is_empty() {
            let parts: Vec<String> = self.scope.iter().map(Part::to_string).collect();
            write!(f, "{{{}}}", parts.join(","))?;
        }
        write!(f, " {} ", self.relation.sign())?;
        let unit = self.figure.unit();
        match &self.limit {
            Limit::Value(value) => f.write_str(&quantity(*value, unit)),
            Limit::Expected => f.write_str("expected"),
            Limit::Stream(verdict) => f.write_str(verdict.name()),
            Limit::Baseline(margins) if margins.is_empty() => f.write_str("baseline"),
            Limit::Baseline(margins) => {
                let margin = |margin: &Margin| match *margin {
                    Margin::Times(factor) => format!("baseline * {factor}"),
                    Margin::Plus(more) if more < 0.0 => {
                        format!("baseline - {}", quantity(-more, unit))
                    }
                    Margin::Plus(more) => format!("baseline + {}", quantity(more, unit)),
                };
                let margins: Vec<String> = margins.iter().map(margin).collect();
                f.write_str(&margins.join(" or "))
            }
        }
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key.name(), quoted(&self.value))
    }
}

/// A value as a limit has it.
fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Ms => format!("{value}ms"),
        Unit::Share => format!("{}%", percent(value)),
        Unit::PerS => format!("{value}/s"),
        Unit::Usd => format!("${value}"),
        Unit::Count => format!("{value}"),
    }
}

/// A name, in quotes where it needs them.
pub(super) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@+*".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ADDED, ADDED_QUANTILES, Figure, Key, Plain, Relation, Stat, TIMES};
    use super::*;
    use crate::scenario::By;

    fn figure() -> impl Strategy<Value = Figure> {
        let stat = prop_oneof![
            (1_u32..100_000).prop_map(|q| Stat::Quantile(percent(f64::from(q) / 1e5) / 100.0)),
            Just(Stat::Mean),
            Just(Stat::Max),
        ];
        let by = prop_oneof![Just(By::Model), Just(By::Provider)];
        prop_oneof![
            (stat, 0..TIMES.len()).prop_map(|(stat, time)| Figure::Time(stat, TIMES[time])),
            (0..4_usize, 0..4_usize)
                .prop_map(|(q, time)| Figure::Added(ADDED_QUANTILES[q].1, ADDED[time])),
            (0..Plain::ALL.len()).prop_map(|plain| Figure::Plain(Plain::ALL[plain])),
            (by, "[^\0]{0,9}").prop_map(|(by, name)| Figure::Share(by, name)),
        ]
    }

    fn scope() -> impl Strategy<Value = Vec<Part>> {
        let parts = proptest::collection::btree_map(0..5_usize, "[^\0]{0,6}", 0..3);
        parts.prop_map(|parts| {
            let part = |(key, value)| Part {
                key: Key::ALL[key],
                value,
            };
            parts.into_iter().map(part).collect()
        })
    }

    prop_compose! {
        fn test()(
            figure in figure(), scope in scope(), relation in 0..4_usize, value in 0_u32..10_000,
            factor in 1_u32..1000, more in 1_i32..1000, less: bool, kind in 0..4,
        ) -> Test {
            let in_unit = |value: f64| match figure.unit() {
                Unit::Share => percent(value / 1e4) / 100.0,
                Unit::Count => value,
                _ => value / 10.0,
            };
            let more = in_unit(f64::from(more)) * if less { -1.0 } else { 1.0 };
            let (times, plus) = (Margin::Times(f64::from(factor) / 100.0), Margin::Plus(more));
            let limit = match kind {
                0 => Limit::Value(in_unit(f64::from(value))),
                1 => Limit::Baseline(Vec::new()),
                2 => Limit::Baseline(vec![times]),
                _ => Limit::Baseline(vec![times, plus]),
            };
            // Chunk gaps are kept by recipe alone.
            let gaps = matches!(figure, Figure::Time(_, "chunk_gap"));
            let scope = if gaps { Vec::new() } else { scope };
            let relation = [Relation::Below, Relation::AtMost, Relation::Above, Relation::AtLeast][relation];
            Test { figure, scope, relation, limit }
        }
    }

    proptest! {
        #[test]
        fn a_threshold_shown_reads_back_the_same(test in test()) {
            let shown = test.to_string();
            prop_assert_eq!(shown.parse::<Test>().map_err(|f| format!("{shown}: {f:?}")), Ok(test));
        }

        #[test]
        fn no_text_makes_a_threshold_panic(text in ".*") {
            let _ = text.parse::<Test>();
        }

        #[test]
        fn nearly_a_threshold_is_refused_within_its_text(
            test in test(), at in any::<prop::sample::Index>(), put in "[ -~]{0,3}",
        ) {
            let shown = test.to_string();
            let mut chars: Vec<char> = shown.chars().collect();
            let at = at.index(chars.len());
            chars.splice(at..=at, put.chars());
            let text: String = chars.into_iter().collect();
            if let Err(fault) = text.parse::<Test>() {
                prop_assert!(fault.at.end <= text.len() && fault.at.start <= fault.at.end);
                prop_assert!(text.is_char_boundary(fault.at.start));
                prop_assert!(!fault.message.is_empty() && !fault.help.is_empty(), "{text}");
            }
        }
    }
}
