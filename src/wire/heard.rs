//! What an answer said so far: its pieces, and the instants they came, to marks and figures.

use crate::base::Offset;
use crate::dialect::{Delta, Piece, Scanner, error_message};
use crate::scenario::{Reads, Wants};

use super::exchange::Exchange;
use super::told::Teller;

/// What the answer said so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) exchange: Exchange,
    pub(super) done: bool,
    pub(super) malformed: Option<String>,
    /// Where it broke off, though its end looked like one.
    pub(super) cut: Option<&'static str>,
    /// Looks for what the gateway tells, where that is wanted.
    pub(super) teller: Option<Teller>,
    /// What is kept for checks.
    pub(super) wants: Wants,
}

impl Heard {
    /// Whether the answer ended: with its end in words, or with an error.
    pub(super) const fn is_over(&self) -> bool {
        self.done || self.exchange.error.is_some()
    }

    pub(super) fn event(
        &mut self,
        scanner: &mut Scanner,
        data: &[u8],
        named_error: bool,
        at: Offset,
    ) {
        if self.malformed.is_some() {
            return;
        }
        let dialect = scanner.dialect();
        if self.is_over() {
            if let Ok(delta) = dialect.decode(data) {
                self.afterword(&delta, data);
            }
            return;
        }
        self.exchange.marks.first_event.get_or_insert(at);
        if dialect.is_done(data) {
            self.done = true;
        } else if named_error {
            match dialect.decode(data) {
                Ok(delta) if delta.error.is_some() => self.delta(delta, at),
                _ => {
                    let said = error_message(data);
                    self.exchange.error =
                        said.or_else(|| Some("an error without a message".into()));
                }
            }
        } else {
            match scanner.read(data) {
                Ok(Piece::Again) => {
                    self.token(at);
                    self.again(scanner, data, at);
                }
                Ok(Piece::New(delta)) => {
                    self.told(data, true);
                    self.delta(delta, at);
                }
                Err(error) => self.malformed = Some(error.to_string()),
            }
        }
        if self.is_over() || self.malformed.is_some() {
            self.exchange.marks.end.get_or_insert(at);
        }
    }

    /// What follows the end is no part of the answer. Only accounts are taken from it: what a failed
    /// answer used, and a gateway's own accounting chunk, which says nothing but a cost.
    fn afterword(&mut self, delta: &Delta<'_>, data: &[u8]) {
        let exchange = &mut self.exchange;
        if !self.done {
            exchange.usage = delta.usage.or(exchange.usage);
        }
        let cost_only = !delta.has_token()
            && delta.usage.is_none()
            && delta.finish.is_none()
            && delta.model.is_none()
            && delta.id.is_none();
        if cost_only || !self.done {
            if !self.has_told(Reads::Cost) {
                let exchange = &mut self.exchange;
                exchange.cost_reported = delta.cost_reported.or(exchange.cost_reported);
            }
            self.told(data, true);
        }
    }

    /// Takes from a piece that is as the one before what differs in it: its words, where anybody
    /// wants them.
    fn again(&mut self, scanner: &Scanner, data: &[u8], at: Offset) {
        if self.wants.content || self.wants.trail {
            self.words(&scanner.content(data), at);
        }
        if self.teller.as_ref().is_some_and(Teller::of_words) {
            self.told(data, true);
        }
    }

    /// Keeps the visible words of a piece, as far as anybody wants them.
    fn words(&mut self, content: &str, at: Offset) {
        if let (true, Some(kept)) = (self.wants.content, &mut self.exchange.kept) {
            kept.add(content);
        }
        if let Some(trail) = &mut self.exchange.trail {
            trail.add(content, at);
        }
    }

    /// Looks for what the gateway tells.
    pub(super) fn told(&mut self, json: &[u8], as_stream: bool) {
        if let Some(teller) = &mut self.teller {
            teller.body(json, as_stream, &mut self.exchange);
        }
    }

    /// Whether the gateway told this where the scenario says, so that no other word for it counts.
    fn has_told(&self, what: Reads) -> bool {
        self.teller.as_ref().is_some_and(|teller| teller.has(what))
    }

    pub(super) fn delta(&mut self, delta: Delta<'_>, at: Offset) {
        if delta.has_token() {
            self.token(at);
        }
        let (cost_told, model_told) = (self.has_told(Reads::Cost), self.has_told(Reads::Model));
        self.words(&delta.content, at);
        let exchange = &mut self.exchange;
        if delta.has_output() {
            exchange.marks.first_output.get_or_insert(at);
        }
        if let Some(error) = delta.error {
            exchange.error.get_or_insert(error);
        }
        // Usage may come on every chunk, and then counts what was used so far: the last one holds.
        exchange.usage = delta.usage.or(exchange.usage);
        if !cost_told {
            exchange.cost_reported = delta.cost_reported.or(exchange.cost_reported);
        }
        replace(&mut exchange.finish, delta.finish);
        replace(&mut exchange.model, delta.model.filter(|_| !model_told));
        if exchange.request_id.is_none() {
            exchange.request_id = delta.id.map(std::borrow::Cow::into_owned);
        }
    }

    fn token(&mut self, at: Offset) {
        let exchange = &mut self.exchange;
        if let Some(last) = exchange.marks.last_token {
            let gap = (at.nanos().saturating_sub(last.nanos())).div_ceil(1_000);
            exchange.gaps.push(u32::try_from(gap).unwrap_or(u32::MAX));
            // The stamp is the read's, whatever pieces HTTP made of what was read.
            exchange.coalesced_chunks += u32::from(last == at);
        }
        exchange.token_chunks += 1;
        exchange.marks.first_token.get_or_insert(at);
        exchange.marks.last_token = Some(at);
    }
}

/// Keeps the latest text, without a new allocation where it is the same again.
fn replace(kept: &mut Option<String>, new: Option<std::borrow::Cow<'_, str>>) {
    if let Some(new) = new.filter(|new| kept.as_deref() != Some(new)) {
        *kept = Some(new.into_owned());
    }
}
