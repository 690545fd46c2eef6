//! A run under way to what is drawn of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::state::{Figures, Load, Mode, Phase, Spent, State, Target};
use crate::app::collect::{self, Collector};
use crate::app::machine;
use crate::app::progress::left;
use crate::base::Offset;
use crate::engine::{Control, Gauges, Ledger};
use crate::judge::{Health, Held};
use crate::plan::{PhaseId, Plan};
use crate::results::{PhaseInfo, RunInfo};
use crate::scenario::Shape;
use crate::schedule;

/// How long arrivals are counted for the achieved rate.
const COUNTED: Duration = Duration::from_secs(10);

/// A run under way, as far as a view needs it.
pub(in crate::app) struct Scene<'a> {
    pub(in crate::app) now: Offset,
    pub(in crate::app) collector: &'a mut Collector,
    pub(in crate::app) gauges: &'a Gauges,
    pub(in crate::app) ledger: Option<&'a Ledger>,
    pub(in crate::app) control: &'a Control,
    /// How arrivals were held so far, up to now where they are.
    pub(in crate::app) held: Option<Held>,
    /// The share of all cores that the process used so far.
    pub(in crate::app) process_cpu: Option<f64>,
}

/// What is remembered from one look to the next.
#[derive(Debug)]
pub(super) struct Seer {
    plan: Arc<Plan>,
    title: String,
    figures: Arc<Figures>,
    /// The phase, and how many had arrived before it.
    phase: Option<(usize, u64)>,
    /// How many had arrived when, in the phase.
    arrived: VecDeque<(Offset, u64)>,
}

impl Seer {
    pub(super) fn new(plan: &Arc<Plan>, info: &RunInfo) -> Self {
        let (figures, arrived) = Default::default();
        Self {
            plan: Arc::clone(plan),
            title: title(info),
            figures,
            phase: None,
            arrived,
        }
    }

    /// Looks at the run.
    pub(super) fn see(&mut self, scene: &mut Scene<'_>, messages: &[String]) -> State {
        if let Some(mut watch) = scene.collector.watch.take() {
            let health = || health(scene);
            let figures = watch.figures(&scene.collector.recorder, health);
            self.figures = figures.unwrap_or_else(|| Arc::clone(&self.figures));
            scene.collector.watch = Some(watch);
        }
        let arrived = self.count(scene);
        let info = &scene.collector.info;
        let counts = scene.collector.counts;
        let phase = phase(scene, arrived);
        let mode = mode(scene, phase.as_ref());
        let now = scene.now;
        let target = match mode {
            Mode::Stopping | Mode::Cutting | Mode::Draining => Target::None,
            Mode::Running | Mode::Held => self.target(now, &info.phases),
        };
        let budget = info.budget.zip(scene.ledger);
        State {
            title: self.title.clone(),
            mode,
            load: Load {
                target,
                achieved: self.achieved(),
                in_flight: scene.gauges.in_flight(),
                ok: counts.ok,
                failed: counts.failed,
                held: scene.held.map(Held::in_words),
            },
            phase,
            money: Spent {
                known: counts.cost,
                budget: budget.map(|(budget, ledger)| (ledger.committed(), budget.usd)),
            },
            figures: Arc::clone(&self.figures),
            messages: messages.to_vec(),
        }
    }

    /// Counts arrivals; how many came in the phase.
    fn count(&mut self, scene: &Scene<'_>) -> u64 {
        let (arrived, current) = (scene.gauges.arrived(), scene.collector.counts.phase);
        if self.phase.is_none_or(|(phase, _)| phase != current) {
            // Those that came since the last look are of the new phase, for all that is shown.
            let before = self.arrived.back().map_or(0, |(_, arrived)| *arrived);
            self.phase = Some((current, before));
            self.arrived.clear();
            let began = scene.collector.info.phases.get(current);
            let began = began.and_then(|phase| phase.started_ms);
            self.arrived.push_back((began.unwrap_or(scene.now), before));
        }
        self.arrived.push_back((scene.now, arrived));
        while self.arrived.len() > 2 && scene.now.since(self.arrived[1].0) >= COUNTED {
            self.arrived.pop_front();
        }
        arrived - self.phase.map_or(0, |(_, before)| before)
    }

