//! Annotations: lines on stdout from which GitHub's runner makes notes at the lines of a file.
//!
//! By <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>; the escapes
//! are those of the runner's own parser (`ActionCommand` in <https://github.com/actions/runner>), which
//! the documentation does not list.

use super::Context;
use super::case::{Case, Shown, cases};
use super::text::{at_most, line};
use crate::judge::{Gate, Verdict};

/// As many annotations of one kind as GitHub shows of one step. The rest would go unseen.
pub const ANNOTATIONS_OF_A_KIND: usize = 10;
/// Characters of a title.
const TITLE: usize = 200;
/// Characters of a message.
const MESSAGE: usize = 1_000;

/// The commands, one a line. What fails is an error, what can't be told or only advises is a warning,
/// and what holds is a notice. Where a kind has more than GitHub shows, the last one counts the rest.
pub fn annotations(gate: &Gate, context: &Context) -> String {
    let cases = cases(gate, context);
    ["error", "warning", "notice"]
        .into_iter()
        .flat_map(|kind| {
            let of_kind = cases.iter().filter(|case| kind_of(case, context) == kind);
            capped(kind, &of_kind.collect::<Vec<_>>(), context)
        })
        .collect()
}

fn kind_of(case: &Case, context: &Context) -> &'static str {
    let policy = context.on_inconclusive;
    match case.shown(policy) {
        Shown::Green => "notice",
        Shown::Open => "warning",
        Shown::Error if case.verdict == Verdict::Inconclusive => "warning",
        Shown::Failure | Shown::Error => "error",
    }
}

fn capped(kind: &str, cases: &[&Case], context: &Context) -> Vec<String> {
    let rest = match cases.len() {
        n if n <= ANNOTATIONS_OF_A_KIND => 0,
        n => n + 1 - ANNOTATIONS_OF_A_KIND,
    };
    let shown = cases.len() - rest;
    let mut lines: Vec<String> = cases[..shown]
        .iter()
        .map(|case| annotation(kind, case, context))
        .collect();
    if rest > 0 {
        let message = format!("{rest} more of this kind: see gate.json, or the job's summary");
        lines.push(format!("::{kind} title=tollgate::{}\n", data(&message)));
    }
    lines
}

fn annotation(kind: &str, case: &Case, context: &Context) -> String {
    let place = match (context.scenario_file, case.line) {
        (Some(file), Some(at)) => format!("file={},line={at},", property(&line(file))),
        _ => String::new(),
    };
    let title = at_most(&format!("{}: {}", case.verdict, case.name), TITLE);
    let advisory = if case.decides { "" } else { "advisory: " };
    let parts = [case.why.as_str(), case.detail.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let message = at_most(&format!("{advisory}{}", parts.join("; ")), MESSAGE);
    format!(
        "::{kind} {place}title={}::{}\n",
        property(&line(&title)),
        data(&line(&message))
    )
}

/// A message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
