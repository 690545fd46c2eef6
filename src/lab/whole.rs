//! An answer in one piece: the same plan as a stream, waited out and then said all at once.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::answer::Plan;
use super::chunks::{ERROR, ERROR_KIND, GARBAGE, Trouble};
use super::wire::{self, BrokenOff};
use crate::dialect::{Dialect, Say};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// The answer, and how long after the start of service it is due.
pub(super) fn answer(mut plan: Plan, trouble: Trouble) -> (Duration, Response) {
    let reached = trouble.after(plan.tokens);
    let due = plan.time_of(reached.unwrap_or(plan.tokens));
    let response = match trouble {
        Trouble::None => json(StatusCode::OK, encode(&mut plan)),
        Trouble::Garbage => json(StatusCode::OK, GARBAGE.to_owned()),
        Trouble::Error(_) => error(StatusCode::INTERNAL_SERVER_ERROR, ERROR, ERROR_KIND),
        Trouble::End(_) => json(
            StatusCode::OK,
            part(encode(&mut plan), reached, plan.tokens),
        ),
        Trouble::Cut(_) => {
            let whole = encode(&mut plan);
            let length = whole.len();
            let part = Bytes::from(part(whole, reached, plan.tokens));
            let broken = stream::iter([Ok(part)]).chain(stream::iter([Err(BrokenOff)]));
            let mut response = json(StatusCode::OK, String::new());
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length.into());
            *response.body_mut() = wire::breakable(broken);
            response
        }
    };
    (due, response)
}

fn encode(plan: &mut Plan) -> String {
    let reasoning = plan.text(0, plan.reasoning);
    let content = plan.text(plan.reasoning, plan.tokens);
    DIALECT.encode_answer(&Say {
        content: &content,
        reasoning: &reasoning,
        finish: Some(plan.finish),
        usage: Some(plan.usage),
        ..plan.say()
    })
}

/// The share of `whole` that `reached` of `tokens` are: never all of it, so never valid.
fn part(mut whole: String, reached: Option<u32>, tokens: u32) -> String {
    let (reached, tokens) = (u64::from(reached.unwrap_or(0)), u64::from(tokens.max(1)));
    let length = (whole.len() as u64 * reached / tokens) as usize;
    let mut end = length.min(whole.len() - 1);
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    whole.truncate(end);
    whole
}

/// A response of JSON.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An error in the provider's own shape.
pub(super) fn error(status: StatusCode, message: &str, kind: &str) -> Response {
    json(status, DIALECT.encode_error(message, kind))
}
