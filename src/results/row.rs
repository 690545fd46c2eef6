//! `samples.csv`: one row for each request, failures included.
//!
//! Instants are milliseconds since the run's start, exact to the nanosecond, so that a file read back
//! gives the same figures.

use serde::{Deserialize, Serialize};

use super::RunInfo;
use crate::base::{Money, Offset, Usage};
use crate::plan::{ArmId, ArrivalId, RecipeId};
use crate::sample::{Bill, PricedBy, Sample};
use crate::wire::{Connecting, Exchange, Gaps, Marks, Outcome, Told};

/// One request, as the file holds it. Empty means: not reached, or not known.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of a file: each is a column"
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The arrival: phase and number.
    pub id: ArrivalId,
    /// The arm of a comparison, or the target.
    pub arm: String,
    /// The phase's name.
    pub phase: String,
    /// Whether it is kept apart from every figure.
    pub warmup: bool,
    /// The recipe's name.
    pub recipe: String,
    /// Whether the answer was to be streamed.
    pub stream: bool,
    /// `ok`, or the kind of failure.
    pub outcome: Outcome,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What was said of a failure.
    pub error: Option<String>,
    /// When the plan wanted it to start.
    pub due_ms: Offset,
    /// Time waited for a place in flight.
    pub queued_ms: Offset,
    /// Whether its connection had been used before; empty where the client can't tell.
    pub reused: Option<bool>,
    /// Time to resolve the host's name, for a connection that was opened for it.
    pub dns_ms: Option<Offset>,
    /// Time to connect the socket.
    pub connect_ms: Option<Offset>,
    /// Time to secure it.
    pub tls_ms: Option<Offset>,
    /// When it was sent.
    pub sent_ms: Option<Offset>,
    /// When the head was read.
    pub headers_ms: Option<Offset>,
    /// When the first byte of the body was read.
    pub first_byte_ms: Option<Offset>,
    /// When the first event that is no comment was read.
    pub first_event_ms: Option<Offset>,
    /// When the first token was read.
    pub first_token_ms: Option<Offset>,
    /// When the first visible token was read.
    pub first_output_ms: Option<Offset>,
    /// When the last token was read.
    pub last_token_ms: Option<Offset>,
    /// When it ended.
    pub end_ms: Option<Offset>,
    /// `end - due`: response time.
    pub e2e_ms: Option<Offset>,
    /// `end - sent`: service time.
    pub service_ms: Option<Offset>,
    /// `sent - due`, without the time to open a connection: dispatch lag.
    pub lag_ms: Option<Offset>,
    /// `first_token - due`, for streamed answers.
    pub ttft_ms: Option<Offset>,
    /// `(last_token - first_token) / (output_tokens - 1)`.
    pub tpot_ms: Option<Offset>,
    /// Streamed chunks that held a token.
    pub token_chunks: u32,
    /// Of these, the ones that came in one read with the chunk before.
    pub coalesced_chunks: u32,
    /// The longest gap between two token chunks.
    pub max_gap_ms: Option<Offset>,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// Prompt tokens, as the server counted them.
    pub input_tokens: Option<u64>,
    /// Of these, the ones read from the provider's cache.
    pub cached_input_tokens: Option<u64>,
    /// Output tokens, as the server counted them, or token chunks where it did not.
    pub output_tokens: Option<u64>,
    /// Of these, hidden reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Whether `output_tokens` is an estimate.
    pub tokens_estimated: bool,
    /// Pages, where the server counts them.
    pub pages: Option<u64>,
    /// The cost by the price table, in US dollars.
    pub cost_computed_usd: Option<Money>,
    /// The cost that the server claimed.
    pub cost_reported_usd: Option<Money>,
    /// Whether it was answered within every SLO.
    pub good: bool,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
    /// The model that answered, in the server's words.
    pub model: Option<String>,
    /// The server's name for the answer.
    pub request_id: Option<String>,
    /// How long the server asked to wait, in seconds.
    pub retry_after_s: Option<f64>,
    /// The time that the gateway claims to have added.
    #[serde(default)]
    pub overhead_claimed_ms: Option<Offset>,
    /// The provider that answered, in the gateway's words.
    #[serde(default)]
    pub provider: Option<String>,
    /// Whether the answer came from the gateway's cache, in its words.
    #[serde(default)]
    pub cache_status: Option<String>,
    /// How often the gateway asked a provider.
    #[serde(default)]
    pub attempts: Option<u32>,
    /// Whether the cost is by the price of the model that answered, or of the one that was asked.
    #[serde(default)]
    pub priced_by: Option<PricedBy>,
    /// The provider by the name of the model, where the gateway does not tell it.
    #[serde(default)]
    pub provider_by_model: Option<String>,
}

