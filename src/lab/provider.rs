//! The provider stand-in: real HTTP in front of a script.
//!
//! What is sent, and when, is a function of the script, the seed and a request's bytes. The timer
//! behind it counts whole milliseconds: what is due goes out one to two milliseconds later, and
//! never before. The delays do not add up over a stream. Who needs the exact instants finds them in
//! the record.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::header::{HeaderName, InvalidHeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{CREATED, Draws, Plan};
use super::chunks::{Chunks, Trouble};
use super::clock::{self, Clock};
use super::fault::{Action, Faults, Status};
use super::pattern::fits;
use super::script::{Model, Repeats, Script};
use super::seen::{Counts, Note, Record, Seen};
use super::shape::Shape;
use super::slots::{Gauge, Slots};
use super::stream::{Service, StreamBody};
use super::truth::{Truth, TruthNote, Truths};
use super::whole::{self, error, json};
use super::wire::{self, Door};
use crate::base::{Marker, Monotonic, Seed};
use crate::dialect::{Ask, Dialect};

/// The longest body that is read: 32 MiB.
pub(super) const BODY_CAP: usize = 32 << 20;
/// As long as a hanging request hangs.
const HANG: Duration = Duration::from_secs(3_600);
/// What a client is told to wait when the queue is full, in seconds.
const RETRY_AFTER_FULL: u64 = 1;
/// How many different bodies are told apart when repeats vary.
const MOST_REPEATS: usize = 1_000_000;
const INVALID: &str = "invalid_request_error";

/// A stand-in for a provider.
#[derive(Debug)]
pub struct Provider {
    key: Option<String>,
    seed: Seed,
    models: Vec<Served>,
    faults: Faults,
    /// How often each body came, where that matters.
    repeats: Option<Mutex<HashMap<u64, u32>>>,
    clock: Arc<Clock>,
    record: Arc<Record>,
    truths: Arc<Truths>,
    requests: AtomicU64,
    turned_away: AtomicU64,
    serving: Arc<Gauge>,
    waiting: Arc<Gauge>,
}

/// A model in service.
#[derive(Debug)]
struct Served {
    model: Arc<Model>,
    shape: Arc<Shape>,
    slots: Slots,
}

impl Provider {
    /// A provider that does what the script says, which should have passed [`Script::check`]. Its
    /// clock starts here.
    pub fn new(script: Script, seed: Seed) -> Self {
        let (serving, waiting) = (Arc::<Gauge>::default(), Arc::<Gauge>::default());
        let shape = Arc::new(script.stream);
        let served = |model: Model| Served {
            slots: Slots::new(
                model.slots,
                model.queue,
                Arc::clone(&waiting),
                Arc::clone(&serving),
            ),
            shape: model
                .stream
                .clone()
                .map_or_else(|| Arc::clone(&shape), Arc::new),
            model: Arc::new(model),
        };
        Self {
            key: script.key,
            seed,
            models: script.models.into_iter().map(served).collect(),
            clock: Arc::new(Clock::new(&script.faults)),
            faults: Faults::new(script.faults),
            repeats: (script.repeats == Repeats::Vary).then(Mutex::default),
            record: Arc::default(),
            truths: Arc::default(),
            requests: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            serving,
            waiting,
        }
    }

