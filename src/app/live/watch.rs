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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Offset;
    use crate::judge::Level;
    use crate::plan::{ArmId, ArrivalId, RecipeId};
    use crate::record::PhaseRecord;
    use crate::sample::{Bill, Sample};
    use crate::wire::{Exchange, Marks, Outcome};

    fn blank() -> Recorder {
        let phase = PhaseRecord {
            started: Some(Offset::ZERO),
            ..PhaseRecord::default()
        };
        Recorder::new(2, 2, vec![phase])
    }

    /// A second in which each recipe of each arm answered 40 times, after `millis`; or failed.
    fn second(number: u32, millis: u64, warmup: bool, outcome: Outcome) -> Interval {
        let mut record = blank();
        for k in 0..160_u16 {
            let due = Offset::ZERO + Duration::from_secs(1) * number;
            let token = Some(due + Duration::from_millis(millis));
            record.push(&Sample {
                id: ArrivalId::default(),
                arm: ArmId(k % 2),
                recipe: RecipeId(k / 2 % 2),
                warmup,
                stream: true,
                due,
                queued: Duration::ZERO,
                exchange: Exchange {
                    outcome,
                    marks: Marks {
                        sent: Some(due),
                        first_token: token,
                        end: token,
                        ..Marks::default()
                    },
                    ..Exchange::default()
                },
                cost: None,
                bill: Bill::default(),
                good: true,
            });
        }
        Interval {
            start: Offset::ZERO + Duration::from_secs(1) * number,
            rows: Vec::new(),
            record,
        }
    }

    /// A watch that saw these seconds, and the record of the run.
    fn watched(seconds: impl IntoIterator<Item = Interval>) -> (Watch, Recorder) {
        let mut watch = Watch::new(&["direct".to_owned(), "gateway".to_owned()]);
        let mut recorder = blank();
        for second in seconds {
            watch.take(&second);
            recorder.merge(&second.record);
        }
        (watch, recorder)
    }

    fn p50(of: &ScopeSummary) -> f64 {
        let ttft = of.metric(Metric::Ttft).unwrap();
        ttft.quantile("p50").unwrap().value_ms.unwrap()
    }

    #[test]
    fn the_last_ten_seconds_stand_apart_from_the_whole_run() {
        let ms = |number| if number < 20 { 50 } else { 90 };
        let (mut watch, recorder) = watched((0..30).map(|n| second(n, ms(n), false, Outcome::Ok)));
        let figures = watch.figures(&recorder, Health::default).unwrap();
        assert_eq!(figures.scopes.len(), 3, "all, and each arm");
        for (scope, requests) in figures.scopes.iter().zip([160, 80, 80]) {
            assert_eq!(scope.recent.count.requests, 10 * requests);
            assert_eq!(scope.whole.count.requests, 30 * requests);
            assert!((p50(&scope.recent) - 90.0).abs() < 0.1);
            assert!((p50(&scope.whole) - 50.0).abs() < 0.1);
            assert_eq!(scope.seconds.len(), 30);
            assert_eq!(scope.seconds[29].ended, requests);
        }
        let names = Names {
            arms: watch.arms.clone(),
            recipes: vec!["a".to_owned(), "b".to_owned()],
        };
        let summary = Summary::new(&recorder, &names);
        assert_eq!(&figures.scopes[0].whole, summary.total().unwrap());
        assert!(
            watch.figures(&recorder, Health::default).is_none(),
            "no news"
        );
    }

    #[test]
    fn warm_up_is_seen_in_the_last_seconds_and_counts_for_nothing_else() {
        let (mut watch, recorder) = watched([second(0, 50, true, Outcome::Status(401))]);
        let figures = watch.figures(&recorder, Health::default).unwrap();
        let all = &figures.scopes[0];
        assert_eq!((all.recent.count.failed, all.whole.count.failed), (160, 0));
        assert_eq!(all.counts, (0, 160));
        assert_eq!(all.errors[0].outcome, "status_401");
        assert_eq!(all.seconds[0].failed, 160);
        let validity = figures.validity.as_ref().unwrap();
        assert_eq!(
            validity.verdict,
            Level::Invalid,
            "nothing is answered so far"
        );
    }

    #[test]
    fn a_second_of_too_few_answers_has_no_p95() {
        let mut tally = Tally::default();
        let mut with = |more| {
            let times = tally.times_mut(Metric::Ttft);
            times.record_n(Duration::from_millis(50), more);
            Second::of(&tally)
        };
        let few = with(58);
        assert_eq!(few.ttft_p95_ms, None);
        assert!(few.ttft_p50_ms.is_some());
        assert!(with(1).ttft_p95_ms.is_some(), "59 carry it");
    }
}
