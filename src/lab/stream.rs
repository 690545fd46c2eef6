//! A streamed answer as one body that is polled: it sleeps until the next event is due, and no task,
//! channel or JSON encoder stands between the plan and the socket.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Instant, Sleep};

use super::chunks::{Chunks, Next};
use super::clock::Clock;
use super::seen::Note;
use super::slots::Slot;
use super::truth::TruthNote;
use super::wire::BrokenOff;

/// What a request holds while it is served: its slot, and its entry in the record.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) clock: Arc<Clock>,
    pub(super) start: Instant,
    pub(super) note: Option<Note>,
    /// Given back before the slot is: who sees no request in service finds all truths there.
    pub(super) truth: Option<TruthNote>,
    #[expect(dead_code, reason = "it is held, not read")]
    pub(super) slot: Slot,
}

impl Service {
    /// Notes when the first token was planned to go out.
    pub(super) fn note_due(&self, due: Instant) {
        if let Some(note) = &self.note {
            note.amend(|seen| seen.first_token_due = Some(self.clock.offset(due)));
        }
    }

    /// Notes that the first token goes out now.
    pub(super) fn note_sent(&self) {
        if let Some(note) = &self.note {
            let now = self.clock.offset(Instant::now());
            note.amend(|seen| seen.first_token = Some(now));
        }
    }

    /// Notes for the truth that bytes go out now, with so many tokens.
    pub(super) fn stamp(&mut self, tokens: u32) {
        if let Some(truth) = &mut self.truth {
            truth.stamp(tokens);
        }
    }

    /// Notes for the truth with which status it is answered.
    pub(super) const fn answered(&mut self, status: u16) {
        if let Some(truth) = &mut self.truth {
            truth.answered(status);
        }
    }

    /// Notes for the truth that the answer has gone out to its end.
    pub(super) const fn is_whole(&mut self) {
        if let Some(truth) = &mut self.truth {
            truth.is_whole();
        }
    }
}

/// Bytes that go out together.
#[derive(Debug)]
struct Write {
    bytes: Bytes,
    due: Instant,
    tokens: u32,
}

/// The body of a streamed answer.
#[derive(Debug)]
pub(super) struct StreamBody {
    chunks: Chunks,
    service: Service,
    /// Added to every instant: the answer stands still for so long at its start.
    stall: Duration,
    buffer: BytesMut,
    /// The next write, once it is made.
    next: Option<Write>,
    /// What is left to be sent of the write that is due.
    sending: Bytes,
    /// Whether the server is to write what it has before it gets more.
    give_turn: bool,
    /// Whether the answer is over, and if so, whether it breaks off.
    over: Option<bool>,
    token_sent: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl StreamBody {
    pub(super) fn new(chunks: Chunks, service: Service, stall: Duration) -> Self {
        let mut body = Self {
            chunks,
            service,
            stall,
            buffer: BytesMut::with_capacity(1024),
            next: None,
            sending: Bytes::new(),
            give_turn: false,
            over: None,
            token_sent: false,
            sleep: None,
        };
        body.prepare();
        body
    }

    /// When its first byte is due.
    pub(super) fn first_due(&self) -> Instant {
        self.next
            .as_ref()
            .map_or(self.service.start, |write| write.due)
    }

    /// Makes the next write, ahead of the instant at which it is due.
    fn prepare(&mut self) {
        let (mut due, mut events, mut tokens) = (Duration::ZERO, 0, 0);
        while events < self.chunks.coalesce() && self.over.is_none() {
            match self.chunks.next(&mut self.buffer) {
                Next::Event {
                    due: at,
                    tokens: more,
                } => {
                    (due, events, tokens) = (at, events + 1, tokens + more);
                }
                Next::Alone => break,
                Next::End { broken } => self.over = Some(broken),
            }
        }
        if self.buffer.is_empty() {
            return;
        }
        let work = due.saturating_add(self.stall);
        let due = self.service.clock.done(self.service.start, work);
        if tokens > 0 && !self.token_sent {
            self.service.note_due(due);
        }
        self.next = Some(Write {
            bytes: self.buffer.split().freeze(),
            due,
            tokens,
        });
    }

    fn poll_due(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // Not even a timer for what is due already: it would wait for the next millisecond.
        if due <= Instant::now() {
            return Poll::Ready(());
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx)
    }

    /// The next piece of the write that is due.
    fn piece(&mut self) -> Bytes {
        let Some(size) = self.chunks.split() else {
            return std::mem::take(&mut self.sending);
        };
        self.give_turn = true;
        self.sending.split_to(size.min(self.sending.len()))
    }
}

impl Stream for StreamBody {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.give_turn {
            self.give_turn = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.sending.is_empty() {
            if self.next.is_none() {
                self.prepare();
            }
            let Some(due) = self.next.as_ref().map(|write| write.due) else {
                if self.over == Some(true) {
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                if !self.chunks.breaks_off() {
                    self.service.is_whole();
                }
                return Poll::Ready(None);
            };
            ready!(self.poll_due(due, cx));
            if let Some(write) = self.next.take() {
                self.sending = write.bytes;
                self.service.stamp(write.tokens);
                if write.tokens > 0 && !self.token_sent {
                    self.token_sent = true;
                    self.service.note_sent();
                }
            }
        }
        Poll::Ready(Some(Ok(self.piece())))
    }
}
