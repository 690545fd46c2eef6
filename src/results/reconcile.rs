//! The files of a reconciliation, and a run's rows as a joiner takes them.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::write::create;
use super::{ResultsError, Row, at, names};
use crate::base::Offset;
use crate::judge::{Joined, Reconciled, Seen};
use crate::record::{LogFigures, ScopeFigures};
use crate::wire::Outcome;

impl Row {
    /// The request as a joiner takes it. The run started so many seconds after the Unix epoch, where
    /// that is known.
    pub fn seen(self, started: Option<f64>) -> Seen {
        let since_sent = |mark: Option<Offset>| Some(mark?.since(self.sent_ms?));
        let counted = !self.tokens_estimated;
        Seen {
            id: self.id,
            warmup: self.warmup,
            sent: self.sent_ms.is_some(),
            ok: self.outcome == Outcome::Ok,
            status: self.status,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens.filter(|_| counted),
            cost_computed: self.cost_computed_usd,
            cost_in_band: self.cost_reported_usd,
            latency: since_sent(self.end_ms),
            ttft: since_sent(self.first_token_ms.filter(|_| self.stream)),
            ended: started
                .zip(self.end_ms)
                .map(|(started, end)| started + end.seconds()),
            request_id: self.request_id,
            model: self.model,
            provider: self.provider,
        }
    }
}

/// `reconcile.csv` and `reconcile.json`, being written.
pub struct ReconcileFiles {
    folder: PathBuf,
    rows: csv::Writer<BufWriter<File>>,
}

impl ReconcileFiles {
    /// Begins them in `folder`, which is made where it is not there. Files of an earlier reconciliation
    /// are replaced.
    pub fn begin(folder: &Path) -> Result<Self, ResultsError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let path = folder.join(names::RECONCILED_ROWS);
        let rows = csv::Writer::from_writer(BufWriter::new(create(&path)?));
        Ok(Self {
            folder: folder.to_owned(),
            rows,
        })
    }

    /// Adds a row.
    pub fn write(&mut self, joined: &Joined) -> Result<(), ResultsError> {
        let path = self.folder.join(names::RECONCILED_ROWS);
        let written = self.rows.serialize(joined);
        written.map_err(|error| at(&path)(error.into()))
    }

    /// Writes what came of it.
    pub fn finish(mut self, found: &Reconciled) -> Result<(), ResultsError> {
        let path = self.folder.join(names::RECONCILED_ROWS);
        self.rows.flush().map_err(at(&path))?;
        let path = self.folder.join(names::RECONCILED);
        let mut text = serde_json::to_string_pretty(found).expect("plain data always encodes");
        text.push('\n');
        drop(create(&path)?);
        fs::write(&path, text).map_err(at(&path))
    }
}

/// What a reconciliation found of the run in `folder`; `None` where there was none, or its file can't be
/// read.
pub fn read_reconciled(folder: &Path) -> Option<Reconciled> {
    let text = fs::read_to_string(folder.join(names::RECONCILED)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Adds what the gateway's log says of a run to the figures of all its requests, where it was read.
pub fn add_log_figures(folder: &Path, figures: &mut [ScopeFigures]) {
    let (Some(found), Some(total)) = (read_reconciled(folder), figures.first_mut()) else {
        return;
    };
    total.log = Some(LogFigures {
        sent: found.sent,
        joined: found.joined,
        missing: found.missing_logs,
        cost_drift: found.cost_drift,
        whole: found.log.complete,
    });
}
