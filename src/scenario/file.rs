//! What a scenario file may say: the serde types, which are also the JSON Schema.
//!
//! Every part is optional or spanned so that a file with several mistakes is read as far as it
//! goes; what must be there is checked in `check`, where all of it can be said at once.

mod asking;

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::arms::{ArmSection, CompareSection};
use super::budget::BudgetSection;
use super::checks::Checks;
use super::document::Spanned;
use super::logs::{LogToSection, ReconcileSection};
use super::overhead::OverheadSection;
use super::readings::GatewayReadings;
use super::shares::ExpectShares;
use super::thresholds::ThresholdEntry;
use crate::base::{Distribution, HumanDuration, Rate, Seed};
use crate::lab::Script;

pub use asking::{
    BalanceGroup, BalancedModel, Cache, CredentialOverride, CredentialSet, CustomerParams, Free,
    Routing, Sets, WeightedSet,
};

/// A load scenario: which requests, how many and when, against which gateway.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tollgate scenario")]
pub struct File {
    /// The scenario's name: the folder of its results.
    pub name: Option<Spanned<String>>,
    /// What the scenario answers, for whoever reads it.
    pub description: Option<String>,
    /// Decides every random choice of the run: prompts, mix and gaps. 0 where absent.
    pub seed: Option<Seed>,
    /// What `{{ run.id }}` and tags call a run, where two runs are to send the same bytes. Made up for
    /// each run where absent or empty; `--run-id` wins.
    pub run_id: Option<Spanned<String>>,
    /// Where requests can go, by name. A run uses one: `--target NAME`, else `target`, else the first.
    pub targets: Option<Spanned<Ordered<Spanned<Target>>>>,
    /// The name of the target to use.
    pub target: Option<Spanned<String>>,
    /// The arms of a comparison, by name, where there is one.
    pub arms: Option<Spanned<Ordered<Spanned<ArmSection>>>>,
    /// A gateway between the client and scripted providers, for `tollgate overhead`. Then there are no
    /// targets and arms of one's own.
    pub overhead: Option<Spanned<OverheadSection>>,
    /// How the arms are compared.
    pub compare: Option<Spanned<CompareSection>>,
    /// The weighted request mix.
    pub mix: Option<Spanned<Vec<Spanned<Recipe>>>>,
    /// The phases of load, one after the other.
    pub load: Option<Spanned<Vec<Spanned<Phase>>>>,
    /// What a good answer keeps to; goodput counts the requests that meet all of it.
    pub slos: Option<Slos>,
    /// What the run must keep to: `p95(ttft) < 800ms`, `error_rate < 1%`. It is judged at the run's end,
    /// and by `tollgate gate`.
    pub thresholds: Option<Vec<Spanned<ThresholdEntry>>>,
    /// A price table: a path from this file's folder. Empty is none, and costs are then unknown.
    pub prices: Option<Spanned<String>>,
    /// The most that the run may cost. It needs `prices`. No limit where absent.
    pub budget: Option<BudgetSection>,
    /// Where each finished request is logged, also where the target is no gateway.
    pub log_to: Option<Spanned<LogToSection>>,
    /// After the run its requests are held against the gateway's log of them.
    pub reconcile: Option<Spanned<ReconcileSection>>,
    /// The HTTP client that sends. `direct` where absent.
    pub client: Option<Client>,
    /// Who says when bytes arrived. `kernel` where absent.
    pub timestamps: Option<Timestamps>,
    /// How long the parts of a request may take.
    pub timeouts: Option<Timeouts>,
    /// How long requests in flight may go on after the last arrival. 30s where absent.
    pub drain: Option<HumanDuration>,
}

/// The HTTP client that sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// tollgate's own connections over HTTP/1.1, each phase timed.
    #[default]
    Direct,
    /// The client library that applications use, over HTTP/1.1; its connecting counts as service.
    Reqwest,
}

/// Who says when bytes arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timestamps {
    /// The kernel, as it receives them: a busy client doesn't make them late. `direct` on Linux; else as `user`.
    #[default]
    Kernel,
    /// tollgate, once it has read them.
    User,
}

/// Where requests go: exactly one of the kinds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// The embedded stand-ins: a provider whose every delay is known, behind a small gateway.
    Lab(LabTarget),
    /// A gateway or provider that is running somewhere.
    Gateway(GatewayTarget),
}

