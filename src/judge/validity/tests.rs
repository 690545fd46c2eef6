//! Each check, on figures that are healthy but for one.

use super::*;
use std::time::Duration;

use crate::base::Offset;
use crate::plan::{ArmId, ArrivalId, RecipeId};
use crate::record::{Half, PhaseRecord, Recorder};
use crate::sample::Sample;
use crate::wire::{Exchange, Marks, Outcome};

/// A run of so many requests, each due every 10 ms, sent `lag` late, and answered 50 ms later.
fn summary(requests: u64, lag: Duration, queued: Duration, outcome: Outcome) -> Summary {
    let phase = PhaseRecord {
        started: Some(Offset::ZERO),
        ..PhaseRecord::default()
    };
    let mut recorder = Recorder::new(1, 1, vec![phase]);
    for number in 0..requests {
        let due = Offset::from_nanos(number * 10_000_000);
        let sent = due + lag;
        let end = Some(sent + Duration::from_millis(50));
        let marks = Marks {
            sent: Some(sent),
            first_token: end,
            end,
            ..Marks::default()
        };
        recorder.push(&Sample {
            id: ArrivalId {
                number,
                ..ArrivalId::default()
            },
            arm: ArmId(0),
            recipe: RecipeId(0),
            warmup: false,
            stream: true,
            due,
            queued,
            exchange: Exchange {
                outcome,
                marks,
                ..Exchange::default()
            },
            cost: None,
            bill: crate::sample::Bill::default(),
            good: false,
        });
    }
    Summary::new(
        &recorder,
        &crate::record::Names {
            arms: vec!["lab".to_owned()],
            recipes: vec!["chat".to_owned()],
        },
    )
}

fn level(validity: &Validity, name: &str) -> Level {
    validity
        .checks
        .iter()
        .find(|check| check.name == name)
        .unwrap()
        .level
}

/// A phase whose halves are alike.
fn steady() -> Course {
    let half = Half {
        p50_ms: 50.0,
        stretches_ms: vec![50.0; 10],
    };
    Course {
        phase: "steady".to_owned(),
        metric: Metric::Ttft,
        halves: [half.clone(), half],
    }
}

const PROMPT: Duration = Duration::from_micros(100);

#[test]
fn a_healthy_run_is_valid_and_asks_for_nothing() {
    let health = Health {
        insecure: false,
        held: None,
        rows_waiting: 0,
        planned_arrivals: Some(500),
        arrivals: 500,
        worker_cpu: Some(0.2),
        process_cpu: Some(0.1),
        stalls: Some(Stalls {
            longest_ms: 4.0,
            lost_share: 0.001,
        }),
        courses: vec![steady()],
    };
    let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
    assert_eq!(judged.verdict, Level::Valid);
    assert!(judged.checks.iter().all(|check| check.remedy.is_empty()));
    assert_eq!(judged.checks.len(), 9);
}

#[test]
fn a_run_without_an_answer_is_invalid() {
    let failed = summary(500, PROMPT, Duration::ZERO, Outcome::Status(500));
    assert_eq!(
        level(&validity(&failed, &Health::default()), "ok samples"),
        Level::Invalid
    );
    let empty = summary(0, PROMPT, Duration::ZERO, Outcome::Ok);
    assert_eq!(validity(&empty, &Health::default()).verdict, Level::Invalid);
}

#[test]
fn a_client_that_is_late_makes_the_run_invalid() {
    let late = summary(500, Duration::from_millis(3), Duration::ZERO, Outcome::Ok);
    let judged = validity(&late, &Health::default());
    assert_eq!(level(&judged, "dispatch lag"), Level::Invalid);
    // The limit grows with what is measured: 3 ms are nothing against a median of seconds.
    let few = summary(20, Duration::from_millis(3), Duration::ZERO, Outcome::Ok);
    let judged = validity(&few, &Health::default());
    assert_eq!(
        level(&judged, "dispatch lag"),
        Level::Invalid,
        "too few for a p99: the longest"
    );
}

