//! How little of a machine a load generator needs: requests and token events per CPU-second of the
//! client, for tollgate and for the tools that one would take instead, side by side.
//!
//! `cargo bench --bench ceiling`. The server has one core, the client another one. In each round every
//! tool measures the same cell, and the order moves on from round to round, so that what the neighbours
//! do to the machine falls on all alike. Ratios are of one round; the table shows their medians.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

mod accuracy;
mod answers;
mod cells;
mod instructions;
mod measure;
mod memory;
mod runner;
mod server;
mod stack;
mod table;
mod tools;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    run: RunArgs,
}

/// The whole bench.
#[derive(Debug, Args)]
struct RunArgs {
    /// Rounds: each tool measures each cell so often
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// The cells, all where absent: plain64, plain1024, stream32, stream256, paced, streams10k
    #[arg(long, value_delimiter = ',')]
    cell: Vec<String>,
    /// The tools, all where absent
    #[arg(long, value_delimiter = ',')]
    tool: Vec<String>,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// Other benches, and the parts that are processes of their own.
#[derive(Debug, Subcommand)]
enum Mode {
    /// The errors of tollgate's and aiperf's marks, on one provider that knows the truth
    Accuracy {
        #[arg(long, hide = true)]
        bench: bool,
    },
    /// Userland instructions of tollgate for a request and a token event, against limits
    Instructions {
        #[arg(long, hide = true)]
        bench: bool,
    },
    /// The server; says its port
    Serve,
    /// The stack that everybody uses
    Stack {
        url: String,
        users: usize,
        seconds: u64,
        body: String,
    },
    /// Runs a command on one core and writes what it took to a file
    Measure {
        #[arg(long)]
        core: Option<usize>,
        #[arg(long)]
        report: Option<PathBuf>,
        #[arg(last = true)]
        command: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.mode {
        None => runner::run(&cli.run),
        Some(Mode::Accuracy { .. }) => accuracy::accuracy(),
        Some(Mode::Instructions { .. }) => instructions::instructions(),
        Some(Mode::Serve) => server::serve(),
        Some(Mode::Stack {
            url,
            users,
            seconds,
            body,
        }) => stack::stack(&url, users, Duration::from_secs(seconds), &body),
        Some(Mode::Measure {
            core,
            report,
            command,
        }) => measure::measure(core, report.as_deref(), &command),
    }
}

/// Says a line on stdout.
fn say(line: &str) {
    println!("{line}");
}
