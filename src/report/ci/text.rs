//! Figures in words, and names of others made fit for a line.

use crate::base::Money;
use crate::judge::{Finding, Unit};
use crate::scenario::StreamVerdict;

/// A text in one line: what would break it, hide something or turn the direction of reading is replaced.
///
/// Characters that XML does not allow are among these.
pub(super) fn line(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let fit = |c: char| match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if unseen(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(fit).collect()
}

/// A text of at most so many characters, and a mark where it is longer.
pub(super) fn at_most(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value with its unit.
pub(super) fn value(unit: Unit, value: f64) -> String {
    number(unit, value) + suffix(unit)
}

fn number(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ms | Unit::PerS => format!("{value:.2}"),
        Unit::Share => format!("{:.2}", value * 100.0),
        Unit::Usd => {
            Money::from_dollars(value).map_or_else(|| format!("${value}"), |m| m.to_string())
        }
        Unit::Count => format!("{value}"),
    }
}

const fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Ms => " ms",
        Unit::Share => " %",
        Unit::PerS => "/s",
        Unit::Usd | Unit::Count => "",
    }
}

/// The value of a finding, or why there is none.
pub(super) fn found(finding: &Finding) -> String {
    match finding.value {
        None if finding.infinite => "infinite".to_owned(),
        Some(rank) if finding.metric == "stream" => StreamVerdict::name_at(rank).to_owned(),
        Some(found) => value(finding.unit, found),
        None if finding.n < finding.needs => {
            format!("n/a (needs {}, has {})", finding.needs, finding.n)
        }
        None => "n/a".to_owned(),
    }
}

/// The confidence interval of a finding; empty where there is none.
pub(super) fn interval(finding: &Finding) -> String {
    let of = |number| value(finding.unit, number);
    match (finding.ci_low, finding.ci_high) {
        (None, _) => String::new(),
        // So many requests failed that it has no upper end.
        (Some(low), None) => format!("{} - infinite", of(low)),
        (Some(low), Some(high)) => format!("{} - {}", number(finding.unit, low), of(high)),
    }
}

/// What a finding's value is held against.
pub(super) fn limit(finding: &Finding) -> String {
    let limit = match finding.limit {
        None => "n/a".to_owned(),
        Some(rank) if finding.metric == "stream" => StreamVerdict::name_at(rank).to_owned(),
        Some(limit) => value(finding.unit, limit),
    };
    let baseline = finding.baseline.map(|baseline| {
        let baseline = value(finding.unit, baseline);
        format!(" (baseline {baseline})")
    });
    format!(
        "{} {limit}{}",
        finding.relation,
        baseline.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_line_and_hides_nothing() {
        assert_eq!(line("a\nb\tc\u{2028}d"), "a b c d");
        assert_eq!(
            line("\0\u{1b}[31mred\u{202e}\u{ffff}"),
            "\u{fffd}\u{fffd}[31mred\u{fffd}\u{fffd}"
        );
        assert_eq!(
            line("Gr\u{fc}\u{df}e \u{1f600}"),
            "Gr\u{fc}\u{df}e \u{1f600}"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(at_most("\u{e4}\u{f6}\u{fc}", 2), "\u{e4}\u{f6}...");
        assert_eq!(at_most("\u{e4}\u{f6}", 2), "\u{e4}\u{f6}");
    }

    #[test]
    fn values_have_their_units() {
        assert_eq!(value(Unit::Ms, 812.345), "812.35 ms");
        assert_eq!(value(Unit::Share, 0.0123), "1.23 %");
        assert_eq!(value(Unit::PerS, 99.6), "99.60/s");
        assert_eq!(value(Unit::Usd, 0.002), "$0.002");
        assert_eq!(value(Unit::Count, 12.0), "12");
    }
}
