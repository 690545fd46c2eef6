//! The course of a run, folded for drawing: however long the run was, there are a few hundred columns of
//! time, and a few hundred points to a curve.
//!
//! Times come from the log of histograms, which holds the measured phases; requests that ended, failed and
//! were in flight come from the intervals, which hold the warm-up, too.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::record::{Histogram, IntervalRow, Names};
use crate::results::{Places, tag_names};
use crate::sample::Metric;

/// The times that are drawn.
pub(super) const DRAWN: [Metric; 5] = [
    Metric::Ttft,
    Metric::E2e,
    Metric::Service,
    Metric::Tpot,
    Metric::ChunkGap,
];
/// The most columns of the time axis.
const COLUMNS: u64 = 300;
/// A column gets longer for the sake of its p95 while so many are left.
const FEW_COLUMNS: u64 = 24;
/// Requests of a column with which a p95 is nearly always there: it needs 59.
const FULL: u64 = 80;
/// The lengths that a column can have, in seconds; beyond the last, whole multiples of it.
const LENGTHS: [u64; 11] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600];
/// The most points of a quantile curve.
const POINTS: f64 = 180.0;
/// Steps of a histogram to a tenfold of time.
const STEPS: f64 = 20.0;
/// The same of a heat map, which is coarser.
const HEAT_STEPS: f64 = 12.0;
/// The most scopes that are drawn: more could not be told apart.
const SCOPES: usize = 16;

/// The course of a run.
#[derive(Debug)]
pub struct Course {
    axis: Axis,
    load: BTreeMap<String, Load>,
    series: Vec<Series>,
    /// The arm and the recipe of the first part of each tag.
    groups: BTreeMap<String, (String, String)>,
    tags: BTreeMap<String, Tag>,
    column: Option<u64>,
}

/// The time axis.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Axis {
    /// Seconds of a column.
    length_s: u64,
    columns: u64,
    /// Seconds of the run.
    seconds: u64,
}

/// What ended in each column, warm-up included.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Load {
    ended: Vec<u64>,
    failed: Vec<u64>,
    /// The most at the end of a second.
    in_flight: Vec<u64>,
}

/// A scope that is drawn.
#[derive(Debug)]
struct Series {
    scope: String,
    drawn: [Drawn; DRAWN.len()],
}

/// One kind of time of one scope.
#[derive(Debug, Default)]
struct Drawn {
    all: Histogram,
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    heat: Vec<Vec<u64>>,
}

/// A tag of the log.
#[derive(Debug)]
enum Tag {
    /// Nothing of it is drawn.
    Ignored,
    /// Times of a kind, by its place in [`DRAWN`], of some of the series.
    Drawn {
        metric: usize,
        series: Vec<usize>,
        column: Histogram,
    },
}

impl Axis {
    fn new(intervals: &[IntervalRow]) -> Self {
        let seconds = intervals
            .iter()
            .map(|row| row.second + 1)
            .max()
            .unwrap_or(0);
        let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
        for row in intervals {
            *ended.entry(&row.arm).or_default() += row.ended;
        }
        let fewest = ended.values().copied().min().unwrap_or(0);
        let shortest = seconds.div_ceil(COLUMNS).max(1);
        let last = LENGTHS[LENGTHS.len() - 1];
        let mut choice = LENGTHS.into_iter().filter(|length| *length >= shortest);
        let mut length_s = choice.next().unwrap_or(shortest.next_multiple_of(last));
        for longer in choice {
            if fewest * length_s / seconds.max(1) >= FULL || seconds / longer < FEW_COLUMNS {
                break;
            }
            length_s = longer;
        }
        Self {
            length_s,
            columns: seconds.div_ceil(length_s),
            seconds,
        }
    }

    const fn column(self, second: u64) -> u64 {
        second / self.length_s
    }
}

impl Course {
    /// The course of a run with these seconds. `scopes` are those of its summary. The times are still to
    /// come: see [`Places`].
    pub fn new(intervals: &[IntervalRow], scopes: &[&str], names: &Names) -> Self {
        let axis = Axis::new(intervals);
        let mut load: BTreeMap<String, Load> = BTreeMap::new();
        for row in intervals {
            let load = load.entry(row.arm.clone()).or_insert_with(|| {
                let none = vec![0; axis.columns as usize];
                let (ended, failed, in_flight) = (none.clone(), none.clone(), none);
                Load {
                    ended,
                    failed,
                    in_flight,
                }
            });
            let column = axis.column(row.second) as usize;
            load.ended[column] += row.ended;
            load.failed[column] += row.failed;
            load.in_flight[column] = load.in_flight[column].max(row.in_flight);
        }
        let series = scopes.iter().take(SCOPES).map(|scope| Series {
            scope: (*scope).to_owned(),
            drawn: Default::default(),
        });
        let of_arm = |arm: &String| {
            let pair = |recipe: &String| (arm.clone(), recipe.clone());
            names.recipes.iter().map(pair).collect::<Vec<_>>()
        };
        let pairs = names.arms.iter().flat_map(of_arm);
        Self {
            axis,
            load,
            series: series.collect(),
            groups: tag_names(&names.groups()).into_iter().zip(pairs).collect(),
            tags: BTreeMap::new(),
            column: None,
        }
    }

