//! Writing a run folder while the run goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hlog::HlogWriter;
use super::{ResultsError, RunInfo, at, line, names, slices};
use crate::base::Money;
use crate::record::{Cost, Interval, Slices, Summary, TellSummary};
use crate::sample::Sample;

/// A run folder that is being written.
pub struct RunFolder {
    path: PathBuf,
    /// The wall time of the run's start.
    unix_seconds: f64,
    samples: BufWriter<File>,
    /// The lines of the batch that is being written.
    lines: Vec<u8>,
    intervals: csv::Writer<BufWriter<File>>,
    hlog: HlogWriter,
}

/// A line of `summary.csv`. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// `total`, `arm:ARM`, `recipe:RECIPE`, `group:ARM/RECIPE`, `model:MODEL` as it answered, or
    /// `provider:PROVIDER`.
    pub scope: String,
    /// Which figure.
    pub metric: String,
    /// Which statistic of it.
    pub stat: String,
    /// The value; empty where it can't be given.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// The lower end of the 95 % confidence interval.
    pub ci_low: Option<f64>,
    /// The upper end.
    pub ci_high: Option<f64>,
    /// How many values it stands on.
    pub n: u64,
}

impl RunFolder {
    /// Makes the folder `root/SCENARIO/STAMP-DIGEST` and begins its files. A folder that is there
    /// already is left alone, and another name is taken.
    pub fn create(
        root: &Path,
        stamp: &str,
        unix_seconds: f64,
        info: &RunInfo,
    ) -> Result<Self, ResultsError> {
        let parent = root.join(&info.scenario);
        fs::create_dir_all(&parent).map_err(at(&parent))?;
        let path = fresh_folder(&parent, &format!("{stamp}-{}", info.digest))?;
        let csv = |name: &str| -> Result<_, ResultsError> {
            Ok(csv::Writer::from_writer(BufWriter::new(create(
                &path.join(name),
            )?)))
        };
        let rows = path.join(names::SAMPLES);
        let mut samples = BufWriter::new(create(&rows)?);
        let head = samples.write_all(line::HEAD.as_bytes());
        head.and_then(|()| samples.flush()).map_err(at(&rows))?;
        let intervals = csv(names::INTERVALS)?;
        let log = path.join(names::HLOG);
        let hlog = HlogWriter::begin(create(&log)?, unix_seconds, &info.names().groups())
            .map_err(at(&log))?;
        let folder = Self {
            path,
            unix_seconds,
            samples,
            lines: Vec::new(),
            intervals,
            hlog,
        };
        folder.write_info(info)?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds rows.
    pub fn write_rows(&mut self, rows: &[Sample], info: &RunInfo) -> Result<(), ResultsError> {
        self.lines.clear();
        for sample in rows {
            line::push(&mut self.lines, sample, info);
        }
        self.samples
            .write_all(&self.lines)
            .map_err(at(&self.path.join(names::SAMPLES)))
    }

    /// Adds a second, and hands what was written so far to the operating system.
    pub fn write_interval(&mut self, interval: &Interval) -> Result<(), ResultsError> {
        let path = self.path.join(names::INTERVALS);
        for row in &interval.rows {
            self.intervals
                .serialize(row)
                .map_err(|e| at(&path)(e.into()))?;
        }
        self.intervals.flush().map_err(at(&path))?;
        self.hlog
            .write(interval)
            .map_err(at(&self.path.join(names::HLOG)))?;
        self.samples
            .flush()
            .map_err(at(&self.path.join(names::SAMPLES)))
    }

    /// Writes `run.json` anew, in one step.
    pub fn write_info(&self, info: &RunInfo) -> Result<(), ResultsError> {
        let (path, draft) = (self.path.join(names::RUN), self.path.join("run.json.new"));
        let mut text = serde_json::to_string_pretty(info).expect("plain data always encodes");
        text.push('\n');
        drop(create(&draft)?);
        fs::write(&draft, text).map_err(at(&draft))?;
        fs::rename(&draft, &path).map_err(at(&path))
    }

    /// Writes what is known at the end.
    pub fn finish(mut self, info: &RunInfo, cut: &Slices) -> Result<PathBuf, ResultsError> {
        self.samples
            .flush()
            .map_err(at(&self.path.join(names::SAMPLES)))?;
        if let Some(summary) = &info.summary {
            let path = self.path.join(names::SUMMARY);
            let mut csv = csv::Writer::from_writer(BufWriter::new(create(&path)?));
            for row in summary_rows(summary) {
                csv.serialize(row).map_err(|e| at(&path)(e.into()))?;
            }
            csv.flush().map_err(at(&path))?;
        }
        slices::write(&self.path, self.unix_seconds, info, cut)?;
        self.write_info(info)?;
        Ok(self.path)
    }
}

/// A folder that was not there before.
fn fresh_folder(parent: &Path, name: &str) -> Result<PathBuf, ResultsError> {
    for attempt in 1.. {
        let path = match attempt {
            1 => parent.join(name),
            _ => parent.join(format!("{name}-{attempt}")),
        };
        match fs::create_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1_000 => {}
            made => return made.map(|()| path.clone()).map_err(at(&path)),
        }
    }
    unreachable!("the loop returns at the latest after 1000 names")
}

/// Creates a file that only its owner can read: rows and errors may hold parts of prompts.
pub(super) fn create(path: &Path) -> Result<File, ResultsError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(at(path))
}

