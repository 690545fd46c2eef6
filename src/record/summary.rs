//! A record to the figures that are printed: one type, from which every report and file is made.

use serde::{Deserialize, Serialize};

use super::{Names, PhaseRecord, Recorder, Spent, Tally, TellSummary, needed};
use crate::base::Money;
use crate::sample::Metric;

/// The quantiles of a summary.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
];

/// An amount of money, and how many rows are missing from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The known part, in US dollars.
    pub usd: Money,
    /// Rows whose cost is unknown.
    pub unknown: u64,
    /// Rows whose cost is by the price of the model that was asked: the one that answered is not known, or
    /// has no price of its own.
    #[serde(default)]
    pub priced_by_asked: u64,
    /// The mean of the known rows, in US dollars.
    pub per_request_usd: Option<Money>,
    /// For 1000 output tokens of the known rows, in US dollars.
    pub per_1k_output_usd: Option<Money>,
    /// For each good request, in US dollars; absent where any row is unknown.
    pub per_good_usd: Option<Money>,
}

impl Cost {
    fn new(spent: &Spent) -> Self {
        Self {
            usd: spent.cost,
            unknown: spent.unknown,
            priced_by_asked: spent.priced_by_asked,
            per_request_usd: spent.per_request(),
            per_1k_output_usd: spent.per_1k_output(),
            per_good_usd: spent.per_good(),
        }
    }
}

/// What the requests cost that one model answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCost {
    /// The model, in the server's words.
    pub model: String,
    /// Requests.
    pub requests: u64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Output tokens of the requests whose cost is known.
    pub output_tokens: u64,
    /// Their cost.
    pub cost: Cost,
}

impl ModelCost {
    fn new((model, spent): (&str, &Spent)) -> Self {
        Self {
            model: model.to_owned(),
            requests: spent.requests,
            good: spent.good,
            output_tokens: spent.output_tokens,
            cost: Cost::new(spent),
        }
    }
}

/// What the requests cost that one provider answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCost {
    /// The provider, as the gateway told it, else by the name of the model; `unknown` where neither tells.
    pub provider: String,
    /// Requests.
    pub requests: u64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Output tokens of the requests whose cost is known.
    pub output_tokens: u64,
    /// Their cost.
    pub cost: Cost,
}

impl ProviderCost {
    fn new((provider, spent): (&str, &Spent)) -> Self {
        let model = ModelCost::new((provider, spent));
        Self {
            provider: model.model,
            requests: model.requests,
            good: model.good,
            output_tokens: model.output_tokens,
            cost: model.cost,
        }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The phases, warm-up included.
    pub phases: Vec<PhaseSummary>,
    /// Requests that warmed up, kept apart from all below.
    pub warmup: Count,
    /// The length of the measured windows of arrivals, in seconds.
    pub window_s: f64,
    /// All measured requests, then each arm of a comparison, each recipe, and each recipe of each arm.
    pub scopes: Vec<ScopeSummary>,
    /// What each model cost, as it answered.
    #[serde(default)]
    pub models: Vec<ModelCost>,
    /// What each provider cost.
    #[serde(default)]
    pub providers: Vec<ProviderCost>,
}

/// What became of some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Requests.
    pub requests: u64,
    /// Whole answers.
    pub ok: u64,
    /// The others.
    pub failed: u64,
}

/// A phase as it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// The name.
    pub name: String,
    /// Whether it is kept apart.
    pub warmup: bool,
    /// Requests.
    pub requests: u64,
    /// The length of its window of arrivals, in seconds.
    pub window_s: f64,
}

/// The figures of one scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScopeSummary {
    /// `total`, `arm:ARM`, `recipe:RECIPE`, or `group:ARM/RECIPE`.
    pub scope: String,
    /// What became of its requests.
    pub count: Count,
    /// Failures by kind, most frequent first.
    pub errors: Vec<ErrorCount>,
    /// Counts, tokens and money.
    pub totals: Totals,
    /// Times.
    pub metrics: Vec<MetricSummary>,
    /// What the gateway told beyond the answers.
    #[serde(default)]
    pub told: TellSummary,
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The outcome's name.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// The last thing that was said.
    pub last_message: Option<String>,
}

