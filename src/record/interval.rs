//! The run second by second, by when requests ended.
//!
//! A worker records each of its rows once, into the second in which the request ended ([`Seconds`]).
//! A second that is over is handed on whole; the same seconds of all workers are added up
//! ([`Intervals`]), and a run is the sum of its seconds. Adding up counts is exact, so it does not
//! matter which worker recorded what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Histogram, PhaseRecord, Recorder, Tally};
use crate::base::{Money, Offset};
use crate::plan::{PhaseId, Plan};
use crate::sample::{Metric, Sample};
use crate::schedule;

/// The length of an interval.
const LENGTH: Duration = Duration::from_secs(1);
/// How long after its end a second is kept for rows whose end was stamped before they were read.
const GRACE: Duration = Duration::from_millis(100);

/// What a worker recorded of a second.
#[derive(Debug)]
pub struct Second {
    number: u64,
    /// The slice of the run, where its rows are of one.
    slice: Option<u16>,
    /// When the first and the last of its requests were due.
    due: (Offset, Offset),
    record: Recorder,
}

impl Second {
    /// What was recorded.
    pub(super) const fn record(&self) -> &Recorder {
        &self.record
    }

    /// The slice of the run that its rows are of, and when the first and the last of them were due.
    pub(super) fn slice(&self) -> Option<(u16, Offset, Offset)> {
        self.slice.map(|slice| (slice, self.due.0, self.due.1))
    }
}

/// The seconds of one worker that are not handed on yet.
#[derive(Debug)]
pub struct Seconds {
    plan: Arc<Plan>,
    blank: Recorder,
    open: Vec<Second>,
    through: u64,
}

impl Seconds {
    /// No seconds yet of a run of `plan`.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let scenario = plan.scenario();
        let phases = plan.phases().map(|(id, phase)| PhaseRecord {
            name: phase.name.clone(),
            warmup: phase.warmup,
            planned: schedule::planned_length(plan, id),
            ..PhaseRecord::default()
        });
        Self {
            plan: Arc::clone(plan),
            blank: Recorder::new(
                scenario.arms.len(),
                scenario.recipes().len(),
                phases.collect(),
            ),
            open: Vec::new(),
            through: 0,
        }
    }

    /// A phase began; told before the first of its rows.
    pub fn phase_started(&mut self, phase: PhaseId, at: Offset) {
        self.blank.phase_started(phase, at);
        for second in &mut self.open {
            second.record.phase_started(phase, at);
        }
    }

    /// Adds a row.
    pub fn push(&mut self, sample: &Sample) {
        let number = second_of(sample.end());
        let phase = self.blank.phases().get(usize::from(sample.id.phase.0));
        let began = phase.and_then(|phase| phase.started).unwrap_or_default();
        let slice = self.plan.slice(sample.id, sample.due.since(began));
        // Nearly always the latest one; it is one of a few at most.
        let is_it = |second: &Second| second.number == number && second.slice == slice;
        let known = self.open.iter().rposition(is_it);
        let place = known.unwrap_or_else(|| {
            self.open.push(Second {
                number,
                slice,
                due: (sample.due, sample.due),
                record: self.blank.clone(),
            });
            self.open.len() - 1
        });
        let second = &mut self.open[place];
        second.due.0 = second.due.0.min(sample.due);
        second.due.1 = second.due.1.max(sample.due);
        second.record.push(sample);
    }

    /// Hands on the seconds that are over at `now`, and says how many seconds of the run are through;
    /// `None` where that is no news.
    pub fn hand_on(&mut self, now: Offset) -> Option<(u64, Vec<Second>)> {
        let through = second_of(Offset::ZERO + now.since(Offset::ZERO + GRACE));
        let late = self.open.iter().any(|second| second.number < through);
        if through == self.through && !late {
            return None;
        }
        self.through = through;
        let over = self.open.extract_if(.., |second| second.number < through);
        Some((through, over.collect()))
    }

    /// All that is left, at the end.
    pub fn finish(&mut self) -> Vec<Second> {
        std::mem::take(&mut self.open)
    }
}

