//! `tollgate reconcile`, also as the last step of a run: what the gateway's log says of its requests.

mod ask;
mod command;
mod fields;
mod litellm;
mod oss;
mod respan;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::signals::Signals;
use crate::base::{Offset, Secret};
use crate::judge::{Joiner, Key, LogRead, LogRows, Logged, Reconciled};
use crate::results::{self, Interruption, ReconcileFiles, Row, RunInfo};
use crate::scenario::LogKind;
use crate::wire::Endpoint;
use ask::{Asker, Stop};

pub(super) use command::{Step, reconcile};

/// The pauses between two readings of a log whose rows are still to come: the first and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

/// A log, and how long to wait for its rows.
pub(super) struct Source {
    pub(super) kind: LogKind,
    pub(super) endpoint: Endpoint,
    /// All keys that must not be shown.
    pub(super) secrets: Vec<Secret>,
    pub(super) wait: Duration,
    /// The one arm of the run whose log it is, where each has its own.
    pub(super) arm: Option<String>,
}

/// The rows that a log should hold.
struct Wanted {
    run_id: String,
    /// When the run started.
    started: Option<OffsetDateTime>,
    /// How many requests were sent.
    sent: u64,
    /// The arrivals that were sent, and the gateway's own names for them where its answers told any.
    keys: Vec<(Key, Option<Key>)>,
    /// All of these names.
    names: HashSet<Key>,
}

impl Wanted {
    /// Whether a log was found to hold all of them.
    fn all_in(&self, rows: &LogRows) -> bool {
        let holds = |(arrival, name): &(Key, Option<Key>)| {
            rows.holds(arrival) || name.as_ref().is_some_and(|name| rows.holds(name))
        };
        self.keys.iter().all(holds)
    }
}

/// What reading a log once came to.
#[derive(Debug, Default)]
struct Round {
    pages: u64,
    foreign: u64,
    broken: u64,
    /// The first thing that could not be read.
    wrong: Option<String>,
}

/// A row of a log: `None` where it is of another run. With the first of its fields that can't be read,
/// or else why it is no row at all.
type Read = Result<Option<(Key, Logged, Option<String>)>, String>;

impl Round {
    /// Takes a row.
    fn take(&mut self, read: Read, rows: &mut LogRows) {
        let wrong = match read {
            Ok(Some((key, row, wrong))) => {
                rows.add(key, row);
                wrong
            }
            Ok(None) => {
                self.foreign += 1;
                None
            }
            Err(wrong) => Some(wrong),
        };
        if let Some(wrong) = wrong {
            self.broken += 1;
            self.wrong.get_or_insert(wrong);
        }
    }
}

/// Why there is nothing to tell.
#[derive(Debug)]
pub(super) enum Failed {
    /// The log can't be reached, or refuses the key.
    Refused(String),
    /// Nothing could be joined, for this reason.
    Nothing(String),
    /// Our own files.
    Files(anyhow::Error),
}

/// What came of a reconciliation.
pub(super) struct Found {
    pub(super) reconciled: Reconciled,
    /// The signal that ended the wait for further rows.
    pub(super) interrupted: Option<Interruption>,
}

/// Reads the log of a run until all its rows are there or the wait is over, joins the two, and writes what
/// came of it to `output`.
async fn run(
    folder: &Path,
    output: &Path,
    source: &Source,
    signals: &mut Signals,
) -> Result<Found, Failed> {
    let info = results::read_info(folder).map_err(files)?;
    let of_arm = |row: &Row| source.arm.as_ref().is_none_or(|arm| *arm == row.arm);
    let wanted = wanted(folder, &info, &of_arm)?;
    if wanted.sent == 0 {
        let said = "no request of the run was sent: there is nothing to reconcile";
        return Err(Failed::Nothing(said.to_owned()));
    }
    let (log, rows, interrupted) = poll(source, &wanted, signals).await?;
    if rows.is_empty() {
        return Err(Failed::Nothing(nothing(&log, &wanted)));
    }
    let started = wanted.started.map(seconds);
    let mut joiner = Joiner::new(&wanted.run_id, &info.scenario, log, rows);
    let mut out = ReconcileFiles::begin(output).map_err(files)?;
    let mut failed = None;
    results::each_row(folder, |row| {
        if !of_arm(&row) {
            return true;
        }
        let written = out.write(&joiner.join(row.seen(started)));
        failed = failed.take().or(written.err());
        true
    })
    .map_err(files)?;
    let (reconciled, left) = joiner.finish();
    for line in &left {
        let written = out.write(line);
        failed = failed.or(written.err());
    }
    if let Some(error) = failed {
        return Err(files(error));
    }
    out.finish(&reconciled).map_err(files)?;
    Ok(Found {
        reconciled,
        interrupted,
    })
}

fn files(error: results::ResultsError) -> Failed {
    Failed::Files(error.into())
}

