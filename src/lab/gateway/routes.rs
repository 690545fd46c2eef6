//! Which path leads where, and who may take it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Gateway;
use super::chat::Door;
use super::errors::Refusal;
use super::limits::Whose;
use super::script::ClientKey;
use crate::lab::provider::read;
use crate::lab::whole;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'p> {
    Call(Door<'p>),
    Models,
    PublicModels,
    AllModels,
    /// A model, its name as it stands in the path.
    Model(&'p str),
    CreateLog,
    CreateLogs,
    ListLogs,
    Summary,
    Groups,
    Log(&'p str),
    Caches,
    PurgeCaches,
    Cache(&'p str),
}

/// Finds the place of a path below `/api/`.
fn place(path: &str) -> Option<Place<'_>> {
    let path = path.trim_end_matches('/');
    // Some clients are told a base URL that holds the version.
    let path = path.strip_prefix("v1/").unwrap_or(path);
    Some(match path {
        "chat/completions" => Place::Call(Door::Chat),
        "responses" => Place::Call(Door::Responses),
        "models" => Place::Models,
        "models/public" => Place::PublicModels,
        "models/list" => Place::AllModels,
        "request-logs" | "request-logs/create" => Place::CreateLog,
        "request-logs/bulk" => Place::CreateLogs,
        "request-logs/list" => Place::ListLogs,
        "request-logs/summary" => Place::Summary,
        "request-logs/groups" => Place::Groups,
        "caches" | "caches/summary" => Place::Caches,
        "caches/bulk" => Place::PurgeCaches,
        path => {
            if let Some(native) = native(path) {
                return Some(Place::Call(native));
            }
            if let Some(provider) = path.strip_suffix("/v1/chat/completions") {
                return one_part(provider).map(Door::Relay).map(Place::Call);
            }
            if let Some(name) = path.strip_prefix("models/") {
                return Some(Place::Model(name));
            }
            if let Some(id) = path.strip_prefix("request-logs/") {
                return one_part(id).map(Place::Log);
            }
            let key = path.strip_prefix("caches/")?;
            return one_part(key).map(Place::Cache);
        }
    })
}

/// The door of a provider's own API.
fn native(path: &str) -> Option<Door<'_>> {
    if path == "anthropic/v1/messages" {
        return Some(Door::Messages);
    }
    let (_, call) = path.strip_prefix("google/")?.rsplit_once("models/")?;
    let (model, method) = call.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    one_part(model).map(|model| Door::Generate { model, stream })
}

fn one_part(text: &str) -> Option<&str> {
    (!text.is_empty() && !text.contains('/')).then_some(text)
}

/// The methods that a place knows; the first one is told to those who use another.
fn methods(place: Place<'_>) -> &'static [Method] {
    match place {
        Place::Call(_) | Place::CreateLog | Place::CreateLogs => &[Method::POST],
        Place::AllModels | Place::ListLogs | Place::Summary | Place::Groups => {
            &[Method::POST, Method::GET]
        }
        Place::Models | Place::PublicModels | Place::Model(_) | Place::Log(_) => &[Method::GET],
        Place::Caches => &[Method::GET, Method::POST],
        Place::PurgeCaches | Place::Cache(_) => &[Method::DELETE],
    }
}

/// Answers a request.
pub(super) async fn handle(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let came = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path == "/health" {
        return whole::json(StatusCode::OK, r#"{"status":"ok"}"#.to_owned());
    }
    let Some(under) = path.strip_prefix("/api/") else {
        return Refusal::not_found("Not Found").into_response();
    };
    let Some(place) = place(under) else {
        let detail = match under.split('/').next() {
            Some("anthropic" | "google") => {
                "of this provider's own API the lab's gateway speaks messages or content alone"
            }
            _ => "Not Found",
        };
        return Refusal::not_found(detail).into_response();
    };
    let allowed = methods(place);
    if !allowed.contains(&parts.method) {
        return Refusal::wrong_method(&allowed[0]);
    }
    if place == Place::PublicModels {
        return whole::json(StatusCode::OK, gateway.public_models().to_string());
    }
    let Some(client) = gateway.client(&parts, place) else {
        return Refusal::unknown_key().into_response();
    };
    if let Place::Call(Door::Generate { stream: true, .. }) = place
        && in_query(&parts, "alt").as_deref() != Some("sse")
    {
        let detail = "the lab's gateway streams content as events only: ask with ?alt=sse";
        return Refusal::bad_request(detail).into_response();
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => {
            let detail = "the body is too long, or it broke off";
            return Refusal::new(status, detail).into_response();
        }
    };
    match place {
        Place::Call(door) => {
            let request = (&parts.headers, body);
            gateway.call(client, request, door, came).await
        }
        Place::Models => gateway.list_models().await,
        place => match gateway.other(place, &parts, &body) {
            Ok((status, told)) => whole::json(status, told.to_string()),
            Err(refusal) => refusal.into_response(),
        },
    }
}

impl Gateway {
    /// Whose key a request brings.
    fn client(&self, parts: &Parts, place: Place<'_>) -> Option<&ClientKey> {
        let text = |name: &str| parts.headers.get(name)?.to_str().ok();
        let bearer = || {
            text("authorization")?
                .strip_prefix("Bearer ")
                .map(Cow::from)
        };
        // The clients of a provider's own API bring the key where it wants to have it.
        let key = match place {
            Place::Call(Door::Messages) => text("x-api-key").map(Cow::from),
            Place::Call(Door::Generate { .. }) => {
                let header = text("x-goog-api-key").map(Cow::from);
                header.or_else(|| in_query(parts, "key"))
            }
            _ => None,
        };
        let key = key.or_else(bearer)?;
        self.script.keys.iter().find(|client| client.key == key)
    }

    /// Answers what is no call to a model.
    fn other(
        &self,
        place: Place<'_>,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<(StatusCode, Value), Refusal> {
        let limits = &self.script.limits;
        self.minutes.take(Whose::Other, limits.other)?;
        let query = parts.uri.query().unwrap_or_default();
        let ok = |told: Value| Ok((StatusCode::OK, told));
        match place {
            Place::AllModels => ok(self.all_models()),
            Place::Model(name) => ok(self.one_model(&unescaped(name))?),
            Place::CreateLog => self.create_log(body),
            Place::CreateLogs => {
                self.minutes.take(Whose::Bulk, limits.bulk)?;
                self.create_logs(body)
            }
            Place::ListLogs => self.list_logs(&url(parts), query, body),
            Place::Summary => self.summarise_logs(query, body),
            Place::Groups => self.group_logs(&url(parts), query, body),
            Place::Log(id) => self.one_log(id),
            Place::Caches => ok(json!({ "total_count": self.cache.len() })),
            Place::PurgeCaches => ok(deleted(self.purge(body)?)),
            Place::Cache(key) => match self.cache.forget([key].into_iter()) {
                0 => Err(Refusal::not_found("Not found.")),
                count => ok(deleted(count)),
            },
            Place::Call(_) | Place::Models | Place::PublicModels => {
                Err(Refusal::not_found("Not Found"))
            }
        }
    }

    /// Forgets answers: `{"all": true}` or `{"cache_keys": [...]}`.
    fn purge(&self, body: &[u8]) -> Result<usize, Refusal> {
        let asked: Value = serde_json::from_slice(body)
            .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
        match (&asked["all"], &asked["cache_keys"]) {
            (Value::Bool(true), _) => Ok(self.cache.purge()),
            (_, Value::Array(keys)) => Ok(self.cache.forget(keys.iter().filter_map(Value::as_str))),
            _ => {
                let problem = "say `all: true` or name `cache_keys`".to_owned();
                Err(Refusal::of_fields(vec![("all".to_owned(), problem)]))
            }
        }
    }
}

/// A parameter of the query.
fn in_query<'p>(parts: &'p Parts, name: &str) -> Option<Cow<'p, str>> {
    let query = parts.uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value)
}

