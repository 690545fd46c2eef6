//! Arrivals that are held back by hand, on a paused clock.

use std::time::Duration;

use super::{millis, open, phase, plan, play};
use crate::engine::Control;
use crate::sample::{Metric, Sample};
use crate::scenario::{Pace, Shape};

/// Holds from the one instant to the other.
fn hold_between(control: &Control, from: Duration, to: Duration) {
    let hold = control.hold.clone();
    tokio::spawn(async move {
        tokio::time::sleep(from).await;
        hold.hold();
        tokio::time::sleep(to.saturating_sub(from)).await;
        hold.release();
    });
}

#[tokio::test(start_paused = true)]
async fn what_comes_due_while_held_is_sent_late_and_never_dropped() {
    let shape = open(Pace::Constant { rate: 10.0 }, 100, None);
    let plan = plan(vec![phase("steady", shape, Some(50), None)]);
    let control = Control::default();
    hold_between(&control, millis(1_050), millis(2_050));
    let played = play(&plan, 2, control, |_| millis(20)).await;
    assert_eq!(played.rows.len(), 50);
    for row in &played.rows {
        let due_ms = row.id.number * 100;
        assert_eq!(
            row.due.nanos() / 1_000_000,
            due_ms,
            "the plan does not move"
        );
        let lag = row.time(Metric::Lag).unwrap().as_millis() as u64;
        // Held from 1.05 s to 2.05 s: what was due then goes when the hold ends.
        let truth = if (1_050..2_050).contains(&due_ms) {
            2_050 - due_ms
        } else {
            0
        };
        assert!(
            (truth..=truth + 3).contains(&lag),
            "{due_ms}: {lag} {truth}"
        );
        assert!(
            row.queued.is_zero(),
            "it did not wait for a place in flight"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn users_of_a_closed_loop_rest_while_held_and_their_loop_ends_when_planned() {
    let users = Shape::Closed {
        concurrency: 2,
        think: None,
    };
    let three = Duration::from_secs(3);
    let plan = plan(vec![phase("users", users, None, Some(three))]);
    let control = Control::default();
    hold_between(&control, millis(1_000), millis(2_000));
    let played = play(&plan, 2, control, |_| millis(100)).await;
    let held = |row: &&Sample| (1_050..2_000).contains(&(row.due.nanos() / 1_000_000));
    assert_eq!(played.rows.iter().filter(held).count(), 0);
    // Two users, 100 ms each, for 2 of 3 s.
    assert!(
        (38..=42).contains(&played.rows.len()),
        "{}",
        played.rows.len()
    );
    assert!(played.rows.iter().all(|row| row.due.seconds() <= 3.0));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_while_it_is_held_ends() {
    let shape = open(Pace::Constant { rate: 10.0 }, 100, None);
    let users = Shape::Closed {
        concurrency: 2,
        think: None,
    };
    for shape in [shape, users] {
        let hour = Duration::from_secs(3_600);
        let plan = plan(vec![phase("steady", shape, None, Some(hour))]);
        let control = Control::default();
        control.hold.hold();
        let stop = control.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(millis(500)).await;
            stop.cancel();
        });
        let played = play(&plan, 2, control, |_| millis(20)).await;
        assert_eq!(played.rows.len(), 0);
    }
}
