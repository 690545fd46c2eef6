//! The join itself: one request after the other against the rows of a log, which are all at hand.

use serde::Serialize;

use super::rows::{Key, LogRows, Logged, Seen};
use super::{
    Against, CacheLogged, CostDifference, Disagree, LogRead, RECONCILE_SCHEMA, Reconciled, Spread,
    TokenDifference,
};
use crate::base::Money;

/// What a joined cost may be off by rounding alone, in nano-dollars.
const ROUNDING: i64 = 1;

/// Which of the two sides has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Both.
    Both,
    /// The client alone: the log lacks it.
    ClientOnly,
    /// The log alone: no request of the run has this identifier.
    LogOnly,
    /// The client alone, and rightly: it was never sent.
    NotSent,
}

/// A request as both sides know it: a line of `reconcile.csv`. What a side doesn't know is empty.
#[derive(Clone, Debug, Serialize)]
pub struct Joined {
    /// The arrival, or the gateway's name for the request where no arrival is known.
    pub id: String,
    /// Which side has it.
    pub side: Side,
    /// Whether it is of the warm-up.
    pub warmup: Option<bool>,
    /// What the sides disagree in, parted by blanks.
    pub disagree: String,
    /// Log rows beyond the first.
    pub duplicates: u64,
    /// The status that the client got.
    pub status_client: Option<u16>,
    /// The status that was logged.
    pub status_logged: Option<u16>,
    /// The cost by the price table, in US dollars.
    pub cost_computed_usd: Option<Money>,
    /// The cost that the answer claimed.
    pub cost_in_band_usd: Option<Money>,
    /// The cost that was logged.
    pub cost_logged_usd: Option<Money>,
    /// Input tokens as the answer counted them.
    pub input_tokens_client: Option<u64>,
    /// Input tokens as they were logged.
    pub input_tokens_logged: Option<u64>,
    /// Output tokens as the answer counted them.
    pub output_tokens_client: Option<u64>,
    /// Output tokens as they were logged.
    pub output_tokens_logged: Option<u64>,
    /// The client's service time, `end - sent`.
    pub latency_client_ms: Option<f64>,
    /// The gateway's latency.
    pub latency_gateway_ms: Option<f64>,
    /// The client's `first_token - sent`.
    pub ttft_client_ms: Option<f64>,
    /// The gateway's time to first token.
    pub ttft_gateway_ms: Option<f64>,
    /// The gateway's own time.
    pub routing_time_ms: Option<f64>,
    /// The model in the answer's words.
    pub model_client: Option<String>,
    /// The model in the log's words.
    pub model_logged: Option<String>,
    /// The provider in the answer's words.
    pub provider_client: Option<String>,
    /// The provider in the log's words.
    pub provider_logged: Option<String>,
    /// Whether the answer came from the gateway's cache, by the log.
    pub cache_hit: Option<bool>,
}

/// Joins the requests of a run with a log, one after the other.
#[derive(Debug)]
pub struct Joiner {
    logs: LogRows,
    found: Reconciled,
    times: Times,
}

#[derive(Debug, Default)]
struct Times {
    routing: Vec<f64>,
    ttft_beyond: Vec<f64>,
    latency_beyond: Vec<f64>,
    skew: Vec<f64>,
}

