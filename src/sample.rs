//! One arrival, one row: the request's instants, its outcome, and the figures that follow from them.

mod bill;
mod checks;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Money, Offset};
use crate::plan::{ArmId, ArrivalId, Plan, RecipeId};
use crate::scenario::Slos;
use crate::schedule::Arrival;
use crate::wire::{Exchange, Outcome};

pub use bill::{Bill, PricedBy};

/// One request of a run, finished or failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The arrival.
    pub id: ArrivalId,
    /// Its arm.
    pub arm: ArmId,
    /// Its recipe.
    pub recipe: RecipeId,
    /// Whether it is kept apart from every figure.
    pub warmup: bool,
    /// Whether the answer was to be streamed.
    pub stream: bool,
    /// When the plan wanted it to start.
    pub due: Offset,
    /// How long it waited for a place in flight.
    pub queued: Duration,
    /// What became of it.
    pub exchange: Exchange,
    /// The cost by the price table; `None` where it is unknown.
    pub cost: Option<Money>,
    /// Whose price that is, and whose provider it is counted for.
    pub bill: Bill,
    /// Whether it was answered within every SLO of the scenario.
    pub good: bool,
}

/// A time that is measured of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Time to first token: `first_token - due`. Streamed answers only.
    Ttft,
    /// Time to first token from sending: `first_token - sent`.
    TtftService,
    /// Time to first visible output: `first_output - due`.
    Ttfo,
    /// Time per output token: `(last_token - first_token) / (output_tokens - 1)`.
    Tpot,
    /// Gap between consecutive token chunks.
    ChunkGap,
    /// Response time: `end - due`.
    E2e,
    /// Service time: `end - sent`.
    Service,
    /// Our own lateness: `sent - due`, without the time to open a connection, and with the time queued
    /// for a place in flight.
    Lag,
    /// Opening a connection: name, socket and TLS. Of requests that opened one.
    Connect,
    /// The time that the gateway says it added. A claim: it is not measured here.
    OverheadClaimed,
}

impl Metric {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Ttft,
        Self::TtftService,
        Self::Ttfo,
        Self::Tpot,
        Self::ChunkGap,
        Self::E2e,
        Self::Service,
        Self::Lag,
        Self::Connect,
        Self::OverheadClaimed,
    ];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::TtftService => "ttft_service",
            Self::Ttfo => "ttfo",
            Self::Tpot => "tpot",
            Self::ChunkGap => "chunk_gap",
            Self::E2e => "e2e",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::Connect => "connect",
            Self::OverheadClaimed => "overhead_claimed",
        }
    }

    /// How it is worked out.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Ttft => "first_token - due (streamed answers)",
            Self::TtftService => "first_token - sent (streamed answers)",
            Self::Ttfo => "first_output - due (streamed answers, hidden reasoning skipped)",
            Self::Tpot => "(last_token - first_token) / (output_tokens - 1)",
            Self::ChunkGap => {
                "gap between consecutive token chunks; a chunk may hold several tokens"
            }
            Self::E2e => "end - due",
            Self::Service => "end - sent",
            Self::Lag => {
                "sent - due - connect: our own lateness, and the wait for a place in flight"
            }
            Self::Connect => "dns + connect + tls, of requests that opened a connection",
            Self::OverheadClaimed => {
                "what the gateway says that it added: a claim, not measured here"
            }
        }
    }

    /// Whether a failed request can have it: then it is kept apart.
    pub const fn of_ok_only(self) -> bool {
        !matches!(self, Self::Lag | Self::Connect)
    }
}

impl Sample {
    /// The row of an arrival that was due at `due`.
    pub fn new(
        plan: &Plan,
        arrival: &Arrival,
        due: Offset,
        queued: Duration,
        exchange: Exchange,
    ) -> Self {
        let recipe = plan.recipe(arrival.arm, arrival.recipe);
        let scenario = plan.scenario();
        let (cost, bill) = Bill::new(recipe, scenario.prices.as_ref(), &exchange);
        let mut sample = Self {
            id: arrival.id,
            arm: arrival.arm,
            recipe: arrival.recipe,
            warmup: scenario.phases[usize::from(arrival.id.phase.0)].warmup,
            stream: recipe.stream,
            due,
            queued,
            cost,
            bill,
            exchange,
            good: false,
        };
        sample.check(&recipe.checks, &scenario.secrets);
        sample.good = sample.meets(&scenario.slos);
        sample
    }

