//! The gateway stand-in: a key, a route by the model's prefix, and the provider's answer passed on as
//! it comes.
//!
//! It adds nothing but its own time, so that what a client measures through it, less what it
//! measures without, is the gateway's.

use std::future::IntoFuture;
use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::breakdown::{self, Accounting};
use super::provider::{is_authorized, read, wrong_method};
use super::whole::json;
use super::wire::{self, Door};
use crate::base::Secret;
use crate::pricing::PriceTable;

/// The headers of the provider's answer that are passed on.
const PASSED_ON: [header::HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
];

/// A stand-in for a gateway.
#[derive(Debug)]
pub struct Gateway {
    key: Secret,
    provider_key: Secret,
    provider_base_url: String,
    prices: Option<PriceTable>,
    client: reqwest::Client,
}

/// What the gateway reads of a request.
#[derive(Deserialize)]
struct Routed<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    request_breakdown: Option<bool>,
}

impl Gateway {
    /// A gateway that demands `key`, and asks the provider at `provider_base_url`, which ends
    /// before `/chat/completions`.
    pub fn new(key: Secret, provider_base_url: String) -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured(no_tls()?)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            provider_key: key.clone(),
            key,
            provider_base_url,
            prices: None,
            client,
        })
    }

    /// With the key that the provider demands; without this, it gets the gateway's own.
    #[must_use]
    pub fn with_provider_key(mut self, key: Secret) -> Self {
        self.provider_key = key;
        self
    }

    /// With prices, by which a request breakdown tells a cost.
    #[must_use]
    pub fn with_prices(mut self, prices: PriceTable) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Answers on `listener` until `shutdown` is cancelled. Then all connections are closed, with
    /// whatever is under way on them, and this returns.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let door = Door {
            listener,
            shutdown: shutdown.clone(),
        };
        let service = handle.with_state(self).into_make_service();
        let serve = axum::serve(door, service).with_graceful_shutdown(shutdown.cancelled_owned());
        serve.into_future().await
    }

    async fn chat(&self, body: Bytes, came: Instant) -> Response {
        let routed: Routed<'_> = match serde_json::from_slice(&body) {
            Ok(routed) => routed,
            Err(problem) => return detail(StatusCode::BAD_REQUEST, &problem.to_string()),
        };
        let Ok(name) = serde_json::from_str::<String>(routed.model.get()) else {
            return detail(StatusCode::BAD_REQUEST, "`model` is no string");
        };
        let Some(model) = route(&name) else {
            let message = format!(
                "no provider for the model `{name}`: write it as provider/model, like openai/{name}"
            );
            return detail(StatusCode::NOT_FOUND, &message);
        };
        let stream = routed.stream.unwrap_or(false);
        let accounting = routed.request_breakdown.unwrap_or(false);
        let sent = with_model(&body, routed.model, model);
        let routing = came.elapsed();
        let url = format!("{}/chat/completions", self.provider_base_url);
        let ask = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json");
        let answer = match ask
            .bearer_auth(self.provider_key.expose())
            .body(sent)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(problem) => return unreachable_provider(&problem),
        };
        if !accounting || !answer.status().is_success() {
            return pass_on(answer);
        }
        let accounting = Accounting {
            came,
            routing,
            model: name,
            stream,
            status: answer.status().as_u16(),
            prices: self.prices.clone(),
        };
        breakdown::pass_on(answer, accounting).await
    }

    async fn models(&self) -> Response {
        let url = format!("{}/models", self.provider_base_url);
        let ask = self.client.get(url).bearer_auth(self.provider_key.expose());
        let answer = match ask.send().await {
            Ok(answer) => answer.bytes().await,
            Err(problem) => Err(problem),
        };
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(problem) => return unreachable_provider(&problem),
        };
        let Ok(mut list) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
            return detail(
                StatusCode::BAD_GATEWAY,
                "the provider's list of models is no JSON",
            );
        };
        for model in list["data"].as_array_mut().into_iter().flatten() {
            if let Some(id) = model["id"].as_str() {
                model["id"] = format!("openai/{id}").into();
            }
        }
        json(StatusCode::OK, list.to_string())
    }
}