/// The embedded stand-ins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabTarget {
    /// Whether requests go through the lab's gateway (default) or straight to its provider.
    #[serde(default)]
    pub via: Via,
    /// Whose contract its gateway is asked by.
    #[serde(default)]
    pub kind: Kind,
    /// How the provider behaves.
    pub script: Option<Spanned<Script>>,
    /// The same, in a file of its own: a path from this file's folder.
    pub file: Option<Spanned<String>>,
    /// Keys of providers, by provider, for the gateway to use instead of its own. `kind: respan`.
    pub credentials: Option<Spanned<Ordered<Spanned<Sets>>>>,
    /// The same, by the exact model; wins over `credentials`. `kind: respan`.
    pub credential_override: Option<Spanned<Ordered<Spanned<CredentialOverride>>>>,
    /// Which way the gateway takes, where a recipe does not say otherwise. `kind: respan`.
    pub routing: Option<Spanned<Routing>>,
    /// Whether the gateway is asked for its own account of each request. True where absent. `kind:
    /// respan`.
    pub breakdown: Option<Spanned<bool>>,
    /// Further fields of each request's body: any JSON, merged last. Texts may hold `{{ ... }}`.
    pub body: Option<Spanned<Free>>,
    /// Further headers of each request. May hold `{{ ... }}`.
    pub headers: Option<Ordered<Spanned<String>>>,
}

/// The entrance to the lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Through the gateway, as `provider/model` with a key.
    #[default]
    Gateway,
    /// Straight to the provider.
    Provider,
}

/// A gateway or provider that is running somewhere.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayTarget {
    /// The base URL, as an `OpenAI` SDK takes it: `/chat/completions` is added.
    pub url: Spanned<String>,
    /// Whose contract it keeps.
    #[serde(default)]
    pub kind: Kind,
    /// The key, sent as `Authorization: Bearer`: `${VARIABLE}`, or `file:` and a path from this file's
    /// folder; never the key itself.
    pub api_key: Option<Spanned<String>>,
    /// The wire format.
    #[serde(default)]
    pub dialect: crate::dialect::Dialect,
    /// Where it tells what of a request. What is known of its `kind` where absent.
    pub readings: Option<Box<GatewayReadings>>,
    /// How requests share connections. `pool` where absent.
    pub connections: Option<Spanned<Sharing>>,
    /// The version of HTTP: 1 or 2. 1 where absent.
    pub http: Option<Spanned<u8>>,
    /// When the name of the host is looked up. `once` where absent.
    pub dns: Option<Dns>,
    /// Where to connect instead: `host:port`, or `unix:` and a path from this file's folder. The Host
    /// header and the name in TLS stay those of the URL.
    pub connect_to: Option<Spanned<String>>,
    /// Whom to trust, and how to be trusted, where the URL is https.
    pub tls: Option<Spanned<Tls>>,
    /// Up to so many connections are opened before a phase begins, and no more than it can have in
    /// flight. None where absent.
    pub preopen: Option<Spanned<u32>>,
    /// Keys of providers, by provider, for the gateway to use instead of its own. `kind: respan`.
    pub credentials: Option<Spanned<Ordered<Spanned<Sets>>>>,
    /// The same, by the exact model; wins over `credentials`. `kind: respan`.
    pub credential_override: Option<Spanned<Ordered<Spanned<CredentialOverride>>>>,
    /// Which way the gateway takes, where a recipe does not say otherwise. `kind: respan`.
    pub routing: Option<Spanned<Routing>>,
    /// Whether the gateway is asked for its own account of each request. True where absent. `kind:
    /// respan`.
    pub breakdown: Option<Spanned<bool>>,
    /// Further fields of each request's body: any JSON, merged last. Texts may hold `{{ ... }}`.
    pub body: Option<Spanned<Free>>,
    /// Further headers of each request. May hold `{{ ... }}`.
    pub headers: Option<Ordered<Spanned<String>>>,
}

/// How requests share connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// A request takes the idle connection that was used last, and else opens one.
    #[default]
    Pool,
    /// Each user of a closed loop keeps a connection of its own.
    PerUser,
    /// Each request opens a connection, and says that it is the last on it.
    New,
}

/// When the name of the host is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dns {
    /// Once, before the load: no lookup is in any time.
    #[default]
    Once,
    /// For each connection, as part of opening it.
    Each,
}

/// Whom to trust, and how to be trusted. Files are PEM; their paths start at this file's folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificates of the only authorities to trust. The system's where absent.
    pub ca: Option<Spanned<String>>,
    /// The client's certificate, and those between it and an authority.
    pub cert: Option<Spanned<String>>,
    /// The private key of `cert`.
    pub key: Option<Spanned<String>>,
    /// Talks to whoever answers: neither the certificate nor its name is checked.
    #[serde(default)]
    pub insecure: bool,
}

/// Whose contract a gateway keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any endpoint that speaks the `OpenAI` API.
    #[default]
    Openai,
    /// Respan's gateway.
    Respan,
    /// Respan's open-source gateway, `respan-gateway`. Each request's path names it.
    RespanOss,
    /// The `LiteLLM` proxy.
    Litellm,
    /// `OpenRouter`.
    Openrouter,
    /// Vercel's AI Gateway.
    Vercel,
    /// Portkey's gateway.
    Portkey,
    /// Cloudflare's AI Gateway.
    Cloudflare,
    /// Helicone's gateway.
    Helicone,
    /// Ferro Labs' gateway, `ferrogw`.
    Ferrogw,
}

