//! A gateway's supervisor, as tollgate holds it: what it tells is kept as it comes, and when this is
//! dropped, or tollgate is gone, the gateway is, too.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::job::{COMMAND, Ended, Job, STOP, Told, Usage};
use super::processes;

/// How long a supervisor may take beyond what the gateway may.
const GRACE: Duration = Duration::from_secs(4);
const NAP: Duration = Duration::from_millis(5);

/// How it stands with a gateway's first process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Starting,
    Running { pid: u32 },
    NotStarted { why: String },
    Ended(Ended),
}

/// The supervisor.
pub(super) struct Supervised {
    process: Child,
    stdin: Option<ChildStdin>,
    state: watch::Receiver<State>,
    usage: Arc<Mutex<Vec<Usage>>>,
    end_within: Duration,
}

impl Supervised {
    /// Starts it with a job.
    pub(super) fn start(job: &Job) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C goes to the terminal's group: it is for tollgate, which then ends the gateway.
            .process_group(0)
            .spawn()?;
        let mut stdin = process.stdin.take();
        let stdout = process.stdout.take();
        if let Some(stdin) = &mut stdin {
            let line = serde_json::to_string(job).map_err(io::Error::other)?;
            writeln!(stdin, "{line}")?;
        }
        let (told, state) = watch::channel(State::Starting);
        let usage = Arc::default();
        if let Some(stdout) = stdout {
            let usage = Arc::clone(&usage);
            thread::spawn(move || hear(stdout, &told, &usage));
        }
        Ok(Self {
            process,
            stdin,
            state,
            usage,
            end_within: Duration::from_millis(job.end_within_ms),
        })
    }

    /// How it stands.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// How it stands, from anywhere.
    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until the gateway has ended, or was not started.
    pub(super) async fn over(&self) -> State {
        let over = |state: &State| matches!(state, State::Ended(_) | State::NotStarted { .. });
        let mut state = self.state.clone();
        match state.wait_for(over).await {
            Ok(state) => state.clone(),
            Err(_) => self.state(),
        }
    }

    /// What it used, as it was read.
    pub(super) fn usage(&self) -> Vec<Usage> {
        self.usage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks the gateway to end, and waits until it has.
    pub(super) async fn stop(&mut self) -> Ended {
        if let Some(stdin) = &mut self.stdin {
            // A supervisor that is gone is heard of below.
            let _ = writeln!(stdin, "{STOP}");
        }
        let patience = self.end_within + GRACE;
        match tokio::time::timeout(patience, self.over()).await {
            Ok(State::Ended(ended)) => ended,
            _ => Ended {
                status: "killed".to_owned(),
                asked: true,
                forced: true,
                ..Ended::default()
            },
        }
    }
}

/// Keeps what the supervisor tells, until it is gone.
fn hear(stdout: ChildStdout, state: &watch::Sender<State>, usage: &Mutex<Vec<Usage>>) {
    let mut group = None;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Told::Started { pid }) => {
                group = Some(pid);
                state.send_replace(State::Running { pid });
            }
            Ok(Told::NotStarted { why }) => {
                state.send_replace(State::NotStarted { why });
            }
            Ok(Told::Usage(read)) => {
                let mut usage = usage.lock().unwrap_or_else(PoisonError::into_inner);
                usage.push(read);
            }
            Ok(Told::Ended(ended)) => {
                state.send_replace(State::Ended(ended));
                group = None;
            }
            Err(_) => {}
        }
    }
    if let Some(group) = group {
        // The supervisor was killed, and can't do it any more.
        processes::kill_group(group);
        state.send_replace(State::Ended(Ended {
            status: "killed, since its supervisor was gone".to_owned(),
            ..Ended::default()
        }));
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Without its stdin it kills the gateway at once, and ends.
        drop(self.stdin.take());
        let patience = Instant::now() + GRACE;
        while Instant::now() < patience {
            match self.process.try_wait() {
                Ok(Some(_)) | Err(_) => return,
                Ok(None) => thread::sleep(NAP),
            }
        }
        // The thread that hears it kills what it leaves behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
