//! The requests of a run, kept for the sandwich as they end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::base::{Monotonic, Offset};
use crate::judge::{Front, LoadLevel, Overhead, Provided, Sandwich};
use crate::plan::{ArmId, Plan};
use crate::sample::Sample;
use crate::scenario::{Pace, Phase, Shape, THROUGH};
use crate::wire::Clock;

/// Takes from each row what a sandwich is made of.
pub(super) struct Gatherer {
    plan: Arc<Plan>,
    gateway: ArmId,
    shared: Monotonic,
    zero: u64,
    stamps_error: Duration,
    sandwich: Sandwich,
}

impl Gatherer {
    /// Gathers the rows of a plan with the two arms.
    pub(super) fn new(plan: &Arc<Plan>) -> anyhow::Result<Self> {
        let shared = Monotonic::map();
        let shared = shared.context("the platform has no clock that processes share")?;
        let through = plan.arms().find(|(_, arm)| arm.name == THROUGH);
        let levels = plan.phases().filter(|(_, phase)| !phase.warmup);
        let levels = levels.map(|(id, phase)| (id.0, level(phase)));
        Ok(Self {
            plan: Arc::clone(plan),
            gateway: through.map_or(ArmId(1), |(id, _)| id),
            shared,
            zero: 0,
            stamps_error: Duration::ZERO,
            sandwich: Sandwich::new(levels.collect()),
        })
    }

    /// The run began. Whoever stamps its reads may be off by so much.
    pub(super) fn began(&mut self, clock: Clock, stamps_error: Duration) {
        self.stamps_error = stamps_error;
        self.zero = self.shared.nanos(clock.instant(Offset::ZERO));
    }

    /// Takes rows that are written.
    pub(super) fn take(&mut self, rows: Vec<Sample>) {
        for mut row in rows {
            let front = Front::take(&mut row, &self.plan, self.gateway, self.zero);
            self.sandwich.push(front);
        }
    }

    /// How far the instants of this process may be off the shared clock, in microseconds.
    pub(super) fn clock_error_us(&self) -> f64 {
        (self.shared.error() + self.stamps_error).as_nanos() as f64 / 1e3
    }

    /// What came of it.
    pub(super) fn judge(&self, provided: Option<&[Provided]>) -> Overhead {
        self.sandwich.judge(provided)
    }
}

fn level(phase: &Phase) -> LoadLevel {
    let (rate, users) = match &phase.shape {
        Shape::Closed { concurrency, .. } => (None, Some(*concurrency)),
        Shape::Open { pace, .. } => match pace {
            Pace::Constant { rate } | Pace::Poisson { rate } => (Some(*rate), None),
            Pace::Ramp { .. } => (None, None),
        },
    };
    LoadLevel {
        name: phase.name.clone(),
        load: phase.in_words(),
        rate,
        users,
    }
}
