//! Posts rows in bulk, again where that may help, and counts what became of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::row::{Names, Row};
use crate::base::Secret;
use crate::dialect::error_message;
use crate::results::LoggedInfo;
use crate::wire::{Answer, Api, Endpoint, Failure};

/// The most rows of one post.
const MOST: usize = 500;
/// How long rows wait for others, so that a slow run keeps within 30 posts a minute.
const GATHER: Duration = Duration::from_secs(2);
/// How long a post may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses after a post that failed: the first and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];
/// The pause where the log says too many requests, and not how long to wait.
const LIMITED: f64 = 5.0;
/// The longest wait that a log can ask for.
const LONGEST_WAIT: f64 = 300.0;

/// What became of the rows so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    sent: u64,
    accepted: u64,
    given_up: BTreeMap<String, u64>,
    /// What is in the way of the post that is under way.
    held: Option<String>,
    /// Why a post failed last, in a word and in words.
    last: Option<(String, String)>,
}

impl Tally {
    /// With what was never told of: it was cut off, and is given up for what held it up.
    pub(super) fn of(mut self, told: LoggedInfo) -> LoggedInfo {
        let settled = self.accepted + self.given_up.values().sum::<u64>();
        let left = (told.rows - told.dropped).saturating_sub(settled);
        if left > 0 {
            let why = self.held.unwrap_or_else(|| "no_time".to_owned());
            *self.given_up.entry(why).or_default() += left;
        }
        LoggedInfo {
            sent: self.sent,
            accepted: self.accepted,
            given_up: self.given_up.values().sum(),
            given_up_by: self.given_up,
            last_error: self.last.map(|(_, said)| said),
            ..told
        }
    }
}

/// What a post came to.
enum Posted {
    /// So many rows were taken; the others are refused.
    Taken(u64),
    /// Once more, after a while.
    Again(Option<f64>),
    /// These rows will not be taken.
    Refused,
    /// No row will ever be taken.
    Closed,
}

/// What a log says of a post.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    error_count: Option<u64>,
    #[serde(default)]
    errors: Option<serde_json::Value>,
}

/// Posts rows to a log.
pub(super) struct Poster {
    endpoint: Endpoint,
    names: Names,
    tally: Arc<Mutex<Tally>>,
    secrets: Vec<Secret>,
}

impl Poster {
    pub(super) fn new(
        endpoint: &Endpoint,
        names: Names,
        tally: Arc<Mutex<Tally>>,
        secrets: Vec<Secret>,
    ) -> Self {
        Self {
            endpoint: endpoint.clone(),
            names,
            tally,
            secrets,
        }
    }

    fn tally(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Posts all rows until no more come.
    pub(super) async fn post_all(&self, mut queue: mpsc::Receiver<Row>) {
        let mut api = Api::new(&self.endpoint, PATIENCE)
            .inspect_err(|failure| self.failed("connect", &format!("{failure:?}")))
            .ok();
        let mut batch = Vec::with_capacity(MOST);
        while gather(&mut queue, &mut batch, api.is_none()).await {
            if let Some(open) = &api
                && self.post_batch(open, &batch).await
            {
                api = None;
            }
            if api.is_none() {
                self.give_up(batch.len() as u64);
            }
            batch.clear();
        }
    }

    /// Posts some rows, as often as it takes; whether the log is closed to all of them.
    async fn post_batch(&self, api: &Api, batch: &[Row]) -> bool {
        let entries: Vec<_> = batch.iter().map(|row| self.names.entry(row)).collect();
        let body = json!({ "logs": entries }).to_string().into_bytes();
        let url = format!("{}/request-logs/bulk/", api.base_url());
        let rows = batch.len() as u64;
        self.tally(|tally| tally.sent += rows);
        let mut pause = PAUSES[0];
        loop {
            let answer = api.post(&url, body.clone()).await;
            match self.read(answer, rows) {
                Posted::Taken(taken) => {
                    self.tally(|tally| {
                        tally.accepted += taken;
                        tally.held = None;
                    });
                    self.give_up(rows - taken);
                    return false;
                }
                Posted::Refused => {
                    self.give_up(rows);
                    return false;
                }
                Posted::Closed => return true,
                Posted::Again(wait) => {
                    let asked = wait.map(|wait| Duration::from_secs_f64(wait.min(LONGEST_WAIT)));
                    tokio::time::sleep(asked.unwrap_or(pause)).await;
                    pause = (pause * 2).min(PAUSES[1]);
                }
            }
        }
    }

    /// What a post of so many rows came to.
    fn read(&self, answer: Result<Answer, Failure>, rows: u64) -> Posted {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                let (why, said) = failure.told();
                self.failed(why, &said);
                return Posted::Again(None);
            }
        };
        let told: Option<Told> = serde_json::from_slice(&answer.body).ok();
        let status = answer.status;
        let said = || error_message(&answer.body).unwrap_or_default();
        match (status, told) {
            (200..300, Some(told)) => {
                let refused = told.error_count.unwrap_or(0).min(rows);
                if refused > 0 {
                    let first = told.errors.map_or_else(String::new, |e| e.to_string());
                    let first: String = first.chars().take(200).collect();
                    self.failed("refused", &format!("of {rows} rows {refused}: {first}"));
                }
                Posted::Taken(rows - refused)
            }
            (200..300, None) => {
                // It may have taken them: to send them again could make them two.
                self.failed(
                    "unreadable",
                    "it answers a post with something that is no JSON",
                );
                Posted::Refused
            }
            (429, _) => {
                self.failed("status_429", &said());
                Posted::Again(Some(answer.retry_after.unwrap_or(LIMITED)))
            }
            (408 | 500.., _) => {
                self.failed(&format!("status_{status}"), &said());
                Posted::Again(answer.retry_after)
            }
            (401 | 403 | 404 | 405, _) => {
                self.failed(&format!("status_{status}"), &said());
                Posted::Closed
            }
            _ => {
                self.failed(&format!("status_{status}"), &said());
                Posted::Refused
            }
        }
    }

    /// Notes why a post failed.
    fn failed(&self, why: &str, said: &str) {
        let said = format!("{why}: {}", Secret::hide_all(&self.secrets, said));
        self.tally(|tally| {
            tally.held = Some(why.to_owned());
            tally.last = Some((why.to_owned(), said));
        });
    }

    /// Gives rows up for what failed last.
    fn give_up(&self, rows: u64) {
        if rows > 0 {
            self.tally(|tally| {
                let why = tally.last.as_ref().map_or("refused", |(why, _)| why);
                *tally.given_up.entry(why.to_owned()).or_default() += rows;
            });
        }
    }
}

/// Gathers rows until there are enough for a post or the first of them has waited long enough; `false`
/// where no more will come. Nothing waits for a log that is closed.
async fn gather(queue: &mut mpsc::Receiver<Row>, batch: &mut Vec<Row>, closed: bool) -> bool {
    if queue.recv_many(batch, MOST).await == 0 {
        return false;
    }
    let until = Instant::now() + if closed { Duration::ZERO } else { GATHER };
    while batch.len() < MOST {
        let room = MOST - batch.len();
        match tokio::time::timeout_at(until, queue.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}