/// Counts, tokens and money of one scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Failed requests as a share of all.
    pub error_rate: f64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Whole answers within every SLO that ended in the window, per second of it.
    pub goodput_per_s: f64,
    /// Whole answers that ended in the window, per second of it.
    pub throughput_per_s: f64,
    /// Output tokens of whole answers that ended in the window, per second of it.
    pub output_tokens_per_s: f64,
    /// Whole answers without a token.
    pub empty_answers: u64,
    /// Requests that waited for a place in flight.
    pub queued: u64,
    /// Prompt tokens, as the server counted them.
    pub input_tokens: u64,
    /// Of these, the ones read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Requests whose output tokens are token chunks counted, for lack of usage.
    pub estimated_tokens: u64,
    /// Output tokens in a streamed chunk, on average.
    pub tokens_per_chunk: Option<f64>,
    /// Token chunks that came in one read with the one before, as a share of all.
    pub coalesced_share: Option<f64>,
    /// The cost by the price table.
    pub cost: Cost,
    /// The cost that the server claimed, in US dollars; absent where it claimed none.
    pub cost_reported_usd: Option<Money>,
    /// Times longer than an hour, which count as an hour.
    pub clamped: u64,
}

/// One kind of time in one scope. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Which time.
    pub metric: Metric,
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Their quantiles.
    pub quantiles: Vec<QuantileSummary>,
}

/// One quantile of one kind of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileSummary {
    /// `p50`, `p99.9`, ...
    pub stat: String,
    /// Values that it needs; below, it is not given.
    pub needs: u64,
    /// The value.
    pub value_ms: Option<f64>,
    /// The lower end of its 95 % confidence interval.
    pub ci_low_ms: Option<f64>,
    /// The upper end.
    pub ci_high_ms: Option<f64>,
    /// The value when failures count as infinitely slow; absent where that is infinite.
    pub adjusted_ms: Option<f64>,
    /// Whether the adjusted value is infinite.
    pub adjusted_infinite: bool,
}

impl Summary {
    /// The figures of a record.
    pub fn new(recorder: &Recorder, names: &Names) -> Self {
        let window_s = recorder.window().as_secs_f64();
        let total = recorder.total();
        let scopes = recorder.scopes(names).into_iter();
        let scopes = scopes.map(|(scope, tally)| ScopeSummary::new(scope, &tally, window_s));
        let scopes = scopes.collect();
        Self {
            phases: recorder.phases().iter().map(PhaseSummary::new).collect(),
            warmup: Count::new(&recorder.warmup()),
            window_s,
            scopes,
            models: total.models.iter().map(ModelCost::new).collect(),
            providers: total.providers.iter().map(ProviderCost::new).collect(),
        }
    }

    /// All measured requests.
    pub fn total(&self) -> Option<&ScopeSummary> {
        self.scopes.first()
    }
}

impl PhaseSummary {
    fn new(phase: &PhaseRecord) -> Self {
        Self {
            name: phase.name.clone(),
            warmup: phase.warmup,
            requests: phase.arrivals,
            window_s: phase.window().as_secs_f64(),
        }
    }
}

impl Count {
    const fn new(tally: &Tally) -> Self {
        Self {
            requests: tally.arrivals,
            ok: tally.ok,
            failed: tally.failed_count(),
        }
    }
}

impl ErrorCount {
    /// The failures of some rows by kind, most frequent first.
    pub fn all(tally: &Tally) -> Vec<Self> {
        let errors = tally.errors.iter();
        let errors = errors.map(|(outcome, (count, said))| Self {
            outcome: outcome.to_string(),
            count: *count,
            last_message: said.clone(),
        });
        let mut errors: Vec<Self> = errors.collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.count));
        errors
    }
}

