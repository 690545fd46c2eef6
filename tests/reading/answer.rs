//! An answer made up read by read, and what becomes of it.

use std::sync::Arc;

use tollgate::base::Offset;
use tollgate::dialect::Dialect;
use tollgate::scenario::{Readings, Wants};
use tollgate::wire::{Exchange, Failure, Reading};

/// A chunk that opens an answer.
pub(crate) const ROLE: &str = r#"{"id":"c-1","model":"gpt-a","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
/// A chunk that ends one.
pub(crate) const STOP: &str =
    r#"{"id":"c-1","model":"gpt-a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
/// The usual report of what was used.
pub(crate) const USAGE: &str = r#"{"id":"c-1","model":"gpt-a","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
/// The end in words.
pub(crate) const DONE: &str = "[DONE]";
/// The accounting chunk of Respan's hosted gateway.
pub(crate) const BREAKDOWN: &str = r#"{"id":"request_breakdown","choices":[{"delta":{"content":null,"role":"assistant"},"finish_reason":"stop","request_breakdown":{"prompt_tokens":9,"completion_tokens":2,"cost":0.0125,"routing_time":0.02},"index":0}],"model":"extra_parameter","object":"chat.completion.chunk","usage":{}}"#;

/// When the request is sent and its head is read.
pub(crate) const HEAD_AT: u64 = 5;

/// An instant of the run, in milliseconds.
pub(crate) const fn at(ms: u64) -> Offset {
    Offset::from_nanos(ms * 1_000_000)
}

/// A chunk with visible text.
pub(crate) fn text(content: &str) -> String {
    format!(
        r#"{{"id":"c-1","model":"gpt-a","choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}"#
    )
}

/// A chunk with whatever delta.
pub(crate) fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)
}

/// One event as a server sends it.
pub(crate) fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// An answer that is put together. Its request is sent at 0 ms, and its head comes at 5 ms.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) wants_stream: bool,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) reads: Vec<(u64, Vec<u8>)>,
    /// What its gateway tells.
    pub(crate) readings: Arc<Readings>,
    /// What is kept of it.
    pub(crate) wants: Wants,
}

impl Answer {
    fn new(wants_stream: bool, kind: &str) -> Self {
        Self {
            wants_stream,
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            reads: vec![],
            readings: Arc::default(),
            wants: Wants::default(),
        }
    }

    /// A stream that was asked for.
    pub(crate) fn stream() -> Self {
        Self::new(true, "text/event-stream; charset=utf-8")
    }

    /// An answer in one piece that was asked for.
    pub(crate) fn whole() -> Self {
        Self::new(false, "application/json")
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, in place of one of the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A read that returns at `ms`.
    pub(crate) fn read(mut self, ms: u64, bytes: impl AsRef<[u8]>) -> Self {
        self.reads.push((ms, bytes.as_ref().to_vec()));
        self
    }

    /// Events that come in a read each, at 10 ms, 20 ms, and so on.
    pub(crate) fn events<T: AsRef<str>>(self, data: &[T]) -> Self {
        data.iter().zip(1..).fold(self, |answer, (data, n)| {
            answer.read(n * 10, event(data.as_ref()))
        })
    }

    /// The reading of it up to the last read, and what the last read came to.
    pub(crate) fn begin(&self) -> (Reading, Result<(), Failure>) {
        let mut reading = Reading::new(Dialect::OpenaiChat, self.wants_stream)
            .telling(&self.readings)
            .keeping(self.wants);
        reading.sent(at(0));
        let header = |name: &str| {
            let mut found = self.headers.iter().filter(|(known, _)| known == name);
            found.next().map(|(_, value)| value.as_str())
        };
        reading.head(self.status, header, at(HEAD_AT));
        let mut result = Ok(());
        for (ms, bytes) in &self.reads {
            result = reading.bytes(bytes, at(*ms));
            if result.is_err() {
                break;
            }
        }
        (reading, result)
    }

    /// What it comes to when its end is seen at `ms`.
    pub(crate) fn ends_at(&self, ms: u64) -> Exchange {
        let (reading, result) = self.begin();
        reading.finish(result, at(ms))
    }

    /// What it comes to when it ends at 1 s.
    pub(crate) fn ends(&self) -> Exchange {
        self.ends_at(1_000)
    }

    /// What it comes to when it fails at 1 s.
    pub(crate) fn fails(&self, failure: Failure) -> Exchange {
        let (reading, result) = self.begin();
        reading.finish(result.and(Err(failure)), at(1_000))
    }
}
