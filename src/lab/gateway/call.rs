//! One call from its coming to its end, and the row that it leaves in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use rand_pcg::Pcg64;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Gateway;
use super::cache::{LONGEST, Place};
use super::credentials::fingerprint;
use super::errors::Refusal;
use super::logs::Row;
use super::params::Params;
use super::passage::Passage;
use super::routing::Candidate;
use super::script::GatewayScript;
use crate::base::{Lane, Money, Usage};
use crate::dialect::Delta;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The whole answer was there.
    Whole,
    /// The provider broke off.
    Broken,
    /// The client left before the end.
    Left,
}

/// A call under way. Where it is dropped, the client has left.
#[derive(Debug)]
pub(super) struct Call {
    gateway: Arc<Gateway>,
    came: Instant,
    pub(super) row: Row,
    pub(super) usage: Option<Usage>,
    /// The tokens of the prompt, where they are told before the provider tells them.
    pub(super) prompt_tokens: u64,
    /// Whether the client wants an account of the request.
    pub(super) breakdown: bool,
    /// Whether a hit of the cache leaves no row.
    omit_log: bool,
    /// Where the answer is to be kept, and what of it is there.
    place: Option<Place>,
    kept: Vec<u8>,
    pub(super) content_type: String,
    /// Its way, until the answer takes it along.
    pub(super) passage: Option<Passage>,
    ended: bool,
}

impl Call {
    pub(super) fn new(gateway: &Arc<Gateway>, came: Instant, passage: Passage) -> Self {
        let number = gateway.calls.fetch_add(1, Ordering::Relaxed);
        let row = Row {
            unique_id: gateway.row_id(number),
            log_type: "chat".to_owned(),
            start_time: gateway.clock.written(came),
            ..Row::default()
        };
        Self {
            gateway: Arc::clone(gateway),
            came,
            row,
            usage: None,
            prompt_tokens: 0,
            breakdown: false,
            omit_log: false,
            place: None,
            kept: Vec::new(),
            content_type: String::new(),
            passage: Some(passage),
            ended: false,
        }
    }

    /// What the gateway does.
    pub(super) fn script(&self) -> &GatewayScript {
        &self.gateway.script
    }

    /// The draws of this call for one purpose.
    pub(super) fn rng(&self, lane: Lane) -> Pcg64 {
        let number = self.row.unique_id.as_bytes().first_chunk();
        let number = number.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.gateway.seed.rng(lane, number)
    }

    /// Notes whose call it is.
    pub(super) fn of(&mut self, params: &Params) {
        let row = &mut self.row;
        row.custom_identifier.clone_from(&params.custom_identifier);
        row.customer_identifier.clone_from(&params.customer);
        row.thread_identifier.clone_from(&params.thread);
        row.group_identifier.clone_from(&params.group);
        row.trace_unique_id.clone_from(&params.trace);
        row.metadata.clone_from(&params.metadata);
        self.breakdown = params.breakdown;
        self.omit_log = params.cache_options.omit_log == Some(true);
    }

    /// Notes that a model is asked now.
    pub(super) fn asks(&mut self, candidate: &Candidate, own_key: &crate::base::Secret) {
        if let Some(passage) = &mut self.passage {
            passage.asks();
        }
        let row = &mut self.row;
        if row.attempts == 0 {
            row.routing_time = Some(self.came.elapsed().as_secs_f64());
        }
        row.attempts += 1;
        row.model.clone_from(&candidate.name);
        row.provider_id = Some(candidate.provider.clone());
        let credential = candidate.credential.as_ref();
        row.used_custom_credential = credential.is_some();
        let key = credential.map_or(own_key, |credential| &credential.key);
        row.credential_fingerprint = Some(fingerprint(key));
    }

