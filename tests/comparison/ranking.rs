//! Three arms and more.

use tollgate::judge::{Verdict, compare_arms};
use tollgate::record::Tally;

use super::{duet, settings};

/// Arms with these changes: each is its own draw of the noise, all but the first against it.
fn arms(changes: &[f64]) -> Vec<Vec<Tally>> {
    let runs: Vec<Vec<Vec<Tally>>> = (5..)
        .zip(changes)
        .map(|(seed, change)| duet(*change, seed))
        .collect();
    (0..20)
        .map(|slice| runs.iter().map(|run| run[slice][1].clone()).collect())
        .collect()
}

#[test]
fn equal_arms_share_a_group_and_a_slow_one_stands_alone_behind() {
    let slices = arms(&[1.0, 2.5, 1.02, 1.0]);
    let found = compare_arms(&slices, &settings(&["a", "slow", "b", "c"]));
    let ranking = found.ranking.unwrap();
    assert_eq!(ranking.stat, "p50");
    assert_eq!(ranking.groups.len(), 2, "{ranking:?}");
    assert_eq!(ranking.groups[1], ["slow"]);
    assert_eq!(ranking.order[3].arm, "slow");
    assert_eq!(ranking.order[3].groups, [2]);
    let values: Vec<f64> = ranking
        .order
        .iter()
        .map(|arm| arm.value_ms.unwrap())
        .collect();
    assert!(values.is_sorted(), "{values:?}");
}

#[test]
fn two_arms_are_not_ranked_and_an_arm_without_values_stands_apart() {
    let two = compare_arms(&arms(&[1.0, 1.0]), &settings(&["a", "b"]));
    assert_eq!(two.ranking, None);
    let mut slices = arms(&[1.0, 1.0, 1.0]);
    for slice in &mut slices {
        slice[2] = Tally::default();
    }
    let found = compare_arms(&slices, &settings(&["a", "b", "gone"]));
    assert_eq!(found.ranking.unwrap().unranked, ["gone"]);
    assert_eq!(found.verdict, Verdict::Invalid);
}
