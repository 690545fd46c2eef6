//! What a gate found, as text: the verdict, what decided, and a line for each threshold.

use super::Paint;
use super::table::Table;
use crate::judge::{Finding, Gate, Unit, Verdict};
use crate::scenario::StreamVerdict;

/// The findings of a gate, for a terminal.
pub fn gate(gate: &Gate, paint: Paint) -> String {
    let mut out = format!("{}\n", head(gate, paint));
    for reason in &gate.reasons {
        out += &format!("  {reason}\n");
    }
    if let Some(baseline) = &gate.baseline {
        out += &format!(
            "  baseline {} of {}\n",
            baseline.folder, baseline.started_utc
        );
    }
    for difference in &gate.differences {
        out += &format!(
            "  unlike the baseline: {} was `{}`, and is `{}`\n",
            difference.field, difference.baseline, difference.run
        );
    }
    if gate.findings.is_empty() {
        return out;
    }
    let head = [
        "threshold",
        "verdict",
        "value",
        "limit",
        "95 % interval",
        "n",
    ];
    let mut table = Table::new(2, &head);
    for finding in &gate.findings {
        table.row(cells(finding));
    }
    out += &table.render(2);
    for finding in gate.findings.iter().filter(|finding| is_explained(finding)) {
        let line = format!("{}: {}", finding.threshold, finding.why);
        out += &format!("  {} {line}\n", verdict(finding.verdict, paint));
    }
    out
}

fn head(gate: &Gate, paint: Paint) -> String {
    let decide = gate.findings.iter().filter(|finding| !finding.advisory);
    let decide: Vec<Verdict> = decide.map(|finding| finding.verdict).collect();
    let of = |wanted: Verdict| decide.iter().filter(|verdict| **verdict == wanted).count();
    let counts = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Inconclusive,
        Verdict::Invalid,
    ]
    .map(|verdict| (of(verdict), verdict.name()));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let advisory = gate.findings.len() - decide.len();
    let advisory = if advisory > 0 {
        format!(", {advisory} advisory")
    } else {
        String::new()
    };
    let mut parts = Vec::new();
    if let Some(comparison) = &gate.comparison {
        parts.push(format!("arms: {}", comparison.verdict.name()));
    }
    if !counts.is_empty() {
        parts.push(format!("thresholds: {}", counts.join(", ")));
    }
    let counts = if parts.is_empty() {
        "no thresholds decide".to_owned()
    } else {
        parts.join(" · ")
    };
    format!("gate {} · {counts}{advisory}", verdict(gate.verdict, paint))
}

/// Whether a finding needs a sentence: all that don't pass, and those that pass with a "but".
fn is_explained(finding: &Finding) -> bool {
    finding.verdict != Verdict::Pass
        || finding.baseline.is_some()
        || finding.why.contains([',', ';'])
}

fn verdict(verdict: Verdict, paint: Paint) -> String {
    let code = match verdict {
        Verdict::Pass => 32,
        Verdict::Inconclusive => 33,
        Verdict::Fail | Verdict::Invalid => 31,
    };
    paint.code(code, &verdict.to_string())
}

fn cells(finding: &Finding) -> [String; 6] {
    let unit = finding.unit;
    let stream = finding.metric == "stream";
    let value = match finding.value {
        Some(rank) if stream => StreamVerdict::name_at(rank).to_owned(),
        _ if finding.infinite => "infinite".to_owned(),
        value => figure(value, unit),
    };
    let interval = match (finding.ci_low, finding.ci_high) {
        (Some(low), Some(high)) => format!("[{} - {}]", bare(low, unit), figure(Some(high), unit)),
        (Some(low), None) => format!("[{} - infinite]", figure(Some(low), unit)),
        _ => String::new(),
    };
    let mut threshold = finding.threshold.clone();
    if finding.advisory {
        threshold += " (advisory)";
    }
    if finding.aborted {
        threshold += " (ended the run)";
    }
    [
        threshold,
        finding.verdict.to_string(),
        value,
        match finding.limit {
            Some(rank) if stream => {
                format!("{} {}", finding.relation, StreamVerdict::name_at(rank))
            }
            limit => format!("{} {}", finding.relation, figure(limit, unit)),
        },
        interval,
        finding.n.to_string(),
    ]
}

/// A value with its unit; a dash where there is none.
fn figure(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let number = bare(value, unit);
    match unit {
        Unit::Ms => format!("{number} ms"),
        Unit::Share => format!("{number} %"),
        Unit::PerS => format!("{number}/s"),
        Unit::Usd => format!("${number}"),
        Unit::Count => number,
    }
}

fn bare(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Ms | Unit::PerS => format!("{value:.2}"),
        Unit::Share => format!("{:.2}", value * 100.0),
        Unit::Usd => format!("{}", (value * 1e9).round() / 1e9),
        Unit::Count => format!("{value}"),
    }
}
