//! The rows that are kept: the last ones, each to be read some time after its call is over.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::row::Row;
use crate::lab::gateway::errors::Refusal;

/// The most memory that rows may take: 256 MiB.
const MOST_BYTES: usize = 256 << 20;

/// The log.
#[derive(Debug)]
pub(in crate::lab::gateway) struct Store {
    most: usize,
    delay: Duration,
    kept: Mutex<Kept>,
    /// What was selected last: pages of one selection are asked for one after the other.
    selected: Mutex<Option<Selected>>,
    #[cfg(feature = "sqlite")]
    file: Option<super::file::LogFile>,
    /// Whether a row could not be written to the file.
    lost: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with the instant from which it can be read, in the order of those.
    rows: VecDeque<(Instant, Arc<Row>)>,
    bytes: usize,
    /// Rows that ever came.
    came: u64,
}

/// Rows that fit what was asked, of a log that had so many rows then.
#[derive(Debug)]
struct Selected {
    asked: String,
    came: u64,
    seen: usize,
    rows: Arc<Vec<Arc<Row>>>,
}

impl Store {
    /// A log of at most `most` rows, which can be read `delay` after they came.
    pub(in crate::lab::gateway) fn new(most: usize, delay: Duration) -> Self {
        Self {
            most,
            delay,
            kept: Mutex::default(),
            selected: Mutex::default(),
            #[cfg(feature = "sqlite")]
            file: None,
            lost: AtomicBool::new(false),
        }
    }

    /// A log that is written to a file, too.
    #[cfg(feature = "sqlite")]
    pub(in crate::lab::gateway) fn with_file(
        mut self,
        path: Option<&std::path::Path>,
    ) -> std::io::Result<Self> {
        self.file = path.map(super::file::LogFile::open).transpose()?;
        Ok(self)
    }

    /// Adds a row; the oldest ones make room.
    pub(in crate::lab::gateway) fn push(&self, row: Row) {
        let (size, row) = (row.size(), Arc::new(row));
        #[cfg(feature = "sqlite")]
        if let Some(file) = &self.file
            && !file.push(Arc::clone(&row))
        {
            self.lost.store(true, Ordering::Relaxed);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let visible = Instant::now() + self.delay;
        kept.bytes += size;
        kept.came += 1;
        kept.rows.push_back((visible, row));
        while kept.rows.len() > self.most || kept.bytes > MOST_BYTES {
            let Some((_, oldest)) = kept.rows.pop_front() else {
                break;
            };
            kept.bytes -= oldest.size();
        }
    }

    /// The rows that `select` takes for what is `asked`, as long as the log is the same.
    pub(super) fn selected(
        &self,
        asked: &str,
        select: impl FnOnce(Vec<Arc<Row>>) -> Vec<Arc<Row>>,
    ) -> Result<Arc<Vec<Arc<Row>>>, Refusal> {
        let (came, seen) = {
            let now = Instant::now();
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = kept.rows.partition_point(|(visible, _)| *visible <= now);
            (kept.came, seen)
        };
        let mut last = self.selected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref()
            && (last.asked.as_str(), last.came, last.seen) == (asked, came, seen)
        {
            return Ok(Arc::clone(&last.rows));
        }
        let rows = Arc::new(select(self.rows()?));
        *last = Some(Selected {
            asked: asked.to_owned(),
            came,
            seen,
            rows: Arc::clone(&rows),
        });
        Ok(rows)
    }

    /// The rows that can be read, the oldest first; a 500 where the file has not got all of them.
    pub(super) fn rows(&self) -> Result<Vec<Arc<Row>>, Refusal> {
        if self.lost.load(Ordering::Relaxed) {
            let detail = "the log file could not be written to";
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
        let now = Instant::now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = kept.rows.iter().take_while(|(visible, _)| *visible <= now);
        Ok(seen.map(|(_, row)| Arc::clone(row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u32) -> Row {
        Row {
            unique_id: id.to_string(),
            ..Row::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_can_be_read_when_its_delay_is_over() {
        let store = Store::new(10, Duration::from_secs(2));
        store.push(row(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        store.push(row(2));
        assert!(store.rows().unwrap().is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(store.rows().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_selection_is_made_anew_when_the_log_or_the_question_is_another() {
        let store = Store::new(10, Duration::from_secs(2));
        store.push(row(1));
        let made = std::cell::Cell::new(0);
        let ask = |asked: &str| {
            let select = |rows| {
                made.set(made.get() + 1);
                rows
            };
            (store.selected(asked, select).unwrap().len(), made.get())
        };
        assert_eq!((ask("a"), ask("a")), ((0, 1), (0, 1)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(
            (ask("a"), ask("a")),
            ((1, 2), (1, 2)),
            "a row can be read now"
        );
        assert_eq!(ask("b"), (1, 3));
        store.push(row(2));
        assert_eq!(ask("b"), (1, 4));
    }

    #[test]
    fn the_last_rows_are_kept_within_the_memory() {
        let store = Store::new(3, Duration::ZERO);
        for id in 0..5 {
            store.push(row(id));
        }
        let ids: Vec<_> = store
            .rows()
            .unwrap()
            .iter()
            .map(|row| row.unique_id.clone())
            .collect();
        assert_eq!(ids, ["2", "3", "4"]);
        let huge = Row {
            error_message: Some("x".repeat(MOST_BYTES)),
            ..Row::default()
        };
        store.push(huge);
        assert!(store.rows().unwrap().is_empty());
        assert_eq!(store.kept.lock().unwrap().bytes, 0);
    }
}
