//! An answer on its way to the client, held and put together as the script says.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use rand_pcg::Pcg64;
use tokio::time::Instant;

use super::conduct::{Coalesce, Conduct, Into, Rewrite, Until};
use super::passage::Passage;
use super::tap::Tap;
use super::units::{Unit, Units, rewritten, written};
use super::upstream::PassingError;
use crate::base::{Alarm, Distribution, HumanDuration};

/// Pieces that may wait for their instants before no more are taken.
const MOST_READY: usize = 4_096;

/// A stream of pieces, each of which goes on when it is due.
pub(super) struct Shaper {
    tap: Tap,
    passage: Passage,
    way: Way,
    /// How long each chunk is held.
    chunk: Distribution<HumanDuration>,
    rng: Pcg64,
    /// How long the first piece is held; none where it was there.
    first: Option<Duration>,
    /// Pieces that are due, or will be.
    ready: VecDeque<(Instant, Bytes)>,
    /// When the last of them is due.
    last_due: Option<Instant>,
    /// How the answer ended, once it has.
    ended: Option<Result<(), PassingError>>,
    alarm: Alarm,
}

/// What is done to an answer beside holding it.
enum Way {
    /// Nothing.
    Plain,
    /// It is a stream whose events are put together anew.
    Events(Box<Units>, Group),
    /// It is in one piece, and its words are changed.
    Whole(Vec<u8>, Rewrite),
}

/// Events that wait to go on together.
struct Group {
    coalesce: Option<Coalesce>,
    units: Vec<Unit>,
    /// When the last of them is due.
    due: Option<Instant>,
    /// When they have been held for long enough.
    until: Option<Instant>,
}

impl Shaper {
    /// A stream of events.
    pub(super) fn events(
        tap: Tap,
        passage: Passage,
        conduct: &Conduct,
        (chunk, rng): (Distribution<HumanDuration>, Pcg64),
    ) -> Self {
        let plain = conduct.is_faithful() && chunk == super::conduct::none();
        let way = if plain {
            Way::Plain
        } else {
            let group = Group {
                coalesce: conduct.coalesce,
                units: Vec::new(),
                due: None,
                until: None,
            };
            Way::Events(Box::new(Units::new(conduct.clone())), group)
        };
        Self::new(tap, passage, way, (chunk, rng))
    }

    /// An answer in one piece.
    pub(super) fn whole(tap: Tap, passage: Passage, rewrite: Option<Rewrite>, rng: Pcg64) -> Self {
        let way = rewrite.map_or(Way::Plain, |rewrite| Way::Whole(Vec::new(), rewrite));
        Self::new(tap, passage, way, (super::conduct::none(), rng))
    }

    fn new(
        tap: Tap,
        passage: Passage,
        way: Way,
        (chunk, rng): (Distribution<HumanDuration>, Pcg64),
    ) -> Self {
        Self {
            first: Some(passage.left()),
            tap,
            passage,
            way,
            chunk,
            rng,
            ready: VecDeque::new(),
            last_due: None,
            ended: None,
            alarm: Alarm::new(),
        }
    }

    /// When what has come now is due.
    fn due(&mut self, now: Instant) -> Instant {
        let held = self.first.take().unwrap_or_default() + self.chunk.draw(&mut self.rng).0;
        let due = (now + held).max(self.last_due.unwrap_or(now));
        self.last_due = Some(due);
        due
    }

    /// A piece has come.
    fn take(&mut self, bytes: Bytes) -> Result<(), PassingError> {
        let now = Instant::now();
        self.passage.comes();
        let units = match &mut self.way {
            Way::Plain => {
                let due = self.due(now);
                self.ready.push_back((due, bytes));
                return Ok(());
            }
            Way::Whole(kept, _) => {
                kept.extend_from_slice(&bytes);
                return Ok(());
            }
            Way::Events(units, _) => units.feed(&bytes)?,
        };
        for unit in units {
            self.gather(unit, now);
        }
        Ok(())
    }

    /// An event goes on, or waits for others.
    fn gather(&mut self, unit: Unit, now: Instant) {
        let due = self.due(now);
        let Way::Events(_, group) = &mut self.way else {
            return;
        };
        let (has_words, is_comment) = (unit.has_words, unit.is_comment());
        group.units.push(unit);
        group.due = Some(due);
        let words = group.units.iter().filter(|unit| unit.has_words).count();
        let full = match group.coalesce.map(|coalesce| coalesce.until) {
            None => true,
            // What comes before the first words, and what ends them, waits for no more of them.
            Some(Until::Chunks(most)) => {
                words >= most as usize || words == 0 || !(has_words || is_comment)
            }
            Some(Until::Hold(time)) => {
                group.until.get_or_insert(due + time.0);
                false
            }
            Some(Until::End) => false,
        };
        if full {
            self.let_go(None);
        }
    }

    /// All that waits goes on together, as soon as it is due.
    fn let_go(&mut self, not_before: Option<Instant>) {
        let Way::Events(_, group) = &mut self.way else {
            return;
        };
        let Some(due) = group.due.take() else { return };
        let into = group.coalesce.map_or(Into::Write, |coalesce| coalesce.into);
        let bytes = written(std::mem::take(&mut group.units), into);
        group.until = None;
        let due = not_before.map_or(due, |other| other.max(due));
        self.ready.push_back((due, bytes));
    }

    /// The answer is over.
    fn end(&mut self, how: Result<(), PassingError>) {
        let now = Instant::now();
        if let Way::Events(units, _) = &mut self.way
            && let Some(rest) = units.rest()
        {
            self.gather(rest, now);
        }
        self.let_go(None);
        if let Way::Whole(kept, rewrite) = &mut self.way {
            let kept = std::mem::take(kept);
            let bytes = rewritten(&kept, *rewrite).unwrap_or_else(|| kept.into());
            let due = self.due(now);
            self.ready.push_back((due, bytes));
        }
        self.ended = Some(how);
    }

    /// When the group has been held for long enough.
    const fn held_until(&self) -> Option<Instant> {
        match &self.way {
            Way::Events(_, group) => group.until,
            Way::Plain | Way::Whole(..) => None,
        }
    }
}

impl Stream for Shaper {
    type Item = Result<Bytes, PassingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.ended.is_none() && self.ready.len() < MOST_READY {
            match Pin::new(&mut self.tap).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(bytes))) => {
                    if let Err(error) = self.take(bytes) {
                        self.end(Err(error));
                    }
                }
                Poll::Ready(Some(Err(error))) => self.end(Err(error)),
                Poll::Ready(None) => self.end(Ok(())),
            }
        }
        loop {
            let now = Instant::now();
            if let Some(until) = self.held_until().filter(|until| *until <= now) {
                self.let_go(Some(until));
            }
            if self.ready.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, bytes)) = self.ready.pop_front()
            {
                self.passage.goes();
                return Poll::Ready(Some(Ok(bytes)));
            }
            let front = self.ready.front().map(|(due, _)| *due);
            let Some(next) = front.into_iter().chain(self.held_until()).min() else {
                break;
            };
            ready!(self.alarm.poll_until(next, cx));
        }
        match self.ended.take() {
            None => Poll::Pending,
            Some(Ok(())) => {
                self.ended = Some(Ok(()));
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.ended = Some(Ok(()));
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}
