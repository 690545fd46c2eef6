//! Rows, intervals and summary to the files of a run folder, and back.
//!
//! Everything is written as the run goes: a process that is killed leaves a folder that says
//! `complete: false` and can be read as far as it came.

mod arms;
mod baseline;
mod connections;
mod course;
mod delivered;
mod evidence;
mod hlog;
mod info;
mod likeness;
mod line;
mod logged;
mod overhead;
mod read;
mod reconcile;
mod packed;
mod row;
mod scopes;
mod slices;
mod write;

use std::io;
use std::path::PathBuf;

pub use arms::ArmInfo;
pub use baseline::{Saved, save_baseline};
pub use connections::{ConnectionInfo, PreopenInfo};
pub use course::{Places, intervals, spread, write_whole};
pub use delivered::{DeliveredInfo, ScrapedInfo, TelemetryInfo};
pub use evidence::{
    Material, earlier, material, read_comparison, read_gate, write_comparison, write_gate,
};
pub use hlog::tag_names;
pub use info::{BudgetInfo, Interruption, PhaseInfo, RecipeInfo, RunInfo, Standing, TargetInfo};
pub use likeness::differences;
pub use logged::LoggedInfo;
pub use overhead::{read_overhead, write_overhead};
pub use read::{Stored, each_row, read, read_info};
pub use reconcile::{ReconcileFiles, add_log_figures, read_reconciled};
pub use row::Row;
pub use scopes::scoped;
pub use slices::read as read_slices;
pub use write::{RunFolder, SummaryRow, summary_rows};

/// The version of the files' layout. It grows when a reader of the old one would be misled.
pub const SCHEMA: u32 = 1;

/// The names of a folder's files.
pub mod names {
    /// What the run was.
    pub const RUN: &str = "run.json";
    /// A row for each request.
    pub const SAMPLES: &str = "samples.csv";
    /// A row for each second.
    pub const INTERVALS: &str = "intervals.csv";
    /// The figures, tidy: a row for each scope, metric and statistic.
    pub const SUMMARY: &str = "summary.csv";
    /// Histograms of each second, arm, recipe and metric, in the `HdrHistogram` interval log format.
    pub const HLOG: &str = "latency.hlog";
    /// Counts of each arm in each slice of the run.
    pub const SLICES: &str = "slices.csv";
    /// Histograms of the same, in the `HdrHistogram` interval log format; starts are numbers of slices.
    pub const SLICES_HLOG: &str = "slices.hlog";
    /// The report as a page for a browser.
    pub const PAGE: &str = "report.html";
    /// How the arms compare.
    pub const COMPARISON: &str = "comparison.json";
    /// What a gateway adds, and what it makes of streams.
    pub const OVERHEAD: &str = "overhead.json";
    /// What a gate found.
    pub const GATE: &str = "gate.json";
    /// The run against a gateway's log of it.
    pub const RECONCILED: &str = "reconcile.json";
    /// The same, a row for each request.
    pub const RECONCILED_ROWS: &str = "reconcile.csv";
}

/// What can go wrong with our own files.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder is not a run folder.
    #[error(
        "{path} is no run folder: {why}\nname a folder below results/, one that holds run.json"
    )]
    NotARun {
        /// Which folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Files of a folder don't fit each other: figures from them would mislead.
    #[error("{path} can't be judged: {why}")]
    Unfit {
        /// Which folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The folder was written by a newer tollgate.
    #[error("{path} has schema {found}, and this tollgate reads up to {SCHEMA}: update tollgate")]
    Newer {
        /// Which folder.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
}

/// Names the file in an error.
fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> ResultsError {
    let path = path.to_owned();
    move |source| ResultsError::Io { path, source }
}
