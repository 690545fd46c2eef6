//! The report's lines on what a gateway told, and how it shared out the answers.

use super::table::Table;
use super::text::Paint;
use crate::judge::{ShareVerdict, SharesFound};
use crate::record::{NameCount, TellSummary};

/// The most names that a line shows.
const SHOWN: usize = 6;

/// What the gateway told of its cache, its attempts, and who answered.
pub(super) fn gateway(told: &TellSummary) -> String {
    let mut out = String::new();
    let mut said = Vec::new();
    if told.cache_told > 0 {
        said.push(format!(
            "{} of {} from its cache",
            told.cache_hits, told.cache_told
        ));
    }
    if told.attempts_told > 0 {
        said.push(format!(
            "{} of {} took it more than one attempt",
            told.retried, told.attempts_told
        ));
    }
    if !said.is_empty() {
        out += &format!("gateway     says: {}\n", said.join("; "));
    }
    for (title, names) in [("models", &told.models), ("providers", &told.providers)] {
        // One name for all says no more than the recipes do.
        if names.len() > 1 {
            out += &format!("{title:<12}{}\n", names_in_words(names));
        }
    }
    out
}

fn names_in_words(names: &[NameCount]) -> String {
    let all: u64 = names.iter().map(|name| name.count).sum();
    let shown = names.iter().take(SHOWN).map(|name| {
        let share = name.count as f64 / all as f64 * 100.0;
        format!("{} {} ({share:.1} %)", name.name, name.count)
    });
    let mut said: Vec<String> = shown.collect();
    if names.len() > SHOWN {
        said.push(format!("and {} more", names.len() - SHOWN));
    }
    said.join(", ")
}

/// A line for each recipe of which the scenario says how its answers should be shared out.
pub(super) fn share_lines(shares: &[SharesFound]) -> String {
    let line = |found: &SharesFound| {
        let (word, why) = match (found.verdict, found.p) {
            (ShareVerdict::AsExpected, Some(p)) => (
                "AS EXPECTED",
                format!("chance is as far off in {} of runs", percent(p)),
            ),
            (ShareVerdict::Off, Some(p)) => (
                "OFF",
                format!("chance is as far off in {} of runs", percent(p)),
            ),
            (ShareVerdict::Unexpected, _) => ("OFF", "a name without a weight answered".to_owned()),
            _ => (
                "N/A",
                format!(
                    "of {} answers some weight expects fewer than 5",
                    found.answers
                ),
            ),
        };
        let by = found.by.name();
        format!("shares of {} by {by}: {word}: {why}\n", found.recipe)
    };
    shares.iter().map(line).collect()
}

fn percent(p: f64) -> String {
    if p < 0.0001 {
        "less than 0.01 %".to_owned()
    } else {
        format!("{:.2} %", p * 100.0)
    }
}

/// What was observed and what was expected of each name.
pub(super) fn share_tables(shares: &[SharesFound], paint: Paint) -> String {
    let mut out = String::new();
    for found in shares {
        let by = found.by.name();
        let mut table = Table::new(1, &[by, "observed", "share", "expected", "share"]);
        let share = |n: f64| format!("{:.1} %", n / (found.answers.max(1) as f64) * 100.0);
        for name in &found.shares {
            table.row([
                name.name.clone(),
                name.observed.to_string(),
                share(name.observed as f64),
                format!("{:.1}", name.expected),
                share(name.expected),
            ]);
        }
        let p = match found.p {
            None => "n/a".to_owned(),
            Some(p) if p < 0.0001 => "below 0.0001".to_owned(),
            Some(p) => format!("{p:.4}"),
        };
        let statistic = found.chi_square;
        let statistic = statistic.map_or_else(|| "n/a".to_owned(), |x| format!("{x:.3}"));
        let untold = match found.untold {
            0 => String::new(),
            n => format!("; {n} requests told no {by}"),
        };
        let title = paint.bold(&format!("shares of {} by {by}", found.recipe));
        out += &format!(
            "\n{title}: chi-square {statistic}, p {p}{untold}\n{}",
            table.render(2)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ShareFound;
    use crate::scenario::By;

    fn found(verdict: ShareVerdict, p: Option<f64>) -> SharesFound {
        let share = |name: &str, observed, expected| ShareFound {
            name: name.to_owned(),
            observed,
            expected,
        };
        SharesFound {
            recipe: "chat".to_owned(),
            by: By::Model,
            verdict,
            chi_square: p.map(|_| 1.5),
            p,
            answers: 100,
            untold: 3,
            shares: vec![share("a", 70, 75.0), share("b", 30, 25.0)],
        }
    }

    #[test]
    fn the_verdict_is_a_line_of_its_own() {
        let line = |verdict, p| share_lines(&[found(verdict, p)]);
        assert_eq!(
            line(ShareVerdict::AsExpected, Some(0.2482)),
            "shares of chat by model: AS EXPECTED: chance is as far off in 24.82 % of runs\n"
        );
        assert_eq!(
            line(ShareVerdict::Off, Some(1e-9)),
            "shares of chat by model: OFF: chance is as far off in less than 0.01 % of runs\n"
        );
        assert_eq!(
            line(ShareVerdict::TooFew, None),
            "shares of chat by model: N/A: of 100 answers some weight expects fewer than 5\n"
        );
        let unexpected = line(ShareVerdict::Unexpected, None);
        assert!(unexpected.contains("OFF: a name without a weight answered"));
    }

    #[test]
    fn a_table_holds_what_was_observed_against_what_was_expected() {
        let table = share_tables(&[found(ShareVerdict::TooFew, None)], Paint::Plain);
        let wanted = "
shares of chat by model: chi-square n/a, p n/a; 3 requests told no model
  model  observed   share  expected   share
  a            70  70.0 %      75.0  75.0 %
  b            30  30.0 %      25.0  25.0 %
";
        assert_eq!(table, wanted);
    }

    #[test]
    fn a_p_value_is_never_said_to_be_nothing() {
        let table = |p| share_tables(&[found(ShareVerdict::Off, Some(p))], Paint::Plain);
        assert!(table(1e-12).contains("chi-square 1.500, p below 0.0001;"));
        assert!(table(0.00512).contains("chi-square 1.500, p 0.0051;"));
    }

    #[test]
    fn what_a_gateway_says_is_told_only_where_it_says_it() {
        assert_eq!(gateway(&TellSummary::default()), "");
        let name = |name: &str, count| NameCount {
            name: name.to_owned(),
            count,
        };
        let told = TellSummary {
            cache_told: 100,
            cache_hits: 3,
            attempts_told: 90,
            retried: 2,
            models: vec![name("a", 99)],
            providers: (0..8).map(|k| name(&format!("p{k}"), 10)).collect(),
        };
        let said = gateway(&told);
        assert!(said.starts_with(
            "gateway     says: 3 of 100 from its cache; 2 of 90 took it more than one attempt\n"
        ));
        assert!(!said.contains("models"), "{said}");
        assert!(said.ends_with("p5 10 (12.5 %), and 2 more\n"), "{said}");
    }
}
