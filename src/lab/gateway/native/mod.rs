//! A chat provider's answers in the words of another API: the Responses API, Anthropic's messages,
//! Google's content. Text only: whatever else a provider says is left out.

mod anthropic;
mod google;
mod responses;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::{Map, Value};

use super::chat::Door;
use super::errors::Refusal;
use super::tap::Tap;
use super::upstream::PassingError;
use crate::base::{Usage, tokens};
use crate::dialect::{Delta, Dialect};
use crate::sse::{Decoder, Item};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// An API that is spoken in the place of chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    Responses,
    Anthropic,
    Google,
}

/// Tells a stream of chat chunks as the events of another API.
trait Teller: Send {
    /// Appends the events for a chunk.
    fn tell(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>);

    /// Appends the events of the end.
    fn close(&mut self, out: &mut Vec<u8>);
}

impl Tongue {
    /// The API of a door, where it is another than that of the providers.
    pub(super) const fn of(door: Door<'_>) -> Option<Self> {
        match door {
            Door::Chat | Door::Relay(_) => None,
            Door::Responses => Some(Self::Responses),
            Door::Messages => Some(Self::Anthropic),
            Door::Generate { .. } => Some(Self::Google),
        }
    }

    /// A chat completion as this API answers it.
    pub(super) fn whole(self, chat: &Value, id: &str) -> Value {
        match self {
            Self::Responses => responses::whole(chat, id),
            Self::Anthropic => anthropic::whole(chat, id),
            Self::Google => google::whole(chat, id),
        }
    }

    /// Whether it has a shape of its own for errors.
    pub(super) fn tells_errors(self) -> bool {
        self.error(StatusCode::BAD_REQUEST, "").is_some()
    }

    /// A provider's error as this API tells it; `None` where it is passed on as it is.
    pub(super) fn error(self, status: StatusCode, message: &str) -> Option<Value> {
        match self {
            Self::Responses => None,
            Self::Anthropic => Some(anthropic::error(status, message)),
            Self::Google => Some(google::error(status, message)),
        }
    }

    /// A stream of chat chunks as this API streams it. `prompt` are the tokens of the prompt, which some
    /// tell before the provider does.
    pub(super) fn stream(self, tap: Tap, id: &str, prompt: u64) -> Events {
        let teller: Box<dyn Teller> = match self {
            Self::Responses => Box::new(responses::Events::new(id)),
            Self::Anthropic => Box::new(anthropic::Events::new(id, prompt)),
            Self::Google => Box::new(google::Events::new(id)),
        };
        Events {
            tap,
            decoder: Decoder::new(),
            teller,
        }
    }
}

/// The chat completion that asks the same as a call by this door. What only one of both APIs knows goes
/// on as it is.
pub(super) fn to_chat(door: Door<'_>, body: Bytes) -> Result<Bytes, Refusal> {
    let read = |body: &Bytes| {
        serde_json::from_slice::<Map<String, Value>>(body)
            .map_err(|problem| Refusal::bad_request(problem.to_string()))
    };
    let chat = match door {
        Door::Chat | Door::Relay(_) => return Ok(body),
        Door::Responses => responses::to_chat(read(&body)?)?,
        Door::Messages => anthropic::to_chat(read(&body)?)?,
        Door::Generate { model, stream } => google::to_chat(read(&body)?, model, stream)?,
    };
    Ok(Value::Object(chat).to_string().into())
}

/// The tokens of a chat's prompt, as the lab's providers count them.
pub(super) fn prompt_tokens(chat: &Bytes) -> u64 {
    let chat: Value = serde_json::from_slice(chat).unwrap_or_default();
    let turns = chat["messages"].as_array().into_iter().flatten();
    turns
        .filter_map(|turn| turn["content"].as_str())
        .map(tokens::estimate)
        .sum()
}

/// The text of a message, whose parts may stand apart.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// What a chat completion says that was used.
fn usage_of(chat: &Value) -> Option<Usage> {
    let written = chat.to_string();
    let answer = DIALECT.decode(written.as_bytes()).ok()?;
    answer.usage
}

/// Asks for the usage of a stream: these APIs tell it unasked.
fn with_usage(chat: &mut Map<String, Value>) {
    if chat.get("stream") == Some(&Value::Bool(true)) {
        let options = serde_json::json!({ "include_usage": true });
        chat.insert("stream_options".to_owned(), options);
    }
}

/// A stream in the words of another API.
pub(super) struct Events {
    tap: Tap,
    decoder: Decoder,
    teller: Box<dyn Teller>,
}

impl Events {
    /// The events for what came of the chat.
    fn pass(&mut self, bytes: &[u8]) -> Result<Vec<u8>, PassingError> {
        let (teller, mut out) = (&mut self.teller, Vec::new());
        self.decoder.feed(bytes, |item| {
            let Item::Event(event) = item else { return };
            if DIALECT.is_done(event.data) {
                teller.close(&mut out);
            } else if let Ok(delta) = DIALECT.decode(event.data) {
                teller.tell(&delta, &mut out);
            }
        })?;
        Ok(out)
    }
}

impl Stream for Events {
    type Item = Result<Bytes, PassingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.tap).poll_next(cx)) {
                Some(Ok(bytes)) => match self.pass(&bytes) {
                    Ok(out) if out.is_empty() => {}
                    passed => return Poll::Ready(Some(passed.map(Bytes::from))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
