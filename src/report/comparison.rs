//! Arms against each other, for a terminal: 100 columns.

use super::table::Table;
use super::text::Paint;
use crate::judge::{ArmComparison, Comparison, Design, Ranking, Row, Unit, Verdict};

/// Columns of a line of prose.
const COLUMNS: usize = 100;

/// The report of a comparison.
pub fn comparison(of: &Comparison, paint: Paint) -> String {
    let mut out = head(of, paint);
    for arm in &of.arms {
        out.push('\n');
        out += &arm_table(of, arm, paint);
    }
    if let Some(ranking) = &of.ranking {
        out.push('\n');
        out += &ranked(ranking);
    }
    out.push('\n');
    out += &formulas(of);
    out += &foot(of);
    out
}

fn head(of: &Comparison, paint: Paint) -> String {
    let arms: Vec<&str> = of.arms.iter().map(|arm| arm.arm.as_str()).collect();
    let title = format!("{} against {}", arms.join(", "), of.baseline);
    let design = match of.design {
        Design::Duet => "duet",
        Design::Slices => "slices",
        Design::Historical => "historical: whatever else changed between the runs is in it",
    };
    let looks = if of.looks > 1 {
        format!(" · {} looks, each at {}", of.looks, percent(of.level))
    } else {
        String::new()
    };
    format!(
        "{}\n{design} · {} slices · margin {}, error rate {} points · alpha {}{looks}\n{}\n",
        paint.bold(&title),
        of.slices,
        percent(of.margin),
        figure(of.error_margin * 100.0),
        percent(of.alpha),
        paint.verdict(of.verdict, &of.verdict.to_string()),
    )
}

fn arm_table(of: &Comparison, arm: &ArmComparison, paint: Paint) -> String {
    let rows = arm.rows();
    let mut out = format!("{}: {}\n", paint.bold(&arm.arm), arm.verdict);
    let mut verdicts = Table::new(1, &["", "change", "sees", "n", "verdict"]);
    let mut values = Table::new(1, &["", &of.baseline, &arm.arm]);
    for row in &rows {
        verdicts.row([
            name(row),
            change(row),
            sees(row),
            counts(row.n),
            row.verdict.name().to_owned(),
        ]);
        values.row([
            name(row),
            value(row.unit, row.baseline),
            value(row.unit, row.arm),
        ]);
    }
    out += &verdicts.render(2);
    for row in rows.iter().filter(|row| row.primary) {
        let line = format!("{}: {}", name(row).trim_start_matches("* "), row.why);
        out += &wrapped(&line, "  ", "    ");
    }
    out += &values.render(2);
    out
}

/// A star marks what decides.
fn name(row: &Row<'_>) -> String {
    let mark = if row.primary { "*" } else { " " };
    let unit = match row.unit {
        Unit::Share => " %",
        Unit::PerS => "/s",
        Unit::Usd => " $",
        Unit::Ms | Unit::Count => "",
    };
    let metric = match row.metric {
        "cost_per_request" => "cost/request",
        metric => metric,
    };
    let stat = row.stat.map(|stat| format!(" {stat}")).unwrap_or_default();
    format!("{mark} {metric}{stat}{unit}")
}

/// A value with its interval.
fn value(unit: Unit, [value, low, high]: [Option<f64>; 3]) -> String {
    let scale = if unit == Unit::Share { 100.0 } else { 1.0 };
    let shown = |end: Option<f64>| end.map_or("?".to_owned(), |end| figure(end * scale));
    match value {
        None => "-".to_owned(),
        Some(_) if low.is_none() && high.is_none() => shown(value),
        Some(_) => format!("{} ({}..{})", shown(value), shown(low), shown(high)),
    }
}

fn change(row: &Row<'_>) -> String {
    let show = |end: f64| {
        if row.difference {
            format!("{:+.2}", end * 100.0)
        } else {
            format!("{end:.3}")
        }
    };
    let [change, low, high] = row.change.map(|end| end.map(show));
    let open = || "?".to_owned();
    match change {
        None => "-".to_owned(),
        Some(change) if low.is_none() && high.is_none() => change,
        Some(change) => {
            let (low, high) = (low.unwrap_or_else(open), high.unwrap_or_else(open));
            format!("{change} ({low}..{high})")
        }
    }
}

fn sees(row: &Row<'_>) -> String {
    let shown = |least: f64| {
        if row.difference {
            format!("{:+.2}", least * 100.0)
        } else {
            format!("{:.1} %", least * 100.0)
        }
    };
    row.evidence.detectable.map_or("-".to_owned(), shown)
}

fn counts([baseline, arm]: [u64; 2]) -> String {
    if baseline == arm {
        arm.to_string()
    } else {
        format!("{baseline}/{arm}")
    }
}

/// Three digits that count, and no power of ten.
fn figure(value: f64) -> String {
    let digits = if value == 0.0 {
        0
    } else {
        2 - value.abs().log10().floor() as i32
    };
    format!("{value:.places$}", places = digits.clamp(0, 9) as usize)
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}

