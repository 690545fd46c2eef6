//! The course of a run as its folder holds it, second by second: read line by line, so that a long run
//! takes no more memory than a short one.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

use super::packed::Unpacker;
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
    let mut unpacker = Unpacker::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.read_until(b'\n', &mut line).map_err(at(&path))? == 0 {
            return Ok(());
        }
        // All else are comments, the legend, and what has no tag.
        let Some(line) = line.strip_prefix(b"Tag=") else {
            continue;
        };
        let Some([tag, start, _, _, packed]) = fields(line) else {
            return Ok(());
        };
        let Ok(start) = start.parse::<f64>() else {
            return Ok(());
        };
        let place = places.place(start as u64, tag);
        let Some(place) = place else { continue };
        if unpacker.add(packed, place).is_none() {
            return Ok(());
        }
    }
}

/// The fields of a line: tag, start, length, maximum, histogram.
fn fields(line: &[u8]) -> Option<[&str; 5]> {
    let mut fields = str::from_utf8(line).ok()?.trim_end().splitn(5, ',');
    let mut next = || fields.next();
    Some([next()?, next()?, next()?, next()?, next()?])
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