/// Adds up the seconds of all workers.
#[derive(Debug)]
pub struct Intervals {
    current: u64,
    blank: Recorder,
    open: BTreeMap<u64, Recorder>,
    /// For each worker, how many seconds it is through with; `None` once it is done.
    through: Vec<Option<u64>>,
}

/// A second that is over.
#[derive(Debug)]
pub struct Interval {
    /// When it began.
    pub start: Offset,
    /// The figures of all its rows, for each arm.
    pub rows: Vec<IntervalRow>,
    /// What was recorded of it.
    pub record: Recorder,
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
    /// Requests in flight at its end, of all arms.
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
    /// No seconds yet of a run of so many workers. `blank` is an empty record of it.
    pub fn new(workers: u64, blank: Recorder) -> Self {
        Self {
            current: 0,
            blank,
            open: BTreeMap::new(),
            through: vec![Some(0); workers as usize],
        }
    }

    /// Adds what a worker recorded. What is late goes to the first second that is open.
    pub fn add(&mut self, seconds: Vec<Second>) {
        for Second { number, record, .. } in seconds {
            match self.open.entry(number.max(self.current)) {
                std::collections::btree_map::Entry::Occupied(sum) => sum.into_mut().merge(&record),
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(record);
                }
            }
        }
    }

    /// A worker is through with so many seconds; `None` means that it is done.
    pub fn through(&mut self, worker: u64, seconds: Option<u64>) {
        if let Some(through) = self.through.get_mut(worker as usize) {
            *through = seconds;
        }
    }

    /// The first second that all workers are through with.
    pub fn close(&mut self, in_flight: u64, arms: &[String]) -> Option<Interval> {
        let through = self.through.iter().flatten().min()?;
        (*through > self.current).then(|| self.take(in_flight, arms))
    }

    /// The first second that is left at the end of the run.
    pub fn finish(&mut self, arms: &[String]) -> Option<Interval> {
        (!self.open.is_empty()).then(|| self.take(0, arms))
    }

    fn take(&mut self, in_flight: u64, arms: &[String]) -> Interval {
        let second = self.current;
        let record = self.open.remove(&second);
        let record = record.unwrap_or_else(|| self.blank.clone());
        self.current += 1;
        let arms = arms.iter().enumerate();
        let row = |(index, arm): (usize, &String)| IntervalRow {
            second,
            arm: arm.clone(),
            in_flight,
            ..IntervalRow::new(&record.arm_with_warmup(index))
        };
        Interval {
            start: Offset::ZERO + LENGTH * second as u32,
            rows: arms.map(row).collect(),
            record,
        }
    }
}

impl IntervalRow {
    /// The figures of some rows.
    fn new(tally: &Tally) -> Self {
        let quantile = |metric, q| {
            let found = tally
                .times(metric)
                .and_then(|times: &Histogram| times.quantile(q));
            found.map(|quantile| quantile.value.as_secs_f64() * 1e3)
        };
        Self {
            ended: tally.arrivals,
            ok: tally.ok,
            failed: tally.failed_count(),
            good: tally.good,
            ttft_p50_ms: quantile(Metric::Ttft, 0.5),
            ttft_p95_ms: quantile(Metric::Ttft, 0.95),
            e2e_p50_ms: quantile(Metric::E2e, 0.5),
            e2e_p95_ms: quantile(Metric::E2e, 0.95),
            lag_max_ms: tally
                .times(Metric::Lag)
                .map(|times| times.max().as_secs_f64() * 1e3),
            output_tokens: tally.output_tokens,
            cost_usd: tally.cost,
            ..Self::default()
        }
    }
}

/// The second of an instant.
const fn second_of(at: Offset) -> u64 {
    at.nanos() / LENGTH.as_nanos() as u64
}
