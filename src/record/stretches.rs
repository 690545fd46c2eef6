//! A phase in stretches of equal length, by when requests were due: what shows whether it was steady.
//!
//! By due and not by end: the requests that end first are the fast ones, and the last are the slow ones.

use std::collections::BTreeMap;
use std::time::Duration;

use super::needed;
use crate::sample::{Metric, Sample};

/// The length of a stretch at first, in nanoseconds.
const LENGTH: u64 = 1_000_000_000;
/// With more stretches than this their length is doubled, so that a long run takes no more memory.
const MOST: usize = 64;
/// Steps to an octave of time: values are within 0.6 %.
const STEPS: f64 = 64.0;

/// The times of one kind, in logarithmic steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Steps {
    counts: BTreeMap<u16, u64>,
}

/// The times of the whole answers of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretches {
    length: u64,
    /// By their number since the run's start.
    stretches: BTreeMap<u64, Stretch>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stretch {
    ttft: Steps,
    e2e: Steps,
}

/// A half of a phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Half {
    /// The median of all its times, in milliseconds.
    pub p50_ms: f64,
    /// The median of each of its stretches that has enough times for one, in milliseconds.
    pub stretches_ms: Vec<f64>,
}

impl Default for Stretches {
    fn default() -> Self {
        Self {
            length: LENGTH,
            stretches: BTreeMap::new(),
        }
    }
}

impl Stretches {
    /// Adds a row.
    pub fn push(&mut self, sample: &Sample) {
        if !sample.is_ok() {
            return;
        }
        let [ttft, e2e] = [Metric::Ttft, Metric::E2e].map(|metric| sample.time(metric));
        let stretch = self.stretches.entry(sample.due.nanos() / self.length);
        let stretch = stretch.or_default();
        stretch.ttft.record(ttft);
        stretch.e2e.record(e2e);
        self.shrink();
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        while self.length < other.length {
            self.double();
        }
        for (number, stretch) in &other.stretches {
            let mine = number * other.length / self.length;
            let mine = self.stretches.entry(mine).or_default();
            mine.ttft.merge(&stretch.ttft);
            mine.e2e.merge(&stretch.e2e);
        }
        self.shrink();
    }

    /// The two halves of the phase in time, by the times of one kind.
    pub fn halves(&self, metric: Metric) -> Option<[Half; 2]> {
        let (first, last) = (
            self.stretches.first_key_value()?.0,
            self.stretches.last_key_value()?.0,
        );
        let of = |stretch: &Stretch| match metric {
            Metric::Ttft => Some(stretch.ttft.clone()),
            Metric::E2e => Some(stretch.e2e.clone()),
            _ => None,
        };
        let half = |from: u64, to: u64| {
            let mut all = Steps::default();
            let mut stretches_ms = Vec::new();
            for stretch in self.stretches.range(from..to).map(|(_, stretch)| stretch) {
                let steps = of(stretch)?;
                stretches_ms.extend(steps.median_ms());
                all.merge(&steps);
            }
            Some(Half {
                p50_ms: all.median_ms()?,
                stretches_ms,
            })
        };
        // The one in the middle of an odd number belongs to neither.
        let count = last - first + 1;
        Some([
            half(*first, first + count / 2)?,
            half(first + count.div_ceil(2), last + 1)?,
        ])
    }

    fn shrink(&mut self) {
        while self.stretches.len() > MOST {
            self.double();
        }
    }

    fn double(&mut self) {
        self.length *= 2;
        for (number, stretch) in std::mem::take(&mut self.stretches) {
            let joined = self.stretches.entry(number / 2).or_default();
            joined.ttft.merge(&stretch.ttft);
            joined.e2e.merge(&stretch.e2e);
        }
    }
}

impl Steps {
    fn record(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            let nanos = time.as_nanos().max(1) as f64;
            let step = (nanos.log2() * STEPS).round() as u16;
            *self.counts.entry(step).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (step, count) in &other.counts {
            *self.counts.entry(*step).or_default() += count;
        }
    }

    /// `None` where there are fewer times than a median needs.
    fn median_ms(&self) -> Option<f64> {
        let n: u64 = self.counts.values().sum();
        if n < needed(0.5) {
            return None;
        }
        let mut below = 0;
        let middle = self.counts.iter().find(|(_, count)| {
            below += **count;
            2 * below >= n
        });
        middle.map(|(step, _)| (f64::from(*step) / STEPS).exp2() / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::base::Offset;
    use crate::wire::{Exchange, Marks, Outcome};

    /// A whole answer to a request due at `due` seconds, after so many milliseconds.
    fn answer(due: f64, ms: f64) -> Sample {
        let due = Offset::from(Duration::from_secs_f64(due));
        let end = Some(due + Duration::from_secs_f64(ms / 1e3));
        let marks = Marks {
            sent: Some(due),
            first_token: end,
            end,
            ..Marks::default()
        };
        Sample {
            id: crate::plan::ArrivalId::default(),
            arm: crate::plan::ArmId(0),
            recipe: crate::plan::RecipeId(0),
            warmup: false,
            stream: true,
            due,
            queued: Duration::ZERO,
            exchange: Exchange {
                outcome: Outcome::Ok,
                marks,
                ..Exchange::default()
            },
            cost: None,
            bill: crate::sample::Bill::default(),
            good: false,
        }
    }

    fn near(found: f64, wanted: f64) -> bool {
        (found / wanted - 1.0).abs() < 0.006
    }

    #[test]
    fn the_halves_are_of_time_and_the_middle_of_an_odd_number_is_in_neither() {
        let mut stretches = Stretches::default();
        for second in 0..11 {
            let ms = [10.0, 99.0, 20.0][usize::from(second >= 5) + usize::from(second > 5)];
            for n in 0..10 {
                stretches.push(&answer(f64::from(second) + f64::from(n) / 10.0, ms));
            }
        }
        let [first, second] = stretches.halves(Metric::Ttft).unwrap();
        assert!(near(first.p50_ms, 10.0) && near(second.p50_ms, 20.0));
        for (half, ms) in [(first, 10.0), (second, 20.0)] {
            assert_eq!(half.stretches_ms.len(), 5);
            assert!(half.stretches_ms.iter().all(|found| near(*found, ms)));
        }
    }

    #[test]
    fn a_long_run_takes_no_more_stretches_and_parts_of_it_merge_to_the_same() {
        let (mut whole, mut odd, mut even) = <(Stretches, Stretches, Stretches)>::default();
        for second in 0..1000_u32 {
            let sample = answer(f64::from(second), 10.0 + f64::from(second / 100));
            whole.push(&sample);
            // One of the two sees the first seconds only, in stretches that are shorter.
            let part = if second < 50 { &mut odd } else { &mut even };
            part.push(&sample);
        }
        assert!(whole.stretches.len() <= MOST);
        assert!(odd.length < even.length);
        let mut merged = odd.clone();
        merged.merge(&even);
        assert_eq!(merged, whole);
        even.merge(&odd);
        assert_eq!(even, whole);
    }

    #[test]
    fn failures_and_too_few_answers_have_no_median() {
        let mut stretches = Stretches::default();
        let mut failed = answer(0.0, 10.0);
        failed.exchange.outcome = Outcome::Status(500);
        stretches.push(&failed);
        assert_eq!(stretches.halves(Metric::Ttft), None);
        for n in 0..4 {
            stretches.push(&answer(f64::from(n), 10.0));
        }
        assert_eq!(stretches.halves(Metric::Ttft), None);
    }
}
