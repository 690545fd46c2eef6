//! An answer on its way through: each piece goes on as it comes, and what it says is noted.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;

use super::breakdown;
use super::call::{Call, Ending};
use super::upstream::{PassingError, Pieces};
use crate::dialect::{Dialect, Piece, Scanner};
use crate::sse::{self, Decoder, Event, Item};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// An answer that is passed on.
pub(super) struct Tap {
    pieces: Pieces,
    call: Box<Call>,
    reading: Reading,
}

enum Reading {
    /// A stream of events.
    Events {
        decoder: Decoder,
        scanner: Scanner,
        /// Whether the account of it is still to be told, before its `[DONE]`.
        account: bool,
    },
    /// An answer in one piece, and how long it is to be.
    Whole {
        kept: Vec<u8>,
        length: Option<usize>,
    },
}

impl Tap {
    /// Passes a stream of events on.
    pub(super) fn events(pieces: Pieces, call: Box<Call>) -> Self {
        let account = call.breakdown;
        Self {
            pieces,
            call,
            reading: Reading::Events {
                decoder: Decoder::new(),
                scanner: DIALECT.scanner(),
                account,
            },
        }
    }

    /// Passes an answer in one piece on.
    pub(super) fn whole(pieces: Pieces, call: Box<Call>, length: Option<usize>) -> Self {
        Self {
            pieces,
            call,
            reading: Reading::Whole {
                kept: Vec::new(),
                length,
            },
        }
    }

    /// What goes on to the client when `bytes` come from the provider.
    fn pass(&mut self, bytes: Bytes) -> Result<Bytes, PassingError> {
        let call = &mut self.call;
        call.keep(&bytes);
        match &mut self.reading {
            Reading::Events {
                decoder,
                scanner,
                account: true,
            } => {
                let mut out = Vec::with_capacity(bytes.len());
                decoder.feed(&bytes, |item| match item {
                    Item::Comment(text) => {
                        let text = String::from_utf8_lossy(text);
                        sse::encode_comment(&mut out, &text, sse::Newline::Lf);
                    }
                    Item::Event(event) => {
                        if note(call, scanner, &event) {
                            breakdown::encode(&mut out, call);
                            call.end(Ending::Whole);
                        }
                        let name = String::from_utf8_lossy(event.event);
                        let name = Some(name.as_ref()).filter(|name| !name.is_empty());
                        let data = String::from_utf8_lossy(event.data);
                        sse::encode_event(&mut out, name, &data, sse::Newline::Lf);
                    }
                })?;
                Ok(out.into())
            }
            Reading::Events {
                decoder, scanner, ..
            } => {
                // A stream that can't be read is still passed on: the client is to see it as it is.
                let _ = decoder.feed(&bytes, |item| {
                    if let Item::Event(event) = item
                        && note(call, scanner, &event)
                    {
                        call.end(Ending::Whole);
                    }
                });
                Ok(bytes)
            }
            Reading::Whole { kept, length } => {
                kept.extend_from_slice(&bytes);
                if length.is_some_and(|length| kept.len() >= length) {
                    note_whole(call, kept);
                    call.end(Ending::Whole);
                }
                Ok(bytes)
            }
        }
    }

    fn over(&mut self) {
        if let Reading::Whole { kept, .. } = &self.reading {
            note_whole(&mut self.call, kept);
        }
        self.call.end(Ending::Whole);
    }
}

/// Notes an event; whether it is the end, said in words.
fn note(call: &mut Call, scanner: &mut Scanner, event: &Event<'_>) -> bool {
    if DIALECT.is_done(event.data) {
        return true;
    }
    match scanner.read(event.data) {
        Ok(Piece::Again) => call.token(),
        Ok(Piece::New(delta)) => {
            if delta.has_token() {
                call.token();
            }
            call.note(&delta);
        }
        Err(_) => {}
    }
    false
}

/// Notes an answer in one piece.
pub(super) fn note_whole(call: &mut Call, body: &[u8]) {
    if let Ok(delta) = DIALECT.decode(body) {
        call.note(&delta);
    }
    if call.row.status_code >= 400 && call.row.error_message.is_none() {
        call.row.error_message = crate::dialect::error_message(body);
    }
}

impl Stream for Tap {
    type Item = Result<Bytes, PassingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.pieces.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => match self.pass(bytes) {
                    // A part of an event goes on when the rest of it is there.
                    Ok(out) if out.is_empty() => {}
                    passed => return Poll::Ready(Some(passed)),
                },
                Some(Err(error)) => {
                    self.call.end(Ending::Broken);
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.over();
                    return Poll::Ready(None);
                }
            }
        }
    }
}