async fn handle(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let came = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path == "/health" {
        return json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned());
    }
    let under = path
        .strip_prefix("/api")
        .filter(|rest| rest.starts_with('/'));
    let chat = under.is_some_and(|rest| rest.ends_with("/chat/completions"));
    if !chat && under != Some("/models") {
        return detail(StatusCode::NOT_FOUND, "Not Found");
    }
    let method = if chat { Method::POST } else { Method::GET };
    if parts.method != method {
        return wrong_method(|status, message, _| detail(status, message), &method);
    }
    if !is_authorized(&parts.headers, Some(gateway.key.expose())) {
        return detail(StatusCode::UNAUTHORIZED, "this key is not known here");
    }
    if !chat {
        return gateway.models().await;
    }
    match read(body).await {
        Ok(body) => gateway.chat(body, came).await,
        Err(status) => detail(status, "the body is too long, or it broke off"),
    }
}

/// The provider's name of a model, of which the gateway's is `provider/model`.
fn route(name: &str) -> Option<&str> {
    let (provider, model) = name.split_once('/')?;
    (!provider.is_empty() && !model.is_empty()).then_some(model)
}

/// The body with another model. All else stays as it was written, to the byte.
fn with_model(body: &Bytes, written: &RawValue, model: &str) -> Vec<u8> {
    // The raw value borrows from the body, so it lies in it.
    let start = written.get().as_ptr().addr() - body.as_ptr().addr();
    let end = start + written.get().len();
    let name = serde_json::Value::from(model).to_string();
    [&body[..start], name.as_bytes(), &body[end..]].concat()
}

/// The provider's answer, as it comes.
fn pass_on(answer: reqwest::Response) -> Response {
    let mut response = head_of(&answer);
    *response.body_mut() = wire::breakable(Box::pin(answer.bytes_stream()));
    response
}

/// The status of the provider's answer, and the headers that are passed on.
pub(super) fn head_of(answer: &reqwest::Response) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for name in PASSED_ON {
        if let Some(value) = answer.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// What a client is told when the provider gave no answer.
pub(super) fn unreachable_provider(problem: &reqwest::Error) -> Response {
    detail(
        StatusCode::FAILED_DEPENDENCY,
        &format!("no answer from the provider: {problem}"),
    )
}

/// An error in the gateway's own shape.
fn detail(status: StatusCode, message: &str) -> Response {
    let mut response = json(status, serde_json::json!({ "detail": message }).to_string());
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}

/// A TLS that trusts nobody: the provider is on loopback, and this needs no provider of
/// cryptography to be installed for the whole process.
fn no_tls() -> io::Result<rustls::ClientConfig> {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(rustls::RootCertStore::empty());
    Ok(config.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_of_a_request_is_rewritten() {
        let body = Bytes::from_static(
            br#"{ "t": 0.10000000000000000001, "model" : "openai\/gpt-\u006cab", "x": [1e2] }"#,
        );
        let routed: Routed<'_> = serde_json::from_slice(&body).unwrap();
        let sent = with_model(&body, routed.model, "gpt-lab");
        let expected = r#"{ "t": 0.10000000000000000001, "model" : "gpt-lab", "x": [1e2] }"#;
        assert_eq!(String::from_utf8(sent).unwrap(), expected);
    }

    #[test]
    fn a_model_is_routed_by_what_stands_before_its_first_slash() {
        assert_eq!(route("openai/gpt-lab"), Some("gpt-lab"));
        assert_eq!(route("router/meta/llama"), Some("meta/llama"));
        for unknown in ["gpt-lab", "/gpt-lab", "openai/", ""] {
            assert_eq!(route(unknown), None);
        }
    }
}