/// One kind of request in the mix.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The recipe's name in the report.
    pub name: Spanned<String>,
    /// Its share of the arrivals, relative to the other recipes. 1 where absent.
    pub weight: Option<Spanned<f64>>,
    /// A chat completion.
    pub chat: Chat,
    /// What is asked of a whole answer. One that fails is the outcome `check_failed`.
    pub checks: Option<Spanned<Checks>>,
    /// How its answers should be shared out by the gateway.
    pub expect_shares: Option<Spanned<ExpectShares>>,
}

/// A chat completion.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// The model, in the words of the target: `openai/gpt-lab`.
    pub model: Spanned<String>,
    /// Whether the answer is streamed. True where absent: only a stream has a time to first token.
    pub stream: Option<bool>,
    /// What is asked.
    pub prompt: Spanned<Prompt>,
    /// A system message in front of every prompt.
    pub system: Option<String>,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<Spanned<u32>>,
    /// Which way the gateway takes. `kind: respan`.
    pub routing: Option<Spanned<Routing>>,
    /// Further fields of the body: any JSON, merged last. Texts may hold `{{ ... }}`.
    pub body: Option<Spanned<Free>>,
    /// Further headers. May hold `{{ ... }}`.
    pub headers: Option<Ordered<Spanned<String>>>,
}

/// Where prompts come from: exactly one of the kinds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Prompt {
    /// The same text each time.
    Text(String),
    /// A JSON Lines file with `{"prompt": "..."}` or `{"messages": [...]}` on each line; a row is
    /// drawn for each arrival. A path from this file's folder.
    File(String),
    /// Made-up text of a wanted length.
    Synthetic(Synthetic),
}

/// Made-up text of a wanted length.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// How long, in tokens by the estimate of one token a frequent word.
    pub tokens: Distribution<u32>,
}

/// One phase of load. Besides its name, exactly one shape.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// The phase's name in the report.
    pub name: Spanned<String>,
    /// Whether it only warms up: its requests are kept apart from every figure.
    #[serde(default)]
    pub warmup: bool,
    /// Closed loop: so many users, each with one request at a time.
    pub closed: Option<Closed>,
    /// Open loop: arrivals at even gaps.
    pub constant: Option<Steady>,
    /// Open loop: arrivals at random (exponential gaps), as independent users make them.
    pub poisson: Option<Steady>,
    /// Open loop: a rate that grows or falls in a straight line.
    pub ramp: Option<Ramp>,
}

/// A closed loop. It ends at whichever of `requests` and `duration` comes first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How many users, each with one request at a time.
    pub concurrency: Spanned<u32>,
    /// How many requests in all.
    pub requests: Option<Spanned<u64>>,
    /// For how long requests are started.
    pub duration: Option<Spanned<HumanDuration>>,
    /// How long a user waits between an answer and the next request.
    pub think: Option<Spanned<Distribution<HumanDuration>>>,
}

/// An open loop at one rate. It ends at whichever of `requests` and `duration` comes first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// Arrivals per time: `50/s`.
    pub rate: Spanned<Rate>,
    /// For how long.
    pub duration: Option<Spanned<HumanDuration>>,
    /// How many arrivals.
    pub requests: Option<Spanned<u64>>,
    /// The most requests in flight: further arrivals queue, and their wait counts. 10000 where absent.
    pub max_in_flight: Option<Spanned<u32>>,
    /// An arrival that has queued for so long is given up as `shed`. Never where absent.
    pub shed_after: Option<HumanDuration>,
}

/// An open loop whose rate changes in a straight line.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// The rate at the start.
    pub from: Spanned<Rate>,
    /// The rate at the end.
    pub to: Spanned<Rate>,
    /// For how long.
    pub duration: Spanned<HumanDuration>,
    /// The most requests in flight: further arrivals queue, and their wait counts. 10000 where absent.
    pub max_in_flight: Option<Spanned<u32>>,
    /// An arrival that has queued for so long is given up as `shed`. Never where absent.
    pub shed_after: Option<HumanDuration>,
}

/// What a good answer keeps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slos {
    /// Time to first token, from the planned start. Asked of streamed answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft: Option<HumanDuration>,
    /// Time per output token after the first. Asked of streamed answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpot: Option<HumanDuration>,
    /// Response time, from the planned start to the end of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2e: Option<HumanDuration>,
}

/// How long the parts of a request may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To a connection, TLS included. 10s where absent.
    pub connect: Option<HumanDuration>,
    /// From sending to the first token of a stream. 60s where absent.
    pub first_token: Option<HumanDuration>,
    /// Between two reads once an answer has begun. 60s where absent.
    pub idle: Option<HumanDuration>,
    /// From sending to the end. 300s where absent.
    pub request: Option<HumanDuration>,
}

/// A mapping in the order of the file, with the place of each key.
#[derive(Clone, Debug)]
pub struct Ordered<T>(pub Vec<(Spanned<String>, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

struct OrderedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Ordered(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <std::collections::BTreeMap<String, T>>::json_schema(generator)
    }
}
