//! `tollgate gateway-supervisor`: the process that holds a gateway, so that it ends with tollgate however
//! tollgate ends, and so that reading its log and its usage is not done by the process that measures.

use std::fs::OpenOptions;
use std::io::{self, BufRead, PipeReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use super::job::{Ended, Job, STOP, Told};
use super::log::Log;
use super::processes::{self, Meter};
use crate::app::{Exit, terminal};
use crate::base::Secret;

/// How often the gateway's usage is read.
const EVERY: Duration = Duration::from_millis(250);
/// How long the end of a log is waited for, once nobody is left who could write to it.
const LOG_WITHIN: Duration = Duration::from_secs(1);

/// What happens to a supervisor.
enum Event {
    /// tollgate wants the gateway to end.
    Stop,
    /// tollgate is gone.
    Orphaned,
    /// The gateway's first process has ended.
    Ended(Option<ExitStatus>),
}

/// The last lines of the log and how many bytes of it were left out.
type Kept = (Vec<String>, u64);

pub(in crate::app) fn supervise() -> anyhow::Result<Exit> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line).context("this command is tollgate's own")?;
    processes::adopt();
    let (log, told_log) = mpsc::channel();
    let child = match start(&job, log) {
        Ok(child) => child,
        Err(error) => {
            let why = error.to_string();
            tell(&Told::NotStarted { why });
            return Ok(Exit::Fine);
        }
    };
    let pid = child.id();
    tell(&Told::Started { pid });
    let (happened, events) = mpsc::channel();
    listen(happened.clone());
    wait(child, happened);
    let mut ended = watch(pid, &events, Duration::from_millis(job.end_within_ms));
    processes::kill(pid);
    let kept = told_log.recv_timeout(LOG_WITHIN);
    (ended.last, ended.left_out) = kept.unwrap_or_default();
    redact(&job);
    tell(&Told::Ended(ended));
    Ok(Exit::Fine)
}

fn tell(told: &Told) {
    let line = serde_json::to_string(told).expect("it is plain data");
    terminal::data(&format!("{line}\n"));
}

/// Starts the gateway in a process group of its own, and a thread that keeps what it says.
fn start(job: &Job, kept: Sender<Kept>) -> io::Result<Child> {
    let (reader, writer) = io::pipe()?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let secrets = job.secrets.iter().map(Secret::new).collect();
    let log = Log::new(options.open(&job.log)?, secrets);
    let child = Command::new(&job.program)
        .args(&job.arguments)
        .env_clear()
        .envs(&job.env)
        .current_dir(&job.cwd)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    thread::spawn(move || {
        let _ = kept.send(keep(reader, log));
    });
    Ok(child)
}

/// Keeps what is said until nobody is left to say anything.
fn keep<W: Write>(mut reader: PipeReader, mut log: Log<W>) -> Kept {
    let mut room = vec![0; 64 << 10];
    loop {
        match reader.read(&mut room) {
            Ok(0) | Err(_) => return log.finish().unwrap_or_default(),
            // A full disk must not stop the gateway, which waits for its log to be read.
            Ok(count) => drop(log.feed(&room[..count])),
        }
    }
}

/// A thread that hears what tollgate wants.
fn listen(happened: Sender<Event>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line {
                Ok(line) if line.trim() == STOP => drop(happened.send(Event::Stop)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let _ = happened.send(Event::Orphaned);
    });
}

/// A thread that waits for the gateway to end.
fn wait(mut child: Child, happened: Sender<Event>) {
    thread::spawn(move || {
        let _ = happened.send(Event::Ended(child.wait().ok()));
    });
}

/// Reads the gateway's usage until it has ended, or is to be killed.
fn watch(pid: u32, events: &Receiver<Event>, end_within: Duration) -> Ended {
    let mut meter = Meter::new();
    let mut read = |look_up| {
        if let Some(usage) = meter.read(look_up) {
            tell(&Told::Usage(usage));
        }
    };
    let (mut due, mut patience) = (Instant::now(), None::<Instant>);
    let mut ended = Ended::default();
    loop {
        let until = patience.map_or(due, |patience| patience.min(due));
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Stop) if patience.is_none() => {
                read(true);
                ended.asked = true;
                patience = Some(Instant::now() + end_within);
                processes::ask(pid);
            }
            Ok(Event::Stop) => {}
            Ok(Event::Orphaned) | Err(RecvTimeoutError::Disconnected) => {
                "killed, since tollgate was gone".clone_into(&mut ended.status);
                return ended;
            }
            Ok(Event::Ended(status)) => {
                let unknown = "an unknown status".to_owned();
                ended.status = status.map_or(unknown, |status| status.to_string());
                return ended;
            }
            Err(RecvTimeoutError::Timeout) => {
                if patience.is_some_and(|patience| Instant::now() >= patience) {
                    ended.forced = true;
                    "killed".clone_into(&mut ended.status);
                    return ended;
                }
                // A process that is ending has given its memory back before it is gone.
                if !ended.asked {
                    read(false);
                }
                due = Instant::now() + EVERY;
            }
        }
    }
}

/// Hides the keys in the configuration, which nobody reads any more.
fn redact(job: &Job) {
    let secrets: Vec<Secret> = job.secrets.iter().map(Secret::new).collect();
    for path in &job.configs {
        // It is for people from here on: what can't be redacted stays readable to its owner alone.
        let _ = redact_file(path, &secrets);
    }
}

fn redact_file(path: &Path, secrets: &[Secret]) -> io::Result<()> {
    let text = std::fs::read_to_string(path)?;
    std::fs::write(path, Secret::hide_all(secrets, &text).as_bytes())
}
