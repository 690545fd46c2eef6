//! Reading a run folder back, also one that a killed process left behind.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use super::{ResultsError, Row, RunInfo, SCHEMA, at, hlog, names};
use crate::record::{Recorder, Summary};
use crate::sample::{Metric, Sample};

/// A run folder that was read.
#[derive(Debug)]
pub struct Stored {
    /// What the run was.
    pub info: RunInfo,
    /// Its rows.
    pub recorder: Recorder,
    /// What could not be read, for people.
    pub notes: Vec<String>,
    /// What the files lack of a run that says that it has it all.
    pub lack: Option<String>,
}

impl Stored {
    /// The figures, worked out again from the rows.
    pub fn summary(&self) -> Summary {
        Summary::new(&self.recorder, &self.info.names())
    }
}

/// Reads a run folder.
pub fn read(path: &Path) -> Result<Stored, ResultsError> {
    read_with(path, read_info(path)?, &mut |_| {})
}

/// Reads a run folder of which `info` is known, and shows each row to `visit`.
pub(super) fn read_with(
    path: &Path,
    info: RunInfo,
    visit: &mut dyn FnMut(&Sample),
) -> Result<Stored, ResultsError> {
    let mut recorder = info.recorder();
    let mut notes = Vec::new();
    let broken = read_rows(path, &info, &mut |sample| {
        recorder.push(sample);
        visit(sample);
    })?;
    if broken > 0 {
        let rows = if broken == 1 { "row" } else { "rows" };
        notes.push(format!(
            "{broken} {rows} of samples.csv cut short or broken, and left out"
        ));
    }
    let log = path.join(names::HLOG);
    if log.exists() {
        let gaps = hlog::read(&log)?;
        for (index, tag) in hlog::tag_names(&info.names().groups()).iter().enumerate() {
            let tag = format!("{tag}.{}", Metric::ChunkGap.name());
            if let (Some(gaps), Some(tally)) = (gaps.get(&tag), recorder.group_mut(index)) {
                tally.merge_hdr(Metric::ChunkGap, gaps);
            }
        }
    } else {
        notes.push("there is no latency.hlog: chunk gaps are not known".to_owned());
    }
    if !info.complete {
        notes.push(
            "the run did not come to its end: the figures are of what was written".to_owned(),
        );
    }
    let lack = lack(&info, &recorder, log.exists());
    if let Some(lack) = &lack {
        notes.push(format!("{lack}: the figures are of what is there"));
    }
    Ok(Stored {
        info,
        recorder,
        notes,
        lack,
    })
}

/// What a recorder lacks of what a complete run wrote of itself.
fn lack(info: &RunInfo, recorder: &Recorder, has_log: bool) -> Option<String> {
    let summary = info.summary.as_ref().filter(|_| info.complete)?;
    let written = summary.total()?;
    let read = recorder.total();
    let (has, wants) = (read.arrivals, written.count.requests);
    if has != wants {
        return Some(format!(
            "{} tells of {wants} measured requests, and {} has {has}",
            names::RUN,
            names::SAMPLES
        ));
    }
    let gaps = written.metric(Metric::ChunkGap).map_or(0, |gaps| gaps.n);
    let found = read.times(Metric::ChunkGap);
    let found = found.map_or(0, crate::record::Histogram::len);
    (has_log && found != gaps).then(|| {
        format!(
            "{} tells of {gaps} chunk gaps, and {} has {found}",
            names::RUN,
            names::HLOG
        )
    })
}

/// Reads what a run was, without its rows.
pub fn read_info(path: &Path) -> Result<RunInfo, ResultsError> {
    let not = |why: String| ResultsError::NotARun {
        path: path.to_owned(),
        why,
    };
    let file = path.join(names::RUN);
    let text = std::fs::read_to_string(&file).map_err(|e| not(format!("{}: {e}", names::RUN)))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| not(format!("{}: {e}", names::RUN)))?;
    let schema = json
        .get("schema")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0) as u32;
    if schema > SCHEMA {
        return Err(ResultsError::Newer {
            path: path.to_owned(),
            found: schema,
        });
    }
    serde_json::from_value(json).map_err(|e| not(format!("{}: {e}", names::RUN)))
}

/// Shows each row to `visit` and counts those that are broken: a process that was killed leaves its last
/// row cut short.
pub(super) fn read_rows(
    path: &Path,
    info: &RunInfo,
    visit: &mut dyn FnMut(&Sample),
) -> Result<u64, ResultsError> {
    each_row(path, |row| {
        let sample = row.sample(info);
        sample.map(|sample| visit(&sample)).is_some()
    })
}

/// Reads the rows one after the other, and counts those that are broken or not taken.
pub fn each_row(path: &Path, mut take: impl FnMut(Row) -> bool) -> Result<u64, ResultsError> {
    let file = path.join(names::SAMPLES);
    let io = |error: csv::Error| at(&file)(error.into());
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(&file)
        .map_err(io)?;
    let head = reader.byte_headers().map_err(io)?.clone();
    let mut record = csv::ByteRecord::new();
    let mut broken = 0;
    loop {
        let start = reader.position().clone();
        if !reader.read_byte_record(&mut record).map_err(io)? {
            return Ok(broken);
        }
        let row: Option<Row> = record.deserialize(Some(&head)).ok();
        if row.is_some_and(&mut take) {
            continue;
        }
        broken += 1;
        if reader.position().line() > start.line() + 1 {
            // A quote that never closes takes the lines below with it: these are read once more.
            let mut below = start.clone();
            below.set_byte(line_below(&file, start.byte()).map_err(at(&file))?);
            below.set_line(start.line() + 1);
            reader.seek(below).map_err(io)?;
        }
    }
}

/// Where the line begins that is below the first line with text at or after `from`.
fn line_below(file: &Path, mut from: u64) -> io::Result<u64> {
    let mut reader = BufReader::new(File::open(file)?);
    reader.seek(SeekFrom::Start(from))?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let len = reader.read_until(b'\n', &mut line)?;
        from += len as u64;
        if len == 0 || line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Ok(from);
        }
    }
}
