//! Memory for each concurrent stream: the peak of tollgate with 10,000 slow streams, less that with 100.

use super::cells::Cell;
use super::measure::{self, Taken};
use super::runner::{Cores, Server};
use super::tools::Tool;
use nix::sys::resource::{Resource, getrlimit};

const FEW: u32 = 100;
const MANY: u32 = 10_000;
/// Files of a process besides its connections.
const OTHER_FILES: u64 = 64;
/// Time for all users to begin. Each stream lasts ten seconds, so none begins a second one.
const SECONDS: u64 = 4;

/// The section of the table.
pub(super) fn streams(server: &Server, cores: Cores) -> anyhow::Result<String> {
    let title = "\n### Memory for each concurrent stream\n\n";
    let (_, files) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::from(MANY) + OTHER_FILES;
    if files < needed {
        return Ok(format!(
            "{title}absent: it needs {needed} open files, the platform gives {files}\n"
        ));
    }
    let (few, many) = (peak(FEW, server, cores)?, peak(MANY, server, cores)?);
    let each = (many as f64 - few as f64) / f64::from(MANY - FEW);
    Ok(format!(
        "{title}tollgate direct, streams of 20 chunks, one each 500 ms: peak {:.1} MB with {FEW}, {:.1} MB with {MANY}: **{:.1} KB a stream**\n",
        few as f64 / 1e6,
        many as f64 / 1e6,
        each / 1e3,
    ))
}

/// The peak with so many streams at once, in bytes.
fn peak(connections: u32, server: &Server, cores: Cores) -> anyhow::Result<u64> {
    let cell = Cell {
        name: "streams10k",
        title: "slow streams",
        path: "slow",
        connections,
        chunks: Some(20),
        times: 1,
    };
    let folder = tempfile::tempdir()?;
    let command = Tool::Direct.command(&cell, server.port, SECONDS, folder.path())?;
    let report = folder.path().join("taken.json");
    let before = server.count()?.answers;
    let output = measure::command(cores.client, &report, &command)?.output()?;
    let truth = server.count()?.answers - before;
    let count = Tool::Direct.count(&cell, &output, folder.path())?;
    anyhow::ensure!(
        count.answers == truth && truth >= u64::from(connections),
        "tollgate counts {} streams, the server {truth}",
        count.answers
    );
    let taken: Taken = serde_json::from_str(&std::fs::read_to_string(&report)?)?;
    Ok(taken.peak_bytes)
}
