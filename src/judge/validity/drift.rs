//! Was a phase steady? Its first half against its second.

use super::{Check, Level, check as made};
use crate::record::Half;
use crate::sample::Metric;

/// A difference of the medians that matters.
const MATTERS: f64 = 0.2;
/// Two-sided 99 % of a normal distribution: chance goes beyond it in one of a hundred phases.
const Z99: f64 = 2.575_829;
/// Stretches that a half needs: with fewer, even a clean break could be chance.
const NEEDED: usize = 5;

/// The course of a phase under an even load.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The phase.
    pub phase: String,
    /// The time that is compared.
    pub metric: Metric,
    /// Its first half, and its second.
    pub halves: [Half; 2],
}

impl Course {
    /// How much the median of the second half is above that of the first, as a share of that.
    fn change(&self) -> f64 {
        let [first, second] = &self.halves;
        second.p50_ms / first.p50_ms - 1.0
    }

    fn has_enough(&self) -> bool {
        let enough = |half: &Half| half.stretches_ms.len() >= NEEDED && half.p50_ms > 0.0;
        self.halves.iter().all(enough)
    }

    fn drifted(&self) -> bool {
        let [first, second] = &self.halves;
        let z = rank_sum(&first.stretches_ms, &second.stretches_ms);
        self.change().abs() > MATTERS && z.abs() > Z99
    }
}

/// How far the ranks of two samples lie apart, in standard deviations (Mann-Whitney, by its normal
/// approximation): `U` counts the pairs in which the second is the larger, and
/// `z = (U - n m / 2) / sqrt(n m (n + m + 1) / 12)`.
///
/// It compares medians of whole stretches, not requests: these queue behind each other and are not
/// independent.
fn rank_sum(first: &[f64], second: &[f64]) -> f64 {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let above = |a: f64, b: f64| match b.total_cmp(&a) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 1.0,
    };
    let pairs = first
        .iter()
        .flat_map(|a| second.iter().map(move |b| above(*a, *b)));
    let u: f64 = pairs.sum();
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// The phase that drifted most, or else the one that moved most.
pub(super) fn check(courses: &[Course]) -> Option<Check> {
    let enough = courses.iter().filter(|course| course.has_enough());
    let worst = enough.max_by(|a, b| {
        let key = |course: &Course| (course.drifted(), course.change().abs());
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    let level = if worst.drifted() {
        Level::Warn
    } else {
        Level::Valid
    };
    let [first, second] = worst.halves.each_ref().map(|half| half.p50_ms);
    let value = format!(
        "{} p50 of `{}` {first:.1} ms, then {second:.1} ms ({:+.1} %)",
        worst.metric.name(),
        worst.phase,
        worst.change() * 100.0
    );
    let limit = "the halves of a phase within 20 %, or within what chance gives";
    let remedy = "the phase was not steady, so that its figures depend on its length: warm up for longer, or look in intervals.csv for where it changed. Times that grow throughout an open loop mean that the target can't keep up";
    Some(made("drift", level, value, limit, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(first: &[f64], second: &[f64]) -> Course {
        let half = |stretches: &[f64]| {
            let mut sorted = stretches.to_vec();
            sorted.sort_by(f64::total_cmp);
            Half {
                p50_ms: sorted[sorted.len() / 2],
                stretches_ms: stretches.to_vec(),
            }
        };
        Course {
            phase: "steady".to_owned(),
            metric: Metric::Ttft,
            halves: [half(first), half(second)],
        }
    }

    fn level(courses: &[Course]) -> Option<Level> {
        check(courses).map(|check| check.level)
    }

    const EVEN: [f64; 6] = [50.0, 52.0, 49.0, 51.0, 48.0, 50.0];

    #[test]
    fn the_rank_sum_is_what_tables_of_it_say() {
        // Five against five, wholly apart: U is 25 of 25, and its deviation 4.787.
        let apart = rank_sum(&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0]);
        assert!((apart - 2.611).abs() < 0.001, "{apart}");
        assert!(rank_sum(&EVEN, &EVEN).abs() < 1e-9);
        let back = rank_sum(&[6.0, 7.0, 8.0], &[1.0, 2.0, 3.0]);
        assert!((back + 1.964).abs() < 0.001, "{back}");
    }

    #[test]
    fn a_phase_that_gets_slower_or_faster_is_a_warning() {
        let slow = EVEN.map(|ms| ms * 1.3);
        assert_eq!(level(&[course(&EVEN, &slow)]), Some(Level::Warn));
        assert_eq!(level(&[course(&slow, &EVEN)]), Some(Level::Warn));
        let found = check(&[course(&EVEN, &EVEN), course(&EVEN, &slow)]).unwrap();
        assert!(found.value.contains("+30.0 %"), "{}", found.value);
        assert!(found.remedy.contains("warm up"), "{}", found.remedy);
    }

    #[test]
    fn a_small_change_and_one_that_chance_gives_are_none() {
        let little = EVEN.map(|ms| ms * 1.15);
        assert_eq!(level(&[course(&EVEN, &little)]), Some(Level::Valid));
        let wild = [20.0, 90.0, 30.0, 80.0, 40.0, 70.0];
        let other = [90.0, 25.0, 85.0, 35.0, 95.0, 75.0];
        let noisy = course(&wild, &other);
        assert!(noisy.change() > MATTERS, "{}", noisy.change());
        assert_eq!(level(&[noisy]), Some(Level::Valid));
    }

    #[test]
    fn a_phase_too_short_to_tell_is_not_judged() {
        let slow = EVEN.map(|ms| ms * 3.0);
        assert_eq!(level(&[course(&EVEN[..4], &slow)]), None);
        assert_eq!(level(&[]), None);
    }
}
