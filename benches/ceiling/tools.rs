//! The tools: where they are, how they are told a cell, and how their own count is read.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Context;
use serde_json::Value;

use super::cells::{Cell, MODEL, PROMPT};
use super::server::Count;

/// A load generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Direct,
    Reqwest,
    Oha,
    Wrk,
    H2load,
    Stack,
    Aiperf,
}

/// All, in the order of the table.
pub(super) const TOOLS: [Tool; 7] = [
    Tool::Direct,
    Tool::Reqwest,
    Tool::Wrk,
    Tool::Oha,
    Tool::H2load,
    Tool::Stack,
    Tool::Aiperf,
];

/// Requests that aiperf sends: it starts slowly, so a number says more than a time.
const AIPERF_REQUESTS: u32 = 2_000;

/// `target/` of this project.
pub(super) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

impl Tool {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "tollgate direct",
            Self::Reqwest => "tollgate reqwest",
            Self::Oha => "oha",
            Self::Wrk => "wrk",
            Self::H2load => "h2load",
            Self::Stack => "the stack",
            Self::Aiperf => "aiperf",
        }
    }

    /// Its program: what `benches/setup.sh` installed, else what the `PATH` has.
    pub(super) fn program(self) -> PathBuf {
        let tools = target().join("bench-tools");
        let installed = match self {
            Self::Direct | Self::Reqwest => PathBuf::from(env!("CARGO_BIN_EXE_tollgate")),
            Self::Stack => std::env::current_exe().unwrap_or_default(),
            Self::Oha => tools.join("bin/oha"),
            Self::Aiperf => tools.join("aiperf-venv/bin/aiperf"),
            Self::Wrk | Self::H2load => PathBuf::new(),
        };
        if installed.exists() {
            installed
        } else {
            PathBuf::from(self.name())
        }
    }

    /// Its version, or why it is absent.
    pub(super) fn version(self) -> Result<String, String> {
        let flag = match self {
            Self::Stack => return Ok("reqwest, eventsource-stream, serde_json".to_owned()),
            Self::Wrk => "-v",
            _ => "--version",
        };
        let output = Command::new(self.program()).arg(flag).output();
        let output = output.map_err(|error| format!("{error}; see benches/setup.sh"))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().next().unwrap_or_default();
        Ok(line
            .split(['[', '('])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned())
    }

    /// Whether it can measure a cell at all.
    pub(super) fn measures(self, cell: &Cell) -> bool {
        self != Self::Aiperf || cell.name == "stream32"
    }

    /// How often it is measured, of `rounds`. aiperf takes long to start.
    pub(super) const fn rounds(self, rounds: u32) -> u32 {
        if matches!(self, Self::Aiperf) {
            1
        } else {
            rounds
        }
    }

    /// The command for a cell. What it needs goes to `folder`.
    pub(super) fn command(
        self,
        cell: &Cell,
        port: u16,
        seconds: u64,
        folder: &Path,
    ) -> anyhow::Result<Vec<OsString>> {
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map(|()| path.display().to_string())
        };
        let (url, body) = (cell.url(port), cell.body());
        let connections = cell.connections.to_string();
        let folder = folder.display().to_string();
        let args = match self {
            Self::Direct | Self::Reqwest => {
                let client = if self == Self::Direct {
                    "direct"
                } else {
                    "reqwest"
                };
                let scenario = file(
                    "ceiling.yaml",
                    cell.scenario(port, client, &format!("duration: {seconds}s")),
                )?;
                format!("run {scenario} --workers 1 -o {folder}")
            }
            Self::Oha => {
                let body = file("body.json", body)?;
                format!(
                    "-z {seconds}s -c {connections} -m POST -T application/json -D {body} --no-tui --output-format json {url}"
                )
            }
            Self::Wrk => {
                let script = file("post.lua", wrk_script(&body))?;
                format!("-t1 -c{connections} -d{seconds}s -s {script} {url}")
            }
            Self::H2load => {
                let body = file("body.json", body)?;
                format!(
                    "--h1 -t1 -c{connections} -D{seconds} -d {body} -Hcontent-type:application/json {url}"
                )
            }
            Self::Stack => format!("stack {url} {connections} {seconds}"),
            Self::Aiperf => {
                let prompts = file("prompts.jsonl", format!("{{\"text\":\"{PROMPT}\"}}\n"))?;
                let base = cell.base_url(port);
                aiperf(&base, MODEL, cell.connections, AIPERF_REQUESTS, &prompts)
                    + " --output-artifact-dir "
                    + &folder
            }
        };
        let words = args.split(' ').map(OsString::from);
        let mut command: Vec<OsString> = [self.program().into_os_string()]
            .into_iter()
            .chain(words)
            .collect();
        if self == Self::Stack {
            command.push(cell.body().into());
        }
        Ok(command)
    }

    /// What it says that it measured.
    pub(super) fn count(
        self,
        cell: &Cell,
        output: &Output,
        folder: &Path,
    ) -> anyhow::Result<Count> {
        let text = String::from_utf8_lossy(&output.stdout);
        let answers = match self {
            Self::Direct | Self::Reqwest => return rows(folder),
            Self::Stack => return Ok(serde_json::from_str(text.trim())?),
            Self::Oha => {
                let json: Value = serde_json::from_str(&text)?;
                json["statusCodeDistribution"]["200"].as_u64()
            }
            Self::Wrk => word_after(&text, "answers:"),
            Self::H2load => {
                let done = text.lines().find(|line| line.starts_with("requests:"));
                let done = done.and_then(|line| line.split(',').nth(3));
                done.and_then(|done| word_after(done, " "))
            }
            Self::Aiperf => {
                let path = folder.join("profile_export_aiperf.json");
                let json: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
                json["request_count"]["avg"].as_f64().map(|n| n as u64)
            }
        };
        let answers = answers.with_context(|| format!("no count in {text}"))?;
        Ok(Count {
            answers,
            // They count answers only; that all chunks were read follows from the answer's end.
            tokens: answers * cell.chunks.unwrap_or(0),
        })
    }
}

