//! The figures of one scope with the histograms behind them: any quantile can be asked of them.

use std::collections::BTreeMap;

use super::summary::failures;
use super::{Histogram, Names, Recorder, ScopeSummary, Tally};
use crate::sample::Metric;

/// What is known of one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeFigures {
    /// The figures that are one number.
    pub summary: ScopeSummary,
    /// The times.
    pub times: BTreeMap<Metric, Histogram>,
    /// Failed requests whose answer was to be streamed.
    pub failed_streamed: u64,
    /// Failed requests that may belong here: they did not tell what the scope asks.
    pub untold: u64,
    /// What the gateway's log of the run says, where it was read; of the whole run only.
    pub log: Option<LogFigures>,
}

/// A run against the gateway's log of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogFigures {
    /// Requests that were sent.
    pub sent: u64,
    /// Of these, the ones that are in the log.
    pub joined: u64,
    /// The ones that are not.
    pub missing: u64,
    /// How far the logged cost is from ours, as a share; `None` where no request has both.
    pub cost_drift: Option<f64>,
    /// Whether all of the log could be read.
    pub whole: bool,
}

impl ScopeFigures {
    /// What is known of some rows; `window_s` is the length of their window of arrivals, in seconds.
    pub fn new(scope: String, tally: &Tally, window_s: f64) -> Self {
        let times = |metric| Some((metric, tally.times(metric)?.clone()));
        Self {
            summary: ScopeSummary::new(scope, tally, window_s),
            times: Metric::ALL.into_iter().filter_map(times).collect(),
            failed_streamed: tally.failed_streamed,
            untold: 0,
            log: None,
        }
    }

    /// The scopes of a record: those of its summary.
    pub fn of(recorder: &Recorder, names: &Names) -> Vec<Self> {
        let window_s = recorder.window().as_secs_f64();
        let scopes = recorder.scopes(names).into_iter();
        scopes
            .map(|(scope, tally)| Self::new(scope, &tally, window_s))
            .collect()
    }

    /// The failures that count as infinitely slow among the times of a kind.
    pub const fn failures(&self, metric: Metric) -> u64 {
        failures(metric, self.summary.count.failed, self.failed_streamed)
    }
}
