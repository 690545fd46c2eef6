//! Arms against each other, on made-up answers whose truth is known.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

mod bad_cases;
mod errors;
#[path = "../../benches/gate_error/noise.rs"]
mod noise;
mod properties;
mod ranking;
mod table;

use std::time::Duration;

use noise::{Course, Layout, Noise};
use tollgate::judge::{ArmComparison, Comparison, FigureComparison, MetricComparison, Settings};
use tollgate::record::Tally;
use tollgate::sample::Metric;

/// The usual settings for arms of these names.
fn settings(arms: &[&str]) -> Settings {
    Settings::new(arms.iter().map(|arm| (*arm).to_owned()).collect())
}

/// A duet of usual length.
fn duet(change: f64, seed: u64) -> Vec<Vec<Tally>> {
    noise::run(&Noise::USUAL, Layout::Duet, &Course::USUAL, change, seed)
}

fn arm(comparison: &Comparison) -> &ArmComparison {
    &comparison.arms[0]
}

fn time<'c>(comparison: &'c Comparison, metric: Metric, stat: &str) -> &'c MetricComparison {
    let mut rows = arm(comparison).metrics.iter();
    let found = rows.find(|row| row.metric == metric && row.stat == stat);
    found.unwrap()
}

fn figure<'c>(comparison: &'c Comparison, name: &str) -> &'c FigureComparison {
    let mut rows = arm(comparison).figures.iter();
    rows.find(|row| row.figure.name() == name).unwrap()
}

/// A failed request.
fn fail(tally: &mut Tally) {
    tally.arrivals += 1;
}

/// A time of some kind, of no request.
fn put(tally: &mut Tally, metric: Metric, ms: f64) {
    let time = Duration::from_secs_f64(ms / 1e3);
    tally.times_mut(metric).record(time);
}