/// The arguments of aiperf, but for its folder.
pub(super) fn aiperf(base: &str, model: &str, users: u32, requests: u32, prompts: &str) -> String {
    // The server counts tokens; aiperf wants a tokenizer nevertheless.
    let tokenizer = target().join("bench-tools/words");
    format!(
        "profile -m {model} --url {base} --endpoint /chat/completions --endpoint-type chat --streaming --concurrency {users} --request-count {requests} --input-file {prompts} --custom-dataset-type single_turn --tokenizer {} --use-server-token-count --no-server-metrics --no-gpu-telemetry --ui none",
        tokenizer.display()
    )
}

/// wrk counts answers of any status, and socket errors apart.
fn wrk_script(body: &str) -> String {
    format!(
        r#"wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
done = function(summary)
  io.write("answers: " .. summary.requests - summary.errors.status .. "\n")
end
"#
    )
}

fn word_after(text: &str, before: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The rows that tollgate wrote in its one run in `folder`.
fn rows(folder: &Path) -> anyhow::Result<Count> {
    let runs = fs::read_dir(folder.join("ceiling"))?;
    let run = runs.last().context("no run")??.path();
    let mut rows = csv::Reader::from_path(run.join("samples.csv"))?;
    let header = rows.headers()?.clone();
    let column = |name: &str| {
        let place = header.iter().position(|column| column == name);
        place.with_context(|| format!("no column {name}"))
    };
    let (outcome, chunks) = (column("outcome")?, column("token_chunks")?);
    let mut count = Count::default();
    for row in rows.records() {
        let row = row?;
        if &row[outcome] == "ok" {
            count.answers += 1;
            count.tokens += row[chunks].parse::<u64>().unwrap_or(0);
        }
    }
    Ok(count)
}
