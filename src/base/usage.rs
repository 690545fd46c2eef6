//! What a request used, as the server counted it.

use serde::{Deserialize, Serialize};

/// Tokens (and pages) of one request, from the server's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// The part of `input_tokens` that was read from the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
    /// The part of `output_tokens` that was hidden reasoning.
    pub reasoning_tokens: u64,
    /// Pages of a parsed document, where the server counts them.
    pub pages: Option<u64>,
}