impl ScopeSummary {
    /// The figures of some rows, which came in a window of so many seconds.
    pub fn new(scope: String, tally: &Tally, window_s: f64) -> Self {
        Self {
            scope,
            count: Count::new(tally),
            errors: ErrorCount::all(tally),
            totals: Totals::new(tally, window_s),
            metrics: Metric::ALL
                .into_iter()
                .filter_map(|metric| MetricSummary::new(metric, tally))
                .collect(),
            told: TellSummary::new(&tally.told),
        }
    }

    /// The name of the arm, where it is one.
    pub fn arm(&self) -> Option<&str> {
        self.scope.strip_prefix("arm:")
    }

    /// The name for a table: without its kind.
    pub fn label(&self) -> &str {
        self.scope
            .split_once(':')
            .map_or(&self.scope, |(_, name)| name)
    }

    /// The name of the recipe, where it is one.
    pub fn recipe(&self) -> Option<&str> {
        self.scope.strip_prefix("recipe:")
    }

    /// One kind of time.
    pub fn metric(&self, metric: Metric) -> Option<&MetricSummary> {
        self.metrics.iter().find(|summary| summary.metric == metric)
    }
}

impl Totals {
    fn new(tally: &Tally, window_s: f64) -> Self {
        let per_second = |n: u64| {
            if window_s > 0.0 {
                n as f64 / window_s
            } else {
                0.0
            }
        };
        let share = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        Self {
            error_rate: share(tally.failed_count(), tally.arrivals).unwrap_or(0.0),
            good: tally.good,
            goodput_per_s: per_second(tally.good_in_window),
            throughput_per_s: per_second(tally.ok_in_window),
            output_tokens_per_s: per_second(tally.tokens_in_window),
            empty_answers: tally.empty,
            queued: tally.queued,
            input_tokens: tally.input_tokens,
            cached_input_tokens: tally.cached_input_tokens,
            output_tokens: tally.output_tokens,
            estimated_tokens: tally.estimated,
            tokens_per_chunk: share(tally.streamed_tokens, tally.token_chunks),
            coalesced_share: share(tally.coalesced_chunks, tally.token_chunks),
            cost: Cost::new(&tally.models.total()),
            cost_reported_usd: (tally.cost_claims > 0).then_some(tally.cost_reported),
            clamped: tally.clamped(),
        }
    }
}

/// The failures that count as infinitely slow among the times of a kind, of all and of those whose answer
/// was to be streamed.
pub(super) const fn failures(metric: Metric, failed: u64, streamed: u64) -> u64 {
    match metric {
        Metric::E2e | Metric::Service => failed,
        Metric::Ttft | Metric::TtftService | Metric::Ttfo => streamed,
        // These are not one for each request, so a failure has no place among them.
        Metric::Tpot
        | Metric::ChunkGap
        | Metric::Lag
        | Metric::Connect
        | Metric::OverheadClaimed => 0,
    }
}

impl MetricSummary {
    fn new(metric: Metric, tally: &Tally) -> Option<Self> {
        let times = tally.times(metric)?;
        let ms = |time: std::time::Duration| time.as_nanos() as f64 / 1e6;
        let failed = tally.failed_of(metric);
        let quantiles = QUANTILES
            .into_iter()
            .map(|(stat, q)| {
                let quantile = times.quantile(q);
                let adjusted = times.adjusted(q, failed);
                QuantileSummary {
                    stat: stat.to_owned(),
                    needs: needed(q),
                    value_ms: quantile.map(|quantile| ms(quantile.value)),
                    ci_low_ms: quantile.map(|quantile| ms(quantile.low)),
                    ci_high_ms: quantile.map(|quantile| ms(quantile.high)),
                    adjusted_ms: adjusted.flatten().map(ms),
                    adjusted_infinite: adjusted == Some(None),
                }
            })
            .collect();
        Some(Self {
            metric,
            n: times.len(),
            mean_ms: ms(times.mean()),
            max_ms: ms(times.max()),
            quantiles,
        })
    }

    /// One of the quantiles.
    pub fn quantile(&self, stat: &str) -> Option<&QuantileSummary> {
        self.quantiles.iter().find(|quantile| quantile.stat == stat)
    }
}
