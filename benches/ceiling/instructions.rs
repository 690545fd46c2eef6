//! `ceiling instructions`: userland instructions of tollgate for a request and for a token event,
//! counted by callgrind.
//!
//! Unlike times they do not depend on the neighbours, so they are checked against limits. Each is a
//! difference of two runs, which leaves out what a run costs by itself.

use std::fs;
use std::process::Command;

use anyhow::Context;

use super::cells::Cell;
use super::runner::Server;
use super::say;
use super::tools::Tool;

/// The most instructions for a plain request: what it takes today.
const REQUEST_LIMIT: f64 = 40_000.0;
/// What it should take: half of it is the reading of 1 KB of JSON.
const REQUEST_GOAL: f64 = 25_000.0;
/// The most for a token event.
const TOKEN_LIMIT: f64 = 1_700.0;
/// What it should take.
const TOKEN_GOAL: f64 = 6_000.0;
/// By how much a limit may be exceeded before it is a failure: compilers differ, and so do
/// the sizes of reads.
const TOLERANCE: f64 = 0.10;
/// Users of the closed loop.
const USERS: u32 = 16;

/// One figure, with its limit and its goal, where it has them.
struct Figure {
    name: &'static str,
    instructions: f64,
    limit: Option<f64>,
    goal: Option<f64>,
}

/// The whole check. An error where a limit is exceeded.
pub(super) fn instructions() -> anyhow::Result<()> {
    let server = Server::start(None)?;
    let plain = |requests| total(&server, "plain", None, requests);
    let request = (plain(4_000)? - plain(1_000)?) / 3_000.0;
    let long = total(&server, "stream256", Some(256), 300)?;
    let short = total(&server, "stream32", Some(32), 300)?;
    let at_once = (long - short) / (300.0 * 224.0);
    let paced = |requests| total(&server, "paced", Some(32), requests);
    let paced = (paced(240)? - paced(80)?) / (160.0 * 32.0);
    let figures = [
        Figure {
            name: "plain request",
            instructions: request,
            limit: Some(REQUEST_LIMIT),
            goal: Some(REQUEST_GOAL),
        },
        Figure {
            name: "token event, many in a read",
            instructions: at_once,
            limit: Some(TOKEN_LIMIT),
            goal: Some(TOKEN_GOAL),
        },
        Figure {
            name: "token event, one wake each, its share of the request included",
            instructions: paced,
            limit: None,
            goal: None,
        },
    ];
    say("| tollgate direct, userland | instructions | limit | goal |\n|---|---|---|---|");
    let mut beyond = 0;
    for figure in &figures {
        let [limit, goal] = [figure.limit, figure.goal]
            .map(|most| most.map_or("none".to_owned(), |most| format!("{most:.0}")));
        say(&format!(
            "| {} | {:.0} | {limit} | {goal} |",
            figure.name, figure.instructions
        ));
        let most = figure.limit.map(|limit| limit * (1.0 + TOLERANCE));
        beyond += u32::from(most.is_some_and(|most| figure.instructions > most));
    }
    anyhow::ensure!(beyond == 0, "{beyond} beyond the limit by more than 10 %");
    Ok(())
}

/// Instructions of a whole run of so many requests.
fn total(
    server: &Server,
    path: &'static str,
    chunks: Option<u64>,
    requests: u32,
) -> anyhow::Result<f64> {
    let cell = Cell {
        name: "instructions",
        title: "",
        path,
        connections: USERS,
        chunks,
        times: 1,
    };
    let folder = tempfile::tempdir()?;
    let scenario = folder.path().join("ceiling.yaml");
    fs::write(
        &scenario,
        cell.scenario(server.port, "direct", &format!("requests: {requests}")),
    )?;
    let counted = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", counted.display()))
        .arg(Tool::Direct.program())
        // The page is of seconds and not of requests, and a run under valgrind has many.
        .args(["run", "--no-html", "--workers", "1", "-o"])
        .arg(folder.path())
        .arg(&scenario)
        .output()
        .context("valgrind can't be started; see benches/setup.sh")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "valgrind failed:\n{said}");
    let count = Tool::Direct.count(&cell, &output, folder.path())?;
    anyhow::ensure!(
        count.answers == u64::from(requests) && count.tokens == count.answers * chunks.unwrap_or(0),
        "{requests} were asked, {count:?} were counted"
    );
    let text = fs::read_to_string(&counted)?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals:"));
    let totals = totals.context("callgrind wrote no totals")?;
    Ok(totals.trim().parse()?)
}
