//! What another tool or a gateway's log says, as the text of a scenario and its prompt files. Pure: bytes
//! in, texts out, and a list of what could not be carried.

mod aiperf;
mod aiperf_flags;
mod aiperf_lengths;
mod bench;
mod chats;
mod conversations;
mod detect;
mod draft;
mod k6;
mod k6_thresholds;
mod log_rows;
mod mix;
mod reading;
mod secrets;
mod vegeta;
mod words;
mod yaml;

use std::sync::Arc;

use crate::scenario::{Problem, Source};

/// The largest file of options, whose every place is kept.
const MOST_OPTIONS: usize = 1 << 20;
/// The largest file at all.
pub const MOST: u64 = 2 << 30;

/// Whose format a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The options of a k6 script as JSON, or the export of its summary.
    K6,
    /// A target file of vegeta, as text or as JSON lines.
    Vegeta,
    /// A configuration of `AIPerf`, or its command line.
    Aiperf,
    /// Conversations as `ShareGPT` has them.
    Sharegpt,
    /// Requests as JSON lines, as `OpenAI` takes them for a batch, or chats.
    Openai,
    /// Rows of Respan's log.
    Respan,
    /// The spend log of the `LiteLLM` proxy.
    Litellm,
    /// The log of Respan's open-source gateway, as CSV.
    RespanOss,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::K6,
        Self::Vegeta,
        Self::Aiperf,
        Self::Sharegpt,
        Self::Openai,
        Self::Respan,
        Self::Litellm,
        Self::RespanOss,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::K6 => "k6",
            Self::Vegeta => "vegeta",
            Self::Aiperf => "aiperf",
            Self::Sharegpt => "sharegpt",
            Self::Openai => "openai",
            Self::Respan => "respan",
            Self::Litellm => "litellm",
            Self::RespanOss => "respan_oss",
        }
    }

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that the scenario does not have, or has otherwise: where it stood, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it stands in the source.
    pub at: String,
    /// What it is, and why.
    pub what: String,
}

/// A file of prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptFile {
    /// Its name beside the scenario.
    pub name: String,
    /// JSON Lines.
    pub text: String,
}

/// What an import made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Whose format it was.
    pub kind: Kind,
    /// The text of the scenario.
    pub scenario: String,
    /// The prompt files that it names.
    pub prompts: Vec<PromptFile>,
    /// What it does not have, or has otherwise.
    pub left: Vec<Left>,
}

/// A file to import, and what it may lead to.
pub struct Input<'a> {
    /// The file as the user knows it.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// The name of the scenario and its prompt files, without an ending.
    pub stem: &'a str,
    /// Reads a file that the source names, from its folder.
    pub open: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// What a variable of the source stands for.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Makes a scenario of a file. Without a `kind`, the file must tell.
pub fn import(kind: Option<Kind>, input: &Input<'_>) -> Result<Imported, Vec<Problem>> {
    let text = match std::str::from_utf8(input.bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let whole = String::from_utf8_lossy(&input.bytes[..error.valid_up_to()]);
            let source = Source::new(input.name, whole);
            let at = source.text.len();
            let problem = Problem::at(&source, at..at, "the file is not UTF-8 text from here on");
            return Err(vec![
                problem.with_help("save it as UTF-8, without a compression"),
            ]);
        }
    };
    let whole = |message: &str, help: &str| {
        let problem = Problem::whole(&Source::new(input.name, ""), message);
        Err(vec![problem.with_help(help)])
    };
    if text.trim().is_empty() {
        return whole("the file is empty", "check the path");
    }
    let Some(kind) = kind.or_else(|| detect::kind(text)) else {
        let names = Kind::ALL.map(Kind::name).join(", ");
        let help = format!(
            "name the kind before the file: {names}. The options of a k6 script are printed by `k6 inspect script.js`"
        );
        return whole("nothing tells what kind of file this is", &help);
    };
    let is_options = matches!(kind, Kind::K6 | Kind::Aiperf);
    if is_options && text.len() > MOST_OPTIONS {
        return whole(
            "the file is larger than 1 MiB, which no options are",
            "check the kind",
        );
    }
    let draft = match kind {
        Kind::K6 => k6::draft(&source(input, text), input),
        Kind::Aiperf => aiperf::draft(&source(input, text), input),
        Kind::Vegeta => vegeta::draft(text, input),
        Kind::Sharegpt => conversations::draft(text, input),
        Kind::Openai => chats::draft(text, input),
        Kind::Respan | Kind::Litellm | Kind::RespanOss => log_rows::draft(kind, text, input),
    }?;
    Ok(draft.write(kind, input))
}

fn source(input: &Input<'_>, text: &str) -> Arc<Source> {
    Source::new(input.name, text)
}
