//! Figures that a ratio of quantiles is easily wrong about.

use tollgate::judge::{Comparison, Settings, Verdict, compare_arms};
use tollgate::record::Tally;
use tollgate::sample::Metric;

use super::{arm, duet, fail, figure, noise, put, settings, time};

/// Slices that are all alike: `n` answers of so many milliseconds in each arm.
fn alike(slices: usize, n: usize, ms: [f64; 2]) -> Vec<Vec<Tally>> {
    let tally = |ms: f64| {
        let mut tally = Tally::default();
        for _ in 0..n {
            noise::add(&mut tally, ms);
        }
        tally
    };
    (0..slices).map(|_| ms.map(tally).to_vec()).collect()
}

fn compared(slices: &[Vec<Tally>]) -> Comparison {
    compare_arms(slices, &settings(&["direct", "gateway"]))
}

#[test]
fn answers_that_are_all_alike_have_no_error_and_are_told_by_their_value() {
    let same = compared(&alike(20, 30, [50.0, 50.0]));
    assert_eq!(same.verdict, Verdict::Pass, "{same:?}");
    let slower = compared(&alike(20, 30, [50.0, 56.0]));
    assert_eq!(slower.verdict, Verdict::Fail, "{slower:?}");
    assert_eq!(time(&slower, Metric::E2e, "p95").verdict, Verdict::Fail);
    let within = compared(&alike(20, 30, [50.0, 54.0]));
    assert_eq!(within.verdict, Verdict::Pass, "{within:?}");
    let row = time(&within, Metric::E2e, "p50");
    let [low, high] = [row.ratio_low, row.ratio_high].map(Option::unwrap);
    assert!(
        (1.078..=1.08).contains(&low) && (1.0799..1.083).contains(&high),
        "{row:?}"
    );
}

#[test]
fn too_few_slices_say_nothing_however_clear_the_figures() {
    let found = compared(&alike(9, 100, [50.0, 500.0]));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    let why = &time(&found, Metric::E2e, "p50").why;
    assert!(
        why.contains("at least 10 slices") && why.contains("there are 9"),
        "{why}"
    );
    // Empty slices are none.
    let mut slices = alike(9, 100, [50.0, 500.0]);
    slices.extend(alike(9, 0, [1.0, 1.0]));
    assert_eq!(compared(&slices).verdict, Verdict::Inconclusive);
    assert_eq!(
        compared(&alike(10, 100, [50.0, 500.0])).verdict,
        Verdict::Fail
    );
}

#[test]
fn an_arm_that_is_there_in_few_slices_only_can_not_be_compared() {
    let mut slices = alike(20, 50, [50.0, 50.0]);
    for slice in &mut slices[..12] {
        slice[1] = Tally::default();
    }
    let found = compared(&slices);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(time(&found, Metric::E2e, "p50").why.contains("there are 8"));
}

#[test]
fn a_quantile_needs_its_values_and_says_how_many() {
    let found = compared(&alike(20, 5, [50.0, 50.0]));
    let p99 = time(&found, Metric::E2e, "p99");
    assert_eq!((p99.verdict, p99.arm_ms), (Verdict::Inconclusive, None));
    assert_eq!(
        p99.why,
        "e2e p99 needs 299 values of each arm, and `direct` has 100"
    );
    assert!(p99.evidence.p_pass.is_none());
}

#[test]
fn an_arm_without_an_answer_of_some_kind_has_nothing_to_compare() {
    let mut slices = alike(20, 50, [50.0, 50.0]);
    for slice in &mut slices {
        for _ in 0..50 {
            put(&mut slice[0], Metric::Ttft, 20.0);
        }
    }
    let found = compared(&slices);
    let ttft = time(&found, Metric::Ttft, "p50");
    assert!(ttft.primary);
    assert_eq!(
        (ttft.verdict, found.verdict),
        (Verdict::Invalid, Verdict::Invalid)
    );
    assert!(
        ttft.why
            .starts_with("arm `gateway` has no values of ttft p50"),
        "{}",
        ttft.why
    );
}

#[test]
fn nothing_at_all_is_invalid() {
    assert_eq!(compared(&[]).verdict, Verdict::Invalid);
    assert_eq!(
        compare_arms(&duet(1.0, 1), &settings(&["alone"])).verdict,
        Verdict::Invalid
    );
    assert_eq!(
        compare_arms(&duet(1.0, 1), &settings(&[])).verdict,
        Verdict::Invalid
    );
    let beyond = Settings {
        baseline: 7,
        ..settings(&["a", "b"])
    };
    assert_eq!(
        compare_arms(&duet(1.0, 1), &beyond).verdict,
        Verdict::Invalid
    );
}

#[test]
fn an_arm_does_not_look_fast_by_failing_fast() {
    let mut slices = duet(0.5, 3);
    for slice in &mut slices {
        for _ in 0..30 {
            fail(&mut slice[1]);
        }
    }
    // 30 of 180 failed: its p50 is better, its p95 infinite, and its error rate decides.
    let found = compared(&slices);
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(time(&found, Metric::E2e, "p50").verdict, Verdict::Pass);
    let p95 = time(&found, Metric::E2e, "p95");
    assert_eq!(
        (p95.arm_ms, p95.ratio, p95.verdict),
        (None, None, Verdict::Fail),
        "{p95:?}"
    );
    assert!(
        p95.why.contains("so many failed that it is infinite"),
        "{}",
        p95.why
    );
    let errors = figure(&found, "error_rate");
    assert!(
        errors.primary && errors.verdict == Verdict::Fail,
        "{errors:?}"
    );
    assert!((errors.change.unwrap() - 30.0 / 180.0).abs() < 1e-9);
}

#[test]
fn an_arm_whose_every_request_failed_fails() {
    let mut slices = duet(1.0, 3);
    for slice in &mut slices {
        slice[1] = Tally::default();
        for _ in 0..150 {
            fail(&mut slice[1]);
        }
    }
    assert_eq!(compared(&slices).verdict, Verdict::Fail);
    for slice in &mut slices {
        slice[0] = slice[1].clone();
    }
    let both = compared(&slices);
    assert_ne!(both.verdict, Verdict::Pass, "{both:?}");
}

#[test]
fn no_failure_among_few_requests_is_no_proof_of_none() {
    let few = compared(&alike(10, 6, [50.0, 50.0]));
    let errors = figure(&few, "error_rate");
    assert_eq!(errors.verdict, Verdict::Inconclusive, "{errors:?}");
    let many = compared(&alike(10, 100, [50.0, 50.0]));
    let errors = figure(&many, "error_rate");
    assert_eq!(errors.verdict, Verdict::Pass, "{errors:?}");
    assert!(errors.evidence.bound_high.unwrap() > 0.001, "{errors:?}");
}

#[test]
fn gaps_below_a_microsecond_have_no_ratio() {
    let mut slices = alike(20, 50, [50.0, 50.0]);
    for slice in &mut slices {
        for _ in 0..50 {
            put(&mut slice[0], Metric::ChunkGap, 0.0);
            put(&mut slice[1], Metric::ChunkGap, 5.0);
        }
    }
    let found = compared(&slices);
    let gap = time(&found, Metric::ChunkGap, "p50");
    assert_eq!(gap.verdict, Verdict::Inconclusive);
    assert!(gap.why.contains("below a microsecond"), "{}", gap.why);
}

#[test]
fn verdicts_are_the_same_for_a_seed() {
    let slices = duet(1.05, 9);
    assert_eq!(compared(&slices), compared(&slices));
    assert!(!arm(&compared(&slices)).rows().is_empty());
}
