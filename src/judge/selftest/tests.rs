//! The comparison on rows and truths that are made up.

use super::*;
use crate::base::Offset;
use crate::plan::{ArmId, ArrivalId, RecipeId};
use crate::wire::{Exchange, Marks, Outcome};

/// The run's start on the shared clock.
const ZERO: u64 = 5_000_000_000;
const US: u64 = 1_000;

fn clocks() -> Clocks {
    Clocks {
        zero: ZERO,
        mapping_error: Duration::from_micros(1),
    }
}

/// Three chunks, 20 ms apart, and the end, at `start` on the shared clock.
fn truth(key: u64, start: u64) -> Truth {
    let chunks: Vec<u64> = (0..3).map(|k| start + k * 20_000 * US).collect();
    Truth {
        key,
        end: chunks[2] + US,
        chunks,
        ..Truth::default()
    }
}

/// A row whose marks are the truth's, shifted.
fn row(truth: &Truth, shift: i64) -> (u64, Sample) {
    let ours = |at: u64| Some(Offset::from_nanos((at - ZERO).strict_add_signed(shift)));
    let marks = Marks {
        sent: Some(Offset::from_nanos(40 * US)),
        first_token: ours(truth.chunks[0]),
        last_token: ours(truth.chunks[2]),
        end: ours(truth.end),
        ..Marks::default()
    };
    let sample = Sample {
        id: ArrivalId::default(),
        arm: ArmId(0),
        recipe: RecipeId(0),
        warmup: false,
        stream: true,
        due: Offset::ZERO,
        queued: Duration::ZERO,
        exchange: Exchange {
            outcome: Outcome::Ok,
            marks,
            token_chunks: 3,
            gaps: [20_007, 19_999].into_iter().collect(),
            ..Exchange::default()
        },
        cost: None,
        bill: crate::sample::Bill::default(),
        good: true,
    };
    (truth.key, sample)
}

/// Whether a figure is the wanted one within the histogram's resolution.
fn near(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|value| (value - wanted).abs() < (wanted * 0.002).max(0.6))
}

#[test]
fn a_known_shift_is_found_in_both_marks() {
    let truths: Vec<Truth> = (0..300).map(|k| truth(k, ZERO + k * 1_000 * US)).collect();
    let rows: Vec<_> = truths.iter().map(|t| row(t, 250_000)).collect();
    let measured = compare(&rows, &truths, clocks());
    assert_eq!((measured.requests, measured.compared), (300, 300));
    for errors in [&measured.first_token, &measured.end] {
        let errors = errors.as_ref().unwrap();
        assert!(near(errors.p50_us, 250.0) && near(errors.p99_us, 250.0));
        assert_eq!((errors.n, errors.early, errors.clamped), (300, 0, 0));
    }
    let gaps = measured.chunk_gap.as_ref().unwrap();
    assert_eq!(gaps.n, 600);
    assert!(near(Some(gaps.max_us), 7.0), "{gaps:?}");
    assert!(near(measured.lag.as_ref().unwrap().p50_us, 40.0));
    assert!(measured.passed());
}

#[test]
fn an_early_mark_is_flagged_unless_the_clocks_explain_it() {
    let truth = truth(1, ZERO + 9_000 * US);
    let within = compare(&[row(&truth, -900)], std::slice::from_ref(&truth), clocks());
    assert_eq!((within.early(), within.passed()), (0, true));
    let beyond = compare(
        &[row(&truth, -2_000_000)],
        std::slice::from_ref(&truth),
        clocks(),
    );
    assert_eq!((beyond.early(), beyond.passed()), (2, false));
    let errors = beyond.first_token.unwrap();
    assert!(near(Some(errors.earliest_us), 2_000.0), "{errors:?}");
}

#[test]
fn what_cannot_be_compared_is_counted_and_left_out() {
    let truths = [truth(1, ZERO), truth(2, ZERO), truth(3, ZERO)];
    let mut failed = row(&truths[0], 0);
    failed.1.exchange.outcome = Outcome::Reset;
    let twice = row(&truths[1], 5_000);
    let stranger = row(&truth(9, ZERO), 0);
    let rows = [failed, twice.clone(), twice, stranger];
    let measured = compare(&rows, &truths, clocks());
    let counts = (measured.failed, measured.ambiguous, measured.unmatched);
    assert_eq!(counts, (1, 2, 1));
    assert_eq!((measured.compared, measured.passed()), (0, false));
    assert_eq!(measured.first_token, None);
}

#[test]
fn an_error_beyond_the_range_is_clamped_and_counted() {
    let truth = truth(1, ZERO);
    let two_hours = 7_200_000_000_000;
    let measured = compare(&[row(&truth, two_hours)], &[truth], clocks());
    assert_eq!(measured.first_token.unwrap().clamped, 1);
}

#[test]
fn the_nearest_round_is_of_the_same_kind_and_has_a_figure() {
    let round = |name: &str, load, measured: bool| Round {
        name: name.to_owned(),
        load,
        skipped: None,
        measured: Some(Measured {
            first_token: measured.then(Errors::default),
            ..Measured::default()
        }),
    };
    let certificate = Certificate {
        schema: SELFTEST_SCHEMA,
        started_utc: String::new(),
        tollgate: String::new(),
        debug_build: false,
        host: String::new(),
        client: String::new(),
        workers: 1,
        quick: false,
        timestamps: String::new(),
        mapping_error_us: 0.1,
        passed: true,
        rounds: vec![
            round("one", Load::Closed(1), true),
            round("many", Load::Closed(256), true),
            round("slow", Load::Open(100.0), true),
            round("fast", Load::Open(1_000.0), false),
        ],
    };
    let nearest = |load| {
        certificate
            .nearest(load)
            .map(|(round, _)| round.name.as_str())
    };
    assert_eq!(nearest(Load::Closed(20)), Some("many"));
    assert_eq!(nearest(Load::Closed(8)), Some("one"));
    assert_eq!(nearest(Load::Open(5_000.0)), Some("slow"));
    let json = serde_json::to_string(&certificate).unwrap();
    assert_eq!(
        serde_json::from_str::<Certificate>(&json).unwrap(),
        certificate
    );
}
