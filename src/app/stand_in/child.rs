//! The child as its parent sees it.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

use super::{COMMAND, Cast, Hello, Line, Order};
use crate::lab::{Passed, Truth};

/// How long the child may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// Bytes of its answers that are read at once.
const BUFFER: usize = 1 << 16;

/// What the stand-ins truly did with the requests that are over, each with the name of the one that did it.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Truths {
    pub(in crate::app) providers: Vec<(String, Truth)>,
    pub(in crate::app) gateways: Vec<(String, Passed)>,
    /// How many more there were since the start, of which nothing is kept for want of room.
    pub(in crate::app) dropped: u64,
}

/// A process with stand-ins. It ends when this is dropped.
#[derive(Debug)]
pub(in crate::app) struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    hello: Hello,
}

impl Child {
    /// Starts it and waits until all stand-ins listen.
    pub(in crate::app) fn start(cast: &Cast) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("the own binary can't be found")?;
        let mut command = Command::new(binary);
        command.arg(COMMAND);
        // An interrupt at the terminal is the parent's to deal with: it still needs the child.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the stand-ins' process can't be started")?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("the child has no stdout")?;
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::with_capacity(BUFFER, stdout),
            hello: Hello::default(),
        };
        child.say(&serde_json::to_string(cast)?)?;
        let line = child.line()?;
        child.hello = serde_json::from_str(&line).context("the stand-ins did not start")?;
        Ok(child)
    }

    /// The base URL of a stand-in.
    pub(in crate::app) fn url(&self, name: &str) -> anyhow::Result<&str> {
        let url = self.hello.urls.get(name).map(String::as_str);
        url.with_context(|| format!("there is no stand-in `{name}`"))
    }

    /// How far its instants may be off the shared clock.
    pub(in crate::app) const fn mapping_error(&self) -> Duration {
        Duration::from_nanos(self.hello.mapping_error_ns)
    }

    /// As many files as it may have.
    pub(in crate::app) const fn files(&self) -> u64 {
        self.hello.files
    }

    /// What was truly done with each request that ended since the last call. It waits for requests under
    /// way, for two seconds at most.
    pub(in crate::app) fn truth(&mut self) -> anyhow::Result<Truths> {
        let (mut truths, mut dropped) = (Truths::default(), 0);
        self.order(Order::Truth, |line| match line {
            Line::Truth(name, truth) => truths.providers.push((name, truth)),
            Line::Passed(name, passed) => truths.gateways.push((name, passed)),
            Line::Counts(_, counts) => dropped += counts.truths_dropped,
            Line::PassedDropped(more) => dropped += more,
            Line::Over => {}
        })?;
        truths.dropped = dropped;
        Ok(truths)
    }

    /// Lets the windows of all faults count from now, and not from a provider's first request.
    pub(in crate::app) fn begin(&mut self) -> anyhow::Result<()> {
        self.order(Order::Begin, |_| {})
    }

    fn order(&mut self, order: Order, mut take: impl FnMut(Line)) -> anyhow::Result<()> {
        self.say(&serde_json::to_string(&order)?)?;
        loop {
            let line = self.line()?;
            match serde_json::from_str(&line).context("what the stand-ins say is garbled")? {
                Line::Over => return Ok(()),
                line => take(line),
            }
        }
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("the child has no stdin")?;
        writeln!(stdin, "{line}").context("the stand-ins' process is gone")
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("the stand-ins' process ended too early");
        }
        Ok(line)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let patience = Instant::now() + GRACE;
        while Instant::now() < patience {
            match self.process.try_wait() {
                Ok(Some(_)) | Err(_) => return,
                Ok(None) => thread::sleep(Duration::from_millis(5)),
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
