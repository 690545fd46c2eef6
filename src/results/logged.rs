//! What became of the rows that a run sent to a log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The rows that were to be logged: each is accepted, given up or dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedInfo {
    /// The base URL of the log.
    pub url: String,
    /// Finished requests.
    pub rows: u64,
    /// Rows that were posted, once or more often.
    pub sent: u64,
    /// Rows that the log accepted.
    pub accepted: u64,
    /// Rows that it did not, or not in time. One that was posted may be in the log all the same.
    pub given_up: u64,
    /// These, by what was in their way: `status_500`, `timeout`, `refused`.
    pub given_up_by: BTreeMap<String, u64>,
    /// Rows for which the queue had no room: the log was slower than the run.
    pub dropped: u64,
    /// What was said when a post failed last.
    pub last_error: Option<String>,
}

impl LoggedInfo {
    /// Whether the log has all rows.
    pub const fn is_whole(&self) -> bool {
        self.accepted == self.rows
    }

    /// In a line.
    pub fn in_words(&self) -> String {
        let Self {
            rows,
            accepted,
            url,
            ..
        } = self;
        let mut said = format!("{accepted} of {rows} rows accepted by {url}");
        if self.given_up > 0 {
            let by = self.given_up_by.iter();
            let by: Vec<String> = by.map(|(why, rows)| format!("{why} {rows}")).collect();
            said += &format!("; {} given up ({})", self.given_up, by.join(", "));
        }
        if self.dropped > 0 {
            said += &format!("; {} dropped: the queue was full", self.dropped);
        }
        said
    }
}
