//! Arrivals x wire -> rows, in real time.
//!
//! Each worker is a thread with a runtime of its own and a share of the arrivals; what they share is
//! a clock, the number of the next closed-loop arrival, and the start of each phase. Each records its own
//! rows; what it recorded leaves once a second, and the rows leave in batches.

mod alarm;
mod budget;
mod gauges;
mod hold;
mod sink;
mod team;
mod watchdog;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::Offset;
use crate::plan::{ArmId, PhaseId, Plan};
use crate::record::Second;
use crate::sample::Sample;
use crate::schedule::Share;
use crate::shot::Shots;
use crate::wire::{Clock, Preopened, Wire};

pub use budget::Ledger;
pub use gauges::Gauges;
pub use hold::Hold;
pub use sink::LIMIT as ROWS_WAITING_LIMIT;
use sink::Sink;
use team::Team;
pub use watchdog::Stalls;
use worker::Worker;

/// What the engine tells while it runs.
#[derive(Debug)]
pub enum Event {
    /// A worker has opened connections for a phase that is to begin.
    Preopened(PhaseId, Preopened),
    /// A phase began; told before the first of its rows.
    PhaseStarted(PhaseId, Offset),
    /// A worker has no further arrivals in a phase.
    PhaseEnded(PhaseId, Offset),
    /// Requests that are over, as they ended: for the file. They are recorded already.
    Rows(Vec<Sample>),
    /// What a worker recorded of seconds that are over.
    Seconds {
        /// Which worker.
        worker: u64,
        /// How many seconds of the run it is through with; `None` where it is done.
        through: Option<u64>,
        /// What it recorded.
        seconds: Vec<Second>,
    },
    /// A worker is done.
    WorkerDone(WorkerHealth),
}

impl Event {
    /// How many rows it brings.
    pub const fn rows(&self) -> u64 {
        match self {
            Self::Rows(rows) => rows.len() as u64,
            _ => 0,
        }
    }
}

/// What a worker used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerHealth {
    /// CPU time of its thread, where the platform tells.
    pub cpu: Option<Duration>,
    /// How long it worked.
    pub wall: Duration,
    /// How long it was away.
    pub stalls: Stalls,
}

/// How a run is ended before its plan is, and held.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// No further arrivals; what is in flight goes on for the scenario's `drain`.
    pub stop: CancellationToken,
    /// What is in flight is cut, too, and becomes cancelled rows.
    pub cut: CancellationToken,
    /// Arrivals wait, for as long as it is held.
    pub hold: Hold,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    /// What happens; it ends when all workers are done.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// How much is going on right now.
    pub gauges: Arc<Gauges>,
    /// What is spent of the budget, where there is one.
    pub ledger: Option<Arc<Ledger>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Run {
    /// Waits for the workers. `false` means that one of them panicked, and rows may be missing.
    pub fn join(self) -> bool {
        self.threads.into_iter().all(|thread| thread.join().is_ok())
    }
}

/// Starts `workers` threads on a plan. Each makes a wire of its own for each arm, within its own runtime.
pub fn start<W, E>(
    plan: &Arc<Plan>,
    workers: u64,
    clock: Clock,
    control: &Control,
    wire: impl Fn(ArmId) -> Result<W, E>,
) -> Result<Run, StartError<E>>
where
    W: Wire + Send + Sync + 'static,
{
    let (sender, events) = mpsc::unbounded_channel();
    let gauges = Arc::new(Gauges::default());
    let team = Arc::new(Team::new(plan, workers, clock));
    let ledger = team.ledger.clone();
    let shots = Arc::new(Shots::new(plan));
    let threads = (0..workers)
        .map(|index| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let wires = {
                let _guard = runtime.enter();
                let arms = plan.arms().map(|(arm, _)| wire(arm));
                arms.collect::<Result<_, E>>().map_err(StartError::Wire)?
            };
            let worker = Worker::new(
                Arc::clone(&shots),
                wires,
                Arc::clone(&team),
                Share { index, of: workers },
                control.clone(),
                Sink::new(
                    plan,
                    index,
                    sender.clone(),
                    Arc::clone(&gauges),
                    control.stop.clone(),
                ),
            );
            let work = move || runtime.block_on(worker.run());
            Ok(thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(work)?)
        })
        .collect::<Result<_, StartError<E>>>()?;
    Ok(Run {
        events,
        gauges,
        ledger,
        threads,
    })
}

/// Why a run could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E> {
    /// A thread or its runtime could not be made.
    #[error("a worker thread can't be started: {0}")]
    Thread(#[from] io::Error),
    /// The wire could not be made.
    #[error("the HTTP client can't be made: {0}")]
    Wire(E),
}

/// How many workers a machine of so many cores is given: all but one, at least one. The last core is
/// for the files, the terminal, and the embedded lab.
pub fn default_workers() -> u64 {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).max(1) as u64
}
