//! Requests, written by the client and read by the stand-ins.

use serde::{Deserialize, Serialize};

use super::not_json;
use super::text::Text;
use crate::dialect::{Ask, DialectError, Message};

#[derive(Serialize)]
struct AskOut<'a> {
    model: &'a str,
    messages: &'a [Message],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

pub(in crate::dialect) fn encode_ask(ask: &Ask) -> Vec<u8> {
    let body = AskOut {
        model: &ask.model,
        messages: &ask.messages,
        stream: ask.stream,
        stream_options: (ask.stream && ask.include_usage).then_some(StreamOptions {
            include_usage: true,
        }),
        max_tokens: ask.max_tokens,
    };
    serde_json::to_vec(&body).expect("strings and numbers always encode")
}

#[derive(Deserialize)]
struct AskIn<'a> {
    model: String,
    #[serde(borrow, default)]
    messages: Vec<MessageIn<'a>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct MessageIn<'a> {
    role: String,
    #[serde(borrow, default)]
    content: Text<'a>,
}

pub(in crate::dialect) fn decode_ask(body: &[u8]) -> Result<Ask, DialectError> {
    let ask: AskIn<'_> = serde_json::from_slice(body).map_err(not_json)?;
    let message = |message: MessageIn<'_>| Message {
        role: match message.role.as_str() {
            "system" | "developer" => crate::dialect::Role::System,
            "assistant" => crate::dialect::Role::Assistant,
            _ => crate::dialect::Role::User,
        },
        content: message.content.0.into_owned(),
    };
    let stream = ask.stream.unwrap_or(false);
    Ok(Ask {
        model: ask.model,
        messages: ask.messages.into_iter().map(message).collect(),
        stream,
        include_usage: !stream
            || ask
                .stream_options
                .is_some_and(|options| options.include_usage),
        max_tokens: ask.max_tokens.or(ask.max_completion_tokens),
    })
}
