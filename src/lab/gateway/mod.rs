//! The gateway stand-in: it keeps the contract of Respan's hosted gateway, as far as calls to models
//! and their logs go, with real HTTP on both sides.
//!
//! It adds nothing but its own time and what its script says, so that what a client measures through
//! it, less what it measures without, is the gateway's.

mod body;
mod breakdown;
mod cache;
mod call;
mod chat;
mod clock;
mod conduct;
mod credentials;
mod errors;
mod limits;
mod logs;
mod models;
mod native;
mod params;
mod passage;
mod routes;
mod routing;
mod script;
mod shaper;
mod tap;
mod units;
mod upstream;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::handler::Handler;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use conduct::{Added, Coalesce, Conduct, Into, Rewrite, Until};
pub use passage::Passed;
pub use script::{ClientKey, GatewayScript, Limits, Weighted};

use super::wire::Door;
use crate::base::{Money, Monotonic, Secret, Seed, Usd};
use crate::pricing::PriceTable;
use upstream::{Upstream, Upstreams};

/// A stand-in for a gateway.
#[derive(Debug)]
pub struct Gateway {
    script: GatewayScript,
    prices: Option<PriceTable>,
    upstreams: Upstreams,
    seed: Seed,
    /// How many rows have got a name.
    calls: AtomicU64,
    /// Nano-dollars that were spent through the gateway's own keys.
    spent: AtomicI64,
    minutes: limits::Minutes,
    cache: cache::Cache,
    logs: logs::Store,
    clock: clock::Clock,
    passages: Arc<passage::Passages>,
    client: upstream::Client,
}

impl Gateway {
    /// A gateway that demands `key`, and asks the provider at `provider_base_url`, which ends
    /// before `/chat/completions`.
    pub fn new(key: Secret, provider_base_url: String) -> io::Result<Self> {
        let script = GatewayScript {
            keys: vec![ClientKey {
                key: key.expose().to_owned(),
                models: Vec::new(),
            }],
            ..GatewayScript::default()
        };
        let upstream = Upstream {
            base: provider_base_url,
            key,
        };
        Self::follow(script, upstream, Seed(0))
    }

    /// A gateway that does what the script says, which should have passed its check. Providers that
    /// have no address of their own are asked at the one of `default`.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unnecessary_wraps, reason = "a log file may not open")
    )]
    fn follow(script: GatewayScript, default: Upstream, seed: Seed) -> io::Result<Self> {
        let logs = logs::Store::new(script.keep_logs as usize, script.ingestion_delay.0);
        #[cfg(feature = "sqlite")]
        let logs = logs.with_file(script.log_file.as_deref())?;
        Ok(Self {
            script,
            prices: None,
            upstreams: Upstreams {
                default,
                named: BTreeMap::new(),
            },
            seed,
            calls: AtomicU64::new(0),
            spent: AtomicI64::new(0),
            minutes: limits::Minutes::default(),
            cache: cache::Cache::default(),
            logs,
            clock: clock::Clock::new(),
            passages: Arc::default(),
            client: upstream::client(),
        })
    }

    /// A gateway in front of one provider for all names, with a script and a seed.
    pub fn scripted(
        script: GatewayScript,
        seed: Seed,
        provider_base_url: String,
        provider_key: Secret,
    ) -> io::Result<Self> {
        let upstream = Upstream {
            base: provider_base_url,
            key: provider_key,
        };
        Self::follow(script, upstream, seed)
    }

    /// With a provider of its own for all models that begin with `name/`.
    #[must_use]
    pub fn with_provider(mut self, name: String, base_url: String, key: Secret) -> Self {
        let upstream = Upstream {
            base: base_url,
            key,
        };
        self.upstreams.named.insert(name, upstream);
        self
    }

    /// With prices, by which rows and request breakdowns tell a cost.
    #[must_use]
    pub fn with_prices(mut self, prices: PriceTable) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Says what time it is, for the instants in log rows. Until then the gateway started with the
    /// year 2026. The first one to say it is right.
    pub fn set_time(&self, now: OffsetDateTime) {
        self.clock.set(now);
    }

    /// Keeps the true instants of every call for a chat completion from here on, on the clock that all
    /// processes share.
    pub fn keep_truth(&self, clock: Monotonic) {
        self.passages.keep(clock);
    }

    /// What was truly done with all such calls that are over, which is then forgotten here.
    pub fn take_truth(&self) -> Vec<Passed> {
        self.passages.take()
    }

    /// Calls whose truth was to be kept, and for which there was no room.
    pub fn truths_dropped(&self) -> u64 {
        self.passages.dropped()
    }

    /// Calls under way whose truth is kept.
    pub fn under_way(&self) -> u64 {
        self.passages.under_way()
    }

    /// Answers on `listener` until `shutdown` is cancelled. Then all connections are closed, with
    /// whatever is under way on them, and this returns.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let door = Door::new(listener, shutdown.clone())?;
        let service = routes::handle.with_state(self).into_make_service();
        let serve = axum::serve(door, service).with_graceful_shutdown(shutdown.cancelled_owned());
        serve.into_future().await
    }

    /// The name of a row: the same seed names the same rows.
    fn row_id(&self, number: u64) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"tollgate lab row");
        hasher.update(&self.seed.0.to_le_bytes());
        hasher.update(&number.to_le_bytes());
        hasher.finalize().to_hex().as_str()[..32].to_owned()
    }

    fn spend(&self, cost: Money) {
        self.spent.fetch_add(cost.nanos(), Ordering::Relaxed);
    }

    /// Whether no credit is left.
    fn is_spent(&self) -> bool {
        let credit = self.script.credit.map(Usd::femtos).map(Usd::round_femtos);
        let spent = Money::from_nanos(self.spent.load(Ordering::Relaxed));
        credit.is_some_and(|credit| spent >= credit)
    }
}
