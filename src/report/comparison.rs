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
    let mut table = Table::new(
        1,
        &["", &of.baseline, &arm.arm, "change", "sees", "n", "verdict"],
    );
    for row in &rows {
        table.row([
            name(row),
            value(row.unit, row.baseline),
            value(row.unit, row.arm),
            change(row),
            sees(row),
            counts(row.n),
            row.verdict.name().to_owned(),
        ]);
    }
    out += &table.render(2);
    for row in rows.iter().filter(|row| row.primary) {
        let line = format!("{}: {}", name(row).trim_start_matches("* "), row.why);
        out += &wrapped(&line, "  ", "    ");
    }
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
        Some(_) => format!("{} ({} - {})", shown(value), shown(low), shown(high)),
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
            format!("{change} ({low} - {high})")
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
        "* decides. Times in ms, a failure counted as infinitely slow. (low - high) of an arm is its 95 % interval, of the change that of {} confidence; both by slices. change: arm / baseline; of the error rate arm - baseline, in points. sees: the smallest change that this run would have told from none with a power of 80 %. pass: no worse than the margin; fail: worse than it; Holm over what decides.",
        percent(1.0 - of.level)
    );
    wrapped(&text, "", "")
}

/// Prose in lines of so many columns.
fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
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
    out + &line + "\n"
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
