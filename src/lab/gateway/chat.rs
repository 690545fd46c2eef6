//! A call to a model: who asks, whether they may, who is asked, and what is passed on.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::TryStreamExt;
use serde_json::Value;
use tokio::time::Instant;

use super::Gateway;
use super::body::Fields;
use super::body::without_markers;
use super::cache::Place;
use super::call::{Call, Ending, with_account};
use super::conduct;
use super::errors::Refusal;
use super::limits::Whose;
use super::native::{self, Tongue};
use super::params::Params;
use super::passage::Passage;
use super::routing::{self, Candidate, Rules};
use super::script::ClientKey;
use super::shaper::Shaper;
use super::tap::{Tap, note_whole};
use super::upstream::{Answer, PassingError, falls_back};
use crate::base::{Alarm, Lane};
use crate::lab::pattern::fits;
use crate::lab::{whole, wire};

/// The headers of a provider's answer that are passed on.
const PASSED_ON: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
];
const ROUTE: &str = "x-respan-route-provider";
const LOG_ID: HeaderName = HeaderName::from_static("x-respan-log-id");
const LIMITS: &str = "x-ratelimit-";
const UPSTREAM_ID: HeaderName = HeaderName::from_static("x-respan-upstream-request-id");

/// By which endpoint a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door<'a> {
    /// The chat completions of all providers.
    Chat,
    /// Those of one provider.
    Relay(&'a str),
    /// The Responses API.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Google's content: the model and the way of answering stand in the path.
    Generate { model: &'a str, stream: bool },
}

impl<'a> Door<'a> {
    /// The only provider behind it, if there is but one.
    const fn provider(self) -> Option<&'a str> {
        match self {
            Self::Relay(provider) => Some(provider),
            Self::Messages => Some("anthropic"),
            Self::Generate { .. } => Some("google"),
            Self::Chat | Self::Responses => None,
        }
    }
}

