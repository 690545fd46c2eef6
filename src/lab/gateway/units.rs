//! A stream taken apart into events and put together again, as the script would have it.

use bytes::Bytes;
use serde_json::Value;

use super::conduct::{Conduct, Into, Rewrite};
use crate::dialect::Dialect;
use crate::sse::{self, Decoder, Item, SseError};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// One event of a stream, or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// `None` for a comment.
    name: Option<String>,
    data: String,
    /// Whether it holds words that a reader sees.
    pub(super) has_words: bool,
}

impl Unit {
    pub(super) const fn is_comment(&self) -> bool {
        self.name.is_none()
    }

    /// Its words become what `change` makes of them.
    fn with_words(mut self, change: impl FnOnce(&str) -> String) -> Self {
        if let Some((mut chunk, words)) = self.words() {
            chunk["choices"][0]["delta"]["content"] = change(&words).into();
            self.data = chunk.to_string();
        }
        self
    }

    fn words(&self) -> Option<(Value, String)> {
        let chunk: Value = serde_json::from_str(&self.data).ok()?;
        let words = chunk["choices"][0]["delta"]["content"].as_str()?.to_owned();
        Some((chunk, words))
    }
}

/// Takes a stream apart, and does to its events what the script says.
#[derive(Debug)]
pub(super) struct Units {
    conduct: Conduct,
    decoder: Decoder,
    /// Events with words so far.
    count: u32,
    /// One that is to come behind the next.
    behind: Option<Unit>,
}

impl Units {
    pub(super) fn new(conduct: Conduct) -> Self {
        Self {
            conduct,
            decoder: Decoder::new(),
            count: 0,
            behind: None,
        }
    }

    /// The events that `bytes` complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Unit>, SseError> {
        let mut whole = Vec::new();
        self.decoder.feed(bytes, |item| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            whole.push(match item {
                Item::Comment(comment) => Unit {
                    name: None,
                    data: text(comment),
                    has_words: false,
                },
                Item::Event(event) => Unit {
                    name: Some(text(event.event)),
                    data: text(event.data),
                    has_words: DIALECT
                        .decode(event.data)
                        .is_ok_and(|delta| !delta.content.is_empty()),
                },
            });
        })?;
        let mut out = Vec::with_capacity(whole.len());
        for unit in whole {
            self.pass(unit, &mut out);
        }
        Ok(out)
    }

    /// What is left at the end of the stream.
    pub(super) fn rest(&mut self) -> Option<Unit> {
        self.behind.take()
    }

    fn pass(&mut self, unit: Unit, out: &mut Vec<Unit>) {
        if !unit.has_words {
            // What follows the last words finds none to come behind.
            if unit.name.is_some() {
                out.extend(self.behind.take());
            }
            return out.push(unit);
        }
        self.count += 1;
        let hits = |every: Option<u32>| every.is_some_and(|every| self.count.is_multiple_of(every));
        if hits(self.conduct.lose) {
            return;
        }
        let (twice, later) = (hits(self.conduct.duplicate), hits(self.conduct.swap));
        let unit = match self.conduct.rewrite {
            Some(rewrite) => unit.with_words(|words| rewrite.of(words)),
            None => unit,
        };
        if later && self.behind.is_none() {
            self.behind = Some(unit);
            return;
        }
        if twice {
            out.push(unit.clone());
        }
        out.push(unit);
        out.extend(self.behind.take());
    }
}

/// The bytes of events that go on together.
pub(super) fn written(units: Vec<Unit>, into: Into) -> Bytes {
    let units = match into {
        Into::Write => units,
        Into::Event => merged(units),
    };
    let mut out = Vec::new();
    for unit in units {
        match &unit.name {
            None => sse::encode_comment(&mut out, &unit.data, sse::Newline::Lf),
            Some(name) => {
                let name = Some(name.as_str()).filter(|name| !name.is_empty());
                sse::encode_event(&mut out, name, &unit.data, sse::Newline::Lf);
            }
        }
    }
    out.into()
}

/// The same with all words in one event.
fn merged(units: Vec<Unit>) -> Vec<Unit> {
    let (words, mut others): (Vec<Unit>, Vec<Unit>) =
        units.into_iter().partition(|unit| unit.has_words);
    let all: String = words
        .iter()
        .filter_map(|unit| Some(unit.words()?.1))
        .collect();
    let Some(first) = words.into_iter().next() else {
        return others;
    };
    // The role and comments came before the words; what ends the stream comes after them.
    let at = others.iter().position(ends).unwrap_or(others.len());
    others.insert(at, first.with_words(|_| all));
    others
}

/// Whether an event tells that the words are over.
fn ends(unit: &Unit) -> bool {
    unit.name.is_some()
        && (DIALECT.is_done(unit.data.as_bytes())
            || DIALECT.decode(unit.data.as_bytes()).is_ok_and(|delta| {
                delta.finish.is_some() || delta.usage.is_some() || delta.error.is_some()
            }))
}

/// An answer in one piece whose words were rewritten.
pub(super) fn rewritten(body: &[u8], rewrite: Rewrite) -> Option<Bytes> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let words = answer["choices"][0]["message"]["content"].as_str()?;
    answer["choices"][0]["message"]["content"] = rewrite.of(words).into();
    Some(answer.to_string().into())
}