#[test]
fn a_cap_that_makes_requests_wait_is_named() {
    let waited = Duration::from_millis(20);
    let judged = validity(
        &summary(500, waited, waited, Outcome::Ok),
        &Health::default(),
    );
    assert_eq!(level(&judged, "in-flight cap"), Level::Warn);
    let lag = judged
        .checks
        .iter()
        .find(|check| check.name == "dispatch lag")
        .unwrap();
    assert!(lag.remedy.contains("max_in_flight"), "{}", lag.remedy);
}

#[test]
fn a_run_against_a_server_that_was_not_verified_is_to_be_read_with_care() {
    let health = Health {
        insecure: true,
        ..Health::default()
    };
    let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
    assert_eq!(level(&judged, "TLS"), Level::Warn);
    assert_eq!(judged.verdict, Level::Warn);
}

#[test]
fn a_disk_that_is_too_slow_is_named_only_where_it_was() {
    let summary = summary(500, PROMPT, Duration::ZERO, Outcome::Ok);
    let judged = |rows_waiting| {
        let health = Health {
            rows_waiting,
            ..Health::default()
        };
        let checks = validity(&summary, &health).checks;
        let check = checks
            .into_iter()
            .find(|check| check.name == "rows waiting");
        check.map(|check| check.level)
    };
    assert_eq!(judged(QUIETLY), None);
    assert_eq!(judged(QUIETLY + 1), Some(Level::Warn));
    assert_eq!(judged(ROWS_WAITING_LIMIT + 1), Some(Level::Invalid));
}

#[test]
fn a_starved_worker_and_missing_arrivals_make_the_run_invalid() {
    let health = Health {
        planned_arrivals: Some(500),
        arrivals: 400,
        worker_cpu: Some(0.97),
        process_cpu: Some(0.9),
        ..Health::default()
    };
    let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
    assert_eq!(level(&judged, "achieved arrivals"), Level::Invalid);
    assert_eq!(level(&judged, "worker CPU"), Level::Invalid);
    assert_eq!(level(&judged, "process CPU"), Level::Invalid);
}

#[test]
fn a_request_that_this_machine_could_not_send_makes_the_run_invalid() {
    let failed = summary(500, PROMPT, Duration::ZERO, Outcome::ClientLimit);
    let judged = validity(&failed, &Health::default());
    let limits = judged.checks.iter().find(|c| c.name == "client limits");
    let limits = limits.unwrap();
    assert_eq!(limits.level, Level::Invalid);
    assert_eq!(limits.value, "500 of 500 failed");
    assert!(limits.remedy.contains("ulimit -n"), "{}", limits.remedy);
    // A server that refuses connections is no limit of this machine.
    let refused = summary(500, PROMPT, Duration::ZERO, Outcome::Connect);
    let judged = validity(&refused, &Health::default());
    assert_eq!(level(&judged, "client limits"), Level::Valid);
}

#[test]
fn a_stall_counts_by_what_is_measured_and_many_short_ones_count_together() {
    // The answers of this summary take 50 ms, so that the limit is 10 ms, and 100 ms are gross.
    let of = |longest_ms, lost_share| {
        let health = Health {
            stalls: Some(Stalls {
                longest_ms,
                lost_share,
            }),
            ..Health::default()
        };
        let judged = validity(&summary(500, PROMPT, Duration::ZERO, Outcome::Ok), &health);
        level(&judged, "worker stalls")
    };
    assert_eq!(of(9.9, 0.009), Level::Valid);
    assert_eq!(of(30.0, 0.001), Level::Warn);
    assert_eq!(of(4.0, 0.03), Level::Warn);
    assert_eq!(of(101.0, 0.001), Level::Invalid);
    assert_eq!(of(4.0, 0.11), Level::Invalid);
}
