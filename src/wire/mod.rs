//! The only seam to the network: a shot goes out, a [`Reading`] of the answer comes in.
//!
//! A wire moves bytes and says when they moved; what they mean is read in one place, so the numbers
//! of two wires can be compared.

mod direct;
mod endpoint;
mod exchange;
mod gaps;
mod heard;
mod reading;
mod reqwest;
mod retry_after;
mod tls;
mod told;
mod trail;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::Offset;
use crate::scenario::Timeouts;
use crate::shot::Shot;

pub use self::reqwest::{Answer, Api, ReqwestWire, probe};
pub use direct::{Captured, DirectError, DirectWire, StampTally, Stamping, capture};
pub use endpoint::Endpoint;
pub use exchange::{Connecting, Exchange, Failure, Kept, Marks, NoOutcome, Outcome, TimeoutKind};
pub use gaps::Gaps;
pub use reading::Reading;
pub use told::{Told, is_cache_hit};
pub use trail::{Piece, Trail};

/// Sends requests. Sending can't fail: what goes wrong is told to the reading's end.
pub trait Wire {
    /// Sends `shot` and reads the answer into `reading` until it ends. What was read stays in
    /// `reading` when the future is dropped, so a request that is cut short keeps its marks. `user` is
    /// the number of the user of a closed loop that asks.
    fn send(
        &self,
        shot: &Shot,
        user: Option<u32>,
        reading: &mut Reading,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Opens connections until `wanted` are idle, where the wire can; for users 0 and on where each
    /// keeps its own. One that can't be opened is no failure: a request will try again, and tell.
    fn preopen(&self, _wanted: u32) -> impl Future<Output = Preopened> + Send {
        std::future::ready(Preopened::default())
    }
}

/// What came of opening connections ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preopened {
    /// Idle connections that were wanted.
    pub wanted: u32,
    /// How many are there, those that were there before included.
    pub idle: u32,
    /// How long it took.
    pub took: Duration,
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
