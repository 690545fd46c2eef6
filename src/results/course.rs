//! The course of a run as its folder holds it, second by second: read line by line, so that a long run
//! takes no more memory than a short one.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

use base64::Engine;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::{ResultsError, at, names};
use crate::record::{Histogram, IntervalRow};

/// Where the histograms of a log go.
pub trait Places {
    /// Where to add the times that a tag has for one second of the run; `None` to leave them out.
    fn place(&mut self, second: u64, tag: &str) -> Option<&mut Histogram>;
}

/// Adds the histograms of a folder's log to their places. A line that was cut short ends the reading; a
/// folder without a log has none.
pub fn spread(folder: &Path, places: &mut impl Places) -> Result<(), ResultsError> {
    let path = folder.join(names::HLOG);
    let Some(mut log) = open(&path)? else {
        return Ok(());
    };
    let mut deserializer = Deserializer::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.read_until(b'\n', &mut line).map_err(at(&path))? == 0 {
            return Ok(());
        }
        // The legend is no part of the grammar that the reader knows.
        if line.starts_with(b"\"") {
            continue;
        }
        let entry = match IntervalLogIterator::new(&line).next() {
            Some(Ok(LogEntry::Interval(entry))) => entry,
            Some(Err(_)) => return Ok(()),
            Some(Ok(_)) | None => continue,
        };
        let second = entry.start_timestamp().as_secs();
        let tag = entry.tag();
        let place = tag.and_then(|tag| places.place(second, tag.as_str()));
        let Some(place) = place else { continue };
        let bytes = base64::engine::general_purpose::STANDARD.decode(entry.encoded_histogram());
        let Ok(bytes) = bytes else { return Ok(()) };
        let histogram: Result<Hdr<u64>, _> = deserializer.deserialize(&mut bytes.as_slice());
        let Ok(histogram) = histogram else {
            return Ok(());
        };
        place.merge_hdr(&histogram);
    }
}

/// The seconds of a folder, as far as they can be read; none where there is no file of them.
pub fn intervals(folder: &Path) -> Result<Vec<IntervalRow>, ResultsError> {
    let path = folder.join(names::INTERVALS);
    let Some(file) = open(&path)? else {
        return Ok(Vec::new());
    };
    let rows = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    Ok(rows.into_deserialize().map_while(Result::ok).collect())
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_whole(path: &Path, text: &str) -> Result<(), ResultsError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = Path::new(&draft);
    let mut file = super::write::create(draft)?;
    let written = file.write_all(text.as_bytes());
    written.map_err(at(draft))?;
    std::fs::rename(draft, path).map_err(at(path))
}

fn open(path: &Path) -> Result<Option<BufReader<File>>, ResultsError> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::with_capacity(1 << 16, file))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}
