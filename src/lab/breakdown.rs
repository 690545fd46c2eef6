//! What the gateway adds to an answer when it is asked to account for it: `request_breakdown`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::gateway::{head_of, unreachable_provider};
use super::{whole, wire};
use crate::base::{Money, Usage};
use crate::dialect::Dialect;
use crate::pricing::PriceTable;
use crate::sse::{self, Decoder, Item, SseError};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// What a gateway knows of a request before its answer.
#[derive(Debug)]
pub(super) struct Accounting {
    /// When the request came.
    pub(super) came: Instant,
    /// From then until it was passed on.
    pub(super) routing: Duration,
    /// The model in the client's words.
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) status: u16,
    pub(super) prices: Option<PriceTable>,
}

impl Accounting {
    /// The account of an answer that ends now. What nobody counted is null.
    fn breakdown(&self, usage: Option<&Usage>) -> Value {
        let prices = self.prices.as_ref();
        let cost = prices
            .zip(usage)
            .and_then(|(prices, usage)| prices.cost(&self.model, usage));
        json!({
            "prompt_tokens": usage.map(|usage| usage.input_tokens),
            "completion_tokens": usage.map(|usage| usage.output_tokens),
            "cost": cost.map(Money::dollars),
            "cached": false,
            "status_code": self.status,
            "stream": self.stream,
            "latency": self.came.elapsed().as_secs_f64(),
            "routing_time": self.routing.as_secs_f64(),
            "model": self.model,
        })
    }
}

/// The provider's answer with the account of it.
pub(super) async fn pass_on(answer: reqwest::Response, accounting: Accounting) -> Response {
    let mut response = head_of(&answer);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    if accounting.stream {
        let body = Accounted {
            stream: Box::pin(answer.bytes_stream()),
            accounting: Some(accounting),
            decoder: Decoder::new(),
            usage: None,
        };
        *response.body_mut() = wire::breakable(body);
        return response;
    }
    let body = match answer.bytes().await {
        Ok(body) => body,
        // The provider broke off an answer that the client has heard nothing of.
        Err(problem) => return unreachable_provider(&problem),
    };
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&body) else {
        *response.body_mut() = body.into();
        return response;
    };
    let usage = DIALECT.decode(&body).ok().and_then(|answer| answer.usage);
    fields.insert(
        "request_breakdown".to_owned(),
        accounting.breakdown(usage.as_ref()),
    );
    whole::json(response.status(), Value::Object(fields).to_string())
}

#[derive(Debug, thiserror::Error)]
enum PassingError {
    #[error(transparent)]
    Provider(#[from] reqwest::Error),
    #[error(transparent)]
    Stream(#[from] SseError),
}

/// A stream that is passed on event by event, with the account before its `[DONE]`.
struct Accounted<S> {
    stream: Pin<Box<S>>,
    /// Taken when it is told.
    accounting: Option<Accounting>,
    decoder: Decoder,
    usage: Option<Usage>,
}

impl<S> Accounted<S> {
    /// What goes on to the client when `bytes` come from the provider.
    fn pass(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SseError> {
        let mut out = Vec::with_capacity(bytes.len());
        let (accounting, usage) = (&mut self.accounting, &mut self.usage);
        self.decoder.feed(bytes, |item| match item {
            Item::Comment(text) => {
                let text = String::from_utf8_lossy(text);
                sse::encode_comment(&mut out, &text, sse::Newline::Lf);
            }
            Item::Event(event) => {
                if DIALECT.is_done(event.data) {
                    account(&mut out, accounting.take(), usage.as_ref());
                } else if let Ok(delta) = DIALECT.decode(event.data) {
                    *usage = delta.usage.or(*usage);
                }
                let name = String::from_utf8_lossy(event.event);
                let name = Some(name.as_ref()).filter(|name| !name.is_empty());
                let data = String::from_utf8_lossy(event.data);
                sse::encode_event(&mut out, name, &data, sse::Newline::Lf);
            }
        })?;
        Ok(out)
    }
}

fn account(out: &mut Vec<u8>, accounting: Option<Accounting>, usage: Option<&Usage>) {
    let Some(accounting) = accounting else {
        return;
    };
    let chunk = json!({
        "id": "request_breakdown",
        "choices": [{
            "delta": { "content": null, "role": "assistant" },
            "finish_reason": "stop",
            "request_breakdown": accounting.breakdown(usage),
            "index": 0,
        }],
        "model": "extra_parameter",
        "object": "chat.completion.chunk",
        "usage": {},
    });
    sse::encode_event(out, None, &chunk.to_string(), sse::Newline::Lf);
}

impl<S> Stream for Accounted<S>
where
    S: Stream<Item = reqwest::Result<Bytes>>,
{
    type Item = Result<Bytes, PassingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.stream.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => match self.pass(&bytes) {
                    // A part of an event goes on when the rest of it is there.
                    Ok(out) if out.is_empty() => {}
                    Ok(out) => return Poll::Ready(Some(Ok(out.into()))),
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
    }
}
