//! How often a comparison errs. The whole of it is `cargo bench --bench gate_error`; this is little enough
//! for every day.

use tollgate::base::Seed;
use tollgate::judge::{Judged, Settings, Stat, Verdict, look};
use tollgate::record::Tally;
use tollgate::sample::Metric;

use super::noise::{self, Course, Layout, Noise};
use super::settings;

const SIMS: u32 = 100;
/// What chance gives more often than this in so many runs, at a true 5 %, it gives less than once in 2,000.
const AT_MOST: u32 = 15;

/// Short runs: the true levels do not depend on the length.
const SHORT: Course = Course {
    per_arm: 800,
    slices: 20,
    seconds: 400.0,
};

fn asked(seed: u64, looks: u32) -> Settings {
    Settings {
        // Each by itself, so that the error is that of one test and not of the cautious whole.
        primary: vec![Judged::Time(Metric::E2e, Stat::P50)],
        seed: Seed(seed),
        looks,
        ..settings(&["a", "b"])
    }
}

/// Passes and fails among runs whose true change is this.
fn counts(layout: Layout, change: f64, looks: u32) -> (u32, u32) {
    let (mut pass, mut fail) = (0, 0);
    let course = Course {
        slices: if looks > 1 { 40 } else { SHORT.slices },
        ..SHORT
    };
    for seed in 0..u64::from(SIMS) {
        let slices = noise::run(&Noise::USUAL, layout, &course, change, seed);
        match judged(&slices, &asked(seed, looks)) {
            Verdict::Pass => pass += 1,
            Verdict::Fail => fail += 1,
            Verdict::Inconclusive | Verdict::Invalid => {}
        }
    }
    (pass, fail)
}

fn judged(slices: &[Vec<Tally>], settings: &Settings) -> Verdict {
    let looks = (1..=settings.looks).filter_map(|number| {
        let so_far = slices.len() * number as usize / settings.looks as usize;
        look(&slices[..so_far], number, settings)
    });
    let mut looks = looks;
    looks.next().unwrap()
}

#[test]
fn at_the_margin_a_duet_errs_no_more_often_than_it_says() {
    let (pass, fail) = counts(Layout::Duet, 1.1, 1);
    assert!(
        pass <= AT_MOST && fail <= AT_MOST,
        "{pass} {fail} of {SIMS}"
    );
    assert!(
        pass + fail > 0,
        "a test that never errs at the margin never decides"
    );
}

#[test]
fn at_the_margin_turns_err_no_more_often_than_they_say() {
    let (pass, fail) = counts(Layout::Turns, 1.1, 1);
    assert!(
        pass <= AT_MOST && fail <= AT_MOST,
        "{pass} {fail} of {SIMS}"
    );
}

#[test]
fn looking_four_times_does_not_make_errors_more_frequent() {
    let (pass, fail) = counts(Layout::Duet, 1.1, 4);
    assert!(
        pass <= AT_MOST && fail <= AT_MOST,
        "{pass} {fail} of {SIMS}"
    );
}

#[test]
fn what_is_far_beyond_the_margin_fails_and_what_is_equal_does_not() {
    let (pass, fail) = counts(Layout::Duet, 1.3, 1);
    assert!(
        pass == 0 && fail >= SIMS * 80 / 100,
        "{pass} {fail} of {SIMS}"
    );
    let (pass, fail) = counts(Layout::Duet, 1.0, 1);
    assert!(
        fail == 0 && pass >= SIMS * 70 / 100,
        "{pass} {fail} of {SIMS}"
    );
}
