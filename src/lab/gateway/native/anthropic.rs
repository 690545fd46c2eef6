//! Anthropic's Messages API.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Teller, text_of, usage_of, with_usage};
use crate::base::Usage;
use crate::dialect::Delta;
use crate::lab::gateway::errors::Refusal;
use crate::sse::{self, Newline};

/// The chat completion that asks the same.
pub(super) fn to_chat(mut chat: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut missing = Vec::new();
    for field in ["max_tokens", "messages"] {
        if !chat.contains_key(field) {
            missing.push((field.to_owned(), "Field required".to_owned()));
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::of_fields(missing));
    }
    let mut messages = Vec::new();
    if let Some(system) = chat.remove("system") {
        messages.push(json!({ "role": "system", "content": text_of(&system) }));
    }
    if let Some(Value::Array(turns)) = chat.remove("messages") {
        let turn =
            |turn: Value| json!({ "role": turn["role"], "content": text_of(&turn["content"]) });
        messages.extend(turns.into_iter().map(turn));
    }
    chat.insert("messages".to_owned(), messages.into());
    if let Some(stop) = chat.remove("stop_sequences") {
        chat.insert("stop".to_owned(), stop);
    }
    with_usage(&mut chat);
    Ok(chat)
}

/// A chat completion as a message.
pub(super) fn whole(chat: &Value, id: &str) -> Value {
    let choice = &chat["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap_or_default();
    let mut message = message(id, chat["model"].as_str().unwrap_or_default());
    message["content"] = json!([{ "type": "text", "text": text }]);
    message["stop_reason"] = stop_reason(choice["finish_reason"].as_str()).into();
    message["usage"] = used(&usage_of(chat).unwrap_or_default());
    message
}

/// A message of which nothing is said yet.
fn message(id: &str, model: &str) -> Value {
    json!({
        "id": format!("msg_{id}"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

/// Tokens that were read from a cache are told apart from the other ones of the prompt.
fn used(usage: &Usage) -> Value {
    let cached = usage.cached_input_tokens;
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    })
}

fn stop_reason(finish: Option<&str>) -> &'static str {
    match finish {
        Some("length") => "max_tokens",
        Some("tool_calls") => "tool_use",
        Some("content_filter") => "refusal",
        _ => "end_turn",
    }
}

pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let kind = match status.as_u16() {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message } })
}

/// A stream of chat chunks as the events of a message.
pub(super) struct Events {
    id: String,
    /// The tokens of the prompt, which are told before the provider tells them.
    prompt: u64,
    open: bool,
    finish: Option<String>,
    usage: Option<Usage>,
}

impl Events {
    pub(super) fn new(id: &str, prompt: u64) -> Self {
        Self {
            id: id.to_owned(),
            prompt,
            open: false,
            finish: None,
            usage: None,
        }
    }

    fn begin(&mut self, model: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.open, true) {
            return;
        }
        let mut message = message(&self.id, model);
        message["usage"] = used(&Usage {
            input_tokens: self.prompt,
            output_tokens: 1,
            ..Usage::default()
        });
        put(out, "message_start", json!({ "message": message }));
        let block = json!({ "index": 0, "content_block": { "type": "text", "text": "" } });
        put(out, "content_block_start", block);
        put(out, "ping", json!({}));
    }
}

fn put(out: &mut Vec<u8>, kind: &str, mut event: Value) {
    event["type"] = kind.into();
    sse::encode_event(out, Some(kind), &event.to_string(), Newline::Lf);
}

impl Teller for Events {
    fn tell(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if let Some(message) = &delta.error {
            let error = error(StatusCode::INTERNAL_SERVER_ERROR, message);
            put(out, "error", error);
            return;
        }
        self.usage = delta.usage.or(self.usage);
        if self.finish.is_none() {
            self.finish = delta.finish.clone().map(Into::into);
        }
        self.begin(delta.model.as_deref().unwrap_or_default(), out);
        if !delta.content.is_empty() {
            let text = json!({ "type": "text_delta", "text": delta.content });
            put(
                out,
                "content_block_delta",
                json!({ "index": 0, "delta": text }),
            );
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.begin("", out);
        put(out, "content_block_stop", json!({ "index": 0 }));
        let reason = stop_reason(self.finish.as_deref());
        let delta = json!({ "stop_reason": reason, "stop_sequence": null });
        let usage = used(&self.usage.unwrap_or_default());
        put(
            out,
            "message_delta",
            json!({ "delta": delta, "usage": usage }),
        );
        put(out, "message_stop", json!({}));
    }
}
