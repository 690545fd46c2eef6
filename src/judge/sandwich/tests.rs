use super::*;
use crate::base::{Marker, Offset};
use crate::lab::Truth;
use crate::scenario::StreamVerdict;
use crate::wire::{Outcome, Piece, Trail};

const MS: u64 = 1_000_000;
const CHUNKS: u32 = 10;

fn level() -> Level {
    Level {
        name: "steady".to_owned(),
        load: "constant 100/s".to_owned(),
        rate: Some(100.0),
        users: None,
    }
}

fn sandwich() -> Sandwich {
    Sandwich::new(vec![(0, level())])
}

/// The provider's side of a request that came at `at`: first chunk after 20 ms, then one each 5 ms.
fn truth(key: u64, at: u64) -> Truth {
    let chunks: Vec<u64> = (0..u64::from(CHUNKS))
        .map(|k| at + 20 * MS + k * 5 * MS)
        .collect();
    Truth {
        key,
        marked: true,
        received: at,
        status: 200,
        tokens: CHUNKS,
        whole: true,
        end: chunks[CHUNKS as usize - 1],
        chunks,
        ..Truth::default()
    }
}

/// The client's side of a faithful stream whose chunks take `late` on their way.
fn front(key: u64, asks: u64, gateway: bool, truth: &Truth, late: u64) -> Front {
    let pieces = (0..CHUNKS).zip(&truth.chunks).map(|(number, sent)| Piece {
        at: Offset::from_nanos(sent + late),
        first: number,
        count: 1,
        joined: false,
    });
    let pieces: Vec<Piece> = pieces.collect();
    let mut trail = Trail::default();
    (trail.marker, trail.pieces) = (Some(Marker(key)), pieces.clone());
    Front {
        key,
        gateway,
        phase: 0,
        asks,
        stream: true,
        outcome: Outcome::Ok,
        sent: Some(truth.received),
        first_token: pieces.first().map(|piece| piece.at.nanos()),
        end: pieces.last().map(|piece| piece.at.nanos()),
        zero: 0,
        told_cached: false,
        claimed: None,
        tokens: Some(u64::from(CHUNKS)),
        trail,
    }
}

fn provided(truth: Truth) -> Provided {
    Provided {
        provider: "lab".to_owned(),
        truth,
    }
}

/// A run of so many pairs, of which the gateway's side is changed as the test likes.
fn run(pairs: u64, mut change: impl FnMut(&mut Front, &mut Truth, &mut Vec<Provided>)) -> Overhead {
    let (mut sandwich, mut all) = (sandwich(), Vec::new());
    for asks in 0..pairs {
        let (direct, through) = (2 * asks + 1_000, 2 * asks + 1_001);
        let own = truth(direct, asks * 100 * MS);
        sandwich.push(front(direct, asks, false, &own, MS / 10));
        all.push(provided(own));
        let mut theirs = truth(through, asks * 100 * MS);
        let mut seen = front(through, asks, true, &theirs, 3 * MS / 10);
        let mut more = Vec::new();
        change(&mut seen, &mut theirs, &mut more);
        sandwich.push(seen);
        all.push(provided(theirs));
        all.extend(more);
    }
    sandwich.judge(Some(&all))
}

fn stat<'f>(found: &'f Overhead, time: AddedTime, stat: &str) -> &'f AddedStat {
    let added = found.levels[0].added.iter().find(|a| a.time == time);
    let stats = &added.unwrap().stats;
    stats.iter().find(|s| s.stat == stat).unwrap()
}

#[test]
fn a_faithful_gateway_adds_what_it_adds() {
    let found = run(400, |_, _, _| {});
    assert_eq!(found.stream.verdict, Some(StreamVerdict::Faithful));
    assert_eq!((found.pairs.kept, found.pairs.dropped), (400, 0));
    for time in [AddedTime::Ttft, AddedTime::Chunk, AddedTime::E2e] {
        for name in ["p50", "p99"] {
            let stat = stat(&found, time, name);
            assert!((stat.added_ms - 0.2).abs() < 0.002, "{time:?} {stat:?}");
            assert!((stat.direct_ms - 0.1).abs() < 0.002, "{time:?} {stat:?}");
        }
    }
    let upstream = found.upstream.unwrap();
    assert!((upstream.amplification - 1.0).abs() < 1e-9);
    assert_eq!(upstream.tokens_twice, 0);
    assert_eq!(found.stream.chunks_in, found.stream.chunks_out);
}