    /// Keeps the answer in this place when it is whole.
    pub(super) fn keep_in(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// Notes bytes of the answer that may be kept.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.place.is_some() {
            self.kept.extend_from_slice(bytes);
            if self.kept.len() > LONGEST {
                self.place = None;
                self.kept = Vec::new();
            }
        }
    }

    /// Notes a token.
    pub(super) fn token(&mut self) {
        if self.row.time_to_first_token.is_none() {
            self.row.time_to_first_token = Some(self.came.elapsed().as_secs_f64());
        }
    }

    /// Notes what a piece of the answer says.
    pub(super) fn note(&mut self, delta: &Delta<'_>) {
        self.usage = delta.usage.or(self.usage);
        if let Some(error) = &delta.error {
            self.row.error_message = Some(error.clone());
        }
    }

    /// Ends the call without an answer.
    pub(super) fn refuse(mut self, refusal: &Refusal) {
        self.row.status_code = refusal.status.as_u16();
        self.row.error_message = Some(refusal.detail.clone());
        self.end(Ending::Whole);
    }

    /// Whether the answer comes from the cache.
    fn is_cached(&self) -> bool {
        self.row.cache_bit == 1
    }

    /// What the call costs so far.
    fn cost(&self) -> Option<Money> {
        if self.is_cached() {
            return Some(Money::ZERO);
        }
        let prices = self.gateway.prices.as_ref().zip(self.usage.as_ref());
        let by = self.row.provider_id.as_deref();
        // By the doors of one provider, a model comes without its name.
        prices.and_then(|(prices, usage)| prices.find(&self.row.model, by)?.1.cost(usage))
    }

    /// Ends the call: its row goes to the log, and its answer to the cache. Once.
    pub(super) fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let gateway = Arc::clone(&self.gateway);
        let cost = self.cost();
        let latency = self.came.elapsed().as_secs_f64();
        let row = &mut self.row;
        row.latency = Some(latency);
        row.timestamp = gateway.clock.written(Instant::now());
        row.cost = cost.map(Money::dollars);
        if let Some(usage) = &self.usage {
            row.prompt_tokens = Some(usage.input_tokens);
            row.completion_tokens = Some(usage.output_tokens);
            row.prompt_cache_hit_tokens = Some(usage.cached_input_tokens);
            let speaking = latency - row.time_to_first_token.unwrap_or_default();
            row.tokens_per_second = (speaking > 0.0).then(|| usage.output_tokens as f64 / speaking);
        }
        match ending {
            Ending::Whole => {}
            Ending::Broken => row.error_message = Some("the provider broke off".to_owned()),
            Ending::Left => {
                row.status_code = 499;
                row.error_message = Some("the client left".to_owned());
            }
        }
        row.failed = row.status_code >= 400 || row.error_message.is_some();
        let status = if row.failed { "error" } else { "success" };
        status.clone_into(&mut row.status);
        if !row.used_custom_credential {
            gateway.spend(cost.unwrap_or_default());
        }
        let fine = !row.failed && ending == Ending::Whole;
        if let (true, Some(place)) = (fine, self.place.take()) {
            let body = Bytes::from(std::mem::take(&mut self.kept));
            let from = (row.provider_id.as_deref().unwrap_or_default(), &*row.model);
            gateway.cache.put(&place, body, from, &self.content_type);
        }
        if !(self.is_cached() && self.omit_log) {
            gateway.logs.push(std::mem::take(&mut self.row));
        }
    }

    /// The account of an answer that ends now. What nobody counted is null.
    pub(super) fn account(&self) -> Value {
        let row = &self.row;
        json!({
            "prompt_tokens": self.usage.map(|usage| usage.input_tokens),
            "completion_tokens": self.usage.map(|usage| usage.output_tokens),
            "cost": self.cost().map(Money::dollars),
            "cached": self.is_cached(),
            "timestamp": self.gateway.clock.written(Instant::now()),
            "status_code": row.status_code,
            "stream": row.stream,
            "latency": self.came.elapsed().as_secs_f64(),
            "routing_time": row.routing_time,
            "model": row.model,
            "metadata": row.metadata,
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Ending::Left);
    }
}

/// The field of an answer that holds its account.
pub(super) fn with_account(fields: &mut Map<String, Value>, call: &Call) {
    fields.insert("request_breakdown".to_owned(), call.account());
}