impl Gateway {
    /// Answers a call.
    pub(super) async fn call(
        self: &Arc<Self>,
        client: &ClientKey,
        (headers, body): (&HeaderMap, Bytes),
        door: Door<'_>,
        came: Instant,
    ) -> Response {
        let passage = Passage::begin(&self.passages, &body);
        let mut call = Box::new(Call::new(self, came, passage));
        let id = HeaderValue::from_str(&call.row.unique_id);
        let answer = match native::to_chat(door, body) {
            Ok(chat) => self.answer(client, headers, &chat, door, &mut call).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = match answer {
            Ok(answer) => pass_on(answer, call, door).await,
            Err(refusal) => {
                call.refuse(&refusal);
                refusal.into_response()
            }
        };
        if let (true, Ok(id)) = (door != Door::Chat, id) {
            response.headers_mut().insert(LOG_ID, id);
        }
        response
    }

    async fn answer(
        &self,
        client: &ClientKey,
        headers: &HeaderMap,
        body: &Bytes,
        door: Door<'_>,
        call: &mut Call,
    ) -> Result<Answer, Refusal> {
        let fields: Fields<'_> = serde_json::from_slice(body)
            .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
        let model = match fields
            .get("model")
            .map(serde_json::from_str::<Option<String>>)
        {
            None => None,
            Some(Ok(model)) => model,
            Some(Err(_)) => return Err(Refusal::bad_request("`model` is no string")),
        };
        call.row.model = model.clone().unwrap_or_default();
        call.row.stream = fields.get("stream") == Some("true");
        if door == Door::Messages && call.row.stream {
            call.prompt_tokens = native::prompt_tokens(body);
        }
        let params = Params::read(&fields, headers)?;
        call.of(&params);
        let route = headers.get(ROUTE).and_then(|value| value.to_str().ok());
        let rules = Rules {
            groups: &self.script.groups,
            default_provider: self.script.default_provider.as_deref(),
            only: door.provider().or(route),
        };
        let mut rng = call.rng(Lane::Route);
        let delay = self.script.delay.draw(&mut rng).0;
        let candidates = routing::candidates(&params, model, rules, &mut rng)?;
        self.admit(client, &params, &candidates)?;
        if let Some(passage) = &mut call.passage {
            passage.first = delay + self.script.added.first.draw(&mut rng).0;
            Alarm::new().until(passage.received() + delay).await;
        }
        let place = Place::of(
            &fields,
            &params,
            &candidates[0].name,
            self.script.eager_cache,
        );
        if let Some(found) = place.as_ref().and_then(|place| self.cached(place, call)) {
            return Ok(found);
        }
        call.keep_in(place);
        let last = candidates.len() - 1;
        for (at, candidate) in candidates.iter().enumerate() {
            call.asks(candidate, &self.upstreams.get(&candidate.provider).key);
            let mut sent = fields.for_provider(body, &candidate.model);
            if self.script.drop_marker {
                sent = without_markers(&sent);
            }
            match self.ask(candidate, sent, at < last).await {
                Ok(answer) if at < last && falls_back(answer.status) => {}
                Ok(answer) => return Ok(answer),
                Err(refusal) if at == last => return Err(refusal),
                Err(_) => {}
            }
        }
        Err(Refusal::no_answer("no model was asked"))
    }

    /// Whether this client may ask these models, and now.
    fn admit(
        &self,
        client: &ClientKey,
        params: &Params,
        candidates: &[Candidate],
    ) -> Result<(), Refusal> {
        let allowed = |name: &str| {
            client.models.is_empty() || client.models.iter().any(|pattern| fits(pattern, name))
        };
        if let Some(other) = candidates.iter().find(|one| !allowed(&one.name)) {
            let detail = format!("this key may not ask `{}`", other.name);
            return Err(Refusal::new(StatusCode::FORBIDDEN, detail));
        }
        let limits = &self.script.limits;
        self.minutes.take(Whose::Calls, limits.calls)?;
        if let Some(customer) = &params.customer {
            let most = params.rate_limit.or(limits.customer);
            self.minutes.take(Whose::Customer(customer.clone()), most)?;
        }
        if candidates[0].credential.is_none() && self.is_spent() {
            let detail = "Insufficient credits";
            return Err(Refusal::new(StatusCode::PAYMENT_REQUIRED, detail));
        }
        Ok(())
    }

    /// The answer of the cache, if there is one.
    fn cached(&self, place: &Place, call: &mut Call) -> Option<Answer> {
        let found = self.cache.get(place)?;
        call.row.cache_bit = 1;
        call.row.model = found.name;
        call.row.provider_id = Some(found.provider);
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_str(&found.content_type).ok()?;
        headers.insert(header::CONTENT_TYPE, kind);
        let body = found.body;
        Some(Answer {
            status: StatusCode::OK,
            headers,
            pieces: Box::pin(futures_util::stream::iter([Ok(body)])),
        })
    }
}

/// The answer to the client.
async fn pass_on(answer: Answer, mut call: Box<Call>, door: Door<'_>) -> Response {
    call.row.status_code = answer.status.as_u16();
    answer.content_type().clone_into(&mut call.content_type);
    let mut response = head_of(&answer, door);
    let fine = answer.status.is_success();
    let tongue = Tongue::of(door);
    if answer.is_stream() && (fine || !tongue.is_some_and(Tongue::tells_errors)) {
        if call.breakdown {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let (id, prompt) = (call.row.unique_id.clone(), call.prompt_tokens);
        if let Some(tongue) = tongue.filter(|_| fine) {
            let tap = Tap::events(answer.pieces, call);
            *response.body_mut() = wire::breakable(tongue.stream(tap, &id, prompt));
            return response;
        }
        let (chunk, conduct) = (
            call.script().added.chunk.clone(),
            call.script().stream.clone(),
        );
        let touched = !conduct.is_faithful() || chunk != conduct::none();
        let passage = call
            .passage
            .take()
            .filter(|passage| touched || passage.matters());
        let rng = call.rng(Lane::Lab);
        let tap = Tap::events(answer.pieces, call);
        *response.body_mut() = match passage {
            Some(passage) => wire::breakable(Shaper::events(tap, passage, &conduct, (chunk, rng))),
            None => wire::breakable(tap),
        };
        return response;
    }
    let told_otherwise = tongue.is_some_and(|tongue| fine || tongue.tells_errors());
    if told_otherwise || (fine && call.breakdown) {
        let mut told = rewritten(answer, call, tongue).await;
        let (kept, known) = (response.headers(), told.headers_mut());
        for (name, value) in kept.iter().filter(|(name, _)| is_relayed(name)) {
            known.insert(name, value.clone());
        }
        return told;
    }
    let length = answer.length();
    let rewrite = call.script().stream.rewrite.filter(|_| fine);
    if rewrite.is_some() {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let touched = rewrite.is_some();
    let passage = call
        .passage
        .take()
        .filter(|passage| touched || passage.matters());
    let rng = call.rng(Lane::Lab);
    let tap = Tap::whole(answer.pieces, call, length);
    *response.body_mut() = match passage {
        Some(passage) => wire::breakable(Shaper::whole(tap, passage, rewrite, rng)),
        None => wire::breakable(tap),
    };
    response
}

/// An answer in one piece that is not passed on as it was.
async fn rewritten(answer: Answer, mut call: Box<Call>, tongue: Option<Tongue>) -> Response {
    let status = answer.status;
    let body: Result<Vec<Bytes>, PassingError> = answer.pieces.try_collect().await;
    let body = match body {
        Ok(pieces) => pieces.concat(),
        // The provider broke off an answer that the client has heard nothing of.
        Err(problem) => {
            let refusal = Refusal::no_answer(format!("no answer from the provider: {problem}"));
            call.refuse(&refusal);
            return refusal.into_response();
        }
    };
    call.keep(&body);
    note_whole(&mut call, &body);
    let as_it_is = || String::from_utf8_lossy(&body).into_owned();
    let text = match (serde_json::from_slice(&body), tongue) {
        (_, Some(tongue)) if !status.is_success() => {
            let message = call.row.error_message.as_deref().unwrap_or_default();
            let error = tongue.error(status, message);
            error.map_or_else(as_it_is, |error| error.to_string())
        }
        (Ok(fields @ Value::Object(_)), Some(tongue)) => {
            tongue.whole(&fields, &call.row.unique_id).to_string()
        }
        (Ok(Value::Object(mut fields)), None) => {
            with_account(&mut fields, &call);
            Value::Object(fields).to_string()
        }
        _ => as_it_is(),
    };
    call.end(Ending::Whole);
    whole::json(status, text)
}

/// Whether a header of a provider's answer is passed on by the relays alone.
fn is_relayed(name: &HeaderName) -> bool {
    *name == UPSTREAM_ID || *name == header::RETRY_AFTER || name.as_str().starts_with(LIMITS)
}

/// The status of a provider's answer, and the headers that are passed on.
fn head_of(answer: &Answer, door: Door<'_>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    for name in PASSED_ON {
        if let Some(value) = answer.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if door.provider().is_some() {
        if let Some(id) = answer.headers.get("x-request-id") {
            headers.insert(UPSTREAM_ID, id.clone());
        }
        let limits = answer.headers.iter();
        for (name, value) in limits.filter(|(name, _)| name.as_str().starts_with(LIMITS)) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if Tongue::of(door).is_some() {
        headers.remove(header::CONTENT_LENGTH);
    }
    response
}
