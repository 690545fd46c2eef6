//! `log_to`: each finished request goes to a log, by a thread of its own. Whatever becomes of the log,
//! the run takes no notice: a row that doesn't fit into the queue is dropped, and counted.

mod post;
mod row;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::preflight::Refused;
use super::signals::Signals;
use crate::base::Secret;
use crate::results::{LoggedInfo, RunInfo};
use crate::sample::Sample;
use crate::scenario::{LogTo, Scenario};
use crate::wire::Endpoint;
use post::{Poster, Tally};
use row::{Names, Row};

/// Where the scenario wants its rows logged: at a URL, or at the embedded lab's gateway.
pub(super) fn endpoint(
    scenario: &Scenario,
    lab: Option<&Endpoint>,
) -> Result<Option<Endpoint>, Refused> {
    let Some(wanted) = &scenario.log_to else {
        return Ok(None);
    };
    let Some(url) = &wanted.url else {
        let lost = || Refused::new("`log_to` does not say where", "give its `url`");
        return lab.cloned().map(Some).ok_or_else(lost);
    };
    if wanted.key.is_none() {
        return Err(Refused::new(
            "there is no key for the log",
            "set `api_key` of `log_to`",
        ));
    }
    Ok(Some(Endpoint {
        base_url: url.clone(),
        key: wanted.key.clone(),
        ..Endpoint::default()
    }))
}

/// A log that rows go to.
pub(super) struct Log {
    rows: Option<mpsc::Sender<Row>>,
    /// When the thread has sent all it could.
    done: oneshot::Receiver<()>,
    /// No further rows will come.
    ending: CancellationToken,
    /// Nobody waits any more.
    cut: CancellationToken,
    tally: Arc<Mutex<Tally>>,
    told: LoggedInfo,
}

impl Log {
    /// Starts the thread. Offsets of rows are since `started`.
    pub(super) fn start(
        wanted: &LogTo,
        endpoint: &Endpoint,
        info: &RunInfo,
        secrets: &[Secret],
        started: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let (rows, queue) = mpsc::channel(wanted.queue);
        let (tell, done) = oneshot::channel();
        let (ending, cut) = (CancellationToken::new(), CancellationToken::new());
        let tally = Arc::new(Mutex::new(Tally::default()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let names = Names::new(info, started);
        let secrets = secrets.iter().chain(&endpoint.key).cloned().collect();
        let poster = Poster::new(endpoint, names, Arc::clone(&tally), secrets);
        let (end, ends, drain) = (cut.clone(), ending.clone(), wanted.drain);
        let work = async move {
            let over = async {
                ends.cancelled().await;
                tokio::time::sleep(drain).await;
            };
            tokio::select! {
                () = poster.post_all(queue) => {}
                () = over => {}
                () = end.cancelled() => {}
            }
        };
        let thread = thread::Builder::new().name("log-to".to_owned());
        thread
            .spawn(move || {
                runtime.block_on(work);
                // A hung lookup of a name must not hold up the end.
                runtime.shutdown_timeout(Duration::ZERO);
                let _ = tell.send(());
            })
            .context("no thread for `log_to`")?;
        Ok(Self {
            rows: Some(rows),
            done,
            ending,
            cut,
            tally,
            told: LoggedInfo {
                url: endpoint.base_url.clone(),
                ..LoggedInfo::default()
            },
        })
    }

    /// Hands over finished requests, as far as there is room for them. It never waits.
    pub(super) fn offer(&mut self, samples: &[Sample]) {
        let Some(rows) = &self.rows else { return };
        for sample in samples {
            self.told.rows += 1;
            if rows.try_send(Row::of(sample)).is_err() {
                self.told.dropped += 1;
            }
        }
    }

    /// Waits until all rows are sent or given up; a signal ends the wait. What became of them.
    pub(super) async fn finish(mut self, signals: &mut Signals) -> LoggedInfo {
        self.rows = None;
        self.ending.cancel();
        tokio::select! {
            _ = &mut self.done => {}
            _ = signals.next() => {
                self.cut.cancel();
                let _ = self.done.await;
            }
        }
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.clone().of(self.told)
    }
}
