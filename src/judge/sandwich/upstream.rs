//! What a gateway asked of its providers: how often, of whom, and how it went on where one failed.

use std::collections::BTreeMap;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::front::Front;
use super::join::{Flaw, Marks, Provided, flaw};
use crate::wire::Outcome;

/// For so long after a 429 further requests to the same provider are counted.
const AFTER_429: u64 = 1_000_000_000;

/// What a gateway asked of its providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// Requests of the client to the gateway.
    pub client_requests: u64,
    /// Requests of the gateway to its providers.
    pub upstream_requests: u64,
    /// The second for each of the first: 1 where nothing is asked again and nothing comes from a cache.
    pub amplification: f64,
    /// Requests of the client for which providers were asked more than once.
    pub asked_again: u64,
    /// Requests of the client that were answered from a cache: no provider was asked.
    pub from_cache: u64,
    /// The median time to their first token, or end, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_p50_ms: Option<f64>,
    /// Requests at a provider that carried no marker.
    pub unmarked: u64,
    /// The providers, by name.
    pub providers: Vec<UpstreamShare>,
    /// Requests that came to a whole answer after a provider had failed them.
    pub rescued: u64,
    /// How long the gateway waited for a provider that failed: from asking to giving up, in
    /// milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience_ms: Option<Spread>,
    /// From there to the next provider's having the request, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch_ms: Option<Spread>,
    /// From the client's sending to its first token, or end, of rescued requests, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescued_ms: Option<Spread>,
    /// Output tokens that providers made.
    pub tokens_upstream: u64,
    /// Of these, those of answers that were asked for again, so that they are paid twice.
    pub tokens_twice: u64,
    /// How the client's failed requests ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
}

/// What one provider had of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpstreamShare {
    /// The provider.
    pub provider: String,
    /// Requests to it.
    pub requests: u64,
    /// Its share of all.
    pub share: f64,
    /// Answers that it gave to their end, those of scripted faults left out.
    pub whole: u64,
    /// Faults of its script, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
    /// Its answers with a 429.
    pub limited: u64,
    /// Requests that it got within a second of one of those.
    pub within_1s_of_429: u64,
    /// From its last fault to the next request that it got, in milliseconds: for how long the gateway left
    /// it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_after_fault_ms: Option<f64>,
}

/// How a time spreads, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many times there are.
    pub n: u64,
    /// The median.
    pub p50: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    fn of(mut nanos: Vec<u64>) -> Option<Self> {
        nanos.sort_unstable();
        let ms = |nanos: u64| nanos as f64 / 1e6;
        Some(Self {
            n: nanos.len() as u64,
            p50: ms(*nanos.get(nanos.len() / 2)?),
            max: ms(*nanos.last()?),
        })
    }
}

/// Works it out from the requests through the gateway, and all that the providers got.
pub(super) fn upstream(through: &[&Front], marks: &Marks<'_>, provided: &[Provided]) -> Upstream {
    let mut found = Upstream::default();
    let sent = through.iter().filter(|front| front.sent.is_some());
    let (mut patience, mut switch, mut rescued, mut cached) = <[Vec<u64>; 4]>::default().into();
    let mut of_gateway: Vec<&Provided> = Vec::new();
    for front in sent {
        found.client_requests += 1;
        if front.outcome != Outcome::Ok {
            *found.failures.entry(front.outcome.to_string()).or_default() += 1;
        }
        if flaw(front, Some(marks)) == Some(Flaw::FromCache) {
            found.from_cache += 1;
            cached.extend(front.ttft().or(front.service()));
        }
        let all = marks.get(&front.key).map_or(&[][..], Vec::as_slice);
        of_gateway.extend(all);
        let Some((last, before)) = all.split_last() else {
            continue;
        };
        found.asked_again += u64::from(!before.is_empty());
        for (failed, next) in before.iter().zip(&all[1..]) {
            patience.push(failed.truth.end.saturating_sub(failed.truth.received));
            switch.push(next.truth.received.saturating_sub(failed.truth.end));
            found.tokens_twice += u64::from(failed.truth.tokens);
        }
        if !before.is_empty() && last.truth.whole && front.outcome == Outcome::Ok {
            found.rescued += 1;
            rescued.extend(front.ttft().or(front.service()));
        }
    }
    found.unmarked = provided.iter().filter(|one| !one.truth.marked).count() as u64;
    found.upstream_requests = of_gateway.len() as u64;
    found.amplification = of_gateway.len() as f64 / found.client_requests.max(1) as f64;
    found.tokens_upstream = of_gateway
        .iter()
        .map(|one| u64::from(one.truth.tokens))
        .sum();
    found.providers = shares(of_gateway);
    found.patience_ms = Spread::of(patience);
    found.switch_ms = Spread::of(switch);
    found.rescued_ms = Spread::of(rescued);
    found.cached_p50_ms = Spread::of(cached).map(|spread| spread.p50);
    found
}

fn shares(of_gateway: Vec<&Provided>) -> Vec<UpstreamShare> {
    let all = of_gateway.len().max(1) as f64;
    let mut by_provider = HashMap::<&str, Vec<&Provided>>::new();
    for one in of_gateway {
        by_provider.entry(&one.provider).or_default().push(one);
    }
    let mut shares: Vec<UpstreamShare> = by_provider
        .into_iter()
        .map(|(provider, mut requests)| {
            requests.sort_by_key(|one| one.truth.received);
            UpstreamShare {
                provider: provider.to_owned(),
                share: requests.len() as f64 / all,
                ..share(&requests)
            }
        })
        .collect();
    shares.sort_by(|one, other| one.provider.cmp(&other.provider));
    shares
}

/// What a provider had, by its requests in the order of their coming.
fn share(requests: &[&Provided]) -> UpstreamShare {
    let mut share = UpstreamShare {
        requests: requests.len() as u64,
        ..UpstreamShare::default()
    };
    let (mut limited_at, mut faulty_at) = (None, None);
    for one in requests {
        let truth = &one.truth;
        if limited_at.is_some_and(|at: u64| {
            truth.received.saturating_sub(at) < AFTER_429 && truth.received > at
        }) {
            share.within_1s_of_429 += 1;
        }
        share.whole += u64::from(truth.whole && truth.fault.is_none());
        if truth.status == 429 {
            share.limited += 1;
            limited_at = Some(truth.end);
        }
        if let Some(fault) = &truth.fault {
            *share.faults.entry(fault.clone()).or_default() += 1;
            faulty_at = Some(truth.end);
        }
    }
    let next = faulty_at.and_then(|at| {
        requests
            .iter()
            .map(|one| one.truth.received)
            .find(|next| *next > at)
    });
    share.away_after_fault_ms = faulty_at
        .zip(next)
        .map(|(at, next)| (next - at) as f64 / 1e6);
    share
}
