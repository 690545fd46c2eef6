//! How a stream is cut up on its way: lines, chunks, writes and what stands between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sse;

/// How a streamed answer is cut up on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// What ends a line.
    pub newline: Newline,
    /// When the headers and the chunk with the role come.
    pub role_chunk: RoleChunk,
    /// Comment lines between the events.
    pub comments: Comments,
    /// Tokens in one chunk. It comes when its first token is due, as from a server that makes
    /// several in a step.
    pub tokens_per_chunk: u32,
    /// Events held back to go out in one write, when the last of them is due.
    pub coalesce: u32,
    /// Bytes after which a write is cut, each piece sent by itself, in the middle of a character if
    /// it falls so; not at all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<u32>,
    /// What the tokens say, in answers in one piece, too.
    pub content: Content,
    /// Whether every third word or so has a character of two or more bytes.
    pub unicode: bool,
    /// Whether `data: [DONE]` ends the stream.
    pub done: bool,
    /// The `event:` of each event; none where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
}

/// What the tokens of an answer say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Words, drawn by the request's bytes.
    #[default]
    Words,
    /// The marker of the request, where it has one, and then the number of each token, from 0: so that
    /// it is seen whose answer it is, and what of it was lost, doubled or put in another order.
    Numbered,
}

/// What ends a line of an event stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Newline {
    /// `\n`, as nearly every server does.
    #[default]
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

/// When the headers and the chunk with the role come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleChunk {
    /// At once when service starts, long before the first token.
    Early,
    /// Just before the first token.
    #[default]
    WithFirstToken,
}

/// Comment lines (`: keepalive`) between events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Comments {
    /// Whether one comes at once when service starts, and the headers with it.
    pub before_first: bool,
    /// After how many events one comes each time; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            newline: Newline::Lf,
            role_chunk: RoleChunk::WithFirstToken,
            comments: Comments::default(),
            tokens_per_chunk: 1,
            coalesce: 1,
            split: None,
            content: Content::Words,
            unicode: false,
            done: true,
            event_name: None,
        }
    }
}

impl From<Newline> for sse::Newline {
    fn from(newline: Newline) -> Self {
        match newline {
            Newline::Lf => Self::Lf,
            Newline::CrLf => Self::CrLf,
            Newline::Cr => Self::Cr,
        }
    }
}
