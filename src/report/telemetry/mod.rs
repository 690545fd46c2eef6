//! A run that goes on, as a time series database takes it: one set of families, made from the run's own
//! record, and written in each format. Pure: who asks for it, and when, is decided elsewhere.

mod buckets;
mod families;
#[cfg(feature = "otlp")]
mod otlp;
mod remote_write;
mod text;

#[cfg(test)]
mod tests;

pub use families::families;
#[cfg(feature = "otlp")]
pub use otlp::otlp;
pub use remote_write::{remote_write, stale};
pub use text::{CONTENT_TYPE, text};

use buckets::Buckets;

/// What all names start with.
const PREFIX: &str = "tollgate_";

/// What is so right now, beyond what is recorded.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// When it was so, in milliseconds since 1970.
    pub unix_ms: i64,
    /// When the run began, in milliseconds since 1970.
    pub started_unix_ms: i64,
    /// How long the run goes on, in seconds.
    pub run_seconds: f64,
    /// The phase that began last.
    pub phase: usize,
    /// Requests in flight.
    pub in_flight: u64,
    /// Arrivals so far, warm-up included.
    pub arrivals: u64,
    /// Arrivals per second that the plan calls for; `None` where answers decide.
    pub target_rate: Option<f64>,
    /// Users of the closed loop, where it is one.
    pub target_users: Option<u32>,
    /// Arrivals per second since the last look.
    pub achieved_rate: f64,
    /// Rows that wait for their file.
    pub rows_waiting: u64,
    /// The share of a core that the busiest worker used.
    pub worker_cpu: Option<f64>,
    /// The share of all cores that the process used.
    pub process_cpu: Option<f64>,
    /// What is spent of the budget, in US dollars, where there is one.
    pub spent_usd: Option<f64>,
    /// Whether the run is over, and these are its last figures.
    pub over: bool,
}

/// Figures of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name without prefix, unit and kind.
    stem: &'static str,
    unit: Unit,
    kind: Kind,
    help: &'static str,
    points: Vec<Point>,
}

/// Of what a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Things that the name says.
    One,
    Seconds,
    Ratio,
    Usd,
    PerSecond,
}

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows.
    Counter,
    Gauge,
    /// Times, counted in buckets.
    Histogram,
}

/// Labels, by name.
type Labels = Vec<(&'static str, String)>;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    labels: Labels,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Times(Buckets),
}

impl Family {
    /// The name as Prometheus has it.
    pub fn name(&self) -> String {
        let unit = match self.unit {
            Unit::One => "",
            Unit::Seconds => "_seconds",
            Unit::Ratio => "_ratio",
            Unit::Usd => "_usd",
            Unit::PerSecond => "_per_second",
        };
        let kind = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{PREFIX}{}{unit}{kind}", self.stem)
    }

    /// How many series it is in Prometheus.
    pub fn series(&self) -> usize {
        let of = |point: &Point| match &point.value {
            Value::Number(_) => 1,
            // Those of the bounds, the one beyond them, the sum and the count.
            Value::Times(buckets) => buckets.bounds.len() + 3,
        };
        self.points.iter().map(of).sum()
    }
}

/// A figure as Prometheus holds it: each bucket is one.
struct Series<'f> {
    /// The ending of the name: `_bucket`, `_sum`, `_count`, or none.
    ending: &'static str,
    labels: &'f Labels,
    /// The bucket's upper end.
    le: Option<String>,
    value: f64,
}

impl Family {
    /// Each series of it, as Prometheus counts them.
    fn each_series(&self) -> impl Iterator<Item = Series<'_>> {
        self.points.iter().flat_map(|point| {
            let labels = &point.labels;
            let of = move |ending, le, value| Series {
                ending,
                labels,
                le,
                value,
            };
            match &point.value {
                Value::Number(value) => vec![of("", None, *value)],
                Value::Times(times) => {
                    let buckets = times.cumulative();
                    let mut series: Vec<_> = buckets
                        .map(|(le, count)| of("_bucket", Some(le), count as f64))
                        .collect();
                    series.push(of("_sum", None, times.sum_seconds));
                    series.push(of("_count", None, times.count() as f64));
                    series
                }
            }
        })
    }
}
