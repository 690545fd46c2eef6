//! What the workers of one run agree on: when a phase starts, and who takes the next arrival of a
//! closed loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Barrier;

use super::budget::Ledger;
use super::{Event, Sink};
use crate::base::Offset;
use crate::plan::{PhaseId, Plan};
use crate::wire::Clock;

#[derive(Debug)]
pub(super) struct Team {
    pub(super) clock: Clock,
    pub(super) ledger: Option<Arc<Ledger>>,
    barrier: Barrier,
    phases: Vec<SharedPhase>,
}

#[derive(Debug, Default)]
struct SharedPhase {
    start: OnceLock<Offset>,
    next: AtomicU64,
}

impl Team {
    pub(super) fn new(plan: &Plan, workers: u64, clock: Clock) -> Self {
        let phases = plan.phases().map(|_| SharedPhase::default()).collect();
        Self {
            clock,
            ledger: Ledger::of(plan),
            barrier: Barrier::new(workers as usize),
            phases,
        }
    }

    /// Waits until all workers are here.
    pub(super) async fn gather(&self) {
        self.barrier.wait().await;
    }

    /// The start of a phase, the same for all: `planned`, or else the instant at which the first
    /// worker asks. That worker tells it before anybody can send a row of the phase.
    pub(super) fn start(&self, phase: PhaseId, planned: Option<Offset>, sink: &Sink) -> Offset {
        *self.phases[usize::from(phase.0)].start.get_or_init(|| {
            let at = planned.unwrap_or_else(|| self.clock.now());
            sink.tell(Event::PhaseStarted(phase, at));
            at
        })
    }

    /// The number of the next arrival of a closed loop.
    pub(super) fn take_number(&self, phase: PhaseId) -> u64 {
        self.phases[usize::from(phase.0)]
            .next
            .fetch_add(1, Ordering::Relaxed)
    }
}
