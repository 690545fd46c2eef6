//! Provider JSON on one side, a neutral [`Ask`] and [`Delta`] on the other.
//!
//! The client and the stand-ins use the same code in opposite directions, so that what the lab
//! encodes is what the client decodes, and a test of one is a test of both.

mod openai_chat;
mod pointer;
mod scan;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Money, Usage};

pub use pointer::{Found, NoPointer, Pointer};
pub use scan::{Piece, Scanner};

/// The JSON formats that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `POST .../chat/completions`, as `OpenAI` defined it and most gateways speak it.
    #[default]
    OpenaiChat,
}

/// A request, whatever the provider's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model, in the words of whoever is asked: `openai/gpt-5`, `gpt-5`.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Whether the answer is to come in pieces as it is made.
    pub stream: bool,
    /// Whether a streamed answer is to say at its end what was used. An answer in one piece always
    /// does, whatever stands here.
    pub include_usage: bool,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<u32>,
}

impl Default for Ask {
    /// Usage is asked for: without it a stream's cost would have to be guessed.
    fn default() -> Self {
        Self {
            model: String::new(),
            messages: Vec::new(),
            stream: false,
            include_usage: true,
            max_tokens: None,
        }
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that frame the conversation.
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
}

/// A piece of an answer (one streamed chunk), or all of it (an answer that was not streamed).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Visible text, of all choices.
    pub content: Cow<'a, str>,
    /// Hidden reasoning, of all choices.
    pub reasoning: Cow<'a, str>,
    /// A refusal, of all choices.
    pub refusal: Cow<'a, str>,
    /// Whether a tool call, or a part of one, is in it.
    pub tool_call: bool,
    /// Why the answer ended, in the first choice that says so.
    pub finish: Option<Cow<'a, str>>,
    /// What was used so far, where the server says so.
    pub usage: Option<Usage>,
    /// The model that answered, in the server's words.
    pub model: Option<Cow<'a, str>>,
    /// The server's name for this answer.
    pub id: Option<Cow<'a, str>>,
    /// The cost that the server claims.
    pub cost_reported: Option<Money>,
    /// An error that came in place of an answer.
    pub error: Option<String>,
}

impl Delta<'_> {
    /// Whether it holds at least one token of any kind. A role, an empty delta, a usage report and a
    /// gateway's accounting chunk hold none.
    pub fn has_token(&self) -> bool {
        self.has_output() || !self.reasoning.is_empty() || !self.refusal.is_empty()
    }

    /// Whether it holds something that a user sees: text or a tool call, but no hidden reasoning.
    pub fn has_output(&self) -> bool {
        !self.content.is_empty() || self.tool_call
    }
}

/// What a stand-in says: the parts of an answer that all formats know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Say<'a> {
    /// The stand-in's name for this answer.
    pub id: &'a str,
    /// The model that answers.
    pub model: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// Visible text.
    pub content: &'a str,
    /// Hidden reasoning.
    pub reasoning: &'a str,
    /// Why the answer ends, in its last piece.
    pub finish: Option<&'a str>,
    /// What was used.
    pub usage: Option<Usage>,
}

/// What an answer says beyond the format.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// The bytes are not the JSON of this format.
    #[error("not a {format} message: {source}")]
    Json {
        /// The format that was expected.
        format: &'static str,
        /// What the JSON parser found.
        source: serde_json::Error,
    },
}

