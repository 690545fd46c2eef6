//! The table of a comparison: each figure with its interval, verdict and what could have been seen.

use tollgate::base::Money;
use tollgate::judge::{Settings, Unit, Verdict, compare_arms, look};
use tollgate::record::Tally;
use tollgate::sample::Metric;

use super::{arm, duet, figure, noise, put, settings, time};

fn asked() -> Settings {
    Settings {
        window_s: vec![600.0; 2],
        ..settings(&["direct", "gateway"])
    }
}

#[test]
fn a_slower_arm_fails_with_its_ratio_within_the_interval() {
    let found = compare_arms(&duet(1.3, 4), &asked());
    assert_eq!(found.verdict, Verdict::Fail);
    let row = time(&found, Metric::E2e, "p50");
    let [ratio, low, high] = [row.ratio, row.ratio_low, row.ratio_high].map(Option::unwrap);
    assert!(
        low < 1.3 && 1.3 < high && low < ratio && ratio < high,
        "{row:?}"
    );
    let [one_low, one_high] = [row.evidence.bound_low, row.evidence.bound_high].map(Option::unwrap);
    assert!(low < one_low && one_high < high && one_low > 1.1, "{row:?}");
    let ends = [row.arm_low_ms, row.arm_ms, row.arm_high_ms].map(Option::unwrap);
    assert!(
        ends.is_sorted() && ends[0] > 300.0 && ends[2] < 560.0,
        "{row:?}"
    );
    let seen = row.evidence.detectable.unwrap();
    assert!((0.02..0.09).contains(&seen), "{row:?}");
    assert!(
        row.why
            .contains("% slower, with 95 % confidence no better than"),
        "{}",
        row.why
    );
    assert!(
        row.why.ends_with("beyond the margin of 10 %"),
        "{}",
        row.why
    );
    assert_eq!((row.baseline_n, row.arm_n), (3_000, 3_000));
}

#[test]
fn what_decides_comes_first_and_of_what_is_streamed_ttft_decides() {
    let mut slices = duet(1.0, 4);
    for tally in slices.iter_mut().flatten() {
        for k in 0..150 {
            put(tally, Metric::Ttft, 100.0 + f64::from(k));
        }
    }
    let found = compare_arms(&slices, &asked());
    let rows: Vec<(String, bool)> = arm(&found)
        .rows()
        .iter()
        .map(|row| {
            (
                format!("{} {}", row.metric, row.stat.unwrap_or("")),
                row.primary,
            )
        })
        .collect();
    let primary: Vec<&str> = rows
        .iter()
        .filter(|(_, primary)| *primary)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(primary, ["ttft p50", "ttft p95", "e2e p95", "error_rate "]);
    assert!(rows[4..].iter().all(|(_, primary)| !primary));
    assert!(rows.iter().any(|(name, _)| name == "goodput "));
}

#[test]
fn of_goodput_more_is_better() {
    let mut slices = duet(1.0, 4);
    for slice in &mut slices {
        slice[1].good_in_window = slice[1].good_in_window * 6 / 10;
    }
    let worse = compare_arms(&slices, &asked());
    let row = figure(&worse, "goodput");
    assert_eq!(
        (row.unit, row.verdict),
        (Unit::PerS, Verdict::Fail),
        "{row:?}"
    );
    assert!((row.baseline.unwrap() - 5.0).abs() < 1e-9 && (row.change.unwrap() - 0.6).abs() < 1e-9);
    assert_eq!(
        worse.verdict,
        Verdict::Pass,
        "it is told, and does not decide by itself"
    );
    for slice in &mut slices {
        slice.reverse();
    }
    let better = compare_arms(&slices, &asked());
    assert_eq!(figure(&better, "goodput").verdict, Verdict::Pass);
    // An arm that answers nothing well in time has a ratio of 0, and fails.
    for slice in &mut slices {
        slice[1].good_in_window = 0;
    }
    let none = compare_arms(&slices, &asked());
    assert_eq!(figure(&none, "goodput").change, Some(0.0));
    assert_eq!(figure(&none, "goodput").verdict, Verdict::Fail);
}

#[test]
fn the_cost_is_of_the_requests_whose_cost_is_known() {
    let mut slices = duet(1.0, 4);
    for (k, slice) in (0..).zip(&mut slices) {
        for (arm, nanos) in [(0, 1_000), (1, 1_400)] {
            let tally = &mut slice[arm];
            tally.cost_unknown = 50;
            let known = tally.arrivals - tally.cost_unknown;
            tally.cost = Money::from_nanos((nanos + k) * known.cast_signed());
        }
    }
    let found = compare_arms(&slices, &asked());
    let row = figure(&found, "cost_per_request");
    assert_eq!(
        (row.baseline_n, row.verdict),
        (2_000, Verdict::Fail),
        "{row:?}"
    );
    assert!(
        (row.change.unwrap() - 1_409.5 / 1_009.5).abs() < 1e-6,
        "{row:?}"
    );
    assert!(row.why.contains("dearer"), "{}", row.why);
    let unknown = compare_arms(&duet(1.0, 4), &asked());
    assert!(figure(&unknown, "cost_per_request").verdict != Verdict::Pass);
}

#[test]
fn a_quantile_of_one_arm_has_the_interval_that_its_slices_give() {
    // Each slice has a level of its own, so that the interval is far wider than requests would make it.
    let mut slices: Vec<Vec<Tally>> = Vec::new();
    for k in 0..20 {
        let mut tally = Tally::default();
        for j in 0..200 {
            let level = f64::from(k * 7 % 20) * 10.0;
            noise::add(&mut tally, 100.0 + level + f64::from(j) / 100.0);
        }
        slices.push(vec![tally.clone(), tally]);
    }
    let found = compare_arms(&slices, &asked());
    let row = time(&found, Metric::E2e, "p50");
    let [low, high] = [row.arm_low_ms, row.arm_high_ms].map(Option::unwrap);
    assert!(
        (120.0..170.0).contains(&low) && (220.0..280.0).contains(&high),
        "{row:?}"
    );
    let ratio = [row.ratio_low, row.ratio_high].map(Option::unwrap);
    assert!(ratio[0] > 0.99 && ratio[1] < 1.01, "both feel it: {row:?}");
}

#[test]
fn a_look_comes_to_the_verdict_of_the_whole_table() {
    for (change, seed) in [(1.0, 1), (1.1, 2), (1.3, 3), (1.05, 4)] {
        let slices = duet(change, seed);
        let whole = compare_arms(&slices, &asked()).verdict;
        assert_eq!(look(&slices, 1, &asked()), Some(whole));
    }
}
