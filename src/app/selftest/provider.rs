//! The provider of a self-test, in a process of its own: this binary once more, under a hidden command.
//!
//! Both speak over the child's stdin and stdout: the child says where it listens, and answers each
//! `truth` with the true instants of all requests that are over, one a line, and an empty line. It ends
//! with its stdin, so it can't outlive the parent.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{machine, rounds};
use crate::app::{Exit, terminal};
use crate::base::{Monotonic, Seed};
use crate::lab::{Provider, Truth};

/// The hidden command.
pub(super) const COMMAND: &str = "selftest-provider";
const TRUTH: &str = "truth";
/// Connections that may wait to be accepted: all users of a round come at once.
const BACKLOG: u32 = 8_192;
/// How long to wait for answers that the client has read to be over here, too.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the child may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// What the child says first.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    url: String,
    mapping_error_ns: u64,
    files: u64,
}

/// The child as its parent sees it. It ends when this is dropped.
pub(super) struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    hello: Hello,
}

impl Child {
    /// Starts it and waits until it listens.
    pub(super) fn start() -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("the own binary can't be found")?;
        let mut process = Command::new(binary)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the provider's process can't be started")?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().context("the child has no stdout")?;
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
            hello: Hello {
                url: String::new(),
                mapping_error_ns: 0,
                files: 0,
            },
        };
        let line = child.line()?;
        child.hello = serde_json::from_str(&line).context("the provider did not start")?;
        Ok(child)
    }

    /// Its base URL.
    pub(super) fn url(&self) -> &str {
        &self.hello.url
    }

    /// How far its instants may be off the shared clock.
    pub(super) const fn mapping_error(&self) -> Duration {
        Duration::from_nanos(self.hello.mapping_error_ns)
    }

    /// As many files as it may have.
    pub(super) const fn files(&self) -> u64 {
        self.hello.files
    }

    /// The truth of all requests since the last call.
    pub(super) fn truth(&mut self) -> anyhow::Result<Vec<Truth>> {
        let stdin = self.stdin.as_mut().context("the child has no stdin")?;
        writeln!(stdin, "{TRUTH}").context("the provider's process is gone")?;
        let mut truths = Vec::new();
        loop {
            let line = self.line()?;
            if line.trim().is_empty() {
                return Ok(truths);
            }
            truths.push(serde_json::from_str(&line).context("the provider's truth is garbled")?);
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("the provider's process ended too early");
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

/// `tollgate selftest-provider`: the child itself.
pub(in crate::app) fn serve() -> anyhow::Result<Exit> {
    let files = machine::raise_files();
    let clock = Monotonic::map().context("the platform has no clock that processes share")?;
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Half of the machine: the other half is the client's, which is what is measured.
        .worker_threads((cores / 2).max(1))
        .enable_all()
        .build()?;
    let provider = Arc::new(Provider::new(rounds::script(), Seed(0)));
    provider.keep_truth(clock);
    let listener = {
        let _guard = runtime.enter();
        listen()?
    };
    let hello = Hello {
        url: format!("http://{}/v1", listener.local_addr()?),
        mapping_error_ns: clock.error().as_nanos() as u64,
        files,
    };
    let shutdown = CancellationToken::new();
    let serving = runtime.spawn(Arc::clone(&provider).serve(listener, shutdown.clone()));
    terminal::data(&format!("{}\n", serde_json::to_string(&hello)?));
    for line in std::io::stdin().lock().lines() {
        if line?.trim() == TRUTH {
            settle(&provider);
            let mut said = String::new();
            for truth in provider.take_truth() {
                said += &serde_json::to_string(&truth)?;
                said.push('\n');
            }
            said.push('\n');
            terminal::data(&said);
        }
    }
    shutdown.cancel();
    runtime.block_on(serving)??;
    Ok(Exit::Fine)
}

/// Waits until no request is in service: an answer's truth is there only once its connection knows
/// that it is over.
fn settle(provider: &Provider) {
    let patience = Instant::now() + SETTLE;
    while provider.counts().serving > 0 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(2));
    }
}

fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG)
}
