//! A lab on free ports, and a client that sees each piece of an answer when it comes.

#![expect(clippy::unwrap_used, reason = "it is only called by tests")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;
use tollgate::base::{Distribution, HumanDuration, Seed, Usage};
use tollgate::dialect::Dialect;
use tollgate::lab::{Action, Fault, Lab, Model, Script, Shape, When};
use tollgate::sse::{Decoder, Item};

pub(crate) const DIALECT: Dialect = Dialect::OpenaiChat;

pub(crate) fn ms(ms: u64) -> HumanDuration {
    HumanDuration(Duration::from_millis(ms))
}

/// One model for all names: `tokens` tokens, the first after `ttft` ms, the others `pace` ms apart.
pub(crate) fn model(ttft: u64, pace: u64, tokens: u32) -> Model {
    Model {
        ttft: Distribution::Constant(ms(ttft)),
        pace: Distribution::Constant(ms(pace)),
        output_tokens: Distribution::Constant(tokens),
        ..Model::default()
    }
}

pub(crate) fn script(model: Model) -> Script {
    Script {
        models: vec![model],
        ..Script::default()
    }
}

pub(crate) fn faulty(model: Model, action: Action) -> Script {
    let fault = Fault {
        when: When::default(),
        action,
    };
    Script {
        faults: vec![fault],
        ..script(model)
    }
}

pub(crate) fn shaped(model: Model, stream: Shape) -> Script {
    Script {
        stream,
        ..script(model)
    }
}

pub(crate) async fn lab(script: Script) -> Lab {
    let free = "127.0.0.1:0".parse().unwrap();
    let lab = Lab::start(script, Seed(1), free, free).await.unwrap();
    lab.provider.record(true);
    lab
}

pub(crate) fn client() -> reqwest::Client {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .retry(reqwest::retry::never());
    builder.tls_backend_preconfigured(tls).build().unwrap()
}

pub(crate) fn ask(stream: bool, content: &str) -> serde_json::Value {
    serde_json::json!({
        "model": "gpt-lab", "stream": stream, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": content }],
    })
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Got {
    /// When the request was begun.
    pub(crate) begun: Instant,
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// Each piece of the body, and when it came after the request was begun.
    pub(crate) pieces: Vec<(Duration, Vec<u8>)>,
    /// Whether the body broke off.
    pub(crate) broken: bool,
}

impl Got {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.pieces
            .iter()
            .flat_map(|(_, piece)| piece.clone())
            .collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap()
    }

    /// The data of each event.
    pub(crate) fn events(&self) -> Vec<String> {
        let mut events = Vec::new();
        let mut decoder = Decoder::new();
        for (_, piece) in &self.pieces {
            let keep = |item: Item<'_>| {
                if let Item::Event(event) = item {
                    events.push(String::from_utf8(event.data.to_vec()).unwrap());
                }
            };
            decoder.feed(piece, keep).unwrap();
        }
        events
    }

    /// The stream as its reader understands it.
    pub(crate) fn read(&self) -> Read {
        let mut read = Read::default();
        for data in self.events() {
            if DIALECT.is_done(data.as_bytes()) {
                read.done = true;
            } else if let Ok(delta) = DIALECT.decode(data.as_bytes()) {
                read.text.push_str(&delta.content);
                read.reasoning.push_str(&delta.reasoning);
                read.tokens += usize::from(delta.has_token());
                read.finish = delta.finish.map(Into::into).or(read.finish);
                read.usage = delta.usage.or(read.usage);
                read.error = delta.error.or(read.error);
            } else {
                read.garbage += 1;
            }
        }
        read
    }

    pub(crate) fn first(&self) -> Duration {
        self.pieces.first().unwrap().0
    }

    pub(crate) fn last(&self) -> Duration {
        self.pieces.last().unwrap().0
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// Chunks with a token.
    pub(crate) tokens: usize,
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<String>,
    pub(crate) garbage: usize,
    pub(crate) done: bool,
}

/// Sends a request and takes what comes. The error is that of a request without an answer.
pub(crate) async fn try_post(
    client: &reqwest::Client,
    base: &str,
    key: &str,
    body: &serde_json::Value,
) -> reqwest::Result<Got> {
    let begun = Instant::now();
    let url = format!("{base}/chat/completions");
    let answer = client
        .post(url)
        .bearer_auth(key)
        .body(body.to_string())
        .send()
        .await?;
    let mut got = Got {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        begun,
        pieces: Vec::new(),
        broken: false,
    };
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => got.pieces.push((begun.elapsed(), piece.to_vec())),
            Err(_) => got.broken = true,
        }
    }
    Ok(got)
}

/// A request to the provider itself.
pub(crate) async fn post(lab: &Lab, body: &serde_json::Value) -> Got {
    try_post(&client(), &lab.provider_url, "any", body)
        .await
        .unwrap()
}

/// A request through the gateway.
pub(crate) async fn post_gateway(lab: &Lab, body: &serde_json::Value) -> Got {
    let mut body = body.clone();
    body["model"] = format!("openai/{}", body["model"].as_str().unwrap()).into();
    try_post(&client(), &lab.gateway_url, lab.key.expose(), &body)
        .await
        .unwrap()
}

/// What the gateway says to a request of any kind, with its status and headers.
pub(crate) async fn api(
    lab: &Lab,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, reqwest::header::HeaderMap, Value) {
    let url = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{}/{path}", lab.gateway_url)
    };
    let ask = client().request(method.parse().unwrap(), url);
    let ask = ask.bearer_auth(lab.key.expose());
    let ask = if body.is_null() {
        ask
    } else {
        ask.body(body.to_string())
    };
    let answer = ask.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap();
    let json = serde_json::from_slice(&bytes);
    (
        status,
        headers,
        json.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()),
    )
}

/// A chat through the gateway with more fields.
pub(crate) async fn chat(lab: &Lab, stream: bool, model: &str, fields: Value) -> Got {
    let mut body = ask(stream, "two words");
    body["model"] = model.into();
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    try_post(&client(), &lab.gateway_url, lab.key.expose(), &body)
        .await
        .unwrap()
}

/// The rows of the log that fit the filters, the oldest first, as soon as there are `count`.
pub(crate) async fn rows(lab: &Lab, filters: Value, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for _ in 0..2_000 {
        let path = "request-logs/list/?sort_by=timestamp&page_size=1000";
        let body = serde_json::json!({ "filters": filters });
        let (status, _, listed) = api(lab, "POST", path, body).await;
        assert_eq!(status, 200, "{listed}");
        found = listed["results"].as_array().unwrap().clone();
        if found.len() >= count {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} rows, not {count}: {found:?}", found.len());
}

/// A script with prices of `openai/gpt-lab` and `anthropic/gpt-lab`, and more keys.
pub(crate) fn priced(model: Model, more: Value) -> Script {
    let mut written = serde_json::json!({
        "prices": {
            "as_of": "2026-01-01",
            "models": {
                "openai/gpt-lab": { "per_million": { "input": "1", "cached_input": "0.5", "output": "10" } },
                "anthropic/gpt-lab": { "per_token": { "input": "0.000003", "output": "0.000015" } },
            },
        },
    });
    let Value::Object(more) = more else {
        panic!("{more} is no object");
    };
    for (name, value) in more {
        written[name] = value;
    }
    Script {
        models: vec![model],
        ..serde_json::from_value(written).unwrap()
    }
}

/// Waits until `holds`, for ten seconds at most.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to hold");
}
