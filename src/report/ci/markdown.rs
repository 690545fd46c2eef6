//! Markdown for a job's summary and for a comment on a pull request.
//!
//! Names come from scenarios and servers, so none is trusted: what Markdown or HTML would heed, a mention
//! or a link among it, is written as a character reference.

use super::case::{change, name};
use super::text::{at_most, found, interval, limit, line, value};
use super::{Context, OnInconclusive};
use crate::judge::{Comparison, Finding, Gate, GatedRun, Level, Row, Validity, Verdict};
use crate::record::Summary;

/// The bytes of a comment: GitHub takes 65,536 characters, and an action may add some.
pub const COMMENT_LIMIT: usize = 60_000;
/// The bytes of all summaries of one step: 1 MiB by
/// <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.
pub const SUMMARY_LIMIT: usize = 1024 * 1024;

/// Characters of a name or a sentence in a cell.
const CELL: usize = 400;
/// Reasons, differences and checks that are listed.
const LISTED: usize = 20;

/// A comment that nobody sees, by which an action finds its own comment on a pull request to write it anew.
/// It is the same for all runs of a scenario.
pub fn marker(scenario: &str) -> String {
    let fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = scenario.chars().filter(|c| fit(*c)).take(60).collect();
    // Two names may look alike without their other characters.
    let hash = blake3::hash(scenario.as_bytes()).to_hex();
    format!("<!-- tollgate-gate {name} {} -->", &hash[..8])
}

/// The verdict and what it is made of, in at most `limit` bytes. Where that does not hold all, rows that
/// passed are left out first, and it says so; where it does not even hold the head, it is empty.
pub fn markdown(gate: &Gate, summary: &Summary, context: &Context, limit: usize) -> String {
    let rows = Rows::of(gate);
    let mut kept = rows.count();
    loop {
        let text = page(gate, summary, context, &rows.worst(kept));
        if text.len() <= limit {
            return text;
        }
        if kept == 0 {
            return String::new();
        }
        kept = kept * 3 / 4;
    }
}

/// All rows of the page's tables.
struct Rows<'a> {
    findings: Vec<&'a Finding>,
    compared: Vec<(&'a str, Row<'a>)>,
    left_out: usize,
}

impl<'a> Rows<'a> {
    fn of(gate: &'a Gate) -> Self {
        let arms = gate.comparison.iter().flat_map(|c| &c.arms);
        Self {
            findings: gate.findings.iter().collect(),
            compared: arms
                .flat_map(|arm| arm.rows().into_iter().map(|row| (arm.arm.as_str(), row)))
                .collect(),
            left_out: 0,
        }
    }

    fn count(&self) -> usize {
        self.findings.len() + self.compared.len()
    }

    /// The `kept` worst rows, in the order that they had.
    fn worst(&self, kept: usize) -> Self {
        let of_findings = self.findings.iter().map(|f| (f.verdict, !f.advisory));
        let of_compared = self
            .compared
            .iter()
            .map(|(_, row)| (row.verdict, row.primary));
        let mut order: Vec<_> = of_findings.chain(of_compared).enumerate().collect();
        order.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let mut keep = vec![false; self.count()];
        for (at, _) in order.iter().take(kept) {
            keep[*at] = true;
        }
        let (first, second) = keep.split_at(self.findings.len());
        Self {
            findings: chosen(&self.findings, first),
            compared: chosen(&self.compared, second),
            left_out: self.count().saturating_sub(kept),
        }
    }
}

fn chosen<T: Copy>(all: &[T], keep: &[bool]) -> Vec<T> {
    let kept = all.iter().zip(keep).filter(|(_, keep)| **keep);
    kept.map(|(row, _)| *row).collect()
}

fn page(gate: &Gate, summary: &Summary, context: &Context, rows: &Rows) -> String {
    let mut out = head(gate, context);
    out += &thresholds(&rows.findings);
    if let Some(comparison) = &gate.comparison {
        out += &compared(comparison, &rows.compared);
    }
    if rows.left_out > 0 {
        out += &format!(
            "\n{} more rows are left out here for their size, the mildest first: see gate.json.\n",
            rows.left_out
        );
    }
    out += &validity(context.validity);
    out += &cost(summary);
    out += &runs(gate);
    out
}

