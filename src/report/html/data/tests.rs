use super::*;

use proptest::prelude::*;

fn interval(second: u64, arm: &str, ended: u64) -> IntervalRow {
    IntervalRow {
        second,
        arm: arm.to_owned(),
        ended,
        ..IntervalRow::default()
    }
}

fn seconds(all: u64, ended: u64) -> Vec<IntervalRow> {
    (0..all)
        .map(|second| interval(second, "lab", ended))
        .collect()
}

fn names(arms: &[&str], recipes: &[&str]) -> Names {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Names {
        arms: owned(arms),
        recipes: owned(recipes),
    }
}

fn record(course: &mut Course, second: u64, tag: &str, millis: impl IntoIterator<Item = u64>) {
    let place = course.place(second, tag).unwrap();
    for ms in millis {
        place.record(Duration::from_millis(ms));
    }
}

#[test]
fn a_column_gets_longer_with_the_run_and_where_too_few_requests_end_in_it() {
    let length = |all, ended| Axis::new(&seconds(all, ended)).length_s;
    assert_eq!(length(10, 500), 1);
    assert_eq!(length(300, 500), 1);
    assert_eq!(length(301, 500), 2);
    assert_eq!(length(3_600, 500), 15);
    assert_eq!(length(200_000, 500), 1_200);
    // 10 requests a second: a p95 needs some ten seconds.
    assert_eq!(length(300, 10), 10);
    // As few as these have none, but the course is still to be seen.
    assert_eq!(length(300, 1), 10);
    assert_eq!(length(10, 1), 1);
    for all in [0, 1, 299, 301, 4_000, 86_400, 10_000_000] {
        let axis = Axis::new(&seconds(all.min(90_000), 5));
        assert!(axis.columns <= COLUMNS, "{axis:?}");
        assert!(axis.columns * axis.length_s >= axis.seconds);
    }
}

#[test]
fn an_arm_a_recipe_and_the_total_each_have_the_times_that_are_theirs() {
    let scopes = [
        "total",
        "arm:a.b",
        "arm:c/d",
        "recipe:chat",
        "recipe:x y",
        "group:c/d/x y",
        "model:m",
    ];
    let names = names(&["a.b", "c/d"], &["chat", "x y"]);
    let mut course = Course::new(&seconds(4, 10), &scopes, &names);
    record(&mut course, 0, "a_b/chat.ttft", [10, 10]);
    record(&mut course, 0, "c/d/chat.ttft", [20]);
    record(&mut course, 1, "c/d/x_y.ttft", [30, 30, 30]);
    record(&mut course, 2, "a_b/chat.e2e", [7]);
    for unknown in ["a_b/other.ttft", "a_b/chat.lag", "nonsense", "chat.ttft"] {
        assert!(course.place(3, unknown).is_none(), "{unknown}");
    }
    let figures = course.finish();
    let n = |metric: &str| -> Vec<(String, u64)> {
        let of = &figures.metrics[metric];
        of.iter()
            .map(|(scope, times)| (scope.clone(), times.n))
            .collect()
    };
    let wanted = [
        ("arm:a.b", 2),
        ("arm:c/d", 4),
        ("group:c/d/x y", 3),
        ("recipe:chat", 3),
        ("recipe:x y", 3),
        ("total", 6),
    ];
    assert_eq!(n("ttft"), wanted.map(|(scope, n)| (scope.to_owned(), n)));
    let wanted = [("arm:a.b", 1), ("recipe:chat", 1), ("total", 1)];
    assert_eq!(n("e2e"), wanted.map(|(scope, n)| (scope.to_owned(), n)));
}

#[test]
fn the_quantiles_of_a_column_are_those_of_its_histogram_and_need_as_many_values() {
    let mut course = Course::new(&seconds(3, 500), &["total"], &names(&["lab"], &["chat"]));
    record(&mut course, 0, "chat.ttft", 1..=4);
    record(&mut course, 2, "chat.ttft", 1..=100);
    let figures = course.finish();
    let total = &figures.metrics["ttft"]["total"];
    assert_eq!(total.p50.len(), 3);
    assert_eq!(total.p50[..2], [None, None], "too few, and none");
    assert!(
        (total.p50[2].unwrap() - 50.0).abs() < 0.1 && (total.p95[2].unwrap() - 95.0).abs() < 0.1
    );
    let cells: u64 = total
        .heat
        .iter()
        .flat_map(|column| column.iter().skip(1))
        .sum();
    assert_eq!(cells, 104);
    assert!(total.heat[1].is_empty());
}

#[test]
fn what_ended_failed_and_was_in_flight_is_kept_for_each_arm() {
    let mut rows = seconds(700, 200);
    rows.push(interval(3, "other", 9));
    rows[4].failed = 2;
    rows[5].in_flight = 40;
    let course = Course::new(&rows, &["total"], &names(&["lab"], &[]));
    let figures = course.finish();
    let sum = |list: &[u64]| list.iter().sum::<u64>();
    assert_eq!(sum(&figures.load["lab"].ended), 140_000);
    assert_eq!(sum(&figures.load["lab"].failed), 2);
    assert_eq!(figures.load["lab"].in_flight.iter().max(), Some(&40));
    assert_eq!(sum(&figures.load["other"].ended), 9);
}

#[test]
fn a_run_without_files_has_nothing_to_draw() {
    let figures = Course::new(&[], &["total"], &names(&["lab"], &["chat"])).finish();
    assert_eq!(figures.axis.columns, 0);
    assert!(figures.metrics.values().all(BTreeMap::is_empty));
}

proptest! {
    #[test]
    fn a_curve_is_short_and_passes_where_the_histogram_does(
        micros in proptest::collection::vec(1_u64..100_000_000, 1..2_000),
    ) {
        let mut times = Histogram::default();
        for time in &micros {
            times.record(Duration::from_micros(*time));
        }
        let points = curve(&times);
        prop_assert!(points.len() as f64 <= POINTS + 2.0);
        prop_assert!(points.is_sorted());
        prop_assert_eq!(*points.last().unwrap(), (ms(times.max()), times.len()));
        for (value, rank) in points {
            let no_longer = |ms: f64| micros.iter().filter(|time| **time as f64 / 1e3 <= ms).count() as u64;
            // A bucket is at most a thousandth wide, or half a microsecond.
            prop_assert!(no_longer(value * 0.999 - 0.001) <= rank, "{value} {rank}");
            prop_assert!(rank <= no_longer(value * 1.001 + 0.001), "{value} {rank}");
        }
    }

    #[test]
    fn steps_hold_every_time_once_and_at_its_place(
        micros in proptest::collection::vec(1_u64..100_000_000, 1..500),
    ) {
        let mut times = Histogram::default();
        for time in &micros {
            times.record(Duration::from_micros(*time));
        }
        let steps = stepped(&times, STEPS);
        prop_assert_eq!(steps[1..].iter().sum::<u64>(), times.len());
        prop_assert!(steps[1] > 0 && steps[steps.len() - 1] > 0);
        let least = *micros.iter().min().unwrap() as f64;
        let low = 10_f64.powf(steps[0] as f64 / STEPS);
        prop_assert!(low <= least * 1.002 + 1.0 && least < low * 1.13 + 1.0, "{low} {least}");
    }
}
