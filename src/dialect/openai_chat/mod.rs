//! The `OpenAI` chat completions format, and what its many implementations made of it.
//!
//! Reading is lenient wherever gateways differ (content as parts, null, or absent; choices without
//! delta; usage on every chunk) and strict about nothing but JSON itself.

mod ask;
mod gaps;
mod number;
mod read;
mod skim;
mod text;
mod write;

#[cfg(test)]
mod tests;

use super::DialectError;

pub(super) use ask::{decode_ask, encode_ask};
pub(super) use gaps::gaps;
pub(super) use read::decode;
pub(super) use write::{encode_answer, encode_chunk, encode_error, encode_opening};

const FORMAT: &str = "chat completions";

fn not_json(source: serde_json::Error) -> DialectError {
    DialectError::Json {
        format: FORMAT,
        source,
    }
}
