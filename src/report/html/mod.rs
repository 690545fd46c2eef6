//! The report of a run as one page for a browser, which needs nothing but itself.
//!
//! The page is a frame, a style, a script and one block of data. The script draws; what it says are the
//! figures of the summary, and none is worked out a second time. All that others said (names of models,
//! texts of errors) stands in the block of data, and is only ever set as text.

mod compared;
mod data;
mod legend;

use serde::Serialize;
use serde_json::Value;

use super::costs;
use super::text::{cost_in_words, slos_in_words, standing};
use crate::judge::{Comparison, Gate, Validity};
use crate::record::Summary;
use crate::results::{Interruption, RunInfo, summary_rows};
pub use data::Course;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 4] = [
    include_str!("base.js"),
    include_str!("chart.js"),
    include_str!("plots.js"),
    include_str!("page.js"),
];

/// What a page is made of, besides the course of the run.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// What the run was.
    pub info: &'a RunInfo,
    /// Its figures.
    pub summary: &'a Summary,
    /// Whether they are to be trusted.
    pub validity: &'a Validity,
    /// What could not be read, for people.
    pub notes: &'a [String],
    /// What became of its thresholds, where it was gated.
    pub gate: Option<&'a Gate>,
    /// Its arms against each other, where it was compared.
    pub comparison: Option<&'a Comparison>,
}

/// The data of the page.
#[derive(Serialize)]
struct Data<'a> {
    title: String,
    target: &'a str,
    ended: &'static str,
    insecure: bool,
    facts: Vec<(&'static str, String)>,
    notes: &'a [String],
    validity: &'a Validity,
    /// What is wrong with invalid figures.
    wrong: &'static str,
    gate: Option<&'a Gate>,
    comparison: Option<compared::Compared<'a>>,
    info: &'a RunInfo,
    summary: &'a Summary,
    /// The lines of `summary.csv`: scope, metric, stat, value, unit, low, high, n.
    rows: Vec<Line>,
    legend: Vec<legend::Entry>,
    figures: data::Figures,
}

type Line = (
    String,
    String,
    String,
    Option<Value>,
    String,
    Option<f64>,
    Option<f64>,
    u64,
);

/// The page.
pub fn page(sheet: &Sheet<'_>, course: Course) -> String {
    let Sheet { info, summary, .. } = *sheet;
    let mut bare = info.clone();
    (bare.summary, bare.validity) = (None, None);
    let compared = sheet.comparison;
    let compared = compared.or_else(|| sheet.gate?.comparison.as_ref());
    let title = title(info);
    let data = Data {
        title: title.clone(),
        target: &info.target.url,
        ended: ended(info),
        insecure: info.is_insecure(),
        facts: facts(info, summary),
        notes: sheet.notes,
        validity: sheet.validity,
        wrong: sheet.validity.what_is_wrong(),
        gate: sheet.gate,
        comparison: compared.map(Into::into),
        info: &bare,
        summary,
        rows: rows(summary),
        legend: legend::entries(),
        figures: course.finish(),
    };
    let json = serde_json::to_string(&data).expect("plain data always encodes");
    // In a script nothing must look like its end, or like markup.
    let json = json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    let nonce = blake3::hash(json.as_bytes()).to_hex()[..32].to_owned();
    let parts = [
        ("NONCE", nonce),
        ("TITLE", escaped(&title)),
        ("VERDICT", escaped(&verdict_in_words(sheet))),
        ("STYLE", STYLE.to_owned()),
        ("SCRIPT", SCRIPTS.concat()),
        ("DATA", json),
    ];
    let mut rest = FRAME;
    let mut out = String::with_capacity(FRAME.len() + STYLE.len() + parts[5].1.len());
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the frame closes its places");
        let part = parts.iter().find(|(part, _)| *part == name);
        out += before;
        out += &part.expect("the frame has only these places").1;
        rest = after;
    }
    out + rest
}

/// The scenario, and the target or the arms.
fn title(info: &RunInfo) -> String {
    let arms: Vec<&str> = info.arms.iter().map(|arm| arm.name.as_str()).collect();
    match arms.as_slice() {
        [] => format!("{} against {}", info.scenario, info.target.name),
        arms => format!("{}: {}", info.scenario, arms.join(", ")),
    }
}

fn verdict_in_words(sheet: &Sheet<'_>) -> String {
    let validity = format!("{:?}", sheet.validity.verdict).to_uppercase();
    let gate = sheet.gate.map(|gate| format!("{}, ", gate.verdict));
    format!("{}{validity}", gate.unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn rows(summary: &Summary) -> Vec<Line> {
    // JSON has no infinity: there it is a word.
    let number = |value: f64| match value {
        _ if value.is_finite() => Value::from(value),
        _ => Value::from("inf"),
    };
    let lines = summary_rows(summary).into_iter();
    let lines = lines.map(|row| {
        let value = row.value.map(number);
        let (low, high) = (row.ci_low, row.ci_high);
        (
            row.scope, row.metric, row.stat, value, row.unit, low, high, row.n,
        )
    });
    lines.collect()
}

/// How a run ended that did not come to its end.
const fn ended(info: &RunInfo) -> &'static str {
    match info.interrupted {
        None if info.complete => "",
        None => "incomplete: the process was killed, or it is still running",
        Some(Interruption::Interrupt) => "interrupted",
        Some(Interruption::Terminate) => "terminated",
        Some(Interruption::Budget) => "stopped by the budget",
        Some(Interruption::Threshold) => "stopped by a threshold",
        Some(Interruption::Gateway) => "stopped: the gateway ended by itself",
    }
}

/// What the run was, in words.
fn facts(info: &RunInfo, summary: &Summary) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("started", info.started_utc.clone()),
        ("plan", info.digest.clone()),
        ("seed", info.seed.0.to_string()),
        ("client", info.client.clone()),
        ("workers", info.workers.to_string()),
        ("machine", info.host.clone()),
        ("tollgate", info.tollgate.clone()),
    ];
    let mut add = |what, said: String| {
        let said = said.trim().to_owned();
        if !said.is_empty() {
            facts.push((what, said));
        }
    };
    add("run", info.run_id.clone());
    add("connections", info.connections.in_words());
    let strip = |said: String, head: &str| said.trim_start_matches(head).trim().to_owned();
    let selftest = info.selftest.as_ref().map(standing).unwrap_or_default();
    add("self-test", strip(selftest, "self-test of"));
    add("good is", strip(slos_in_words(&info.slos), " "));
    if let Some(total) = summary.total() {
        add("cost", cost_in_words(info, &total.totals));
    }
    add("budget", strip(costs::budget(info), "budget"));
    facts
}