/// What a log should hold of a run.
fn wanted(folder: &Path, info: &RunInfo, of_arm: &dyn Fn(&Row) -> bool) -> Result<Wanted, Failed> {
    let mut wanted = Wanted {
        run_id: info.run_id.clone(),
        started: fields::instant(&info.started_utc)
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at as i64).ok()),
        sent: 0,
        keys: Vec::new(),
        names: HashSet::new(),
    };
    results::each_row(folder, |row| {
        if row.sent_ms.is_some() && of_arm(&row) {
            wanted.sent += 1;
            let name = row.request_id.map(|name| Key::Request(name.into()));
            wanted.names.extend(name.clone());
            wanted.keys.push((Key::Arrival(row.id), name));
        }
        true
    })
    .map_err(files)?;
    Ok(wanted)
}

fn seconds(at: OffsetDateTime) -> f64 {
    at.unix_timestamp_nanos() as f64 / 1e9
}

/// Reads the log again and again, until all wanted rows are there, the wait is over, or a signal came.
async fn poll(
    source: &Source,
    wanted: &Wanted,
    signals: &mut Signals,
) -> Result<(LogRead, LogRows, Option<Interruption>), Failed> {
    let refused = |stop: Stop| Failed::Refused(stop.said().to_owned());
    let asker = Asker::new(&source.endpoint, &source.secrets).map_err(refused)?;
    let began = Instant::now();
    let deadline = began + source.wait;
    let mut rows = LogRows::default();
    let mut log = LogRead {
        kind: source.kind.name().to_owned(),
        url: source.endpoint.base_url.clone(),
        ..LogRead::default()
    };
    let (mut pause, mut interrupted) = (PAUSES[0], None);
    loop {
        let mut round = Round::default();
        let read = tokio::select! {
            read = read_once(&asker, source.kind, wanted, &mut rows, &mut round) => read,
            signal = signals.next() => {
                interrupted = Some(signal);
                Err(Stop::Unusable("reading the log was interrupted".to_owned()))
            }
        };
        log.rounds += 1;
        log.pages += round.pages;
        (log.foreign, log.broken) = (round.foreign, round.broken);
        log.problems = problems(&asker, &round, &read);
        log.complete = log.problems.is_empty();
        log.took_s = Offset::from(began.elapsed()).seconds();
        if let (Err(Stop::Refused(said)), true) = (&read, rows.is_empty()) {
            return Err(Failed::Refused(said.clone()));
        }
        let all_there = read.is_ok() && wanted.all_in(&rows);
        if all_there || interrupted.is_some() || Instant::now() + pause > deadline {
            return Ok((log, rows, interrupted));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            signal = signals.next() => interrupted = Some(signal),
        }
        if interrupted.is_some() {
            return Ok((log, rows, interrupted));
        }
        pause = (pause * 2).min(PAUSES[1]);
    }
}

async fn read_once(
    asker: &Asker,
    kind: LogKind,
    wanted: &Wanted,
    rows: &mut LogRows,
    round: &mut Round,
) -> Result<(), Stop> {
    match kind {
        LogKind::Respan => respan::read(asker, wanted, rows, round).await,
        LogKind::RespanOss => oss::read(asker, wanted, rows, round).await,
        LogKind::Litellm => litellm::read(asker, wanted, rows, round).await,
    }
}

/// What speaks against a reading of the log, in sentences.
fn problems(asker: &Asker, round: &Round, read: &Result<(), Stop>) -> Vec<String> {
    let mut said: Vec<String> = read
        .as_ref()
        .err()
        .map(|stop| stop.said().to_owned())
        .into_iter()
        .collect();
    if let Some(wrong) = &round.wrong {
        let wrong = asker.hidden(wrong);
        let broken = round.broken;
        said.push(format!(
            "{broken} of its rows could not be read as a whole; the first one: {wrong}"
        ));
    }
    said
}

/// Why no row of a run was found.
fn nothing(log: &LogRead, wanted: &Wanted) -> String {
    let mut said = match log.problems.first() {
        Some(problem) => format!("nothing could be reconciled: {problem}"),
        None => format!(
            "nothing could be reconciled: the log at {} has no row of the run `{}`, after {:.0} s",
            log.url, wanted.run_id, log.took_s
        ),
    };
    if log.foreign > 0 {
        said += &format!(" ({} rows of others)", log.foreign);
    }
    if log.problems.is_empty() {
        said += "\nhelp: requests must bear their names: the target's `kind` sees to it, or `log_to`; or give the log more time: --wait 5m";
    }
    said
}

#[cfg(test)]
impl Wanted {
    fn of_run(run_id: &str) -> Self {
        Self {
            run_id: run_id.to_owned(),
            started: None,
            sent: 0,
            keys: Vec::new(),
            names: HashSet::new(),
        }
    }
}
