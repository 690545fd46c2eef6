//! The table, in Markdown.

use time::OffsetDateTime;

use super::RunArgs;
use super::cells::Cell;
use super::runner::{Cores, Entry, Sample};
use super::tools::Tool;

/// The tools that others are compared with.
const REFERENCES: [Tool; 4] = [Tool::Wrk, Tool::Oha, Tool::Stack, Tool::Aiperf];

/// Machine, date and versions.
pub(super) fn head(
    args: &RunArgs,
    cores: Cores,
    versions: &[(Tool, Result<String, String>)],
) -> String {
    let mut text = format!(
        "## ceiling\n\n{}, {} {}, {}; {} rounds of {} s, {}\n\n",
        OffsetDateTime::now_utc().date(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        processor(),
        args.rounds,
        args.seconds,
        match cores.client {
            Some(client) => format!("client on core {client}, server on a core of its own"),
            None => "NOT pinned: there is one core only, or no Linux".to_owned(),
        },
    );
    for (tool, version) in versions {
        let version = match version {
            Ok(version) => version.clone(),
            Err(why) => format!("absent: {why}"),
        };
        text += &format!("- {}: {version}\n", tool.name());
    }
    text
}

/// The machine's processor, where the platform says.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model)
        .collect();
    format!("{} x {}", models.len(), models.first().unwrap_or(&"?"))
}

/// One cell: a line for each tool.
pub(super) fn cell(cell: &Cell, entries: &[Entry]) -> String {
    let unit = if cell.chunks.is_some() {
        "token events"
    } else {
        "requests"
    };
    let mut text = format!(
        "\n### {} (`{}`)\n\n| tool | {unit} per CPU-second: median (min - max) | us each | {unit} per second | core |",
        cell.title, cell.name
    );
    let value = |sample: &Sample| per_cpu_second(cell, sample);
    let references: Vec<&Entry> = REFERENCES
        .iter()
        .filter_map(|tool| entries.iter().find(|entry| entry.tool == tool.name()))
        .filter(|entry| entry.absent.is_none())
        .collect();
    for reference in &references {
        text += &format!(" x {} |", reference.tool);
    }
    text += &format!("\n|---|{}\n", "---|".repeat(4 + references.len()));
    for entry in entries {
        text += &format!("| {} | ", entry.tool);
        if let Some(why) = &entry.absent {
            text += &format!("absent: {why} | {}\n", "| ".repeat(3 + references.len()));
            continue;
        }
        let (low, mid, high) = spread(entry.samples.iter().map(value));
        let (_, rate, _) = spread(
            entry
                .samples
                .iter()
                .map(|sample| value(sample) * sample.taken.cpu_s / sample.taken.wall_s),
        );
        let busy = entry.samples.iter();
        let (_, busy, _) = spread(busy.map(|sample| sample.taken.cpu_s / sample.taken.wall_s));
        let once = if entry.samples.len() == 1 {
            ", once"
        } else {
            ""
        };
        text += &format!(
            "{} ({} - {}){once} | {:.2} | {} | {:.0} % |",
            thousands(mid),
            thousands(low),
            thousands(high),
            1e6 / mid,
            thousands(rate),
            busy * 100.0
        );
        for reference in &references {
            let ratios = entry.samples.iter().filter_map(|sample| {
                let other = reference.samples.iter().find(|s| s.round == sample.round)?;
                Some(value(sample) / value(other))
            });
            text += &format!(" {:.2} |", spread(ratios).1);
        }
        text.push('\n');
    }
    text
}

/// Requests, or token events where there are any, for a second of CPU time.
fn per_cpu_second(cell: &Cell, sample: &Sample) -> f64 {
    let done = match cell.chunks {
        Some(_) => sample.count.tokens,
        None => sample.count.answers,
    };
    done as f64 / sample.taken.cpu_s
}

/// The least, the median and the most.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |k: usize| values.get(k).copied().unwrap_or(f64::NAN);
    let last = values.len().saturating_sub(1);
    (
        at(0),
        f64::midpoint(at(last / 2), at(last.div_ceil(2))),
        at(last),
    )
}

/// A whole number with commas.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
