//! The reading of one answer: bytes and the instants they arrived, to marks and an outcome.
//!
//! It does no IO and reads no clock: the wire stamps each read as it returns, before any parsing, and
//! tells it here.

use std::sync::Arc;

use crate::base::Offset;
use crate::dialect::{Dialect, DialectError, Scanner, error_message};
use crate::scenario::{Readings, Wants};
use crate::sse::{Decoder, Item};

use super::exchange::{Connecting, Exchange, Failure, Marks, Outcome};
use super::heard::Heard;
use super::retry_after;
use super::told::Teller;

/// The largest answer in one piece that is kept to be parsed.
const BODY_CAP: usize = 16 << 20;

/// One answer while it is read.
#[derive(Debug)]
pub struct Reading {
    scanner: Scanner,
    wants_stream: bool,
    body: Body,
    /// A content coding that nobody asked for, so that the body can't be read.
    coding: Option<String>,
    heard: Heard,
}

/// How the body is read; decided by the head.
#[derive(Debug)]
enum Body {
    Unknown,
    Events(Decoder),
    Whole(Vec<u8>),
}

impl Reading {
    /// A reading of the answer to a request in `dialect`.
    pub fn new(dialect: Dialect, wants_stream: bool) -> Self {
        Self {
            scanner: dialect.scanner(),
            wants_stream,
            body: Body::Unknown,
            coding: None,
            heard: Heard::default(),
        }
    }

    /// Looks for what the gateway tells of the request, too.
    #[must_use]
    pub fn telling(mut self, readings: &Arc<Readings>) -> Self {
        self.heard.teller = Teller::new(readings);
        self
    }

    /// Keeps of the answer what its checks want.
    #[must_use]
    pub fn keeping(mut self, wants: Wants) -> Self {
        if wants != Wants::default() {
            self.heard.exchange.kept = Some(Box::default());
            self.heard.wants = wants;
        }
        if wants.trail {
            self.heard.exchange.trail = Some(Box::default());
        }
        if wants.content || wants.trail {
            self.scanner.keep_content();
        }
        self
    }

    /// The instants so far.
    pub const fn marks(&self) -> &Marks {
        &self.heard.exchange.marks
    }

    /// Whether the answer is over, well or not, though the connection may not be.
    pub const fn is_done(&self) -> bool {
        self.heard.is_over()
    }

    /// Whether the first token of a stream is still to come.
    pub const fn awaits_first_token(&self) -> bool {
        self.wants_stream
            && self.heard.exchange.marks.first_token.is_none()
            && matches!(self.body, Body::Unknown | Body::Events(_))
    }

    /// There is a connection: one that was opened for this request, or one that had been used before.
    pub const fn connected(&mut self, opened: Option<Connecting>) {
        self.heard.exchange.reused = Some(opened.is_none());
        self.heard.exchange.connecting = opened;
    }

    /// Whether its connection had been used before.
    pub fn is_reused(&self) -> bool {
        self.heard.exchange.reused == Some(true)
    }

    /// The request was handed over.
    pub const fn sent(&mut self, at: Offset) {
        self.heard.exchange.marks.sent = Some(at);
    }