    /// What is drawn of a tag: `RECIPE.METRIC`, or `ARM/RECIPE.METRIC`.
    fn tag(&self, tag: &str) -> Tag {
        let Some((of, metric)) = tag.rsplit_once('.') else {
            return Tag::Ignored;
        };
        let Some(metric) = DRAWN.iter().position(|drawn| drawn.name() == metric) else {
            return Tag::Ignored;
        };
        let Some((arm, recipe)) = self.groups.get(of) else {
            return Tag::Ignored;
        };
        let holds = |scope: &str| match scope.split_once(':') {
            None => true,
            Some(("arm", name)) => name == arm,
            Some(("recipe", name)) => name == recipe,
            Some(("group", name)) => name == format!("{arm}/{recipe}"),
            Some(_) => false,
        };
        let series = (0..).zip(&self.series);
        let series = series.filter(|(_, series)| holds(&series.scope));
        Tag::Drawn {
            metric,
            series: series.map(|(at, _)| at).collect(),
            column: Histogram::default(),
        }
    }

    /// Takes over what the tags hold of the column that is open.
    fn close(&mut self) {
        let Some(column) = self.column.take() else {
            return;
        };
        let column = column as usize;
        for metric in 0..DRAWN.len() {
            let mut sums: BTreeMap<usize, Histogram> = BTreeMap::new();
            for tag in self.tags.values_mut() {
                let Tag::Drawn {
                    metric: of,
                    series,
                    column,
                } = tag
                else {
                    continue;
                };
                if *of == metric && !column.is_empty() {
                    let times = std::mem::take(column);
                    for at in series {
                        sums.entry(*at).or_default().merge(&times);
                    }
                }
            }
            for (at, times) in sums {
                self.series[at].drawn[metric].add(column, &times);
            }
        }
    }

    /// All that there is to draw.
    pub(super) fn finish(mut self) -> Figures {
        self.close();
        let mut metrics = BTreeMap::new();
        for (place, metric) in DRAWN.into_iter().enumerate() {
            let mut of = BTreeMap::new();
            for series in &mut self.series {
                let drawn = std::mem::take(&mut series.drawn[place]);
                if !drawn.all.is_empty() {
                    of.insert(series.scope.clone(), drawn.figures());
                }
            }
            metrics.insert(metric.name(), of);
        }
        Figures {
            axis: self.axis,
            steps: STEPS,
            heat_steps: HEAT_STEPS,
            load: self.load,
            metrics,
        }
    }
}

impl Places for Course {
    fn place(&mut self, second: u64, tag: &str) -> Option<&mut Histogram> {
        let column = self.axis.column(second);
        if self.column != Some(column) {
            self.close();
            self.column = Some(column);
        }
        if !self.tags.contains_key(tag) {
            let new = self.tag(tag);
            self.tags.insert(tag.to_owned(), new);
        }
        match self.tags.get_mut(tag)? {
            Tag::Ignored => None,
            Tag::Drawn { column, .. } => Some(column),
        }
    }
}

impl Drawn {
    /// Adds the times of a column.
    fn add(&mut self, column: usize, times: &Histogram) {
        let quantile = |q| times.quantile(q).map(|found| ms(found.value));
        put(&mut self.p50, column, quantile(0.5));
        put(&mut self.p95, column, quantile(0.95));
        put(&mut self.heat, column, stepped(times, HEAT_STEPS));
        self.all.merge(times);
    }

    fn figures(self) -> Times {
        Times {
            n: self.all.len(),
            curve: curve(&self.all),
            steps: stepped(&self.all, STEPS),
            p50: self.p50,
            p95: self.p95,
            heat: self.heat,
        }
    }
}

/// All that there is to draw.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    axis: Axis,
    steps: f64,
    heat_steps: f64,
    load: BTreeMap<String, Load>,
    metrics: BTreeMap<&'static str, BTreeMap<String, Times>>,
}

/// One kind of time of one scope, in milliseconds.
#[derive(Debug, Serialize)]
struct Times {
    n: u64,
    /// Points of the quantile curve: a time, and how many are no longer.
    curve: Vec<(f64, u64)>,
    /// How many fall into each step of a logarithmic scale from 1 us: the first step, then counts.
    steps: Vec<u64>,
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    /// The steps of each column.
    heat: Vec<Vec<u64>>,
}

/// Puts a value in its place, with empty ones before it where there are none yet.
fn put<T: Clone + Default>(list: &mut Vec<T>, at: usize, value: T) {
    if list.len() <= at {
        list.resize(at + 1, T::default());
    }
    list[at] = value;
}

/// A time in milliseconds, to a tenth of a microsecond: what is below is no part of a histogram.
fn ms(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 100.0).round() / 1e4
}

/// How many times fall into each step of a logarithmic scale that begins at 1 us, from the first step that
/// holds any: its number, and then the counts. Empty where there are no times.
fn stepped(times: &Histogram, steps: f64) -> Vec<u64> {
    let step = |time: Duration| {
        let micros = (time.as_nanos() as f64 / 1e3).max(1.0);
        (micros.log10() * steps) as u64
    };
    let mut out = Vec::new();
    for (time, count) in times.steps() {
        let step = step(time);
        let first = *out.first().unwrap_or(&step);
        if out.is_empty() {
            out.push(step);
        }
        let place = (step - first) as usize + 1;
        if out.len() <= place {
            out.resize(place + 1, 0);
        }
        out[place] += count;
    }
    out
}

/// Points of the quantile curve, evenly spread over its axis, which is logarithmic in 1 - q. A point is
/// where the curve really passes: none is made up between.
fn curve(times: &Histogram) -> Vec<(f64, u64)> {
    let n = times.len() as f64;
    // The last time stands at 1 in n.
    let place = |rank: u64| -((n - rank as f64).max(1.0) / n).log10();
    let gap = place(times.len()) / POINTS;
    let (mut rank, mut shown) = (0, f64::NEG_INFINITY);
    let mut out = Vec::new();
    for (time, count) in times.steps() {
        rank += count;
        let at = place(rank);
        if at - shown >= gap || rank == times.len() {
            out.push((ms(time), rank));
            shown = at;
        }
    }
    out
}

#[cfg(test)]
mod tests;
