//! `latency.hlog`: histograms in nanoseconds for each second, tagged `RECIPE.METRIC` (`ARM/RECIPE.METRIC` where there are arms), in the interval
//! log format that the public `HdrHistogram` tools read. Warm-up is left out: the sum of a tag is what
//! the summary is of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::{ResultsError, at};
use crate::record::Interval;
use crate::sample::Metric;

/// A log under way.
pub(super) struct Log {
    out: BufWriter<File>,
    serializer: V2DeflateSerializer,
}

impl Log {
    /// Begins a log. `unix_seconds` is the wall time of the run's start, where starts count from it.
    pub(super) fn begin(file: File, unix_seconds: Option<f64>) -> Result<Self, std::io::Error> {
        let mut out = BufWriter::new(file);
        writeln!(out, "#[Histogram log format version 1.3]")?;
        writeln!(
            out,
            "#tollgate: values in nanoseconds, one tag for each part of the run and metric"
        )?;
        if let Some(start) = unix_seconds {
            writeln!(out, "#[StartTime: {start:.3} (seconds since epoch)]")?;
        }
        writeln!(
            out,
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
        )?;
        Ok(Self {
            out,
            serializer: V2DeflateSerializer::new(),
        })
    }

    /// Adds a line.
    pub(super) fn write(
        &mut self,
        tag: &str,
        times: &Hdr<u64>,
        start: Duration,
        length: Duration,
    ) -> Result<(), std::io::Error> {
        let mut log =
            IntervalLogWriterBuilder::new().begin_log_with(&mut self.out, &mut self.serializer)?;
        log.write_histogram(times, start, length, Tag::new(tag))
            .map_err(|error| match error {
                IntervalLogWriterError::IoError(error) => error,
                IntervalLogWriterError::SerializeError(error) => std::io::Error::other(error),
            })
    }

    /// Hands on what was written.
    pub(super) fn flush(&mut self) -> Result<(), std::io::Error> {
        self.out.flush()
    }
}

/// Writes the seconds of a run.
pub(super) struct HlogWriter {
    log: Log,
    tags: Vec<String>,
}

impl HlogWriter {
    /// Begins the log. `unix_seconds` is the wall time of the run's start.
    pub(super) fn begin(
        file: File,
        unix_seconds: f64,
        groups: &[String],
    ) -> Result<Self, std::io::Error> {
        Ok(Self {
            log: Log::begin(file, Some(unix_seconds))?,
            tags: tag_names(groups),
        })
    }

    /// Adds a second.
    pub(super) fn write(&mut self, interval: &Interval) -> Result<(), std::io::Error> {
        let (start, length) = (interval.start.elapsed(), Duration::from_secs(1));
        for (group, tally) in self.tags.iter().zip(interval.record.groups()) {
            for metric in Metric::ALL {
                if let Some(times) = tally.times(metric) {
                    let tag = format!("{group}.{}", metric.name());
                    self.log.write(&tag, &times.to_hdr(), start, length)?;
                }
            }
        }
        self.log.flush()
    }
}

/// Writes a log of one interval: each tag once, with all of its times.
pub(super) fn write_sums(
    path: &Path,
    sums: &BTreeMap<String, Hdr<u64>>,
    length: Duration,
) -> Result<(), ResultsError> {
    let written = File::create(path).and_then(|file| {
        let mut log = Log::begin(file, None)?;
        for (tag, times) in sums {
            log.write(tag, times, Duration::ZERO, length)?;
        }
        log.flush()
    });
    written.map_err(at(path))
}

/// Names as tags, each with one of its own.
pub fn tag_names(names: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    names
        .iter()
        .map(|name| {
            let mut tag = tag_name(name);
            while !taken.insert(tag.clone()) {
                tag.push('_');
            }
            tag
        })
        .collect()
}

/// A name as a tag: without the characters that the format reserves.
fn tag_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if matches!(c, ',' | '\r' | '\n' | ' ' | '.') {
                '_'
            } else {
                c
            }
        })
        .collect()
}

/// The histograms of a log, added up by tag. A line that was cut short ends the reading.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Hdr<u64>>, ResultsError> {
    let mut sums: BTreeMap<String, Hdr<u64>> = BTreeMap::new();
    each(path, |tag, _, times| match sums.get_mut(tag) {
        Some(sum) => sum.add(times).expect("the sum grows by itself"),
        None => {
            sums.insert(tag.to_owned(), times.clone());
        }
    })?;
    Ok(sums)
}

/// Reads the histograms of a log one by one, with their tag and start. Whether it came to the end: a line
/// that was cut short ends the reading.
pub(super) fn each(
    path: &Path,
    mut of: impl FnMut(&str, Duration, &Hdr<u64>),
) -> Result<bool, ResultsError> {
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    // The legend is no part of the grammar that the reader knows.
    let lines: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('"'))
        .collect();
    let mut deserializer = Deserializer::new();
    for entry in IntervalLogIterator::new(lines.as_bytes()) {
        let Ok(LogEntry::Interval(line)) = entry else {
            if entry.is_err() {
                return Ok(false);
            }
            continue;
        };
        let Some(tag) = line.tag() else { continue };
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram());
        let Ok(bytes) = bytes else { return Ok(false) };
        let histogram: Result<Hdr<u64>, _> = deserializer.deserialize(&mut bytes.as_slice());
        let Ok(mut histogram) = histogram else {
            return Ok(false);
        };
        histogram.auto(true);
        of(tag.as_str(), line.start_timestamp(), &histogram);
    }
    Ok(true)
}
