//! Who stamps a run's reads, and where a stamp of the wall clock stands on the run's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kernel::{Hold, Wall, wall};
use crate::base::Offset;
use crate::scenario::Timestamps;
use crate::wire::Clock;

/// Both clocks are read within this many ns, or read again: the client was interrupted in between.
const CLOSE: u64 = 1_000;

/// Who stamps the reads of a run, and how many were stamped which way; its clones are one.
#[derive(Clone, Debug)]
pub struct Stamping {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hold: Option<Hold>,
    kernel: AtomicU64,
    user: AtomicU64,
    implausible: AtomicU64,
    error_ns: AtomicU64,
}

/// How many reads were stamped which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampTally {
    /// By the kernel, as the bytes arrived.
    pub kernel: u64,
    /// In user space, as the read returned.
    pub user: u64,
    /// Of these, the ones whose kernel stamp could not be: the wall clock was set meanwhile.
    pub implausible: u64,
    /// The most by which a kernel stamp may be off on the run's clock, in ns.
    pub error_ns: u64,
}

impl Stamping {
    /// Stamping as wanted, as far as this system can.
    pub fn new(wanted: Timestamps) -> Self {
        let hold = match wanted {
            Timestamps::Kernel => Hold::new(),
            Timestamps::User => None,
        };
        let zero = AtomicU64::default;
        let shared = Shared {
            hold,
            kernel: zero(),
            user: zero(),
            implausible: zero(),
            error_ns: zero(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether sockets are asked for kernel stamps.
    pub(super) fn by_kernel(&self) -> bool {
        self.shared.hold.is_some()
    }

    /// The reads so far.
    pub fn tally(&self) -> StampTally {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StampTally {
            kernel: load(&self.shared.kernel),
            user: load(&self.shared.user),
            implausible: load(&self.shared.implausible),
            error_ns: load(&self.shared.error_ns),
        }
    }

    /// The most by which a kernel stamp may be off on the run's clock, so far.
    pub fn error(&self) -> Duration {
        Duration::from_nanos(self.tally().error_ns)
    }

    /// Which stamps there are, and where some reads had others, how many.
    pub fn in_words(&self) -> String {
        let StampTally { kernel, user, .. } = self.tally();
        match (self.by_kernel(), kernel, user) {
            (false, ..) | (true, 0, 1..) => "user stamps".to_owned(),
            (true, _, 0) => "kernel receive stamps".to_owned(),
            (true, ..) => {
                let all = kernel + user;
                format!("kernel receive stamps ({user} of {all} reads: user stamps)")
            }
        }
    }

    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Places the stamps of one socket on the run's clock.
#[derive(Debug)]
pub(super) struct Placer {
    stamping: Stamping,
    clock: Clock,
    /// No later stamp of this socket is before it.
    floor: Offset,
    /// The last mark that was given.
    last: Offset,
}

impl Placer {
    pub(super) fn new(stamping: Stamping, clock: Clock) -> Self {
        let floor = clock.now();
        Self {
            stamping,
            clock,
            floor,
            last: floor,
        }
    }

    /// The mark of a read that returned `returned`, and whose bytes have the kernel's `stamp`.
    pub(super) fn mark(&mut self, stamp: Option<Wall>, returned: Offset) -> Offset {
        let shared = &self.stamping.shared;
        let placed = stamp.map(|stamp| Look::at_both(self.clock, returned).place(stamp));
        let plausible = placed.filter(|placed| placed.is_between(self.floor, returned));
        let at = if let Some(Placed { at, error }) = plausible {
            Stamping::add(&shared.kernel);
            if error > shared.error_ns.load(Ordering::Relaxed) {
                shared.error_ns.fetch_max(error, Ordering::Relaxed);
            }
            self.floor = Offset::from_nanos(at.nanos().saturating_sub(error));
            // Within the error a stamp may seem to be before its bytes' predecessors, or after its read.
            at.clamp(self.last, returned.max(self.last))
        } else {
            Stamping::add(&shared.user);
            if placed.is_some() {
                Stamping::add(&shared.implausible);
            }
            returned
        };
        self.last = at;
        at
    }
}

/// One moment by both clocks.
///
/// They are compared anew with each read, which costs two looks at a clock and no system call. So
/// nothing need be known of how the wall clock is corrected, and setting it can harm only the reads
/// whose bytes were waiting just then.
#[derive(Clone, Copy, Debug)]
struct Look {
    run: Offset,
    wall: Wall,
    /// By how much the two may be apart.
    error: u64,
}

impl Look {
    /// A look with `before` as the run's time just before it.
    fn at_both(clock: Clock, before: Offset) -> Self {
        let mut best = Self::between(before, wall(), clock.now());
        for _ in 0..2 {
            if best.error <= CLOSE {
                break;
            }
            let again = Self::between(clock.now(), wall(), clock.now());
            if again.error < best.error {
                best = again;
            }
        }
        best
    }

    fn between(before: Offset, wall: Wall, after: Offset) -> Self {
        let width = after.nanos().saturating_sub(before.nanos());
        Self {
            run: Offset::from_nanos(before.nanos() + width / 2),
            wall,
            error: width.div_ceil(2),
        }
    }

    fn place(self, stamp: Wall) -> Placed {
        let age = self.wall.0.saturating_sub(stamp.0);
        let run = i64::try_from(self.run.nanos()).unwrap_or(i64::MAX);
        Placed {
            // What is before the run's start is before any socket's, and will be found implausible.
            at: Offset::from_nanos(u64::try_from(run.saturating_sub(age)).unwrap_or(0)),
            error: self.error,
        }
    }
}

/// A stamp on the run's clock.
#[derive(Clone, Copy, Debug)]
struct Placed {
    at: Offset,
    error: u64,
}

impl Placed {
    fn is_between(self, floor: Offset, returned: Offset) -> bool {
        self.at.nanos().saturating_add(self.error) >= floor.nanos()
            && self.at.nanos() <= returned.nanos().saturating_add(self.error)
    }
}
