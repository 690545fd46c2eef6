//! A gate for machines: files that CI systems and benchmark trackers read, all made of one verdict.
//!
//! A file a format; [`write_all`] makes all of them. Nothing here does IO.

mod annotations;
mod bencher;
mod benchmark;
mod case;
mod figures;
mod junit;
mod markdown;
mod text;

pub use annotations::{ANNOTATIONS_OF_A_KIND, annotations};
pub use bencher::bmf;
pub use benchmark::benchmark;
pub use figures::Better;
pub use junit::junit;
pub use markdown::{COMMENT_LIMIT, SUMMARY_LIMIT, markdown, marker};

use crate::judge::{Gate, Validity};
use crate::record::Summary;

/// The names of the files.
pub mod names {
    /// `JUnit` XML.
    pub const JUNIT: &str = "junit.xml";
    /// Markdown, short enough for a comment.
    pub const MARKDOWN: &str = "gate.md";
    /// The verdict and all that it is made of.
    pub const GATE: &str = "gate.json";
    /// Figures that should fall, for github-action-benchmark's `customSmallerIsBetter`.
    pub const SMALLER: &str = "benchmark-smaller.json";
    /// Figures that should rise, for its `customBiggerIsBetter`.
    pub const BIGGER: &str = "benchmark-bigger.json";
    /// Bencher Metric Format.
    pub const BMF: &str = "bmf.json";
    /// All of them.
    pub const ALL: [&str; 6] = [JUNIT, MARKDOWN, GATE, SMALLER, BIGGER, BMF];
}

/// What becomes of a verdict that the figures can't give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInconclusive {
    /// It is told as what it is, by an exit code of its own.
    #[default]
    Tell,
    /// It lets the release through. It is still no pass: nothing shows it in green.
    Pass,
    /// It stops the release.
    Fail,
}

/// What the outputs tell beyond the gate.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The scenario's file, as seen from the root of the repository; annotations stand in it.
    pub scenario_file: Option<&'a str>,
    /// Whether the run is to be trusted.
    pub validity: &'a Validity,
    /// What becomes of a verdict that the figures can't give.
    pub on_inconclusive: OnInconclusive,
}

/// A file that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// All files of a gate.
pub fn write_all(gate: &Gate, summary: &Summary, context: &Context) -> Vec<Output> {
    let output = |name, text: String| Output {
        name,
        bytes: text.into_bytes(),
    };
    let validity = context.validity;
    let scenario = &gate.run.scenario;
    vec![
        output(names::JUNIT, junit(gate, context)),
        output(
            names::MARKDOWN,
            markdown(gate, summary, context, COMMENT_LIMIT),
        ),
        output(names::GATE, json(gate)),
        output(
            names::SMALLER,
            benchmark(scenario, summary, validity, Better::Smaller),
        ),
        output(
            names::BIGGER,
            benchmark(scenario, summary, validity, Better::Bigger),
        ),
        output(names::BMF, bmf(scenario, summary, validity)),
    ]
}

/// JSON of a value of ours, for people too, with a line's end.
fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("our types have string keys only");
    text + "\n"
}
