//! The reading of one answer: bytes and the instants they arrived, to marks and an outcome.
//!
//! It does no IO and reads no clock: the wire stamps each read as it returns, before any parsing, and
//! tells it here.

use crate::base::Offset;
use crate::dialect::{Delta, Dialect, DialectError, Piece, Scanner, error_message};
use crate::sse::{Decoder, Item};

use super::exchange::{Connecting, Exchange, Failure, Marks, Outcome};
use super::retry_after;

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

/// What the answer said so far.
#[derive(Debug, Default)]
struct Heard {
    exchange: Exchange,
    done: bool,
    malformed: Option<String>,
    /// Where it broke off, though its end looked like one.
    cut: Option<&'static str>,
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
        self.body = if events && self.is_success() {
            Body::Events(Decoder::new())
        } else {
            Body::Whole(Vec::new())
        };
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
        let (outcome, error) = self.outcome(result);
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

impl Heard {
    /// Whether the answer ended: with its end in words, or with an error.
    const fn is_over(&self) -> bool {
        self.done || self.exchange.error.is_some()
    }

    fn event(&mut self, scanner: &mut Scanner, data: &[u8], named_error: bool, at: Offset) {
        if self.malformed.is_some() {
            return;
        }
        let dialect = scanner.dialect();
        if self.is_over() {
            if let Ok(delta) = dialect.decode(data) {
                self.afterword(&delta);
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
                Ok(Piece::Again) => self.token(at),
                Ok(Piece::New(delta)) => self.delta(delta, at),
                Err(error) => self.malformed = Some(error.to_string()),
            }
        }
        if self.is_over() || self.malformed.is_some() {
            self.exchange.marks.end.get_or_insert(at);
        }
    }

    /// What follows the end is no part of the answer. Only accounts are taken from it: what a failed
    /// answer used, and a gateway's own accounting chunk, which says nothing but a cost.
    fn afterword(&mut self, delta: &Delta<'_>) {
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
            exchange.cost_reported = delta.cost_reported.or(exchange.cost_reported);
        }
    }

    fn delta(&mut self, delta: Delta<'_>, at: Offset) {
        if delta.has_token() {
            self.token(at);
        }
        let exchange = &mut self.exchange;
        if delta.has_output() {
            exchange.marks.first_output.get_or_insert(at);
        }
        if let Some(error) = delta.error {
            exchange.error.get_or_insert(error);
        }
        // Usage may come on every chunk, and then counts what was used so far: the last one holds.
        exchange.usage = delta.usage.or(exchange.usage);
        exchange.cost_reported = delta.cost_reported.or(exchange.cost_reported);
        replace(&mut exchange.finish, delta.finish);
        replace(&mut exchange.model, delta.model);
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

/// Keeps the latest text, without a new allocation where it is the same again.
fn replace(kept: &mut Option<String>, new: Option<std::borrow::Cow<'_, str>>) {
    if let Some(new) = new.filter(|new| kept.as_deref() != Some(new)) {
        *kept = Some(new.into_owned());
    }
}

fn unasked(coding: &str) -> String {
    format!("the body is {coding}-encoded, which was not asked for")
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}
