//! Closed loops, and the end of a run whose answers never come.

use tollgate::wire::Outcome;

use crate::support::*;

#[test]
fn a_closed_loop_with_think_time_keeps_to_its_users_and_ends_with_its_duration() {
    let load = "load: [ { name: users, closed: { concurrency: 3, duration: 1500ms, \
                think: { constant: 40ms } } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    assert_eq!(
        sandbox.plan("")["forecast"]["arrivals"],
        serde_json::Value::Null
    );
    let folder = sandbox.results("");
    let rows = folder.rows();
    assert!(rows.len() > 10, "{}", rows.len());
    assert_eq!(assert_no_gap(&rows, "users"), rows.len());
    assert_eq!(count(&rows, Outcome::Ok), rows.len());
    assert!(most_in_flight(&rows) <= 3);
    let start = folder.info()["phases"][0]["started_ms"].as_f64().unwrap();
    for row in &rows {
        let due = row.due_ms.seconds() * 1e3 - start;
        assert!(due <= 1_500.0, "{row:?}");
    }
    // Each user rests after each answer, so that at most one request fits into 40 ms of a user.
    assert!(rows.len() <= 3 * (1_500 / 40 + 1), "{}", rows.len());
}

#[test]
fn a_closed_loop_ends_at_its_requests_where_these_come_first() {
    let load = "load: [ { name: users, closed: { concurrency: 4, duration: 60s, requests: 21 } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let folder = sandbox.results("");
    assert_eq!(assert_no_gap(&folder.rows(), "users"), 21);
    assert!(most_in_flight(&folder.rows()) <= 4);
}

/// A lab whose every request hangs, and the rows that it leaves.
fn hanging(load: &str) -> Vec<tollgate::results::Row> {
    let lab = "{ lab: { script: { faults: [ { do: hang } ] } } }";
    let sandbox = Sandbox::with(&scenario(lab, &format!("{load}\ndrain: 1s")));
    let ran = sandbox.run("run scenario.yaml -o out").exits(4);
    assert!(ran.stdout.contains("cancelled"), "{}", ran.stdout);
    let folder = sandbox.folder();
    assert_eq!(folder.info()["complete"], true);
    folder.rows()
}

#[test]
fn what_hangs_in_a_closed_loop_is_cancelled_once_the_drain_is_over() {
    let rows = hanging("load: [ { name: users, closed: { concurrency: 2, duration: 500ms } } ]");
    assert_eq!((rows.len(), count(&rows, Outcome::Cancelled)), (2, 2));
    for row in rows {
        let time = row.e2e_ms.unwrap().seconds();
        assert!((1.4..15.0).contains(&time), "{row:?}");
    }
}

#[test]
fn what_hangs_in_an_open_loop_is_cancelled_once_the_drain_is_over() {
    let rows = hanging("load: [ { name: steady, constant: { rate: 20/s, duration: 500ms } } ]");
    assert_eq!((rows.len(), count(&rows, Outcome::Cancelled)), (10, 10));
    for row in rows {
        let time = row.e2e_ms.unwrap().seconds();
        assert!((0.9..15.0).contains(&time), "{row:?}");
    }
}

#[test]
fn arrivals_that_still_queue_when_the_drain_is_over_are_cancelled_rows_too() {
    let rows = hanging(
        "load: [ { name: steady, constant: { rate: 20/s, duration: 500ms, max_in_flight: 3 } } ]",
    );
    assert_eq!((rows.len(), count(&rows, Outcome::Cancelled)), (10, 10));
    let never_sent = rows.iter().filter(|row| row.sent_ms.is_none());
    assert_eq!(never_sent.count(), 7);
}