#[test]
fn each_thing_that_is_done_to_a_stream_has_its_verdict() {
    type Change = fn(&mut Front, &Truth);
    let cases: [(&str, StreamVerdict, Change); 7] = [
        (
            "buffered to its end",
            StreamVerdict::Buffered,
            |front, truth| {
                for piece in &mut front.trail.pieces {
                    piece.at = Offset::from_nanos(truth.end + MS);
                }
            },
        ),
        ("every two merged", StreamVerdict::Coalesced, |front, _| {
            let mut pieces = front.trail.pieces.clone();
            pieces.retain(|piece| piece.first % 2 == 1);
            for piece in &mut pieces {
                (piece.first, piece.count) = (piece.first - 1, 2);
            }
            front.trail.pieces = pieces;
        }),
        ("every two held", StreamVerdict::Coalesced, |front, _| {
            for k in (0..front.trail.pieces.len()).step_by(2) {
                front.trail.pieces[k].at = front.trail.pieces[k + 1].at;
            }
        }),
        ("one lost", StreamVerdict::Broken, |front, _| {
            front.trail.pieces.remove(4);
        }),
        ("one doubled", StreamVerdict::Broken, |front, _| {
            let twice = front.trail.pieces[4];
            front.trail.pieces.insert(5, twice);
        }),
        ("two swapped", StreamVerdict::Broken, |front, _| {
            let pieces = &mut front.trail.pieces;
            (pieces[4].first, pieces[5].first) = (5, 4);
        }),
        ("rewritten", StreamVerdict::Broken, |front, _| {
            front.trail.foreign = 2;
        }),
    ];
    for (name, wanted, change) in cases {
        let found = run(100, |front, truth, _| change(front, truth));
        assert_eq!(
            found.stream.verdict,
            Some(wanted),
            "{name}: {:?}",
            found.stream
        );
    }
    let one = run(100, |front, _, _| {
        if front.asks == 50 {
            front.trail.pieces.remove(4);
        }
    });
    assert_eq!(
        one.stream.verdict,
        Some(StreamVerdict::Broken),
        "one is enough"
    );
    assert_eq!((one.stream.lost, one.stream.broken), (1, 1));
}

#[test]
fn what_can_not_be_paired_is_dropped_and_counted_by_its_reason() {
    type Change = fn(&mut Front, &mut Truth, &mut Vec<Provided>);
    let cases: [(&str, Change); 8] = [
        ("failed", |front, _, _| front.outcome = Outcome::Status(500)),
        ("provider_failed", |_, truth, _| truth.whole = false),
        ("asked_again", |front, truth, more| {
            truth.whole = false;
            truth.fault = Some("status".to_owned());
            more.push(provided(self::truth(front.key, truth.end + MS)));
        }),
        ("from_cache", |front, truth, _| {
            // The provider never had it, and the answer is that to an older request.
            truth.key = 1;
            front.trail.marker = Some(Marker(77));
        }),
        ("other_answer", |front, _, _| {
            front.trail.marker = Some(Marker(77));
        }),
        ("marker_dropped", |front, truth, _| {
            truth.marked = false;
            truth.key = 1;
            front.trail.marker = None;
        }),
        ("rewritten", |front, _, _| {
            front.trail.marker = None;
            front.trail.foreign = 9;
        }),
        ("unkept", |_, truth, _| truth.key = 1),
    ];
    for (name, change) in cases {
        let found = run(100, |front, truth, more| {
            if front.asks % 10 == 0 {
                change(front, truth, more);
            }
        });
        assert_eq!((found.pairs.kept, found.pairs.dropped), (90, 10), "{name}");
        assert_eq!(
            found.pairs.why.get(name),
            Some(&10),
            "{:?}",
            found.pairs.why
        );
        let added = stat(&found, AddedTime::Ttft, "p50").added_ms;
        assert!((added - 0.2).abs() < 0.002, "{name}: {added}");
    }
}

