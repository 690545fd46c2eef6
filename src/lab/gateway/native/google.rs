//! Google's Gemini API: `generateContent`, and `streamGenerateContent` as server-sent events.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Teller, text_of, usage_of, with_usage};
use crate::base::Usage;
use crate::dialect::Delta;
use crate::lab::gateway::errors::Refusal;
use crate::sse::{self, Newline};

/// What a configuration calls otherwise than a chat.
const RENAMED: [(&str, &str); 4] = [
    ("maxOutputTokens", "max_tokens"),
    ("temperature", "temperature"),
    ("topP", "top_p"),
    ("stopSequences", "stop"),
];

/// The chat completion that asks the same.
pub(super) fn to_chat(
    mut chat: Map<String, Value>,
    model: &str,
    stream: bool,
) -> Result<Map<String, Value>, Refusal> {
    let Some(Value::Array(turns)) = chat.remove("contents") else {
        let problem = "a list of contents is required".to_owned();
        return Err(Refusal::of_fields(vec![("contents".to_owned(), problem)]));
    };
    let mut messages = Vec::new();
    let system = ["systemInstruction", "system_instruction"].map(|name| chat.remove(name));
    if let Some(system) = system.into_iter().flatten().next() {
        messages.push(json!({ "role": "system", "content": text_of(&system["parts"]) }));
    }
    for turn in turns {
        let role = match turn["role"].as_str() {
            Some("model") => "assistant",
            _ => "user",
        };
        messages.push(json!({ "role": role, "content": text_of(&turn["parts"]) }));
    }
    chat.insert("messages".to_owned(), messages.into());
    let config = ["generationConfig", "generation_config"].map(|name| chat.remove(name));
    if let Some(Value::Object(mut config)) = config.into_iter().flatten().next() {
        for (theirs, ours) in RENAMED {
            chat.extend(config.remove(theirs).map(|value| (ours.to_owned(), value)));
        }
    }
    chat.insert("model".to_owned(), model.into());
    chat.insert("stream".to_owned(), stream.into());
    with_usage(&mut chat);
    Ok(chat)
}

/// A chat completion as generated content.
pub(super) fn whole(chat: &Value, id: &str) -> Value {
    let choice = &chat["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap_or_default();
    let model = chat["model"].as_str().unwrap_or_default();
    content(
        id,
        model,
        text,
        choice["finish_reason"].as_str(),
        usage_of(chat),
    )
}

/// Some content; why it ended, and what was used, where that is known.
fn content(id: &str, model: &str, text: &str, finish: Option<&str>, usage: Option<Usage>) -> Value {
    let mut candidate = json!({
        "content": { "parts": [{ "text": text }], "role": "model" },
        "index": 0,
    });
    if let Some(finish) = finish {
        candidate["finishReason"] = match finish {
            "length" => "MAX_TOKENS",
            "content_filter" => "SAFETY",
            _ => "STOP",
        }
        .into();
    }
    let mut answer = json!({ "candidates": [candidate], "modelVersion": model, "responseId": id });
    if let Some(usage) = usage {
        answer["usageMetadata"] = used(&usage);
    }
    answer
}

/// Hidden reasoning is told apart from the other tokens of the answer; what is zero is left out.
fn used(usage: &Usage) -> Value {
    let (thoughts, cached) = (usage.reasoning_tokens, usage.cached_input_tokens);
    let mut used = json!({
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens.saturating_sub(thoughts),
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    });
    for (name, count) in [
        ("thoughtsTokenCount", thoughts),
        ("cachedContentTokenCount", cached),
    ] {
        if count > 0 {
            used[name] = count.into();
        }
    }
    used
}

pub(super) fn error(status: StatusCode, message: &str) -> Value {
    let name = match status.as_u16() {
        400 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({ "error": { "code": status.as_u16(), "message": message, "status": name } })
}

/// A stream of chat chunks as chunks of content. Only the last one tells why it ended and what was used.
pub(super) struct Events {
    id: String,
    model: String,
    finish: Option<String>,
    usage: Option<Usage>,
}

impl Events {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            model: String::new(),
            finish: None,
            usage: None,
        }
    }
}

fn put(out: &mut Vec<u8>, event: &Value) {
    sse::encode_event(out, None, &event.to_string(), Newline::CrLf);
}

impl Teller for Events {
    fn tell(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if let Some(message) = &delta.error {
            put(out, &error(StatusCode::INTERNAL_SERVER_ERROR, message));
            return;
        }
        self.usage = delta.usage.or(self.usage);
        if self.finish.is_none() {
            self.finish = delta.finish.clone().map(Into::into);
        }
        if let Some(model) = &delta.model {
            self.model = model.clone().into_owned();
        }
        if !delta.content.is_empty() {
            put(
                out,
                &content(&self.id, &self.model, &delta.content, None, None),
            );
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let finish = self.finish.as_deref().or(Some("stop"));
        put(out, &content(&self.id, &self.model, "", finish, self.usage));
    }
}
