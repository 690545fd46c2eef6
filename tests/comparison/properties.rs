//! What holds of any figures.

use proptest::prelude::*;
use tollgate::judge::{Comparison, Verdict, compare_arms};
use tollgate::record::Tally;
use tollgate::sample::Metric;

use super::{arm, fail, noise, put, settings, time};

/// Two arms' times in milliseconds, by slice; `None` failed.
type Times = Vec<[Vec<Option<f64>>; 2]>;

fn tally(times: &[Option<f64>], scale: f64) -> Tally {
    let mut tally = Tally::default();
    for time in times {
        match time {
            Some(ms) => noise::add(&mut tally, ms * scale),
            None => fail(&mut tally),
        }
    }
    tally
}

fn tallies(times: &Times, scale: f64) -> Vec<Vec<Tally>> {
    let of = |slice: &[Vec<Option<f64>>; 2]| slice.iter().map(|arm| tally(arm, scale)).collect();
    times.iter().map(of).collect()
}

fn compared(slices: &[Vec<Tally>]) -> Comparison {
    compare_arms(slices, &settings(&["a", "b"]))
}

fn one(longest: usize) -> impl Strategy<Value = Vec<Option<f64>>> {
    let time = prop_oneof![30 => (1.0_f64..2_000.0).prop_map(Some), 1 => Just(None)];
    proptest::collection::vec(time, 0..longest)
}

fn times() -> impl Strategy<Value = Times> {
    proptest::collection::vec([one(20), one(20)], 10..16)
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a / b - 1.0).abs() < 0.004,
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_unit_of_time_changes_no_ratio(times in times(), scale in 1.0_f64..50.0) {
        let (small, large) = (compared(&tallies(&times, 1.0)), compared(&tallies(&times, scale)));
        for stat in ["p50", "p95"] {
            let rows = [&small, &large].map(|found| time(found, Metric::E2e, stat));
            prop_assert!(near(rows[0].ratio, rows[1].ratio), "{rows:?}");
        }
    }

    #[test]
    fn swapped_arms_have_the_inverse_ratio_and_interval(times in times()) {
        let swapped: Times = times.iter().map(|[a, b]| [b.clone(), a.clone()]).collect();
        let (there, back) = (compared(&tallies(&times, 1.0)), compared(&tallies(&swapped, 1.0)));
        for stat in ["p50", "p95"] {
            let [there, back] = [&there, &back].map(|found| time(found, Metric::E2e, stat));
            let inverse = |end: Option<f64>| end.map(|end| 1.0 / end);
            prop_assert!(near(there.ratio, inverse(back.ratio)), "{there:?} {back:?}");
            prop_assert!(near(there.ratio_low, inverse(back.ratio_high)), "{there:?} {back:?}");
            prop_assert!(near(there.ratio_high, inverse(back.ratio_low)), "{there:?} {back:?}");
        }
    }

    #[test]
    fn the_order_in_which_rows_came_within_a_slice_is_no_matter(times in times()) {
        let reversed: Times = times
            .iter()
            .map(|slice| slice.clone().map(|arm| arm.into_iter().rev().collect()))
            .collect();
        let (there, back) = (tallies(&times, 1.0), tallies(&reversed, 1.0));
        prop_assert_eq!(compared(&there), compared(&back));
    }

    #[test]
    fn an_arm_without_requests_never_passes(mut times in times(), gone in 0_usize..2) {
        for slice in &mut times {
            slice[gone].clear();
        }
        let found = compared(&tallies(&times, 1.0));
        prop_assert_eq!(found.verdict, Verdict::Invalid);
        let rows = arm(&found).rows();
        prop_assert!(rows.iter().all(|row| row.verdict != Verdict::Pass), "{:?}", rows);
    }

    #[test]
    fn whatever_the_figures_nothing_panics_and_a_verdict_has_a_reason(
        mut times in times(), empty in 0_usize..10, zero in any::<bool>(),
    ) {
        times[empty] = [Vec::new(), Vec::new()];
        let mut slices = tallies(&times, 1.0);
        if zero {
            put(&mut slices[1][0], Metric::ChunkGap, 0.0);
        }
        let found = compared(&slices);
        for row in arm(&found).rows() {
            prop_assert!(!row.why.is_empty());
            let json = serde_json::to_value(row.evidence).unwrap();
            prop_assert!(!json.to_string().contains("null") || row.verdict != Verdict::Pass
                || row.evidence.p_pass.is_some());
        }
        let json = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), found);
    }
}
