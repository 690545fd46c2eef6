//! The phases of load: exactly one shape each, an end, and something that is measured.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::document::Spanned;
use super::file::{self, Steady};
use super::{Bound, Pace, Phase, Problem, Shape, Source};
use crate::base::HumanDuration;

/// The most requests in flight where the scenario does not say.
const MAX_IN_FLIGHT: u32 = 10_000;

/// The phases that could be read; problems go to `problems`.
pub(super) fn check(
    load: &Spanned<Vec<Spanned<file::Phase>>>,
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> Vec<Phase> {
    let whole = problems.is_empty();
    let mut checker = Phases { source, problems };
    let mut names = BTreeSet::new();
    let mut phases = Vec::new();
    for phase in &load.value {
        if !names.insert(phase.name.value.clone()) {
            let message = format!("a second phase is named `{}`", phase.name.value);
            checker.problem(&phase.name.span, message, "give each a name of its own");
        }
        phases.extend(checker.phase(phase));
    }
    if whole && !load.value.iter().any(|phase| !phase.warmup) {
        let help = "add a phase without `warmup: true`, such as { name: steady, poisson: { rate: 50/s, duration: 20s } }";
        checker.problem(&load.span, "no phase is measured", help);
    }
    phases
}

struct Phases<'a> {
    source: &'a Arc<Source>,
    problems: &'a mut Vec<Problem>,
}

impl Phases<'_> {
    fn problem(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        self.problems
            .push(Problem::at(self.source, span.clone(), message).with_help(help));
    }

    fn has_problem_within(&self, span: &Range<usize>) -> bool {
        let within = |problem: &Problem| {
            Arc::ptr_eq(problem.source(), self.source)
                && problem.span().is_some_and(|at| span.contains(&at.start))
        };
        self.problems.iter().any(within)
    }

    fn phase(&mut self, phase: &Spanned<file::Phase>) -> Option<Phase> {
        let file::Phase {
            name,
            warmup,
            closed,
            constant,
            poisson,
            ramp,
        } = &phase.value;
        let shapes = [
            closed.is_some(),
            constant.is_some(),
            poisson.is_some(),
            ramp.is_some(),
        ];
        let given = shapes.into_iter().filter(|there| *there).count();
        if given != 1 {
            // A shape that was cut for its own problems is not missed again.
            if given > 1 || !self.has_problem_within(&phase.span) {
                let message = format!("the phase `{}` needs exactly one shape", name.value);
                let help = "give one of closed, constant, poisson and ramp";
                self.problem(&phase.span, message, help);
            }
            return None;
        }
        let (shape, bound) = if let Some(closed) = closed {
            self.closed(closed, &phase.span)
        } else if let Some(steady) = constant {
            self.steady(steady, &phase.span, |rate| Pace::Constant { rate })
        } else if let Some(steady) = poisson {
            self.steady(steady, &phase.span, |rate| Pace::Poisson { rate })
        } else {
            self.ramp(ramp.as_ref()?)
        };
        Some(Phase {
            name: name.value.clone(),
            warmup: *warmup,
            shape,
            bound,
        })
    }

    fn closed(&mut self, closed: &file::Closed, span: &Range<usize>) -> (Shape, Bound) {
        if closed.concurrency.value == 0 {
            let span = &closed.concurrency.span;
            self.problem(
                span,
                "0 users send nothing",
                "give a concurrency of at least 1",
            );
        }
        if let Some(think) = &closed.think
            && let Err(error) = think.check()
        {
            let text = error.to_string();
            let (message, help) = text
                .split_once('\n')
                .unwrap_or((&text, "mend the think time"));
            self.problem(&think.span, message, help);
        }
        let shape = Shape::Closed {
            concurrency: closed.concurrency.value,
            think: closed.think.as_ref().map(|think| think.value.clone()),
        };
        (
            shape,
            self.bound(closed.requests.as_ref(), closed.duration.as_ref(), span),
        )
    }

    fn steady(
        &mut self,
        steady: &Steady,
        span: &Range<usize>,
        pace: impl FnOnce(f64) -> Pace,
    ) -> (Shape, Bound) {
        let rate = steady.rate.per_second();
        if rate <= 0.0 {
            self.problem(&steady.rate.span, "a rate of 0 sends nothing", RATE_HELP);
        }
        let shape = self.open(pace(rate), steady.max_in_flight.as_ref(), steady.shed_after);
        (
            shape,
            self.bound(steady.requests.as_ref(), steady.duration.as_ref(), span),
        )
    }

    fn ramp(&mut self, ramp: &file::Ramp) -> (Shape, Bound) {
        let (from, to) = (ramp.from.per_second(), ramp.to.per_second());
        if from <= 0.0 && to <= 0.0 {
            self.problem(&ramp.to.span, "a ramp from 0 to 0 sends nothing", RATE_HELP);
        }
        let over = ramp.duration.value.0;
        let pace = Pace::Ramp { from, to, over };
        let shape = self.open(pace, ramp.max_in_flight.as_ref(), ramp.shed_after);
        (
            shape,
            self.bound(None, Some(&ramp.duration), &ramp.duration.span),
        )
    }

    fn open(
        &mut self,
        pace: Pace,
        max_in_flight: Option<&Spanned<u32>>,
        shed_after: Option<HumanDuration>,
    ) -> Shape {
        if let Some(zero) = max_in_flight.filter(|max| max.value == 0) {
            self.problem(
                &zero.span,
                "with 0 in flight nothing is ever sent",
                "give at least 1",
            );
        }
        let max_in_flight = max_in_flight.map_or(MAX_IN_FLIGHT, |max| max.value);
        Shape::Open {
            pace,
            max_in_flight,
            shed_after: shed_after.map(|after| after.0),
        }
    }

    fn bound(
        &mut self,
        requests: Option<&Spanned<u64>>,
        duration: Option<&Spanned<HumanDuration>>,
        phase: &Range<usize>,
    ) -> Bound {
        if requests.is_none() && duration.is_none() && !self.has_problem_within(phase) {
            self.problem(
                phase,
                "the phase would never end",
                "give `duration` or `requests`",
            );
        }
        if let Some(zero) = requests.filter(|requests| requests.value == 0) {
            self.problem(&zero.span, "0 requests measure nothing", "give at least 1");
        }
        if let Some(zero) = duration.filter(|duration| duration.value.0 == Duration::ZERO) {
            self.problem(
                &zero.span,
                "a duration of 0 measures nothing",
                "give at least 1ms",
            );
        }
        Bound {
            requests: requests.map(|requests| requests.value),
            duration: duration.map(|duration| duration.value.0),
        }
    }
}

const RATE_HELP: &str = "give a rate above zero, such as 50/s";