impl Row {
    /// The sample of a row, without its chunk gaps, which only the log holds. `None` where the run has
    /// no such recipe or arm.
    pub fn sample(self, info: &RunInfo) -> Option<Sample> {
        let recipe = info
            .recipes
            .iter()
            .position(|recipe| recipe.name == self.recipe)?;
        let arm = if info.arms.is_empty() {
            0
        } else {
            info.arms.iter().position(|arm| arm.name == self.arm)?
        };
        let counted = (!self.tokens_estimated).then_some(());
        let usage = counted.and(self.input_tokens).map(|input_tokens| Usage {
            input_tokens,
            cached_input_tokens: self.cached_input_tokens.unwrap_or(0),
            output_tokens: self.output_tokens.unwrap_or(0),
            reasoning_tokens: self.reasoning_tokens.unwrap_or(0),
            pages: self.pages,
        });
        Some(Sample {
            id: self.id,
            arm: ArmId(arm as u16),
            recipe: RecipeId(recipe as u16),
            warmup: self.warmup,
            stream: self.stream,
            due: self.due_ms,
            queued: self.queued_ms.elapsed(),
            exchange: Exchange {
                outcome: self.outcome,
                error: self.error,
                status: self.status,
                marks: Marks {
                    sent: self.sent_ms,
                    headers: self.headers_ms,
                    first_byte: self.first_byte_ms,
                    first_event: self.first_event_ms,
                    first_token: self.first_token_ms,
                    first_output: self.first_output_ms,
                    last_token: self.last_token_ms,
                    end: self.end_ms,
                },
                reused: self.reused,
                connecting: self.connect_ms.map(|connect| Connecting {
                    dns: self.dns_ms.unwrap_or_default().elapsed(),
                    connect: connect.elapsed(),
                    tls: self.tls_ms.unwrap_or_default().elapsed(),
                }),
                token_chunks: self.token_chunks,
                coalesced_chunks: self.coalesced_chunks,
                gaps: Gaps::default(),
                body_bytes: self.body_bytes,
                usage,
                cost_reported: self.cost_reported_usd,
                finish: self.finish_reason,
                model: self.model,
                request_id: self.request_id,
                retry_after: self.retry_after_s,
                told: Told {
                    overhead: self.overhead_claimed_ms.map(Offset::elapsed),
                    provider: self.provider,
                    cache_status: self.cache_status,
                    attempts: self.attempts,
                },
                kept: None,
                trail: None,
            },
            cost: self.cost_computed_usd,
            bill: Bill {
                priced_by: self.priced_by,
                provider: self.provider_by_model.map(Into::into),
            },
            good: self.good,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{PhaseInfo, RecipeInfo, TargetInfo, line};
    use super::*;
    use crate::base::Seed;
    use crate::plan::PhaseId;
    use crate::sample::Metric;
    use crate::scenario::Slos;

    fn info() -> RunInfo {
        let recipe = RecipeInfo {
            name: "chat, \"quoted\"".to_owned(),
            model: "m".to_owned(),
            stream: true,
            weight: 1.0,
            expect_shares: None,
        };
        let phase = PhaseInfo {
            name: "steady".to_owned(),
            warmup: false,
            shape: String::new(),
            even: true,
            planned_ms: None,
            started_ms: None,
            ended_ms: None,
            planned_arrivals: None,
            preopened: None,
        };
        RunInfo {
            schema: 1,
            complete: true,
            interrupted: None,
            scenario: "s".to_owned(),
            digest: String::new(),
            run_id: String::new(),
            seed: Seed(0),
            started_utc: String::new(),
            tollgate: String::new(),
            host: String::new(),
            client: String::new(),
            stamps: None,
            workers: 1,
            selftest: None,
            target: TargetInfo::default(),
            arms: Vec::new(),
            compare: None,
            connections: crate::results::ConnectionInfo::default(),
            recipes: vec![recipe],
            phases: vec![phase],
            slos: Slos::default(),
            thresholds: Vec::new(),
            aborted_by: Vec::new(),
            ended_at_look: None,
            prices_as_of: None,
            budget: None,
            worker_cpu: None,
            process_cpu: None,
            stalls: None,
            held: None,
            open_files: None,
            rows_waiting: 0,
            logged: None,
            telemetry: None,
            validity: None,
            shares: Vec::new(),
            summary: None,
        }
    }

    fn offset() -> impl Strategy<Value = Option<Offset>> {
        proptest::option::of((0_u64..1 << 50).prop_map(Offset::from_nanos))
    }

    prop_compose! {
        fn marks()(
            sent in offset(), headers in offset(), first_byte in offset(), first_event in offset(),
            first_token in offset(), first_output in offset(), last_token in offset(), end in offset(),
        ) -> Marks {
            Marks { sent, headers, first_byte, first_event, first_token, first_output, last_token, end }
        }
    }

    prop_compose! {
        fn sample()(
            marks in marks(), due in 0_u64..1 << 50, number in any::<u64>(), stream: bool, good: bool,
            warmup: bool, error in proptest::option::of("[^\0]{1,20}"), status in proptest::option::of(100_u16..600),
            input in proptest::option::of(0_u64..1 << 40), output in 0_u64..1 << 40, chunks in 0_u32..1000,
            cost in proptest::option::of(-5_i64..1 << 50), connect in proptest::option::of(0_u64..1 << 40),
            retry_after in proptest::option::of(0.0..1e6_f64), attempts in proptest::option::of(1_u32..9),
            provider in proptest::option::of("[a-z ,\"\n]{1,9}"),
            gaps in proptest::collection::vec(0_u32..1 << 30, 0..4),
            by_model in proptest::option::of("[a-z ,\"\n]{1,9}"),
        ) -> Sample {
            let told = Told {
                overhead: connect.map(Duration::from_nanos),
                cache_status: provider.clone(),
                provider,
                attempts,
            };
            let usage = input.map(|input_tokens| Usage {
                input_tokens, output_tokens: output, ..Usage::default()
            });
            let connecting = connect.map(|nanos| Connecting {
                connect: Duration::from_nanos(nanos), ..Connecting::default()
            });
            Sample {
                id: ArrivalId { phase: PhaseId(0), number },
                arm: ArmId(0),
                recipe: RecipeId(0),
                warmup,
                stream,
                due: Offset::from_nanos(due),
                queued: Duration::from_nanos(due / 2),
                exchange: Exchange {
                    outcome: status.map_or(Outcome::Ok, Outcome::Status),
                    error, status, marks, token_chunks: chunks, usage, retry_after, connecting, told,
                    gaps: gaps.into_iter().collect(),
                    reused: Some(connecting.is_none()),
                    cost_reported: cost.map(Money::from_nanos),
                    ..Exchange::default()
                },
                cost: cost.map(Money::from_nanos),
                bill: Bill {
                    priced_by: attempts.map(|_| PricedBy::Asked),
                    provider: by_model.map(Into::into),
                },
                good,
            }
        }
    }

    proptest! {
        #[test]
        fn a_row_read_back_is_the_sample_that_was_written(sample in sample()) {
            let info = info();
            let mut lines = line::HEAD.as_bytes().to_vec();
            line::push(&mut lines, &sample, &info);
            let mut reader = csv::Reader::from_reader(lines.as_slice());
            let row: Row = reader.deserialize().next().unwrap().unwrap();
            let time = |metric| sample.time(metric).map(Offset::from);
            prop_assert_eq!(row.e2e_ms, time(Metric::E2e));
            prop_assert_eq!(row.service_ms, time(Metric::Service));
            prop_assert_eq!(row.lag_ms, time(Metric::Lag));
            prop_assert_eq!(row.ttft_ms, time(Metric::Ttft));
            prop_assert_eq!(row.tpot_ms, time(Metric::Tpot));
            prop_assert_eq!(row.max_gap_ms, sample.exchange.gaps.longest().map(Offset::from));
            prop_assert_eq!(&row.phase, "steady");
            // The columns and their order are those of the row.
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.serialize(&row).unwrap();
            let again = csv.into_inner().unwrap();
            prop_assert!(again.starts_with(line::HEAD.as_bytes()));
            let read = |bytes: &[u8]| {
                let mut reader = csv::Reader::from_reader(bytes);
                let record = reader.records().next().unwrap().unwrap();
                record.iter().map(|field| match field.parse::<f64>() {
                    Ok(number) => number.to_string(),
                    Err(_) => field.to_owned(),
                }).collect::<Vec<String>>()
            };
            prop_assert_eq!(read(&lines), read(&again));
            let mut read_back = sample.clone();
            read_back.exchange.gaps = Gaps::default();
            prop_assert_eq!(row.sample(&info), Some(read_back));
        }
    }
}
