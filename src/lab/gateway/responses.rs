//! The Responses API, as far as text goes in and text comes out: a chat completion in other words.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use serde_json::{Map, Value, json};

use super::errors::Refusal;
use super::tap::Tap;
use super::upstream::PassingError;
use crate::base::Usage;
use crate::dialect::Dialect;
use crate::sse::{self, Decoder, Item};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// The chat completion that asks the same. What only one of both knows goes on as it is.
pub(super) fn to_chat(body: &Bytes) -> Result<Bytes, Refusal> {
    let read: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
    let mut chat = read;
    let mut messages = Vec::new();
    if let Some(Value::String(text)) = chat.remove("instructions") {
        messages.push(json!({ "role": "system", "content": text }));
    }
    match chat.remove("input") {
        Some(Value::String(text)) => messages.push(json!({ "role": "user", "content": text })),
        Some(Value::Array(turns)) => {
            let turn =
                |turn: Value| json!({ "role": turn["role"], "content": text_of(&turn["content"]) });
            messages.extend(turns.into_iter().map(turn));
        }
        _ => {
            let problem = "a text or a list of messages is required".to_owned();
            return Err(Refusal::of_fields(vec![("input".to_owned(), problem)]));
        }
    }
    chat.insert("messages".to_owned(), messages.into());
    if let Some(most) = chat.remove("max_output_tokens") {
        chat.insert("max_tokens".to_owned(), most);
    }
    if chat.get("stream") == Some(&Value::Bool(true)) {
        let options = json!({ "include_usage": true });
        chat.insert("stream_options".to_owned(), options);
    }
    Ok(Value::Object(chat).to_string().into())
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

/// A chat completion as a response.
pub(super) fn whole(chat: &Value, id: &str) -> Value {
    let message = &chat["choices"][0]["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let written = chat.to_string();
    let usage = DIALECT.decode(written.as_bytes()).ok();
    let usage = usage.and_then(|answer| answer.usage);
    let said = Said {
        id,
        model: chat["model"].as_str().unwrap_or_default(),
        text,
        usage,
        cut: chat["choices"][0]["finish_reason"] == "length",
    };
    said.response(true)
}

/// What a response holds.
struct Said<'a> {
    id: &'a str,
    model: &'a str,
    text: &'a str,
    usage: Option<Usage>,
    /// Whether it was cut short.
    cut: bool,
}

impl Said<'_> {
    fn part(&self) -> Value {
        json!({ "type": "output_text", "text": self.text, "annotations": [], "logprobs": [] })
    }

    fn item(&self, over: bool) -> Value {
        let parts = if over {
            json!([self.part()])
        } else {
            json!([])
        };
        json!({
            "type": "message",
            "id": format!("msg_{}", self.id),
            "role": "assistant",
            "status": if over { "completed" } else { "in_progress" },
            "content": parts,
        })
    }

    fn response(&self, over: bool) -> Value {
        let usage = self.usage.map(|usage| {
            json!({
                "input_tokens": usage.input_tokens,
                "input_tokens_details": { "cached_tokens": usage.cached_input_tokens },
                "output_tokens": usage.output_tokens,
                "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
                "total_tokens": usage.input_tokens + usage.output_tokens,
            })
        });
        let status = match (over, self.cut) {
            (false, _) => "in_progress",
            (true, false) => "completed",
            (true, true) => "incomplete",
        };
        let output = if over {
            json!([self.item(true)])
        } else {
            json!([])
        };
        json!({
            "id": format!("resp_{}", self.id),
            "object": "response",
            "created_at": crate::lab::answer::CREATED,
            "status": status,
            "error": null,
            "incomplete_details": self.cut.then(|| json!({ "reason": "max_output_tokens" })),
            "instructions": null,
            "metadata": {},
            "model": self.model,
            "output": output,
            "parallel_tool_calls": true,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "usage": usage,
        })
    }
}

/// A stream of chat chunks as the events of a response.
pub(super) struct Events {
    tap: Tap,
    decoder: Decoder,
    id: String,
    model: String,
    text: String,
    usage: Option<Usage>,
    cut: bool,
    /// How many events went out.
    number: u64,
}

impl Events {
    pub(super) fn new(tap: Tap, id: &str) -> Self {
        Self {
            tap,
            decoder: Decoder::new(),
            id: id.to_owned(),
            model: String::new(),
            text: String::new(),
            usage: None,
            cut: false,
            number: 0,
        }
    }

    fn said(&self) -> Said<'_> {
        Said {
            id: &self.id,
            model: &self.model,
            text: &self.text,
            usage: self.usage,
            cut: self.cut,
        }
    }

    /// Appends an event.
    fn tell(&mut self, out: &mut Vec<u8>, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.number.into();
        self.number += 1;
        sse::encode_event(out, Some(kind), &event.to_string(), sse::Newline::Lf);
    }

    fn open(&mut self, out: &mut Vec<u8>) {
        let (response, item) = (self.said().response(false), self.said().item(false));
        let place =
            self.place(json!({ "part": { "type": "output_text", "text": "", "annotations": [] } }));
        self.tell(out, "response.created", json!({ "response": response }));
        let item = json!({ "output_index": 0, "item": item });
        self.tell(out, "response.output_item.added", item);
        self.tell(out, "response.content_part.added", place);
    }

    /// An event that belongs to the only part of the only message.
    fn place(&self, mut event: Value) -> Value {
        event["item_id"] = format!("msg_{}", self.id).into();
        event["output_index"] = 0.into();
        event["content_index"] = 0.into();
        event
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let text = self.place(json!({ "text": self.text, "logprobs": [] }));
        self.tell(out, "response.output_text.done", text);
        let part = self.place(json!({ "part": self.said().part() }));
        self.tell(out, "response.content_part.done", part);
        let item = json!({ "output_index": 0, "item": self.said().item(true) });
        self.tell(out, "response.output_item.done", item);
        let kind = if self.cut {
            "response.incomplete"
        } else {
            "response.completed"
        };
        let response = json!({ "response": self.said().response(true) });
        self.tell(out, kind, response);
    }

    /// The events for what came of the chat.
    fn pass(&mut self, bytes: &[u8]) -> Result<Vec<u8>, PassingError> {
        let mut chunks = Vec::new();
        self.decoder.feed(bytes, |item| {
            if let Item::Event(event) = item {
                chunks.push(event.data.to_vec());
            }
        })?;
        let mut out = Vec::new();
        for data in chunks {
            if DIALECT.is_done(&data) {
                self.close(&mut out);
                continue;
            }
            let Ok(delta) = DIALECT.decode(&data) else {
                continue;
            };
            if let Some(message) = &delta.error {
                let error = json!({ "code": "server_error", "message": message, "param": null });
                self.tell(&mut out, "error", error);
            }
            if let Some(model) = &delta.model {
                self.model = model.clone().into_owned();
            }
            self.usage = delta.usage.or(self.usage);
            self.cut |= delta.finish.as_deref() == Some("length");
            if self.number == 0 {
                self.open(&mut out);
            }
            if !delta.content.is_empty() {
                self.text.push_str(&delta.content);
                let text = self.place(json!({ "delta": delta.content, "logprobs": [] }));
                self.tell(&mut out, "response.output_text.delta", text);
            }
        }
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