    /// Answers on `listener` until `shutdown` is cancelled. Then all connections are closed, with
    /// whatever is under way on them, and this returns.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let door = Door::new(listener, shutdown.clone())?.by(Arc::clone(&self.clock));
        let service = handle.with_state(self).into_make_service();
        let serve = axum::serve(door, service).with_graceful_shutdown(shutdown.cancelled_owned());
        serve.into_future().await
    }

    /// Switches the record of requests on or off; it starts off, since it keeps bodies: at most
    /// 100,000 requests and 64 MiB.
    pub fn record(&self, on: bool) {
        self.record.switch(on);
    }

    /// The requests that were recorded, in the order of their coming.
    pub fn seen(&self) -> Vec<Seen> {
        self.record.entries()
    }

    /// Keeps the true instants of every answer from here on, on the clock that all processes share.
    pub fn keep_truth(&self, clock: Monotonic) {
        self.truths.keep(clock);
    }

    /// The true instants of all answers that are over, which are then forgotten here.
    pub fn take_truth(&self) -> Vec<Truth> {
        self.truths.take()
    }

    /// Lets the windows of faults count from now, and no longer from the first request.
    pub fn begin(&self) {
        self.clock.begin(Instant::now());
    }

    /// The instant from which recorded instants count.
    pub fn started(&self) -> Instant {
        self.clock.started
    }

    /// How it stands.
    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            serving: self.serving.now(),
            most_serving: self.serving.most(),
            waiting: self.waiting.now(),
            most_waiting: self.waiting.most(),
            faults: self.faults.hits(),
            unrecorded: self.record.dropped(),
            truths_dropped: self.truths.dropped(),
        }
    }

    fn served(&self, name: &str) -> Option<&Served> {
        self.models
            .iter()
            .find(|served| fits(&served.model.model, name))
    }

    /// How often a body with this digest came before.
    fn repeat(&self, digest: &blake3::Hash) -> u32 {
        let Some(repeats) = &self.repeats else {
            return 0;
        };
        let key = digest
            .as_bytes()
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let mut repeats = repeats.lock().unwrap_or_else(PoisonError::into_inner);
        if repeats.len() >= MOST_REPEATS && !repeats.contains_key(&key) {
            return 0;
        }
        let count = repeats.entry(key).or_default();
        *count += 1;
        *count - 1
    }

    fn list(&self) -> Response {
        let names = self.models.iter().map(|served| served.model.model.as_str());
        let entry = |name| {
            serde_json::json!({
                "id": name, "object": "model", "created": CREATED, "owned_by": "lab",
            })
        };
        let data: Vec<_> = names
            .filter(|name| !name.contains('*'))
            .map(entry)
            .collect();
        json(
            StatusCode::OK,
            serde_json::json!({ "object": "list", "data": data }).to_string(),
        )
    }

    /// Answers a chat request that was read whole.
    async fn chat(&self, parts: Parts, body: Bytes) -> Response {
        let at = Instant::now();
        let (marker, digest) = (Marker::find(&body), blake3::hash(&body));
        let mut truth = self.truths.note((marker, &digest), at, &self.clock);
        let ask = match Dialect::OpenaiChat.decode_ask(&body) {
            Ok(ask) => ask,
            Err(problem) => {
                let response = error(StatusCode::BAD_REQUEST, &problem.to_string(), INVALID);
                return refused(truth, response);
            }
        };
        let since_first = self.clock.since_first(at);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let draws = Draws::new(self.seed, &digest, self.repeat(&digest)).marked(marker);
        let fault = self.faults.pick(draws.fault(), &ask.model, since_first);
        let note = self.record.keep(&self.clock, || Seen {
            at: self.clock.offset(at),
            model: ask.model.clone(),
            path: parts.uri.path().to_owned(),
            body: Bytes::copy_from_slice(&body),
            authorized: parts.headers.contains_key(header::AUTHORIZATION),
            fault: fault.map(Action::kind),
            started: None,
            first_token_due: None,
            first_token: None,
            ended: None,
        });
        if let (Some(truth), Some(fault)) = (&mut truth, fault) {
            truth.hit_by(fault);
        }
        drop(body);
        self.clock.thawed(at).await;
        match fault {
            Some(Action::Status(status)) => return refused(truth, status_response(status)),
            Some(Action::Refuse) => return Response::new(wire::refused()),
            _ => {}
        }
        self.serve_one(ask, &draws, fault, (note, truth)).await
    }

    /// Waits for a slot, and then for the first byte to be due.
    async fn serve_one(
        &self,
        ask: Ask,
        draws: &Draws,
        fault: Option<&Action>,
        (note, truth): (Option<Note>, Option<TruthNote>),
    ) -> Response {
        let Some(served) = self.served(&ask.model) else {
            let message = format!("The model `{}` does not exist", ask.model);
            return refused(truth, error(StatusCode::NOT_FOUND, &message, INVALID));
        };
        let Ok(slot) = served.slots.take().await else {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            let message = "Too many requests wait already";
            let busy = error(StatusCode::TOO_MANY_REQUESTS, message, "rate_limit_error");
            return refused(truth, retry_after(busy, RETRY_AFTER_FULL));
        };
        let start = Instant::now();
        if let Some(note) = &note {
            note.amend(|seen| seen.started = Some(self.clock.offset(start)));
        }
        let mut service = Service {
            clock: Arc::clone(&self.clock),
            start,
            note,
            truth,
            slot,
        };
        let (mut stall, mut trouble) = (Duration::ZERO, Trouble::None);
        let mut plan = Plan::new(Arc::clone(&served.model), &served.shape, ask, draws);
        let id = HeaderValue::from_str(&plan.id);
        match fault {
            Some(Action::CutAfter(tokens)) => trouble = Trouble::Cut(*tokens),
            Some(Action::EndAfter(tokens)) => trouble = Trouble::End(*tokens),
            Some(Action::ErrorAfter(tokens)) => trouble = Trouble::Error(*tokens),
            Some(Action::Garbage) => trouble = Trouble::Garbage,
            Some(Action::Stall(time)) => stall = time.0,
            Some(Action::SlowFirstToken(time)) => plan.ttft = time.0,
            Some(Action::Hang) => {
                tokio::time::sleep(HANG).await;
                return Response::new(wire::refused());
            }
            Some(Action::Status(_) | Action::Refuse | Action::Freeze | Action::Down) | None => {}
        }
        if !plan.stream {
            let tokens = trouble.after(plan.tokens).unwrap_or(plan.tokens);
            let (work, mut response) = whole::answer(plan, trouble);
            named(&mut response, id);
            let due = self.clock.done(start, work.saturating_add(stall));
            service.note_due(due);
            clock::wait_until(due).await;
            service.note_sent();
            service.answered(response.status().as_u16());
            service.stamp(if response.status().is_success() {
                tokens
            } else {
                0
            });
            if !trouble.breaks_off() {
                service.is_whole();
            }
            return response;
        }
        service.answered(StatusCode::OK.as_u16());
        let chunks = Chunks::new(plan, Arc::clone(&served.shape), trouble);
        let body = StreamBody::new(chunks, service, stall);
        // What is due at once (a comment, the role) takes the headers with it. Otherwise they come
        // with the first token, as from a provider that does not answer before it can.
        clock::wait_until(body.first_due()).await;
        let mut response = event_stream(wire::breakable(body));
        named(&mut response, id);
        response
    }
}