/// The lines of `summary.csv`.
pub fn summary_rows(summary: &Summary) -> Vec<SummaryRow> {
    let mut rows = Vec::new();
    for scope in &summary.scopes {
        let n = scope.count.requests;
        let mut add = |metric: &str, stat: &str, value: Option<f64>, unit: &str, ci, n| {
            let (ci_low, ci_high) = ci;
            let [scope, metric, stat, unit] =
                [scope.scope.as_str(), metric, stat, unit].map(str::to_owned);
            rows.push(SummaryRow {
                scope,
                metric,
                stat,
                value,
                unit,
                ci_low,
                ci_high,
                n,
            });
        };
        let none = (None, None);
        let totals = &scope.totals;
        let counts = [
            ("requests", n as f64, ""),
            ("ok", scope.count.ok as f64, ""),
            ("failed", scope.count.failed as f64, ""),
            ("good", totals.good as f64, ""),
            ("error_rate", totals.error_rate, "share"),
            ("goodput", totals.goodput_per_s, "1/s"),
            ("throughput", totals.throughput_per_s, "1/s"),
            ("output_tokens_rate", totals.output_tokens_per_s, "1/s"),
            ("input_tokens", totals.input_tokens as f64, ""),
            ("cached_input_tokens", totals.cached_input_tokens as f64, ""),
            ("output_tokens", totals.output_tokens as f64, ""),
        ];
        for (metric, value, unit) in counts {
            add(metric, "value", Some(value), unit, none, n);
        }
        let reported = totals.cost_reported_usd.map(Money::dollars);
        add("cost_reported", "value", reported, "USD", none, n);
        for (metric, stat, value, unit, n) in cost_figures(&totals.cost, n) {
            add(metric, stat, value, unit, none, n);
        }
        for (metric, stat, value, n) in told_rows(&scope.told) {
            add(metric, stat, Some(value as f64), "", none, n);
        }
        for error in &scope.errors {
            add(
                "errors",
                &error.outcome,
                Some(error.count as f64),
                "",
                none,
                n,
            );
        }
        for metric in &scope.metrics {
            let (name, n) = (metric.metric.name(), metric.n);
            add(name, "mean", Some(metric.mean_ms), "ms", none, n);
            add(name, "max", Some(metric.max_ms), "ms", none, n);
            for q in &metric.quantiles {
                add(
                    name,
                    &q.stat,
                    q.value_ms,
                    "ms",
                    (q.ci_low_ms, q.ci_high_ms),
                    n,
                );
                let adjusted = if q.adjusted_infinite {
                    Some(f64::INFINITY)
                } else {
                    q.adjusted_ms
                };
                add(
                    name,
                    &format!("{}_error_adjusted", q.stat),
                    adjusted,
                    "ms",
                    none,
                    n,
                );
            }
        }
    }
    let models = summary.models.iter().flat_map(|model| {
        let counts = [model.requests, model.good, model.output_tokens];
        cost_rows(&format!("model:{}", model.model), counts, &model.cost)
    });
    let providers = summary.providers.iter().flat_map(|provider| {
        let counts = [provider.requests, provider.good, provider.output_tokens];
        cost_rows(
            &format!("provider:{}", provider.provider),
            counts,
            &provider.cost,
        )
    });
    rows.extend(models.chain(providers));
    rows
}

/// The figures of a cost: metric, statistic, value, unit, and how many requests it stands on.
type Figure = (&'static str, &'static str, Option<f64>, &'static str, u64);

/// The figures of a cost of `n` requests. What is unknown has no value.
fn cost_figures(cost: &Cost, n: u64) -> [Figure; 6] {
    let known = n - cost.unknown;
    let dollars = |money: Option<Money>| money.map(Money::dollars);
    let usd = (known > 0 || n == 0).then_some(cost.usd);
    let (request, tokens) = (cost.per_request_usd, cost.per_1k_output_usd);
    [
        ("cost", "value", dollars(usd), "USD", n),
        ("cost_unknown", "value", Some(cost.unknown as f64), "", n),
        (
            "priced_by_asked",
            "value",
            Some(cost.priced_by_asked as f64),
            "",
            known,
        ),
        ("cost_per_request", "mean", dollars(request), "USD", known),
        ("cost_per_1k_output", "mean", dollars(tokens), "USD", known),
        (
            "cost_per_good",
            "mean",
            dollars(cost.per_good_usd),
            "USD",
            n,
        ),
    ]
}

/// The lines of what one model or provider cost: its requests, those that are good, their output tokens.
fn cost_rows(scope: &str, [n, good, output_tokens]: [u64; 3], cost: &Cost) -> Vec<SummaryRow> {
    let counts = [
        ("requests", n),
        ("good", good),
        ("output_tokens", output_tokens),
    ];
    let counts = counts.map(|(metric, count)| (metric, "value", Some(count as f64), "", n));
    let row = |(metric, stat, value, unit, n): Figure| SummaryRow {
        scope: scope.to_owned(),
        metric: metric.to_owned(),
        stat: stat.to_owned(),
        value,
        unit: unit.to_owned(),
        ci_low: None,
        ci_high: None,
        n,
    };
    let figures = counts.into_iter().chain(cost_figures(cost, n));
    figures.map(row).collect()
}

/// What the gateway told: metric, statistic, value, and how many requests it is of.
fn told_rows(told: &TellSummary) -> Vec<(&'static str, &str, u64, u64)> {
    let counts = [
        ("cache_hits", "value", told.cache_hits, told.cache_told),
        (
            "retried_by_gateway",
            "value",
            told.retried,
            told.attempts_told,
        ),
    ];
    let counts = counts.into_iter().filter(|(_, _, _, n)| *n > 0);
    let names = [
        ("answers_by_model", &told.models),
        ("answers_by_provider", &told.providers),
    ];
    let names = names.into_iter().flat_map(|(metric, names)| {
        let all = names.iter().map(|name| name.count).sum();
        names
            .iter()
            .map(move |name| (metric, name.name.as_str(), name.count, all))
    });
    counts.chain(names).collect()
}
