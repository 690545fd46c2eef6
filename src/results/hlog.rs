//! `latency.hlog`: histograms in nanoseconds for each second, tagged `RECIPE.METRIC`, in the interval
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

const VERSION: &str = "#[Histogram log format version 1.3]";
const COMMENT: &str = "#tollgate: values in nanoseconds, one tag for each recipe and metric";
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// Writes the log.
pub(super) struct HlogWriter {
    out: BufWriter<File>,
    serializer: V2DeflateSerializer,
    tags: Vec<String>,
}

impl HlogWriter {
    /// Begins the log. `unix_seconds` is the wall time of the run's start.
    pub(super) fn begin(
        file: File,
        unix_seconds: f64,
        recipes: &[String],
    ) -> Result<Self, std::io::Error> {
        let mut out = BufWriter::new(file);
        writeln!(out, "{VERSION}\n{COMMENT}")?;
        writeln!(out, "#[StartTime: {unix_seconds:.3} (seconds since epoch)]")?;
        writeln!(out, "{LEGEND}")?;
        let tags = tag_names(recipes);
        Ok(Self {
            out,
            serializer: V2DeflateSerializer::new(),
            tags,
        })
    }

    /// Adds a second.
    pub(super) fn write(&mut self, interval: &Interval) -> Result<(), std::io::Error> {
        let tallies = self.tags.iter().zip(interval.record.recipes());
        let times = tallies.flat_map(|(recipe, tally)| {
            let times = move |metric| Some((recipe, metric, tally.times(metric)?));
            Metric::ALL.into_iter().filter_map(times)
        });
        for (recipe, metric, times) in times {
            let tag = format!("{recipe}.{}", metric.name());
            let mut log = IntervalLogWriterBuilder::new()
                .begin_log_with(&mut self.out, &mut self.serializer)?;
            let (start, length) = (interval.start.elapsed(), Duration::from_secs(1));
            log.write_histogram(&times.to_hdr(), start, length, Tag::new(&tag))
                .map_err(|error| match error {
                    IntervalLogWriterError::IoError(error) => error,
                    IntervalLogWriterError::SerializeError(error) => std::io::Error::other(error),
                })?;
        }
        self.out.flush()
    }
}

/// Writes a log of one interval: each tag once, with all of its times.
pub(super) fn write_sums(
    path: &Path,
    sums: &BTreeMap<String, Hdr<u64>>,
    length: Duration,
) -> Result<(), ResultsError> {
    let mut out = BufWriter::new(File::create(path).map_err(at(path))?);
    let mut serializer = V2DeflateSerializer::new();
    let written = (|| {
        writeln!(out, "{VERSION}\n{COMMENT}")?;
        writeln!(out, "{LEGEND}")?;
        for (tag, times) in sums {
            let mut log =
                IntervalLogWriterBuilder::new().begin_log_with(&mut out, &mut serializer)?;
            let tag = Tag::new(tag).expect("it was read from a log");
            log.write_histogram(times, Duration::ZERO, length, Some(tag))
                .map_err(io_error)?;
        }
        out.flush()
    })();
    written.map_err(at(path))
}

fn io_error(
    error: IntervalLogWriterError<impl std::error::Error + Send + Sync + 'static>,
) -> std::io::Error {
    match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => std::io::Error::other(error),
    }
}

/// The names of recipes as tags, each with one of its own.
pub(super) fn tag_names(recipes: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    recipes
        .iter()
        .map(|recipe| {
            let mut tag = tag_name(recipe);
            while !taken.insert(tag.clone()) {
                tag.push('_');
            }
            tag
        })
        .collect()
}

/// A recipe's name as a tag: without the characters that the format reserves.
fn tag_name(recipe: &str) -> String {
    recipe
        .chars()
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
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    // The legend is no part of the grammar that the reader knows.
    let lines: String = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('"'))
        .collect();
    let mut sums: BTreeMap<String, Hdr<u64>> = BTreeMap::new();
    let mut deserializer = Deserializer::new();
    for entry in IntervalLogIterator::new(lines.as_bytes()) {
        let Ok(LogEntry::Interval(line)) = entry else {
            if entry.is_err() {
                break;
            }
            continue;
        };
        let Some(tag) = line.tag() else { continue };
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram());
        let Ok(bytes) = bytes else { break };
        let histogram: Result<Hdr<u64>, _> = deserializer.deserialize(&mut bytes.as_slice());
        let Ok(mut histogram) = histogram else { break };
        histogram.auto(true);
        match sums.get_mut(tag.as_str()) {
            Some(sum) => sum.add(&histogram).expect("the sum grows by itself"),
            None => {
                sums.insert(tag.as_str().to_owned(), histogram);
            }
        }
    }
    Ok(sums)
}
