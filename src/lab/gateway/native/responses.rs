//! The Responses API, as far as text goes in and text comes out: a chat completion in other words.

use serde_json::{Map, Value, json};

use super::{Teller, text_of, usage_of, with_usage};
use crate::base::Usage;
use crate::dialect::Delta;
use crate::lab::gateway::errors::Refusal;
use crate::sse;

/// The chat completion that asks the same.
pub(super) fn to_chat(mut chat: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
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
    with_usage(&mut chat);
    Ok(chat)
}

/// A chat completion as a response.
pub(super) fn whole(chat: &Value, id: &str) -> Value {
    let message = &chat["choices"][0]["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let said = Said {
        id,
        model: chat["model"].as_str().unwrap_or_default(),
        text,
        usage: usage_of(chat),
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
#[derive(Default)]
pub(super) struct Events {
    id: String,
    model: String,
    text: String,
    usage: Option<Usage>,
    cut: bool,
    /// How many events went out.
    number: u64,
}

impl Events {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..Self::default()
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
    fn put(&mut self, out: &mut Vec<u8>, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.number.into();
        self.number += 1;
        sse::encode_event(out, Some(kind), &event.to_string(), sse::Newline::Lf);
    }

    fn open(&mut self, out: &mut Vec<u8>) {
        let (response, item) = (self.said().response(false), self.said().item(false));
        let place =
            self.place(json!({ "part": { "type": "output_text", "text": "", "annotations": [] } }));
        self.put(out, "response.created", json!({ "response": response }));
        let item = json!({ "output_index": 0, "item": item });
        self.put(out, "response.output_item.added", item);
        self.put(out, "response.content_part.added", place);
    }

    /// An event that belongs to the only part of the only message.
    fn place(&self, mut event: Value) -> Value {
        event["item_id"] = format!("msg_{}", self.id).into();
        event["output_index"] = 0.into();
        event["content_index"] = 0.into();
        event
    }
}

impl Teller for Events {
    fn tell(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        if let Some(message) = &delta.error {
            let error = json!({ "code": "server_error", "message": message, "param": null });
            self.put(out, "error", error);
        }
        if let Some(model) = &delta.model {
            self.model = model.clone().into_owned();
        }
        self.usage = delta.usage.or(self.usage);
        self.cut |= delta.finish.as_deref() == Some("length");
        if self.number == 0 {
            self.open(out);
        }
        if !delta.content.is_empty() {
            self.text.push_str(&delta.content);
            let text = self.place(json!({ "delta": delta.content, "logprobs": [] }));
            self.put(out, "response.output_text.delta", text);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let text = self.place(json!({ "text": self.text, "logprobs": [] }));
        self.put(out, "response.output_text.done", text);
        let part = self.place(json!({ "part": self.said().part() }));
        self.put(out, "response.content_part.done", part);
        let item = json!({ "output_index": 0, "item": self.said().item(true) });
        self.put(out, "response.output_item.done", item);
        let kind = if self.cut {
            "response.incomplete"
        } else {
            "response.completed"
        };
        let response = json!({ "response": self.said().response(true) });
        self.put(out, kind, response);
    }
}