    /// Arrivals a second; `None` in the first second of a phase.
    fn achieved(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.arrived.front()?, self.arrived.back()?);
        let seconds = to.since(*from).as_secs_f64();
        (seconds >= 1.0).then(|| (after - before) as f64 / seconds)
    }

    /// What the plan asks for in the time that the achieved rate is of.
    fn target(&self, now: Offset, phases: &[PhaseInfo]) -> Target {
        let Some((current, _)) = self.phase else {
            return Target::None;
        };
        let Some(began) = phases.get(current).and_then(|phase| phase.started_ms) else {
            return Target::None;
        };
        let from = self.arrived.front().map_or(began, |(from, _)| *from);
        // A ramp is straight: its mean is that of the middle.
        let middle = (from.since(began) + now.since(began)) / 2;
        let id = PhaseId(current as u16);
        match &self.plan.scenario().phases[current].shape {
            Shape::Closed { concurrency, .. } => Target::Users(*concurrency),
            Shape::Open { .. } => {
                schedule::planned_rate(&self.plan, id, middle).map_or(Target::None, Target::Rate)
            }
        }
    }
}

/// How far the phase is in which so many arrived.
fn phase(scene: &Scene<'_>, arrived: u64) -> Option<Phase> {
    let (phases, current) = (&scene.collector.info.phases, scene.collector.counts.phase);
    let phase = phases.get(current)?;
    let elapsed = scene.now.since(phase.started_ms?);
    let planned = phase.planned_ms.map(Offset::elapsed);
    let by_time = planned.map(|planned| elapsed.as_secs_f64() / planned.as_secs_f64());
    let by_count = phase.planned_arrivals;
    let by_count = by_count.map(|planned| arrived as f64 / planned.max(1) as f64);
    Some(Phase {
        name: phase.name.clone(),
        place: (current + 1, phases.len()),
        warmup: phase.warmup,
        shape: phase.shape.clone(),
        elapsed: planned.map_or(elapsed, |planned| elapsed.min(planned)),
        planned,
        share: by_time.or(by_count).map(|share| share.min(1.0)),
        left: left(scene.now, phases, current),
    })
}

/// What is known of the client while it works.
fn health(scene: &Scene<'_>) -> Health {
    let wall = scene.now.seconds().max(1e-9);
    let shares = machine::workers_cpu().into_iter();
    let worst = shares.map(|used| used.as_secs_f64() / wall);
    let known = &scene.collector.info;
    Health {
        worker_cpu: worst.reduce(f64::max),
        process_cpu: scene.process_cpu,
        held: scene.held,
        rows_waiting: scene.gauges.most_rows_waiting(),
        ..collect::health(known, &scene.collector.recorder)
    }
}

fn mode(scene: &Scene<'_>, phase: Option<&Phase>) -> Mode {
    let over = |phase: &Phase| {
        let last = phase.place.0 == phase.place.1;
        last && phase.share.is_some_and(|share| share >= 1.0)
    };
    match scene.control {
        control if control.cut.is_cancelled() => Mode::Cutting,
        control if control.stop.is_cancelled() => Mode::Stopping,
        control if control.hold.is_held() => Mode::Held,
        _ if phase.is_some_and(over) => Mode::Draining,
        _ => Mode::Running,
    }
}

/// What runs against what.
fn title(info: &RunInfo) -> String {
    if info.arms.len() > 1 {
        let arms: Vec<&str> = info.arms.iter().map(|arm| arm.name.as_str()).collect();
        return format!("{}: {}", info.scenario, arms.join(" against "));
    }
    let place = match info.target.kind.as_str() {
        "lab" => "embedded",
        _ => &info.target.url,
    };
    format!("{} against {} ({place})", info.scenario, info.target.name)
}