fn head(gate: &Gate, context: &Context) -> String {
    let mut out = format!(
        "{}\n## {} · {}\n\n{}\n",
        marker(&gate.run.scenario),
        gate.verdict,
        code(&gate.run.scenario),
        counted(gate)
    );
    if gate.verdict == Verdict::Inconclusive {
        out += match context.on_inconclusive {
            OnInconclusive::Tell => "",
            OnInconclusive::Pass => "\nThe policy of this job lets an inconclusive gate through.\n",
            OnInconclusive::Fail => "\nThe policy of this job stops at an inconclusive gate.\n",
        };
    }
    out += &list(gate.reasons.iter().map(|reason| prose(reason)));
    out
}

/// How many thresholds came to what.
fn counted(gate: &Gate) -> String {
    if gate.findings.is_empty() {
        return "No thresholds.".to_owned();
    }
    let verdicts = [
        Verdict::Invalid,
        Verdict::Fail,
        Verdict::Inconclusive,
        Verdict::Pass,
    ];
    let told = verdicts.into_iter().filter_map(|verdict| {
        let of = |finding: &&Finding| finding.verdict == verdict && !finding.advisory;
        let n = gate.findings.iter().filter(of).count();
        (n > 0).then(|| format!("{n} {}", verdict.name()))
    });
    let advisory = gate.findings.iter().filter(|f| f.advisory).count();
    let advisory = (advisory > 0).then(|| format!("{advisory} advisory"));
    let told: Vec<String> = told.chain(advisory).collect();
    format!("Thresholds: {}.", told.join(", "))
}

