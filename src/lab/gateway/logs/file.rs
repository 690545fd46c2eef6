//! The log in a `SQLite` file, for whoever reads it later: a thread of its own writes, many rows at a time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, params};

use super::row::Row;

/// How many rows may wait to be written; then the calls wait.
const MOST_WAITING: usize = 10_000;
/// How many rows are written at once.
const BATCH: usize = 1_000;
const TABLE: &str = "CREATE TABLE IF NOT EXISTS request_logs (
    unique_id TEXT PRIMARY KEY, timestamp TEXT, custom_identifier TEXT, model TEXT,
    status_code INTEGER, cost REAL, row TEXT NOT NULL)";

/// A file that is written to. All rows are in it when this is dropped.
#[derive(Debug)]
pub(super) struct LogFile {
    rows: Option<SyncSender<Arc<Row>>>,
    writer: Option<JoinHandle<()>>,
}

impl LogFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let connection = Connection::open(path).map_err(io::Error::other)?;
        connection.execute(TABLE, []).map_err(io::Error::other)?;
        let (rows, taken) = sync_channel(MOST_WAITING);
        let thread = thread::Builder::new().name("lab-log".to_owned());
        let writer = thread.spawn(move || write(connection, &taken))?;
        Ok(Self {
            rows: Some(rows),
            writer: Some(writer),
        })
    }

    /// Adds a row; `false` where the file could not be written to before.
    pub(super) fn push(&self, row: Arc<Row>) -> bool {
        let rows = self.rows.as_ref();
        rows.is_some_and(|rows| rows.send(row).is_ok())
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        self.rows = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Writes until nobody sends any more, or a row can't be written.
fn write(mut connection: Connection, rows: &Receiver<Arc<Row>>) {
    while let Ok(first) = rows.recv() {
        let batch = std::iter::once(first).chain(rows.try_iter().take(BATCH));
        if write_batch(&mut connection, batch).is_err() {
            return;
        }
    }
}

fn write_batch(
    connection: &mut Connection,
    rows: impl Iterator<Item = Arc<Row>>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        // A lab with the same seed names its rows the same: the later ones take their place.
        let insert = "INSERT OR REPLACE INTO request_logs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = transaction.prepare_cached(insert)?;
        for row in rows {
            let json = serde_json::to_string(&*row).unwrap_or_default();
            insert.execute(params![
                row.unique_id,
                row.timestamp,
                row.custom_identifier,
                row.model,
                row.status_code,
                row.cost,
                json
            ])?;
        }
    }
    transaction.commit()
}