    /// The head was read. `header` looks up a header by its lower-case name.
    pub fn head<'h>(&mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>, at: Offset) {
        let exchange = &mut self.heard.exchange;
        exchange.marks.headers = Some(at);
        exchange.status = Some(status);
        exchange.retry_after = retry_after::in_headers(&header);
        exchange.request_id = header("x-request-id").map(str::to_owned);
        self.coding = header("content-encoding")
            .map(str::trim)
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
            .map(str::to_owned);
        let kind = header("content-type").unwrap_or_default().trim_start();
        let events = kind
            .get(..17)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"));
        let as_stream = events && self.is_success();
        self.body = if as_stream {
            Body::Events(Decoder::new())
        } else {
            Body::Whole(Vec::new())
        };
        if let Some(teller) = &mut self.heard.teller {
            teller.headers(header, as_stream, &mut self.heard.exchange);
        }
    }

    /// A read of the body returned at `at`.
    ///
    /// An answer that is over may be fed on: only accounts are taken from what follows.
    pub fn bytes(&mut self, bytes: &[u8], at: Offset) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let success = self.is_success();
        let Self {
            scanner,
            body,
            heard,
            coding,
            ..
        } = self;
        heard.exchange.body_bytes += bytes.len() as u64;
        heard.exchange.marks.first_byte.get_or_insert(at);
        if let Some(coding) = coding {
            let unreadable = || Err(Failure::Malformed(unasked(coding)));
            return if success { unreadable() } else { Ok(()) };
        }
        match body {
            Body::Events(decoder) => {
                let fed = decoder.feed(bytes, |item| {
                    if let Item::Event(event) = item {
                        heard.event(scanner, event.data, event.is("error"), at);
                    }
                });
                match &heard.malformed {
                    Some(said) => Err(Failure::Malformed(said.clone())),
                    None => fed.map_err(|error| Failure::Malformed(error.to_string())),
                }
            }
            Body::Whole(whole) if whole.len() + bytes.len() <= BODY_CAP => {
                whole.extend_from_slice(bytes);
                Ok(())
            }
            Body::Whole(_) => Err(Failure::Malformed(format!(
                "the answer is larger than {BODY_CAP} bytes"
            ))),
            Body::Unknown => Err(Failure::Malformed("a body came without a head".to_owned())),
        }
    }

    /// The answer is over at `at`, by its own end or by a failure.
    pub fn finish(mut self, result: Result<(), Failure>, at: Offset) -> Exchange {
        if result.is_ok() {
            self.read_last_event(at);
            self.read_whole(at);
        }
        self.heard.exchange.marks.end.get_or_insert(at);
        if let Some(trail) = &mut self.heard.exchange.trail {
            trail.finish(at);
        }
        let (outcome, error) = self.outcome(result);
        if let (true, Some(kept), Body::Whole(whole)) = (
            self.heard.wants.answer,
            &mut self.heard.exchange.kept,
            self.body,
        ) {
            kept.answer = Some(whole);
        }
        let mut exchange = self.heard.exchange;
        exchange.outcome = outcome;
        exchange.error = error;
        exchange
    }

    fn is_success(&self) -> bool {
        let status = self.heard.exchange.status;
        status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Reads what the end of a stream left without a blank line: the end makes an event of it where
    /// it is whole, and else the stream broke off.
    fn read_last_event(&mut self, at: Offset) {
        let (scanner, heard) = (&mut self.scanner, &mut self.heard);
        let Body::Events(decoder) = &mut self.body else {
            return;
        };
        if heard.is_over() || !decoder.finish().pending {
            return;
        }
        heard.cut = Some("the stream ended within an event");
        // What is too long failed before.
        let _ = decoder.feed(b"\n\n", |item| {
            let Item::Event(event) = item else {
                return;
            };
            let named_error = event.is("error");
            let done = scanner.dialect().is_done(event.data);
            if named_error || done || is_json(event.data) {
                heard.cut = None;
                heard.event(scanner, event.data, named_error, at);
            }
        });
    }

    /// Reads an answer that came in one piece.
    fn read_whole(&mut self, at: Offset) {
        let Body::Whole(whole) = &self.body else {
            return;
        };
        if !self.is_success() || self.coding.is_some() {
            return;
        }
        let marks_before = self.heard.exchange.marks;
        match self.scanner.dialect().decode(whole) {
            Ok(delta) => {
                let empty = !delta.has_token() && delta.finish.is_none() && delta.usage.is_none();
                if empty && delta.error.is_none() {
                    self.heard.malformed = Some("the answer holds no completion".to_owned());
                }
                self.heard.told(whole, false);
                self.heard.delta(delta, at);
                self.heard.done = true;
            }
            Err(DialectError::Json { source, .. }) if source.is_eof() => {
                self.heard.cut = Some("the answer ended before it was whole");
            }
            Err(error) => self.heard.malformed = Some(error.to_string()),
        }
        if !self.wants_stream {
            // Nobody waited for a first token here: the answer was asked for in one piece.
            self.heard.exchange.marks = marks_before;
            self.heard.exchange.token_chunks = 0;
        }
    }

    /// How it ended. What the server said outranks what the connection did afterwards.
    fn outcome(&mut self, result: Result<(), Failure>) -> (Outcome, Option<String>) {
        let success = self.is_success();
        let heard = &mut self.heard;
        if let Some(status) = heard.exchange.status.filter(|_| !success) {
            if let (None, Body::Whole(whole)) = (heard.exchange.retry_after, &self.body) {
                heard.exchange.retry_after = retry_after::in_body(whole);
            }
            return (Outcome::Status(status), self.refusal());
        }
        if let Some(error) = heard.exchange.error.take() {
            return (Outcome::StreamError, Some(error));
        }
        if let (Some(coding), true) = (&self.coding, result.is_ok()) {
            return (Outcome::Malformed, Some(unasked(coding)));
        }
        if let Some(malformed) = heard.malformed.take() {
            return (Outcome::Malformed, Some(malformed));
        }
        match (result, heard.cut) {
            _ if heard.done => (Outcome::Ok, None),
            (Ok(()), Some(cut)) => (Outcome::Truncated, Some(cut.to_owned())),
            (Ok(()), None) if heard.exchange.finish.is_some() => (Outcome::Ok, None),
            (Ok(()), None) => {
                let said = "the stream ended without [DONE] and without a finish_reason";
                (Outcome::Truncated, Some(said.to_owned()))
            }
            (Err(failure), _) => failure.outcome(heard.exchange.status.is_some()),
        }
    }

    /// What a refusal said, be it JSON, plain text or an event stream.
    fn refusal(&self) -> Option<String> {
        let Body::Whole(whole) = &self.body else {
            return None;
        };
        let mut said = None;
        let mut decoder = Decoder::new();
        let mut feed = |bytes: &[u8]| {
            decoder.feed(bytes, |item| {
                if let Item::Event(event) = item {
                    said = said.take().or_else(|| error_message(event.data));
                }
            })
        };
        // The blank lines end what the end of the body left open.
        let events = feed(whole).and_then(|()| feed(b"\n\n"));
        said.filter(|_| events.is_ok())
            .or_else(|| error_message(whole))
    }
}

impl Failure {
    /// The outcome of this failure, and what to say of it.
    fn outcome(self, answered: bool) -> (Outcome, Option<String>) {
        match self {
            Self::Dns(said) => (Outcome::Dns, Some(said)),
            Self::Connect(said) => (Outcome::Connect, Some(said)),
            Self::ClientLimit(said) => (Outcome::ClientLimit, Some(said)),
            Self::Tls(said) => (Outcome::Tls, Some(said)),
            Self::Timeout(kind) => (Outcome::Timeout(kind), None),
            Self::Lost(said) if answered => (Outcome::Truncated, Some(said)),
            Self::Lost(said) => (Outcome::Reset, Some(said)),
            Self::Malformed(said) => (Outcome::Malformed, Some(said)),
            Self::Cancelled => (Outcome::Cancelled, None),
            Self::Shed => (Outcome::Shed, None),
        }
    }
}

fn unasked(coding: &str) -> String {
    format!("the body is {coding}-encoded, which was not asked for")
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}