/// An error in place of an answer, noted where truths are kept.
fn refused(truth: Option<TruthNote>, response: Response) -> Response {
    if let Some(truth) = truth {
        truth.refused(response.status().as_u16());
    }
    response
}

/// Tells the name of an answer in its head, too.
fn named(response: &mut Response, id: Result<HeaderValue, InvalidHeaderValue>) {
    if let Ok(id) = id {
        let name = HeaderName::from_static("x-request-id");
        response.headers_mut().insert(name, id);
    }
}

async fn handle(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (chat, models) = (
        path.ends_with("/chat/completions"),
        path.ends_with("/models"),
    );
    if !chat && !models {
        let message = format!("Unknown request URL: {} {path}", parts.method);
        return error(StatusCode::NOT_FOUND, &message, INVALID);
    }
    let method = if chat { Method::POST } else { Method::GET };
    if parts.method != method {
        return wrong_method(error, &method);
    }
    if !is_authorized(&parts.headers, provider.key.as_deref()) {
        return error(
            StatusCode::UNAUTHORIZED,
            "Incorrect API key provided",
            INVALID,
        );
    }
    if models {
        provider.clock.thawed(Instant::now()).await;
        return provider.list();
    }
    match read(body).await {
        Ok(body) => provider.chat(parts, body).await,
        Err(status) => error(status, "The body is too long, or it broke off", INVALID),
    }
}

/// The whole body of a request, or the status that tells why there is none.
pub(super) async fn read(body: Body) -> Result<Bytes, StatusCode> {
    axum::body::to_bytes(body, BODY_CAP)
        .await
        .map_err(|problem| {
            // The only error that a client can still hear of, besides a broken chunk.
            let too_long = problem.into_inner().to_string().contains("length limit");
            if too_long {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            }
        })
}

/// Whether the request brings the key that is demanded, if one is.
fn is_authorized(headers: &HeaderMap, key: Option<&str>) -> bool {
    let Some(key) = key else {
        return true;
    };
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")) == Some(key)
}

/// The answer to a method that the path does not know.
fn wrong_method(
    error: impl FnOnce(StatusCode, &str, &str) -> Response,
    allowed: &Method,
) -> Response {
    let message = format!("Only {allowed} is allowed here");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, &message, INVALID);
    if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

fn status_response(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = match status.code {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => INVALID,
    };
    let message = status
        .message
        .as_deref()
        .unwrap_or("The script has a fault here");
    let response = error(code, message, kind);
    match status.retry_after {
        Some(time) => {
            let seconds = time.0.as_secs() + u64::from(time.0.subsec_nanos() > 0);
            retry_after(response, seconds)
        }
        None => response,
    }
}

fn retry_after(mut response: Response, seconds: u64) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    response
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
