//! The run second by second, in the order in which requests ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Histogram, Tally};
use crate::base::{Money, Offset};
use crate::plan::RecipeId;
use crate::sample::{Metric, Sample};

/// The length of an interval.
const LENGTH: Duration = Duration::from_secs(1);
/// How long after its end an interval waits for rows that are still on their way.
const GRACE: Duration = Duration::from_millis(250);

/// Collects rows into intervals of one second.
#[derive(Debug, Default)]
pub struct Intervals {
    current: u64,
    tally: Tally,
    recipes: BTreeMap<RecipeId, Tally>,
}

/// A second that is over.
#[derive(Debug)]
pub struct Interval {
    /// When it began.
    pub start: Offset,
    /// The figures of all its rows.
    pub row: IntervalRow,
    /// The histograms of each recipe and metric, warm-up left out as in the summary.
    pub times: Vec<(RecipeId, Metric, Histogram)>,
}

/// The figures of a second, as a file holds them. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IntervalRow {
    /// When it began, in seconds since the run's start.
    pub second: u64,
    /// The arm.
    pub arm: String,
    /// Requests that ended in it, warm-up included.
    pub ended: u64,
    /// Of these, whole answers.
    pub ok: u64,
    /// Of these, the ones that failed.
    pub failed: u64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Requests in flight at its end.
    pub in_flight: u64,
    /// Median time to first token; empty where nothing was streamed.
    pub ttft_p50_ms: Option<f64>,
    /// 95th percentile of the time to first token; empty below 59 values.
    pub ttft_p95_ms: Option<f64>,
    /// Median response time.
    pub e2e_p50_ms: Option<f64>,
    /// 95th percentile of the response time; empty below 59 values.
    pub e2e_p95_ms: Option<f64>,
    /// The longest dispatch lag.
    pub lag_max_ms: Option<f64>,
    /// Output tokens.
    pub output_tokens: u64,
    /// Known cost in US dollars.
    pub cost_usd: Money,
}

impl Intervals {
    /// Adds a row. One that is late goes to the interval that is open.
    pub fn push(&mut self, sample: &Sample) {
        self.tally.push(sample, true);
        if !sample.warmup {
            let recipe = self.recipes.entry(sample.recipe).or_default();
            recipe.push(sample, true);
        }
    }

    /// The interval that is over at `now`, if one is; call it before rows that came later are added.
    pub fn close(&mut self, now: Offset, in_flight: u64, arm: &str) -> Option<Interval> {
        let end = Offset::ZERO + LENGTH * u32::try_from(self.current + 1).ok()?;
        (now >= end + GRACE).then(|| self.take(in_flight, arm))
    }

    /// What is left at the end of the run, if there is anything.
    pub fn finish(&mut self, arm: &str) -> Option<Interval> {
        (self.tally.arrivals > 0).then(|| self.take(0, arm))
    }

    fn take(&mut self, in_flight: u64, arm: &str) -> Interval {
        let tally = std::mem::take(&mut self.tally);
        let recipes = std::mem::take(&mut self.recipes);
        let second = self.current;
        self.current += 1;
        let quantile = |metric, q| {
            let found = tally
                .times(metric)
                .and_then(|times: &Histogram| times.quantile(q));
            found.map(|quantile| quantile.value.as_secs_f64() * 1e3)
        };
        let row = IntervalRow {
            second,
            arm: arm.to_owned(),
            ended: tally.arrivals,
            ok: tally.ok,
            failed: tally.failed_count(),
            good: tally.good,
            in_flight,
            ttft_p50_ms: quantile(Metric::Ttft, 0.5),
            ttft_p95_ms: quantile(Metric::Ttft, 0.95),
            e2e_p50_ms: quantile(Metric::E2e, 0.5),
            e2e_p95_ms: quantile(Metric::E2e, 0.95),
            lag_max_ms: tally
                .times(Metric::Lag)
                .map(|times| times.max().as_secs_f64() * 1e3),
            output_tokens: tally.output_tokens,
            cost_usd: tally.cost,
        };
        let times = recipes
            .into_iter()
            .flat_map(|(recipe, tally)| {
                Metric::ALL.into_iter().filter_map(move |metric| {
                    tally
                        .times(metric)
                        .map(|times| (recipe, metric, times.clone()))
                })
            })
            .collect();
        Interval {
            start: Offset::ZERO + LENGTH * second as u32,
            row,
            times,
        }
    }
}
