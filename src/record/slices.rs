//! A run cut into slices: what a comparison works its error out from.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Second, Tally};
use crate::base::{Money, Offset};

/// What was recorded of each slice of a run.
#[derive(Debug, Default)]
pub struct Slices(Vec<Option<Slice>>);

/// What was recorded of one slice.
#[derive(Clone, Debug)]
pub struct Slice {
    /// When the first of its requests was due.
    pub first_due: Offset,
    /// When the last of them was due.
    pub last_due: Offset,
    /// The rows of each arm: of all its recipes, which a comparison does not tell apart.
    pub arms: Vec<Tally>,
}

/// The counts of one arm in one slice, as a file holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceRow {
    /// Which slice, from 0, in the order of time.
    pub slice: u16,
    /// The arm.
    pub arm: String,
    /// When the first request of the slice was due, in milliseconds since the run's start.
    pub first_due_ms: Offset,
    /// When the last one was due.
    pub last_due_ms: Offset,
    /// Requests.
    pub requests: u64,
    /// Whole answers.
    pub ok: u64,
    /// Of the failed ones, those whose answer was to be streamed.
    pub failed_streamed: u64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Of these, the ones that ended within the window of arrivals.
    pub good_in_window: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// The known cost, in US dollars.
    pub cost_usd: Money,
    /// Requests whose cost is unknown.
    pub cost_unknown: u64,
}

impl Slices {
    /// Adds what a worker recorded, before it goes to the seconds of the run.
    pub fn add(&mut self, seconds: &[Second]) {
        for second in seconds {
            let Some((number, first, last)) = second.slice() else {
                continue;
            };
            let place = usize::from(number);
            if self.0.len() <= place {
                self.0.resize_with(place + 1, || None);
            }
            let slice = self.0[place].get_or_insert_with(|| Slice {
                first_due: first,
                last_due: last,
                arms: vec![Tally::default(); second.record().arms()],
            });
            slice.first_due = slice.first_due.min(first);
            slice.last_due = slice.last_due.max(last);
            for (index, arm) in slice.arms.iter_mut().enumerate() {
                second.record().add_arm(index, arm);
            }
        }
    }

    /// The slices that have requests, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Slice)> {
        let numbered = (0..).zip(&self.0);
        numbered.filter_map(|(number, slice)| Some((number, slice.as_ref()?)))
    }

    /// How many of the first slices are complete, by how many requests each has.
    pub fn complete(&self, sizes: &[Option<u64>]) -> usize {
        let whole = |(slice, size): &(&Option<Slice>, &Option<u64>)| {
            let rows = slice.as_ref().map(Slice::requests);
            rows.zip(**size).is_some_and(|(rows, size)| rows >= size)
        };
        self.0.iter().zip(sizes).take_while(whole).count()
    }

    /// The time in which the requests of so many first slices were due.
    pub fn span(&self, first: usize) -> Duration {
        let slices = || self.iter().take(first).map(|(_, slice)| slice);
        let begin = slices().map(|slice| slice.first_due).min();
        let end = slices().map(|slice| slice.last_due).max();
        let span = begin.zip(end).map(|(begin, end)| end.since(begin));
        span.unwrap_or_default()
    }

    /// What each arm has in each slice that has requests.
    pub fn tallies(&self) -> Vec<Vec<Tally>> {
        self.iter().map(|(_, slice)| slice.arms.clone()).collect()
    }
}

impl Slice {
    fn requests(&self) -> u64 {
        self.arms.iter().map(|arm| arm.arrivals).sum()
    }
}

impl SliceRow {
    /// The counts of an arm.
    pub fn new(number: u16, slice: &Slice, arm: &str, tally: &Tally) -> Self {
        Self {
            slice: number,
            arm: arm.to_owned(),
            first_due_ms: slice.first_due,
            last_due_ms: slice.last_due,
            requests: tally.arrivals,
            ok: tally.ok,
            failed_streamed: tally.failed_streamed,
            good: tally.good,
            good_in_window: tally.good_in_window,
            output_tokens: tally.output_tokens,
            cost_usd: tally.cost,
            cost_unknown: tally.cost_unknown,
        }
    }

    /// The counts as a tally, without its times.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        tally.arrivals = self.requests;
        tally.ok = self.ok;
        tally.failed_streamed = self.failed_streamed;
        tally.good = self.good;
        tally.good_in_window = self.good_in_window;
        tally.output_tokens = self.output_tokens;
        tally.cost = self.cost_usd;
        tally.cost_unknown = self.cost_unknown;
        tally
    }
}
