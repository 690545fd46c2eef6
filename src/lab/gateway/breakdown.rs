//! What the gateway adds to a stream when it is asked to account for it: one more chunk, which holds
//! no token, is no end and names no model.

use serde_json::json;

use super::call::Call;
use crate::sse;

/// Appends the chunk with the account of `call`.
pub(super) fn encode(out: &mut Vec<u8>, call: &Call) {
    let chunk = json!({
        "id": "request_breakdown",
        "choices": [{
            "delta": { "content": null, "role": "assistant" },
            "finish_reason": "stop",
            "request_breakdown": call.account(),
            "index": 0,
        }],
        "model": "extra_parameter",
        "object": "chat.completion.chunk",
        "usage": {},
    });
    sse::encode_event(out, None, &chunk.to_string(), sse::Newline::Lf);
}
