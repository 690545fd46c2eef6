//! Runs all tools on all cells, in rounds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::cells::{CELLS, Cell};
use super::measure::{self, Taken};
use super::server::Count;
use super::tools::{TOOLS, Tool, target};
use super::{RunArgs, memory, say, table};

/// How long the server may go on with answers that nobody waits for any more.
const SETTLE: Duration = Duration::from_millis(100);

/// The server's process. It ends when this is dropped.
pub(super) struct Server {
    process: Child,
    pub(super) port: u16,
}

impl Server {
    /// Starts it on `core` and waits until it listens.
    pub(super) fn start(core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = measure::on_core(core)?;
        command.arg("--").arg(std::env::current_exe()?).arg("serve");
        // Its stdin ends when this process does, however it ends; then so does the server.
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("it has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse().context("the server did not start")?;
        Ok(Self { process, port })
    }

    /// What it has answered so far.
    pub(super) fn count(&self) -> anyhow::Result<Count> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /count HTTP/1.1\r\nhost: it\r\n\r\n")?;
        let mut text = String::new();
        let mut bytes = [0; 1024];
        while !text.ends_with('}') {
            let n = stream.read(&mut bytes)?;
            anyhow::ensure!(n > 0, "the server gives no count");
            text.push_str(std::str::from_utf8(&bytes[..n])?);
        }
        let (_, body) = text.split_once("\r\n\r\n").context("no body")?;
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    pub(super) round: u32,
    pub(super) taken: Taken,
    /// What the tool says.
    pub(super) count: Count,
    /// What the server says.
    pub(super) server: Count,
}

/// All measurements of a tool in a cell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub(super) cell: &'static str,
    pub(super) tool: &'static str,
    pub(super) samples: Vec<Sample>,
    /// Why there is none.
    pub(super) absent: Option<String>,
}

/// Where the processes run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    server: Option<usize>,
    pub(super) client: Option<usize>,
}

impl Cores {
    fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let core = |core| (cores > 1 && cfg!(target_os = "linux")).then_some(core);
        Self {
            server: core(0),
            client: core(1),
        }
    }
}

/// The whole bench.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let cores = Cores::new();
    let server = Server::start(cores.server)?;
    let versions = TOOLS.map(|tool| (tool, tool.version()));
    say(&table::head(args, cores, &versions));
    let wanted = |name: &str, list: &[String]| {
        list.is_empty() || list.iter().any(|wanted| name.contains(wanted.as_str()))
    };
    let mut entries = Vec::new();
    for cell in CELLS.iter().filter(|cell| wanted(cell.name, &args.cell)) {
        let tools = versions
            .iter()
            .filter(|(tool, _)| wanted(tool.name(), &args.tool) && tool.measures(cell));
        let tools: Vec<_> = tools
            .map(|(tool, version)| (*tool, version.as_ref().err().cloned()))
            .collect();
        let measured = measure_cell(cell, &tools, &server, cores, args);
        say(&table::cell(cell, &measured));
        entries.extend(measured);
    }
    if wanted("streams10k", &args.cell) {
        say(&memory::streams(&server, cores).unwrap_or_else(|error| {
            format!("\nmemory for each concurrent stream: absent: {error}\n")
        }));
    }
    let path = target().join("ceiling.json");
    std::fs::write(&path, serde_json::to_string_pretty(&entries)?)?;
    say(&format!("all measurements: {}", path.display()));
    Ok(())
}

/// All rounds of one cell. A tool that fails is absent, with the reason.
fn measure_cell(
    cell: &Cell,
    tools: &[(Tool, Option<String>)],
    server: &Server,
    cores: Cores,
    args: &RunArgs,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = tools
        .iter()
        .map(|(tool, absent)| Entry {
            cell: cell.name,
            tool: tool.name(),
            samples: Vec::new(),
            absent: absent.clone(),
        })
        .collect();
    for round in 0..args.rounds {
        for k in 0..tools.len() {
            let which = (k + round as usize) % tools.len();
            let (tool, entry) = (tools[which].0, &mut entries[which]);
            if entry.absent.is_some() || round >= tool.rounds(args.rounds) {
                continue;
            }
            match measure_tool(tool, cell, server, cores, args.seconds * cell.times) {
                Ok((taken, count, truth)) => entry.samples.push(Sample {
                    round,
                    taken,
                    count,
                    server: truth,
                }),
                Err(error) => entry.absent = Some(format!("{error:#}")),
            }
        }
    }
    entries
}

/// Runs a tool once.
fn measure_tool(
    tool: Tool,
    cell: &Cell,
    server: &Server,
    cores: Cores,
    seconds: u64,
) -> anyhow::Result<(Taken, Count, Count)> {
    let folder = tempfile::tempdir()?;
    let command = tool.command(cell, server.port, seconds, folder.path())?;
    let report = folder.path().join("taken.json");
    let before = server.count()?;
    let output = measure::command(cores.client, &report, &command)?.output()?;
    thread::sleep(SETTLE);
    let after = server.count()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "it failed: {}", last_words(&said));
    let taken = serde_json::from_str(&std::fs::read_to_string(&report)?)?;
    let count = tool.count(cell, &output, folder.path())?;
    let truth = Count {
        answers: after.answers - before.answers,
        tokens: after.tokens - before.tokens,
    };
    check(tool, cell, count, truth)?;
    Ok((taken, count, truth))
}

/// The end of what a tool said, on one line of a table.
fn last_words(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut last: Vec<&str> = lines.rev().take(2).collect();
    last.reverse();
    last.join("; ").replace('|', "/")
}

/// A tool and the server must agree, but for the answers under way when the tool's time was over.
fn check(tool: Tool, cell: &Cell, count: Count, truth: Count) -> anyhow::Result<()> {
    let cut = match tool {
        Tool::Direct | Tool::Reqwest | Tool::Stack => 0,
        _ => u64::from(cell.connections),
    };
    anyhow::ensure!(
        count.answers > 0 && count.answers <= truth.answers && truth.answers <= count.answers + cut,
        "it counts {} answers, the server {}",
        count.answers,
        truth.answers
    );
    let tokens = count.answers * cell.chunks.unwrap_or(0);
    anyhow::ensure!(
        count.tokens == tokens,
        "it counts {} tokens, the server sent {tokens}",
        count.tokens
    );
    Ok(())
}
