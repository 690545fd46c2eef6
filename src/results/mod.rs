//! Rows, intervals and summary to the files of a run folder, and back.
//!
//! Everything is written as the run goes: a process that is killed leaves a folder that says
//! `complete: false` and can be read as far as it came.

mod arms;
mod connections;
mod course;
mod hlog;
mod info;
mod line;
mod read;
mod row;
mod slices;
mod write;

use std::io;
use std::path::PathBuf;

pub use arms::ArmInfo;
pub use connections::{ConnectionInfo, PreopenInfo};
pub use course::{Places, intervals, spread, write_whole};
pub use hlog::tag_names;
pub use info::{BudgetInfo, Interruption, PhaseInfo, RecipeInfo, RunInfo, Standing, TargetInfo};
pub use read::{Stored, read, read_info};
pub use row::Row;
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
