//! The joiner on rows made by hand.

use std::time::Duration;

use super::*;
use crate::plan::{ArrivalId, PhaseId};

const NANO: f64 = 1e-9;

fn id(number: u64) -> ArrivalId {
    ArrivalId {
        phase: PhaseId(0),
        number,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every cost may be unknown")]
fn usd(nanos: i64) -> Option<Money> {
    Some(Money::from_nanos(nanos))
}

/// A request that was answered in 100 ms, its first token after 40.
fn seen(number: u64) -> Seen {
    Seen {
        id: id(number),
        sent: true,
        ok: true,
        status: Some(200),
        input_tokens: Some(10),
        output_tokens: Some(5),
        cost_computed: usd(1_000),
        cost_in_band: usd(1_000),
        latency: Some(Duration::from_millis(100)),
        ttft: Some(Duration::from_millis(40)),
        ended: Some(1_000.0),
        ..Seen::default()
    }
}

/// The log's row of it, by a gateway that took 1 ms for itself and 90 ms in all.
fn logged(name: &str) -> Logged {
    Logged {
        row: name.to_owned(),
        status: Some(200),
        input_tokens: Some(10),
        output_tokens: Some(5),
        cost: usd(1_000),
        latency_s: Some(0.090),
        ttft_s: Some(0.035),
        routing_s: Some(0.001),
        ended: Some(1_003.0),
        ..Logged::default()
    }
}

fn reconcile(seen: Vec<Seen>, rows: Vec<(u64, Logged)>) -> (Reconciled, Vec<Joined>) {
    let mut logs = LogRows::default();
    for (number, row) in rows {
        logs.add(Key::Arrival(id(number)), row);
    }
    let mut joiner = Joiner::new("run", "scenario", LogRead::default(), logs);
    let mut lines: Vec<Joined> = seen.into_iter().map(|seen| joiner.join(seen)).collect();
    let (found, left) = joiner.finish();
    lines.extend(left);
    (found, lines)
}

#[test]
fn two_sides_that_say_the_same_agree_in_all() {
    let rows = (0..400).map(|n| (n, logged(&n.to_string()))).collect();
    let (found, lines) = reconcile((0..400).map(seen).collect(), rows);
    assert_eq!((found.requests, found.sent, found.joined), (400, 400, 400));
    assert_eq!((found.missing_logs, found.missing_requests), (0, 0));
    assert_eq!(found.disagree, Disagree::default());
    assert_eq!(found.cost_drift, Some(0.0));
    assert_eq!(found.cost_drift_against, Some(Against::Computed));
    assert_eq!(found.logged_usd, usd(400_000));
    assert_eq!(
        found.input_tokens,
        TokenDifference {
            n: 400,
            client: 4_000,
            logged: 4_000
        }
    );
    let p99 = |spread: &Option<Spread>| spread.as_ref().unwrap().quantile("p99").unwrap();
    assert!((p99(&found.routing_time) - 1.0).abs() < 1e-9);
    assert!((p99(&found.ttft_beyond_gateway) - 5.0).abs() < 1e-9);
    assert!((p99(&found.latency_beyond_gateway) - 10.0).abs() < 1e-9);
    assert_eq!(found.clock_skew_s, Some(3.0));
    assert!(
        lines
            .iter()
            .all(|line| line.side == Side::Both && line.disagree.is_empty())
    );
}

#[test]
fn rows_that_are_missing_on_either_side_are_counted_where_they_are_missing() {
    let failed = Seen {
        ok: false,
        status: Some(429),
        ..seen(1)
    };
    let unsent = Seen {
        sent: false,
        ok: false,
        ..seen(2)
    };
    let (found, lines) = reconcile(
        vec![seen(0), failed, unsent, seen(3)],
        vec![(3, logged("a")), (9, logged("b"))],
    );
    assert_eq!((found.requests, found.sent, found.joined), (4, 3, 1));
    assert_eq!((found.missing_logs, found.missing_failed), (2, 1));
    assert_eq!(found.missing_requests, 1);
    let sides: Vec<Side> = lines.iter().map(|line| line.side).collect();
    let wanted = [
        Side::ClientOnly,
        Side::ClientOnly,
        Side::NotSent,
        Side::Both,
        Side::LogOnly,
    ];
    assert_eq!(sides, wanted);
    assert_eq!((lines[4].id.as_str(), lines[4].warmup), ("0-9", None));
    assert_eq!(lines[4].cost_logged_usd, usd(1_000));
    // A row that no request is of is paid for all the same.
    assert_eq!(found.logged_usd, usd(2_000));
}

#[test]
fn differences_that_cancel_out_are_drift_all_the_same() {
    let more = Logged {
        cost: usd(1_200),
        ..logged("a")
    };
    let less = Logged {
        cost: usd(800),
        ..logged("b")
    };
    let (found, lines) = reconcile(vec![seen(0), seen(1)], vec![(0, more), (1, less)]);
    assert!((found.cost_drift.unwrap() - 0.2).abs() < NANO);
    assert!(found.net_drift().unwrap().abs() < NANO);
    assert_eq!(found.computed.largest_usd, Money::from_nanos(200));
    assert_eq!(found.disagree.cost_computed, 2);
    assert_eq!(lines[0].disagree, "cost_computed cost_in_band");
}

#[test]
fn what_is_unknown_on_either_side_is_in_no_figure_and_no_zero() {
    let no_cost = Seen {
        cost_computed: None,
        cost_in_band: None,
        output_tokens: None,
        ..seen(0)
    };
    let bare = Logged {
        row: "b".to_owned(),
        ..Logged::default()
    };
    let (found, lines) = reconcile(vec![no_cost, seen(1)], vec![(0, logged("a")), (1, bare)]);
    assert_eq!(found.joined, 2);
    assert_eq!((found.cost_drift, found.cost_drift_against), (None, None));
    assert_eq!((found.computed.n, found.in_band.n), (0, 0));
    assert_eq!((found.logged_usd, found.logged_unknown), (usd(1_000), 1));
    assert_eq!((found.input_tokens.n, found.output_tokens.n), (1, 0));
    assert_eq!(found.routing_time.as_ref().unwrap().n, 1);
    assert_eq!(found.disagree.rows, 0);
    assert_eq!(lines[1].cost_logged_usd, None);
    let nothing = reconcile(vec![seen(0)], vec![(0, Logged::default())]).0;
    assert_eq!((nothing.routing_time, nothing.clock_skew_s), (None, None));
    assert_eq!((nothing.logged_usd, nothing.logged_unknown), (None, 1));
}

#[test]
fn without_a_price_table_the_claimed_cost_is_what_counts() {
    let unpriced = Seen {
        cost_computed: None,
        ..seen(0)
    };
    let dearer = Logged {
        cost: usd(1_500),
        ..logged("a")
    };
    let (found, _) = reconcile(vec![unpriced], vec![(0, dearer)]);
    assert_eq!(found.cost_drift_against, Some(Against::InBand));
    assert!((found.cost_drift.unwrap() - 0.5).abs() < NANO);
}

#[test]
fn a_logged_cost_against_nothing_is_infinitely_off() {
    let free = Seen {
        cost_computed: usd(0),
        cost_in_band: None,
        ..seen(0)
    };
    let (found, _) = reconcile(vec![free.clone()], vec![(0, logged("a"))]);
    assert_eq!(found.cost_drift, Some(f64::INFINITY));
    let both_free = Logged {
        cost: usd(0),
        ..logged("a")
    };
    assert_eq!(
        reconcile(vec![free], vec![(0, both_free)]).0.cost_drift,
        Some(0.0)
    );
}

#[test]
fn an_answer_from_the_cache_is_no_drift_and_told_apart() {
    let cached = Logged {
        cost: usd(0),
        cache_hit: Some(true),
        ..logged("a")
    };
    let plain = Logged {
        cache_hit: Some(false),
        ..logged("b")
    };
    let in_band = Seen {
        cost_in_band: usd(0),
        ..seen(0)
    };
    let (found, lines) = reconcile(vec![in_band, seen(1)], vec![(0, cached), (1, plain)]);
    assert_eq!(
        (found.cost_drift, found.computed.n, found.in_band.n),
        (Some(0.0), 1, 2)
    );
    let cache = found.cache;
    assert_eq!(
        (cache.told, cache.hits, cache.computed_usd),
        (2, 1, Money::from_nanos(1_000))
    );
    assert_eq!(lines[0].cache_hit, Some(true));
}

#[test]
fn a_row_that_is_read_twice_is_one_and_a_second_row_of_a_request_is_a_duplicate() {
    let mut logs = LogRows::default();
    assert!(logs.add(Key::Arrival(id(0)), logged("a")));
    assert!(!logs.add(Key::Arrival(id(0)), logged("a")));
    assert_eq!(logs.len(), 1);
    // The client got the second attempt; the first one failed, and is paid for as well.
    let attempt = Logged {
        status: Some(500),
        ended: Some(1.0),
        ..logged("first")
    };
    let (found, lines) = reconcile(vec![seen(0)], vec![(0, attempt), (0, logged("second"))]);
    assert_eq!(
        (found.joined, found.duplicates, found.missing_requests),
        (1, 1, 0)
    );
    assert_eq!(
        (found.disagree.status, lines[0].status_logged),
        (0, Some(200))
    );
    assert_eq!((lines[0].duplicates, found.logged_usd), (1, usd(2_000)));
}

#[test]
fn the_warm_up_is_paid_for_and_in_no_time() {
    let warm = Seen {
        warmup: true,
        ..seen(0)
    };
    let (found, _) = reconcile(
        vec![warm, seen(1)],
        vec![(0, logged("a")), (1, logged("b"))],
    );
    assert_eq!((found.joined, found.computed.n), (2, 2));
    assert_eq!(found.routing_time.unwrap().n, 1);
}

#[test]
fn a_client_that_was_faster_than_the_log_says_is_told_as_it_is() {
    let slow = Logged {
        ttft_s: Some(0.050),
        ..logged("a")
    };
    let (found, _) = reconcile(vec![seen(0)], vec![(0, slow)]);
    let beyond = found.ttft_beyond_gateway.unwrap();
    assert!((beyond.min_ms + 10.0).abs() < 1e-9, "{beyond:?}");
    assert_eq!(
        (beyond.n, beyond.quantile("p50")),
        (1, None),
        "one is too few"
    );
}

#[test]
fn an_identifier_is_of_its_run_alone() {
    let of = |text| Key::of_identifier(text, "run-1");
    assert_eq!(of("run-1-0-7"), Some(Key::Arrival(id(7))));
    for other in [
        "run-1",
        "run-1-",
        "run-1-0",
        "run-10-0-7",
        "run-1-1-0-7",
        "run-1-0-x",
        "",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn requests_are_joined_by_the_gateways_own_name_where_they_bear_none() {
    let mut logs = LogRows::default();
    logs.add(Key::Request("call-1".into()), logged("a"));
    let mut joiner = Joiner::new("run", "s", LogRead::default(), logs);
    let named = Seen {
        request_id: Some("call-1".to_owned()),
        ..seen(0)
    };
    assert_eq!(joiner.join(named).side, Side::Both);
    assert_eq!(joiner.join(seen(1)).side, Side::ClientOnly);
}
