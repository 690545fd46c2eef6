//! What one process took: `ceiling measure` starts it on one core and waits for it.
//!
//! It is a process of its own, since the platform tells of the children of a process only in sum: here
//! there is one child, with its own children where it waited for them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Bytes in the unit of a peak's size.
const PEAK_UNIT: u64 = if cfg!(target_os = "linux") { 1024 } else { 1 };

/// What it took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Taken {
    /// User and system time.
    pub(super) cpu_s: f64,
    pub(super) wall_s: f64,
    /// The most memory that it held at once.
    pub(super) peak_bytes: u64,
}

/// `ceiling measure`.
pub(super) fn measure(
    core: Option<usize>,
    report: Option<&Path>,
    command: &[String],
) -> anyhow::Result<()> {
    if let Some(core) = core {
        pin(core)?;
    }
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let (program, args) = command.split_first().context("no command")?;
    let start = Instant::now();
    let status = Command::new(program).args(args).status()?;
    let wall_s = start.elapsed().as_secs_f64();
    anyhow::ensure!(status.success(), "{program}: {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time() + usage.system_time();
    let taken = Taken {
        cpu_s: cpu.num_microseconds() as f64 / 1e6,
        wall_s,
        peak_bytes: usage.max_rss() as u64 * PEAK_UNIT,
    };
    if let Some(report) = report {
        std::fs::write(report, serde_json::to_string(&taken)?)?;
    }
    Ok(())
}

/// Keeps this process, and what it starts, on one core.
#[cfg(target_os = "linux")]
fn pin(core: usize) -> anyhow::Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut cores = CpuSet::new();
    cores.set(core)?;
    Ok(sched_setaffinity(nix::unistd::Pid::from_raw(0), &cores)?)
}

/// Keeps this process, and what it starts, on one core.
#[cfg(not(target_os = "linux"))]
fn pin(_: usize) -> anyhow::Result<()> {
    anyhow::bail!("processes are pinned to cores on Linux only")
}

/// The command that measures `command` on `core`.
pub(super) fn command(
    core: Option<usize>,
    report: &Path,
    command: &[OsString],
) -> anyhow::Result<Command> {
    let mut measure = on_core(core)?;
    measure.arg("--report").arg(report).arg("--").args(command);
    Ok(measure)
}

/// The start of a command that puts what follows `--` on a core.
pub(super) fn on_core(core: Option<usize>) -> anyhow::Result<Command> {
    let mut measure = Command::new(std::env::current_exe()?);
    // Where it fails, the end of what it says is what the tool said.
    measure.env("RUST_BACKTRACE", "0").arg("measure");
    if let Some(core) = core {
        measure.arg("--core").arg(core.to_string());
    }
    Ok(measure)
}
