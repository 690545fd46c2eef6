//! The deadlines of a request in flight.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use crate::base::Offset;
use crate::scenario::Timeouts;
use crate::wire::{Clock, Deadline, Failure, Reading};

/// The deadlines of requests, one after the other, kept by one timer. It is moved only when it goes off,
/// or to an earlier deadline: most chunks and most answers come long before, and moving a timer for each
/// would cost more than reading it.
pub(super) struct Patience {
    timeouts: Timeouts,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    pub(super) fn new(timeouts: Timeouts, clock: Clock) -> Self {
        let timer = Box::pin(tokio::time::sleep(timeouts.request));
        Self {
            timeouts,
            clock,
            timer,
        }
    }

    /// The deadline of what is waited for, with what was read last at `last_read`.
    fn next(&self, reading: &Reading, last_read: Offset) -> (Offset, Deadline) {
        let from = last_read.max(reading.marks().sent.unwrap_or_default());
        (from, Deadline::nearest(&self.timeouts, reading, from))
    }

    /// Begins to wait. A deadline that the last read came after is over, though the timer never had
    /// its turn: with bytes at hand nobody looks at it.
    pub(super) fn begin(&mut self, reading: &Reading, last_read: Offset) -> Result<(), Failure> {
        let (from, next) = self.next(reading, last_read);
        if next.at <= from {
            return Err(Failure::Timeout(next.kind));
        }
        let at = self.clock.instant(next.at);
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
        Ok(())
    }

    /// Whether patience has ended, with what was read last at `last_read`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reading: &Reading,
        last_read: Offset,
    ) -> Poll<Failure> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let (_, next) = self.next(reading, last_read);
            if next.at <= self.clock.now() {
                return Poll::Ready(Failure::Timeout(next.kind));
            }
            self.timer.as_mut().reset(self.clock.instant(next.at));
        }
        Poll::Pending
    }
}