#[test]
fn a_stream_that_fails_through_the_gateway_alone_is_broken() {
    let found = run(100, |front, _, _| front.outcome = Outcome::Status(500));
    assert_eq!(found.stream.verdict, Some(StreamVerdict::Broken));
    assert_eq!((found.stream.failed, found.pairs.kept), (100, 0));
    assert!(found.levels[0].added.is_empty(), "no figure without a pair");
    let scripted = run(100, |front, truth, _| {
        front.outcome = Outcome::Status(500);
        truth.fault = Some("status".to_owned());
        truth.whole = false;
    });
    assert_eq!(scripted.stream.streams, 0, "the provider was to fail");
    assert_eq!(scripted.stream.verdict, None);
}

#[test]
fn a_rescue_tells_the_wait_the_switch_and_the_tokens_that_are_paid_twice() {
    let found = run(100, |front, first, more| {
        if front.asks % 4 != 0 {
            return;
        }
        first.whole = false;
        first.fault = Some("cut_after".to_owned());
        first.end = first.received + 40 * MS;
        first.tokens = 3;
        first.chunks.truncate(3);
        more.push(Provided {
            provider: "spare".to_owned(),
            truth: self::truth(front.key, first.end + 2 * MS),
        });
    });
    let upstream = found.upstream.unwrap();
    assert_eq!((upstream.asked_again, upstream.rescued), (25, 25));
    assert!((upstream.amplification - 1.25).abs() < 1e-9);
    assert!((upstream.patience_ms.unwrap().p50 - 40.0).abs() < 1e-9);
    assert!((upstream.switch_ms.unwrap().p50 - 2.0).abs() < 1e-9);
    assert_eq!(upstream.tokens_twice, 75);
    let spare = upstream
        .providers
        .iter()
        .find(|p| p.provider == "spare")
        .unwrap();
    assert_eq!((spare.requests, spare.whole), (25, 25));
    let lab = upstream
        .providers
        .iter()
        .find(|p| p.provider == "lab")
        .unwrap();
    assert_eq!(lab.faults.get("cut_after"), Some(&25));
}

#[test]
fn without_a_provider_two_arms_are_held_against_each_other_and_no_stream_is_judged() {
    let mut sandwich = sandwich();
    for asks in 0..100 {
        let own = truth(2 * asks, asks * 100 * MS);
        sandwich.push(front(2 * asks, asks, false, &own, 0));
        sandwich.push(front(2 * asks + 1, asks, true, &own, MS));
    }
    let found = sandwich.judge(None);
    assert!(!found.exact && found.upstream.is_none());
    assert_eq!(found.stream.verdict, None);
    let ttft = stat(&found, AddedTime::Ttft, "p50");
    assert!((ttft.added_ms - 1.0).abs() < 0.03, "{ttft:?}");
    assert!(ttft.direct_ms > 19.0, "the provider's own time is in it");
    let times: Vec<AddedTime> = found.levels[0].added.iter().map(|a| a.time).collect();
    assert_eq!(times, [AddedTime::Ttft, AddedTime::E2e]);
}

#[test]
fn a_limit_lies_between_the_rates_at_which_it_is_kept_and_passed() {
    let level = |rate: f64, p99: f64| LevelFound {
        rate_per_s: Some(rate),
        added: vec![Added {
            time: AddedTime::Ttft,
            n: 1_000,
            stats: vec![AddedStat {
                stat: "p99".to_owned(),
                added_ms: p99,
                low_ms: p99,
                high_ms: None,
                gateway_ms: p99,
                direct_ms: 0.0,
            }],
        }],
        ..LevelFound::default()
    };
    let mut found = Overhead {
        levels: vec![level(200.0, 0.4), level(400.0, 3.0), level(800.0, 20.0)],
        ..Overhead::default()
    };
    found.set_limits();
    let limits: Vec<_> = found
        .limits
        .iter()
        .map(|l| (l.added_p99_ms, l.kept_at_per_s, l.passed_at_per_s))
        .collect();
    let wanted = [
        (1.0, Some(100.0), Some(200.0)),
        (5.0, Some(200.0), Some(400.0)),
        (10.0, Some(200.0), Some(400.0)),
        (50.0, Some(400.0), None),
    ];
    assert_eq!(limits, wanted);
}