impl Joiner {
    /// A joiner of the run `run_id` with the rows that its log was found to hold.
    pub fn new(run_id: &str, scenario: &str, log: LogRead, logs: LogRows) -> Self {
        let (mut logged_usd, mut logged_unknown) = (None, 0);
        for row in logs.by_key.values().flatten() {
            match row.cost {
                Some(cost) => *logged_usd.get_or_insert(Money::ZERO) += cost,
                None => logged_unknown += 1,
            }
        }
        let log = LogRead {
            rows: logs.len(),
            ..log
        };
        Self {
            logs,
            found: Reconciled {
                schema: RECONCILE_SCHEMA,
                run_id: run_id.to_owned(),
                scenario: scenario.to_owned(),
                log,
                requests: 0,
                sent: 0,
                joined: 0,
                missing_logs: 0,
                missing_failed: 0,
                missing_requests: 0,
                duplicates: 0,
                disagree: Disagree::default(),
                cost_drift: None,
                cost_drift_against: None,
                computed: CostDifference::default(),
                in_band: CostDifference::default(),
                logged_usd,
                logged_unknown,
                input_tokens: TokenDifference::default(),
                output_tokens: TokenDifference::default(),
                cache: CacheLogged::default(),
                routing_time: None,
                ttft_beyond_gateway: None,
                latency_beyond_gateway: None,
                clock_skew_s: None,
            },
            times: Times::default(),
        }
    }

    /// Joins a request.
    pub fn join(&mut self, seen: Seen) -> Joined {
        self.found.requests += 1;
        self.found.sent += u64::from(seen.sent);
        let (logged, further) = self.take(&seen);
        let Some(logged) = logged else {
            self.found.missing_logs += u64::from(seen.sent);
            self.found.missing_failed += u64::from(seen.sent && !seen.ok);
            let side = if seen.sent {
                Side::ClientOnly
            } else {
                Side::NotSent
            };
            return line(seen, None, side, 0, String::new());
        };
        self.found.joined += 1;
        self.found.duplicates += further;
        let said = self.compare(&seen, &logged);
        self.clock(&seen, &logged);
        line(seen, Some(logged), Side::Both, further, said)
    }