impl Dialect {
    /// The path of the endpoint below a base URL that holds any version.
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenaiChat => "/chat/completions",
        }
    }

    /// The request body. The same ask always gives the same bytes.
    pub fn encode_ask(self, ask: &Ask) -> Vec<u8> {
        match self {
            Self::OpenaiChat => openai_chat::encode_ask(ask),
        }
    }

    /// The request that a client sent.
    pub fn decode_ask(self, body: &[u8]) -> Result<Ask, DialectError> {
        match self {
            Self::OpenaiChat => openai_chat::decode_ask(body),
        }
    }

    /// The data of one streamed event, or the body of an answer that was not streamed.
    pub fn decode(self, data: &[u8]) -> Result<Delta<'_>, DialectError> {
        match self {
            Self::OpenaiChat => openai_chat::decode(data),
        }
    }

    /// A reader of the pieces of one stream, which parses those that say anything new.
    pub fn scanner(self) -> Scanner {
        Scanner::new(self)
    }

    /// The strings of a piece of which [`Self::decode`] keeps no more than whether they are empty, in
    /// the order of the bytes. `None` where that is not known.
    fn gaps(self, data: &[u8]) -> Option<Vec<scan::Gap>> {
        match self {
            Self::OpenaiChat => openai_chat::gaps(data),
        }
    }

    /// Whether this event's data is the end of the stream, said in words.
    pub fn is_done(self, data: &[u8]) -> bool {
        match self {
            Self::OpenaiChat => data == b"[DONE]",
        }
    }

    /// The first chunk of a stream, which opens the answer and holds no token.
    pub fn encode_opening(self, say: &Say<'_>) -> String {
        match self {
            Self::OpenaiChat => openai_chat::encode_opening(say),
        }
    }

    /// A chunk of a stream. With usage, it is the accounting chunk at the end.
    pub fn encode_chunk(self, say: &Say<'_>) -> String {
        match self {
            Self::OpenaiChat => openai_chat::encode_chunk(say),
        }
    }

    /// An answer in one piece.
    pub fn encode_answer(self, say: &Say<'_>) -> String {
        match self {
            Self::OpenaiChat => openai_chat::encode_answer(say),
        }
    }

    /// The body of an error, in the provider's own shape.
    pub fn encode_error(self, message: &str, kind: &str) -> String {
        match self {
            Self::OpenaiChat => openai_chat::encode_error(message, kind),
        }
    }
}

/// The message of an error body in any of the shapes that gateways use: `error.message`, `error`,
/// `detail`, `message`, `errors`, `text`, or plain text. `None` where there is nothing to read.
pub fn error_message(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    let text = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(json) => message_in(&json).unwrap_or_else(|| json.to_string()),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST)]).into_owned(),
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What commands a terminal is no message.
    let seen = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = one_line.chars().take(LONGEST).map(seen).collect();
    if one_line.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    (!short.is_empty()).then_some(short)
}

fn message_in(json: &serde_json::Value) -> Option<String> {
    const KEYS: [&str; 6] = ["error", "detail", "message", "errors", "text", "msg"];
    match json {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(items) => items.iter().find_map(message_in),
        serde_json::Value::Object(fields) => KEYS
            .iter()
            .filter_map(|key| fields.get(*key))
            .find_map(message_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_error_is_found_in_every_known_shape() {
        let cases = [
            (
                r#"{"error":{"message":"bad key","type":"auth"}}"#,
                "bad key",
            ),
            (r#"{"error":"bad key"}"#, "bad key"),
            (r#"{"detail":"bad key"}"#, "bad key"),
            (
                r#"{"detail":[{"loc":["body"],"msg":"bad key"}]}"#,
                "bad key",
            ),
            (r#"{"status":"failure","message":"bad key"}"#, "bad key"),
            (r#"{"text":"bad key"}"#, "bad key"),
            (r#"{"errors":["bad key"]}"#, "bad key"),
            ("bad\n key", "bad key"),
            ("\x1b[2Jbad key\0", "\u{fffd}[2Jbad key\u{fffd}"),
        ];
        for (body, message) in cases {
            assert_eq!(
                error_message(body.as_bytes()).as_deref(),
                Some(message),
                "{body}"
            );
        }
        assert_eq!(error_message(b""), None);
        assert_eq!(
            error_message(br#"{"code":7}"#).as_deref(),
            Some(r#"{"code":7}"#)
        );
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let body = "é".repeat(5_000);
        assert_eq!(error_message(body.as_bytes()).unwrap().chars().count(), 301);
    }
}
