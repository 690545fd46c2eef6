//! What the live view shows: plain data, from which a frame is drawn without a look at the run.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Money;
use crate::judge::Validity;
use crate::record::{ErrorCount, ScopeSummary};

/// Everything that is drawn.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct State {
    /// What runs against what.
    pub(super) title: String,
    pub(super) mode: Mode,
    /// The phase that began last; `None` before the first.
    pub(super) phase: Option<Phase>,
    pub(super) load: Load,
    pub(super) money: Spent,
    /// What changes once a second.
    pub(super) figures: Arc<Figures>,
    /// What was said, the oldest first.
    pub(super) messages: Vec<String>,
}

/// What the run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Arrivals come as planned.
    #[default]
    Running,
    /// Arrivals are held back by hand.
    Held,
    /// All arrivals have come: what is in flight goes on.
    Draining,
    /// No further arrivals, before the plan's end; what is in flight goes on.
    Stopping,
    /// What is in flight is cut.
    Cutting,
}

/// A phase under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase {
    pub(super) name: String,
    /// Its place, from 1, and how many there are.
    pub(super) place: (usize, usize),
    pub(super) warmup: bool,
    /// The shape in words.
    pub(super) shape: String,
    pub(super) elapsed: Duration,
    /// The length by the plan; `None` where the answers decide.
    pub(super) planned: Option<Duration>,
    /// How much of it is over; `None` where nothing tells.
    pub(super) share: Option<f64>,
    /// How long arrivals go on by the plan, later phases included.
    pub(super) left: Option<Duration>,
}

/// What is wanted of the arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Target {
    /// Nothing: none are to come.
    #[default]
    None,
    /// So many a second.
    Rate(f64),
    /// As many as so many users have time for.
    Users(u32),
}

/// The load right now.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    pub(super) target: Target,
    /// Arrivals a second, in the last seconds of the phase.
    pub(super) achieved: Option<f64>,
    pub(super) in_flight: u64,
    /// Of all phases.
    pub(super) ok: u64,
    pub(super) failed: u64,
    /// How often, and how long, arrivals were held.
    pub(super) held: Option<String>,
}

/// What it cost so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    /// The known costs; `None` where there is none.
    pub(super) known: Option<Money>,
    /// What is committed of the budget, and the budget.
    pub(super) budget: Option<(Money, Money)>,
}

/// What changes once a second: figures of the seconds that are over.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// All requests; then, where there are several, those of each arm.
    pub(super) scopes: Vec<Scope>,
    /// What the judge says so far; `None` before the first second is over.
    pub(super) validity: Option<Validity>,
}

/// The figures of all requests, or of one arm.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) name: String,
    /// The requests that ended in the last seconds, warm-up included.
    pub(super) recent: ScopeSummary,
    /// How many seconds these are.
    pub(super) recent_s: usize,
    /// All measured ones: what the summary will say.
    pub(super) whole: ScopeSummary,
    /// All failures, warm-up included.
    pub(super) errors: Vec<ErrorCount>,
    /// Whole answers and failures, warm-up included.
    pub(super) counts: (u64, u64),
    /// The known cost, warm-up included; `None` where any is unknown.
    pub(super) cost: Option<Money>,
    /// The seconds that are over, the oldest first.
    pub(super) seconds: Vec<Second>,
}

/// One second, warm-up included. A quantile that it can't carry is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Second {
    pub(super) ended: u64,
    pub(super) failed: u64,
    pub(super) ttft_p50_ms: Option<f64>,
    pub(super) ttft_p95_ms: Option<f64>,
}

/// What of it is looked at: that is the reader's, not the run's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The scope, by its place.
    pub(super) selected: usize,
    pub(super) help: bool,
}
