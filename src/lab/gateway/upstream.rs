//! The providers behind the gateway, and one question to one of them.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body_util::{BodyDataStream, Full};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::Gateway;
use super::errors::Refusal;
use super::routing::Candidate;
use crate::base::Secret;
use crate::dialect::Dialect;
use crate::sse::{Decoder, Item, SseError};

const DIALECT: Dialect = Dialect::OpenaiChat;

/// The pieces of an answer.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, PassingError>> + Send>>;

/// Why an answer can't be passed on to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassingError {
    #[error(transparent)]
    Provider(#[from] hyper::Error),
    #[error(transparent)]
    Stream(#[from] SseError),
}

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendingError {
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error(transparent)]
    Provider(#[from] hyper_util::client::legacy::Error),
}

/// An error with all that it came of.
pub(super) fn said(problem: &SendingError) -> String {
    let mut said = problem.to_string();
    let mut of = std::error::Error::source(problem);
    while let Some(cause) = of {
        said = format!("{said}: {cause}");
        of = cause.source();
    }
    said
}

/// What asks the providers. It speaks plain HTTP and no TLS: they are on this machine.
pub(super) type Client = legacy::Client<HttpConnector, Full<Bytes>>;

/// A client that keeps its connections, and follows and repeats nothing.
pub(super) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector)
}

/// A provider that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Its base URL, which ends before `/chat/completions`.
    pub(super) base: String,
    /// The gateway's own key for it.
    pub(super) key: Secret,
}

/// The providers by name, and one for all other names.
#[derive(Clone, Debug)]
pub(super) struct Upstreams {
    pub(super) default: Upstream,
    pub(super) named: BTreeMap<String, Upstream>,
}

impl Upstreams {
    pub(super) fn get(&self, name: &str) -> &Upstream {
        self.named.get(name).unwrap_or(&self.default)
    }
}

/// An answer of which the head is there.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) pieces: Pieces,
}

impl Answer {
    pub(super) fn content_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(super) fn is_stream(&self) -> bool {
        self.content_type().starts_with("text/event-stream")
    }

    /// How long its body is to be, where it says so.
    pub(super) fn length(&self) -> Option<usize> {
        let value = self.headers.get(header::CONTENT_LENGTH)?;
        value.to_str().ok()?.parse().ok()
    }

    /// Holds a stream back until its first token is there, and an answer in one piece until it is
    /// whole: what has gone out can't be taken back.
    async fn held(mut self) -> Result<Self, String> {
        if !self.status.is_success() {
            return Ok(self);
        }
        if !self.is_stream() {
            let pieces: Result<Vec<Bytes>, _> = self.pieces.try_collect().await;
            let pieces = pieces.map_err(|problem| problem.to_string())?;
            self.pieces = Box::pin(stream::iter(pieces.into_iter().map(Ok)));
            return Ok(self);
        }
        let (mut held, mut decoder) = (Vec::new(), Decoder::new());
        let mut token = false;
        while !token {
            let piece = match self.pieces.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(problem)) => return Err(problem.to_string()),
                None => return Err("the stream ended without a token".to_owned()),
            };
            let mut failed = None;
            let fed = decoder.feed(&piece, |item| {
                if let Item::Event(event) = item
                    && let Ok(delta) = DIALECT.decode(event.data)
                {
                    token |= delta.has_token();
                    failed = delta.error.or(failed.take());
                }
            });
            match (failed, fed) {
                (Some(problem), _) if !token => return Err(problem),
                (_, Err(problem)) => return Err(problem.to_string()),
                _ => held.push(Ok(piece)),
            }
        }
        self.pieces = Box::pin(stream::iter(held).chain(self.pieces));
        Ok(self)
    }
}

/// Whether another model is worth a try after an answer with this status: not where the request
/// itself is at fault.
pub(super) fn falls_back(status: StatusCode) -> bool {
    !status.is_success() && ![400, 413, 422].contains(&status.as_u16())
}

impl Gateway {
    /// Asks one model. With `hold`, a stream is an answer when its first token is there, and any other
    /// when it is whole.
    pub(super) async fn ask(
        &self,
        candidate: &Candidate,
        body: Vec<u8>,
        hold: bool,
    ) -> Result<Answer, Refusal> {
        let answer = async {
            let answer = self.send(candidate, body).await;
            let answer = answer.map_err(|problem| said(&problem))?;
            if hold {
                answer.held().await
            } else {
                Ok(answer)
            }
        };
        let limit = self.script.first_token_timeout.map(|limit| limit.0);
        let problem = match within(limit, answer).await {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(problem)) => problem,
            None => "its first token took too long".to_owned(),
        };
        Err(Refusal::no_answer(format!(
            "no answer from the provider: {problem}"
        )))
    }

    async fn send(&self, candidate: &Candidate, body: Vec<u8>) -> Result<Answer, SendingError> {
        let upstream = self.upstreams.get(&candidate.provider);
        let credential = candidate.credential.as_ref();
        let base = credential.and_then(|credential| credential.base.as_ref());
        let key = credential.map_or(&upstream.key, |credential| &credential.key);
        let url = format!("{}/chat/completions", base.unwrap_or(&upstream.base));
        self.request(Method::POST, url, key, body).await
    }

    /// The answer of a provider, of which the head is there.
    pub(super) async fn request(
        &self,
        method: Method,
        url: String,
        key: &Secret,
        body: Vec<u8>,
    ) -> Result<Answer, SendingError> {
        let bearer = HeaderValue::try_from(format!("Bearer {}", key.expose()));
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, bearer.map_err(http::Error::from)?)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            pieces: Box::pin(BodyDataStream::new(body).map(|piece| Ok(piece?))),
        })
    }
}

/// What comes of `work` within `limit`, if there is one.
async fn within<F: Future>(limit: Option<Duration>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}