    /// The log's row of a request, which no other request gets; and how many more it has.
    fn take(&mut self, seen: &Seen) -> (Option<Logged>, u64) {
        let by_arrival = self.logs.by_key.remove(&Key::Arrival(seen.id));
        let rows = by_arrival.or_else(|| {
            let name = seen.request_id.as_deref()?;
            self.logs.by_key.remove(&Key::Request(name.into()))
        });
        let Some(rows) = rows else { return (None, 0) };
        let further = rows.len() as u64 - 1;
        // A gateway may log an attempt that failed before the one that the client got.
        let rank = |row: &Logged| (row.status != seen.status, row.ended.unwrap_or(f64::MAX));
        let by_rank = |a: &Logged, b: &Logged| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        };
        (rows.into_iter().min_by(by_rank), further)
    }

    /// Compares the two sides of a request; what differs, in words.
    fn compare(&mut self, seen: &Seen, logged: &Logged) -> String {
        let found = &mut self.found;
        let hit = logged.cache_hit == Some(true);
        let mut said = Vec::new();
        let mut differs = |name: &'static str, count: &mut u64, differs: bool| {
            *count += u64::from(differs);
            if differs {
                said.push(name);
            }
        };
        let status = seen.status.zip(logged.status).is_some_and(|(a, b)| a != b);
        differs("status", &mut found.disagree.status, status);
        let same = found
            .input_tokens
            .add(seen.input_tokens, logged.input_tokens);
        differs("input_tokens", &mut found.disagree.input_tokens, !same);
        let same = found
            .output_tokens
            .add(seen.output_tokens, logged.output_tokens);
        differs("output_tokens", &mut found.disagree.output_tokens, !same);
        let apart =
            |a: Money, b: Money| a.nanos().saturating_sub(b.nanos()).saturating_abs() > ROUNDING;
        // What a cached answer would have cost is no statement about what it did.
        if let (Some(ours), Some(theirs), false) = (seen.cost_computed, logged.cost, hit) {
            found.computed.add(ours, theirs);
            let off = apart(ours, theirs);
            differs("cost_computed", &mut found.disagree.cost_computed, off);
        }
        if let (Some(ours), Some(theirs)) = (seen.cost_in_band, logged.cost) {
            found.in_band.add(ours, theirs);
            let off = apart(ours, theirs);
            differs("cost_in_band", &mut found.disagree.cost_in_band, off);
        }
        found.disagree.rows += u64::from(!said.is_empty());
        found.cache.told += u64::from(logged.cache_hit.is_some());
        if hit {
            found.cache.hits += 1;
            found.cache.computed_usd += seen.cost_computed.unwrap_or_default();
            found.cache.logged_usd += logged.cost.unwrap_or_default();
        }
        said.join(" ")
    }

    /// Compares the clocks of a request.
    fn clock(&mut self, seen: &Seen, logged: &Logged) {
        let times = &mut self.times;
        if let (Some(ours), Some(theirs)) = (seen.ended, logged.ended) {
            times.skew.push(theirs - ours);
        }
        if seen.warmup {
            return;
        }
        times.routing.extend(logged.routing_s.map(|s| s * 1e3));
        let beyond = |ours: Option<std::time::Duration>, theirs: Option<f64>| {
            Some((ours?.as_secs_f64() - theirs?) * 1e3)
        };
        times.ttft_beyond.extend(beyond(seen.ttft, logged.ttft_s));
        times
            .latency_beyond
            .extend(beyond(seen.latency, logged.latency_s));
    }

    /// What came of it, with the rows of the log that no request took, in the order of their names.
    pub fn finish(self) -> (Reconciled, Vec<Joined>) {
        let Self {
            logs,
            mut found,
            times,
        } = self;
        let mut left: Vec<(Key, Vec<Logged>)> = logs.by_key.into_iter().collect();
        left.sort_by(|a, b| a.0.cmp(&b.0));
        found.missing_requests = left.iter().map(|(_, rows)| rows.len() as u64).sum();
        let lines = left.into_iter().flat_map(|(key, rows)| {
            let id = match key {
                Key::Arrival(id) => id.to_string(),
                Key::Request(name) => name.into(),
            };
            rows.into_iter().map(move |row| Joined {
                id: id.clone(),
                warmup: None,
                ..line(Seen::default(), Some(row), Side::LogOnly, 0, String::new())
            })
        });
        let lines = lines.collect();
        let against = match (found.computed.n, found.in_band.n) {
            (0, 0) => None,
            (0, _) => Some((Against::InBand, found.in_band)),
            _ => Some((Against::Computed, found.computed)),
        };
        found.cost_drift_against = against.map(|(against, _)| against);
        found.cost_drift = against.and_then(|(_, difference)| difference.share());
        found.clock_skew_s = middle(times.skew);
        found.routing_time = Spread::of(times.routing);
        found.ttft_beyond_gateway = Spread::of(times.ttft_beyond);
        found.latency_beyond_gateway = Spread::of(times.latency_beyond);
        (found, lines)
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn line(
    seen: Seen,
    logged: Option<Logged>,
    side: Side,
    duplicates: u64,
    disagree: String,
) -> Joined {
    let logged = logged.unwrap_or_default();
    // To the nanosecond: what is finer is rounding.
    let ms = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1e9).round() / 1e6);
    let of = |time: Option<std::time::Duration>| ms(time.map(|time| time.as_secs_f64()));
    Joined {
        id: seen.id.to_string(),
        side,
        warmup: Some(seen.warmup),
        disagree,
        duplicates,
        status_client: seen.status,
        status_logged: logged.status,
        cost_computed_usd: seen.cost_computed,
        cost_in_band_usd: seen.cost_in_band,
        cost_logged_usd: logged.cost,
        input_tokens_client: seen.input_tokens,
        input_tokens_logged: logged.input_tokens,
        output_tokens_client: seen.output_tokens,
        output_tokens_logged: logged.output_tokens,
        latency_client_ms: of(seen.latency),
        latency_gateway_ms: ms(logged.latency_s),
        ttft_client_ms: of(seen.ttft),
        ttft_gateway_ms: ms(logged.ttft_s),
        routing_time_ms: ms(logged.routing_s),
        model_client: seen.model,
        model_logged: logged.model,
        provider_client: seen.provider,
        provider_logged: logged.provider,
        cache_hit: logged.cache_hit,
    }
}