fn deleted(count: usize) -> Value {
    let message = format!("{count} cached responses deleted");
    json!({
        "success_count": count, "error_count": 0, "errors": [],
        "deleted_count": count, "message": message,
    })
}

/// The URL of a request, without its query.
fn url(parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST);
    let host = host
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    format!("http://{host}{}", parts.uri.path())
}

/// A part of a path without its escapes.
fn unescaped(part: &str) -> String {
    let plus = part.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(plus.as_bytes());
    pairs
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_place_with_a_slash_at_its_end_or_without() {
        for (path, expected) in [
            ("chat/completions", Place::Call(Door::Chat)),
            ("v1/chat/completions", Place::Call(Door::Chat)),
            (
                "openai/v1/chat/completions",
                Place::Call(Door::Relay("openai")),
            ),
            ("responses", Place::Call(Door::Responses)),
            ("anthropic/v1/messages", Place::Call(Door::Messages)),
            (
                "google/v1beta/models/g-1:streamGenerateContent",
                Place::Call(Door::Generate {
                    model: "g-1",
                    stream: true,
                }),
            ),
            ("models/openai/gpt-lab", Place::Model("openai/gpt-lab")),
            ("request-logs", Place::CreateLog),
            ("request-logs/create", Place::CreateLog),
            ("request-logs/7f", Place::Log("7f")),
            ("caches/bulk", Place::PurgeCaches),
        ] {
            assert_eq!(place(path), Some(expected), "{path}");
            assert_eq!(place(&format!("{path}/")), Some(expected), "{path}/");
        }
        for nowhere in [
            "",
            "chat",
            "request-logs/a/b",
            "a/b/v1/chat/completions",
            "users",
            "google/v1beta/models/g-1:countTokens",
        ] {
            assert_eq!(place(nowhere), None, "{nowhere}");
        }
        assert_eq!(unescaped("openai%2Fgpt+a"), "openai/gpt+a");
    }
}