fn thresholds(findings: &[&Finding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let head = [
        "verdict",
        "threshold",
        "value",
        "95 % interval",
        "limit",
        "n",
        "why",
    ];
    let rows = findings.iter().map(|finding| {
        vec![
            verdict(finding.verdict, finding.advisory),
            code(&finding.threshold),
            prose(&found(finding)),
            prose(&interval(finding)),
            prose(&limit(finding)),
            finding.n.to_string(),
            prose(&finding.why),
        ]
    });
    format!("\n### Thresholds\n\n{}", table(&head, 2, rows))
}

fn compared(comparison: &Comparison, rows: &[(&str, Row)]) -> String {
    let design = format!("{:?}", comparison.design).to_lowercase();
    let mut out = format!(
        "\n### Against {}: {}\n\nDesign {design}, margin {:.1} %, of the error rate {:.2} points; alpha {}, {} slices.\n",
        code(&comparison.baseline),
        comparison.verdict,
        comparison.margin * 100.0,
        comparison.error_margin * 100.0,
        comparison.alpha,
        comparison.slices
    );
    let of_arms = comparison.arms.iter();
    out += &list(of_arms.map(|arm| format!("{}: {}", code(&arm.arm), arm.verdict)));
    if rows.is_empty() {
        return out;
    }
    let head = [
        "verdict",
        "arm",
        "figure",
        "value",
        "baseline",
        "change (95 %)",
        "n",
        "why",
    ];
    let rows = rows.iter().map(|(arm, row)| {
        let of = |number: Option<f64>| {
            number.map_or_else(|| "n/a".to_owned(), |number| value(row.unit, number))
        };
        vec![
            verdict(row.verdict, !row.primary),
            code(arm),
            code(&name(row)),
            prose(&of(row.arm[0])),
            prose(&of(row.baseline[0])),
            prose(&change(row)),
            format!("{} / {}", row.n[1], row.n[0]),
            prose(row.why),
        ]
    });
    out + "\n" + &table(&head, 3, rows)
}

fn validity(validity: &Validity) -> String {
    let said = match validity.verdict {
        Level::Valid => "valid".to_owned(),
        Level::Warn => "valid, with care".to_owned(),
        Level::Invalid => format!("**INVALID**: {}", validity.what_is_wrong()),
    };
    let against = validity.checks.iter().filter(|c| c.level > Level::Valid);
    let against = against.map(|check| {
        prose(&format!(
            "{} is {}, wanted {}. {}",
            check.name, check.value, check.limit, check.remedy
        ))
    });
    format!("\n### The run is {said}\n{}", list(against))
}

fn cost(summary: &Summary) -> String {
    let Some(total) = summary.total() else {
        return String::new();
    };
    let (count, cost) = (&total.count, &total.totals.cost);
    let requests = format!(
        "{} requests, {} failed ({:.2} %).",
        count.requests,
        count.failed,
        total.totals.error_rate * 100.0
    );
    let money = match cost.per_request_usd {
        None => "Cost unknown.".to_owned(),
        Some(each) if cost.unknown == 0 => format!("Cost {}, {each} a request.", cost.usd),
        Some(each) => format!(
            "Cost {}, {each} a request; unknown for {} requests.",
            cost.usd, cost.unknown
        ),
    };
    format!("\n{requests} {money}\n")
}

fn runs(gate: &Gate) -> String {
    let run = |what: &str, run: &GatedRun| {
        format!(
            "{what}: {}, plan {}, started {}",
            code(&run.folder),
            code(&run.digest),
            prose(&run.started_utc)
        )
    };
    let baseline = gate.baseline.iter().map(|of| run("baseline", of));
    let differ = gate.differences.iter().map(|difference| {
        format!(
            "differs in {}: {} here, {} in the baseline",
            code(&difference.field),
            code(&difference.run),
            code(&difference.baseline)
        )
    });
    let lines = [run("run", &gate.run)]
        .into_iter()
        .chain(baseline)
        .chain(differ);
    format!("\n### Files\n{}", list(lines))
}

/// A verdict in a cell: what is no pass stands out.
fn verdict(verdict: Verdict, advisory: bool) -> String {
    let advisory = if advisory { " (advisory)" } else { "" };
    match verdict {
        Verdict::Pass => format!("pass{advisory}"),
        other => format!("**{other}**{advisory}"),
    }
}

/// A list of its own; empty where nothing is in it.
fn list(mut all: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = all.by_ref().take(LISTED).collect();
    if all.next().is_some() {
        items.push("and more: see gate.json".to_owned());
    }
    if items.is_empty() {
        return String::new();
    }
    format!("\n- {}\n", items.join("\n- "))
}

/// A table whose first `left` columns, and the last, are words.
fn table(head: &[&str], left: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = |at: usize| {
        if at < left || at + 1 == head.len() {
            "---"
        } else {
            "---:"
        }
    };
    let names: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let rules: Vec<String> = (0..head.len()).map(|at| rule(at).to_owned()).collect();
    let rows: String = rows.map(|cells| line(&cells)).collect();
    line(&names) + &line(&rules) + &rows
}

/// A name, as code: GitHub makes no mention or link of it there.
fn code(text: &str) -> String {
    match escaped(text) {
        text if text.trim().is_empty() => String::new(),
        text => format!("<code>{text}</code>"),
    }
}

/// A sentence that may hold a name.
fn prose(text: &str) -> String {
    // The space of no width keeps what follows from being a mention of somebody, or of an issue.
    escaped(text)
        .replace("&#64;", "&#64;&#8203;")
        .replace("&#35;", "&#35;&#8203;")
}

/// A text in a line, in which neither Markdown nor HTML finds anything.
fn escaped(text: &str) -> String {
    let text = line(&at_most(text, CELL));
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let harmless = match c {
            ' ' | '\'' | '(' | ')' | '%' | ',' | ';' | '/' | '=' | '-' | '$' | '?' => true,
            // Within a number or a name, or at a sentence's end, these mean nothing.
            '.' => before.is_ascii_digit() || next == ' ',
            ':' => next == ' ' || (before.is_ascii_digit() && next.is_ascii_digit()),
            '_' => before.is_ascii_alphanumeric(),
            c => !c.is_ascii_punctuation(),
        };
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            c if harmless => out.push(c),
            c => out += &format!("&#{};", u32::from(c)),
        }
        before = c;
    }
    out
}