fn ranked(ranking: &Ranking) -> String {
    let out = format!(
        "ranking by {} {}, the fastest first; arms of one group can't be told apart\n",
        ranking.metric.name(),
        ranking.stat
    );
    let mut table = Table::new(1, &["arm", "ms", "group"]);
    for place in &ranking.order {
        let groups: Vec<String> = place.groups.iter().map(u32::to_string).collect();
        let value = place.value_ms.map_or("infinite".to_owned(), figure);
        table.row([place.arm.clone(), value, groups.join(", ")]);
    }
    for arm in &ranking.unranked {
        table.row([arm.clone(), "too few".to_owned(), "-".to_owned()]);
    }
    out + &table.render(2)
}

/// How each figure is worked out, once.
fn formulas(of: &Comparison) -> String {
    let mut told: Vec<&str> = Vec::new();
    let mut out = String::new();
    for row in of.arms.iter().flat_map(ArmComparison::rows) {
        if !told.contains(&row.metric) {
            told.push(row.metric);
            out += &wrapped(&format!("{}: {}", row.metric, row.formula), "", "  ");
        }
    }
    out
}

fn foot(of: &Comparison) -> String {
    let text = format!(
        "* decides. Times in ms, a failure counted as infinitely slow. (low..high) of an arm is its 95 % interval, of the change that of {} confidence; both by slices. change: arm / baseline; of the error rate arm - baseline, in points. sees: the smallest change that this run would have told from none with a power of 80 %. pass: no worse than the margin; fail: worse than it; Holm over what decides.",
        percent(1.0 - of.level)
    );
    wrapped(&text, "", "")
}

/// Prose in lines of so many columns.
fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    // A unit stays with its number.
    for word in text.replace(" %", "\u{a0}%").split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out += &line;
            out.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    (out + &line + "\n").replace('\u{a0}', " ")
}

impl Paint {
    fn verdict(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Pass => 32,
            Verdict::Inconclusive => 33,
            Verdict::Fail | Verdict::Invalid => 31,
        };
        self.code(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::judge::{Settings, compare_arms};
    use crate::record::Tally;
    use crate::sample::Metric;

    /// Slices of arms whose answers take so many milliseconds, and of which one in so many fails.
    fn found(arms: &[(&str, u64, u64)]) -> Comparison {
        let slice = |k: u64| {
            let arm = |(_, ms, failing): &(&str, u64, u64)| {
                let mut tally = Tally::default();
                for j in 0..40 {
                    tally.arrivals += 1;
                    if j % failing == 0 {
                        continue;
                    }
                    tally.ok += 1;
                    tally.good_in_window += 1;
                    let spread = 80 + (j * 37 + k * 11) % 50;
                    let time = Duration::from_micros(ms * spread * 10);
                    tally.times_mut(Metric::E2e).record(time);
                    tally.times_mut(Metric::Service).record(time);
                }
                tally
            };
            arms.iter().map(arm).collect()
        };
        let slices: Vec<Vec<Tally>> = (0..20).map(slice).collect();
        let names = arms.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let settings = Settings {
            window_s: vec![60.0; arms.len()],
            ..Settings::new(names)
        };
        compare_arms(&slices, &settings)
    }

    fn lines(of: &Comparison) -> Vec<String> {
        let text = comparison(of, Paint::Plain);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_table_says_value_interval_change_verdict_and_reason() {
        let lines = lines(&found(&[("direct", 300, 97), ("gateway", 420, 97)]));
        let has = |part: &str| lines.iter().any(|line| line.contains(part));
        for part in [
            "gateway against direct",
            "duet · 20 slices · margin 10 %, error rate 1.00 points · alpha 5 %",
            "  e2e p50: 40.0 % slower, with 95 % confidence no better than",
            "e2e: end - due",
            "FAIL",
        ] {
            assert!(has(part), "{part}\n{}", lines.join("\n"));
        }
        let row = lines
            .iter()
            .find(|line| line.trim_start().starts_with("* e2e p95"));
        let row = row.map(String::as_str).unwrap_or_default();
        assert!(
            row.contains("1.401 (1.401..1.401)") && row.ends_with("fail"),
            "{row}"
        );
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let arms = [
            ("direct", 12_345, 20),
            ("my-gateway", 23_456, 5),
            ("other", 12_500, 20),
        ];
        let lines = lines(&found(&arms));
        for line in &lines {
            assert!(
                line.chars().count() <= COLUMNS,
                "{line}\n{}",
                lines.join("\n")
            );
        }
        let ranking = lines
            .iter()
            .position(|line| line.starts_with("ranking by e2e p50"));
        assert!(ranking.is_some(), "{}", lines.join("\n"));
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        let shown = [0.0, 0.001_234, 0.5, 12.34, 1_234.5, 1e-12].map(figure);
        assert_eq!(
            shown,
            ["0", "0.00123", "0.500", "12.3", "1234", "0.000000000"]
        );
    }
}
