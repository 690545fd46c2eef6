//! The seconds of a run that are over, kept for the live view: the last ten whole, and a line of each of the
//! last few minutes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::state::{Figures, Scope, Second};
use crate::judge::{self, Health};
use crate::record::{ErrorCount, Interval, Names, Recorder, ScopeSummary, Summary, Tally};
use crate::sample::Metric;

/// Seconds of which the rows are kept apart.
const RECENT: usize = 10;
/// Seconds of which a line is kept: more than a wide terminal has columns.
const SERIES: usize = 300;

/// The seconds that are over.
#[derive(Debug)]
pub(in crate::app) struct Watch {
    arms: Vec<String>,
    /// The rows of each arm in each of the last seconds, warm-up included.
    recent: VecDeque<Vec<Tally>>,
    /// All requests, then each arm.
    series: Vec<VecDeque<Second>>,
    news: bool,
}

impl Watch {
    pub(in crate::app) fn new(arms: &[String]) -> Self {
        Self {
            arms: arms.to_vec(),
            recent: VecDeque::new(),
            series: vec![VecDeque::new(); arms.len() + 1],
            news: false,
        }
    }

    /// Takes a second that is over.
    pub(in crate::app) fn take(&mut self, interval: &Interval) {
        let arms = 0..interval.record.arms();
        let arms: Vec<Tally> = arms
            .map(|arm| interval.record.arm_with_warmup(arm))
            .collect();
        let all = sum(&arms);
        for (series, tally) in self.series.iter_mut().zip([&all].into_iter().chain(&arms)) {
            if series.len() == SERIES {
                series.pop_front();
            }
            series.push_back(Second::of(tally));
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(arms);
        self.news = true;
    }

    /// The figures, where a second was over since they were last asked for. `health` is what is known of
    /// the client so far.
    pub(super) fn figures(
        &mut self,
        recorder: &Recorder,
        health: impl FnOnce() -> Health,
    ) -> Option<Arc<Figures>> {
        if !std::mem::take(&mut self.news) {
            return None;
        }
        // The same summary as at the end, of all requests and the arms: nobody looks at recipes here.
        let names = Names {
            arms: self.arms.clone(),
            recipes: Vec::new(),
        };
        let summary = Summary::new(recorder, &names);
        let validity = judge::validity(&summary, &health());
        let whole: Vec<Tally> = (0..self.arms.len())
            .map(|arm| recorder.arm_with_warmup(arm))
            .collect();
        let recent: Vec<Tally> = (0..self.arms.len())
            .map(|arm| sum(self.recent.iter().map(|second| &second[arm])))
            .collect();
        let all = (sum(&whole), sum(&recent));
        let arms = whole.into_iter().zip(recent);
        let scopes = [all].into_iter().chain(arms).zip(summary.scopes);
        let scopes = scopes.zip(&self.series);
        let scopes = scopes.map(|(((whole, recent), summary), series)| Scope {
            name: summary.label().to_owned(),
            recent: ScopeSummary::new(String::new(), &recent, self.recent.len() as f64),
            recent_s: self.recent.len(),
            whole: summary,
            errors: ErrorCount::all(&whole),
            counts: (whole.ok, whole.failed_count()),
            cost: (whole.cost_unknown == 0).then_some(whole.cost),
            seconds: series.iter().copied().collect(),
        });
        Some(Arc::new(Figures {
            scopes: scopes.collect(),
            validity: Some(validity),
        }))
    }
}

impl Second {
    fn of(tally: &Tally) -> Self {
        let ttft = |q| {
            let found = tally.times(Metric::Ttft)?.quantile(q)?;
            Some(found.value.as_secs_f64() * 1e3)
        };
        Self {
            ended: tally.arrivals,
            failed: tally.failed_count(),
            ttft_p50_ms: ttft(0.5),
            ttft_p95_ms: ttft(0.95),
        }
    }
}

fn sum<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Tally {
    let mut sum = Tally::default();
    for tally in tallies {
        sum.merge(tally);
    }
    sum
}