    /// Whether it has a whole answer.
    pub fn is_ok(&self) -> bool {
        self.exchange.outcome == Outcome::Ok
    }

    /// The provider: as the gateway told it, else by the name of the model.
    pub fn provider(&self) -> Option<&str> {
        let told = self.exchange.told.provider.as_deref();
        told.or(self.bill.provider.as_deref())
    }

    /// When it ended; when it was due, where it was never sent.
    pub fn end(&self) -> Offset {
        self.exchange.marks.end.unwrap_or(self.due)
    }

    /// Output tokens, and whether they are an estimate (token chunks counted, where the server
    /// reported no usage). `None` where nothing tells.
    pub fn output_tokens(&self) -> Option<(u64, bool)> {
        match &self.exchange.usage {
            Some(usage) => Some((usage.output_tokens, false)),
            None if self.exchange.token_chunks > 0 => {
                Some((u64::from(self.exchange.token_chunks), true))
            }
            None => None,
        }
    }

    /// One of its times; `None` where it is not defined. Chunk gaps are many, and not here.
    pub fn time(&self, metric: Metric) -> Option<Duration> {
        let marks = &self.exchange.marks;
        let since_due = |mark: Option<Offset>| Some(mark?.since(self.due));
        let since_sent = |mark: Option<Offset>| Some(mark?.since(marks.sent?));
        match metric {
            Metric::Ttft => since_due(marks.first_token.filter(|_| self.stream)),
            Metric::TtftService => since_sent(marks.first_token.filter(|_| self.stream)),
            Metric::Ttfo => since_due(marks.first_output.filter(|_| self.stream)),
            Metric::Tpot => {
                let (tokens, _) = self.output_tokens()?;
                let gaps = u32::try_from(tokens.checked_sub(1)?)
                    .ok()
                    .filter(|gaps| *gaps > 0)?;
                Some(marks.last_token?.since(marks.first_token?) / gaps)
            }
            Metric::ChunkGap => None,
            Metric::E2e => since_due(marks.end),
            Metric::Service => since_sent(marks.end),
            Metric::Lag => {
                let connecting = self.time(Metric::Connect).unwrap_or_default();
                since_due(marks.sent).map(|lag| lag.saturating_sub(connecting))
            }
            Metric::Connect => self.exchange.connecting.map(|phases| phases.total()),
            Metric::OverheadClaimed => self.exchange.told.overhead,
        }
    }

    /// Whether it was answered within `slos`. Those of tokens are asked of streamed answers only; one
    /// that has no first token does not meet an SLO on it.
    pub fn meets(&self, slos: &Slos) -> bool {
        let within = |metric, limit: Option<crate::base::HumanDuration>, asked: bool| {
            limit
                .is_none_or(|limit| !asked || self.time(metric).is_some_and(|time| time <= limit.0))
        };
        let several = self.output_tokens().is_some_and(|(tokens, _)| tokens > 1);
        self.is_ok()
            && within(Metric::Ttft, slos.ttft, self.stream)
            && within(Metric::Tpot, slos.tpot, self.stream && several)
            && within(Metric::E2e, slos.e2e, true)
    }
}

#[cfg(test)]
impl Sample {
    /// The row of an exchange about which nothing else matters.
    fn of(exchange: Exchange) -> Self {
        Self {
            id: ArrivalId::default(),
            arm: ArmId::default(),
            recipe: RecipeId::default(),
            warmup: false,
            stream: true,
            due: Offset::ZERO,
            queued: Duration::ZERO,
            exchange,
            cost: None,
            bill: Bill::default(),
            good: false,
        }
    }
}
