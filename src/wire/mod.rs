//! The only seam to the network: a shot goes out, a [`Reading`] of the answer comes in.
//!
//! A wire moves bytes and says when they moved; what they mean is read in one place, so the numbers
//! of two wires can be compared.

mod direct;
mod exchange;
mod gaps;
mod reading;
mod reqwest;
mod retry_after;

use std::future::Future;

use tokio::time::Instant;

use crate::base::{Offset, Secret};
use crate::scenario::Timeouts;
use crate::shot::Shot;

pub use self::reqwest::ReqwestWire;
pub use direct::{DirectError, DirectWire, StampTally, Stamping};
pub use exchange::{Connecting, Exchange, Failure, Marks, NoOutcome, Outcome, TimeoutKind};
pub use gaps::Gaps;
pub use reading::Reading;

/// Sends requests. Sending can't fail: what goes wrong is told to the reading's end.
pub trait Wire {
    /// Sends `shot` and reads the answer into `reading` until it ends. What was read stays in
    /// `reading` when the future is dropped, so a request that is cut short keeps its marks.
    fn send(
        &self,
        shot: &Shot,
        reading: &mut Reading,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The run's one monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// The time now.
    pub fn now(&self) -> Offset {
        Offset::from(self.zero.elapsed())
    }

    /// An instant of the run as the runtime's timers take it.
    pub fn instant(&self, at: Offset) -> Instant {
        self.zero + at.elapsed()
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The base URL without a slash at its end.
    pub base_url: String,
    /// The bearer key.
    pub key: Option<Secret>,
}

/// When patience with a request ends, and which patience it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When patience ends.
    pub at: Offset,
    /// Which patience it is.
    pub kind: TimeoutKind,
}

impl Deadline {
    /// The nearest deadline of a request that was last heard of at `heard`.
    fn nearest(timeouts: &Timeouts, reading: &Reading, heard: Offset) -> Self {
        let sent = reading.marks().sent.unwrap_or(heard);
        let whole = Self {
            at: sent + timeouts.request,
            kind: TimeoutKind::Request,
        };
        let next = if reading.awaits_first_token() {
            Self {
                at: sent + timeouts.first_token,
                kind: TimeoutKind::FirstToken,
            }
        } else if reading.marks().headers.is_some() {
            Self {
                at: heard + timeouts.idle,
                kind: TimeoutKind::Idle,
            }
        } else {
            whole
        };
        if next.at < whole.at { next } else { whole }
    }
}
