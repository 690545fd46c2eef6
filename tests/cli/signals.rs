//! SIGINT and SIGTERM: the first stops arrivals, the second cuts, the third ends it.

use rustix::process::Signal;
use tollgate::wire::Outcome;

use crate::stage::Stage;
use crate::support::*;

/// Answers that take most of a second.
const SLOW: &str = r#"{"models":[{"ttft":{"constant":"700ms"},"pace":{"constant":"1ms"},
    "output_tokens":{"constant":3}}]}"#;
/// No answers at all.
const SILENT: &str = r#"{"faults":[{"do":"hang"}]}"#;
const LOAD: &str = "load: [ { name: steady, constant: { rate: 20/s, duration: 60s } } ]";
const CLOSED: &str = "load: [ { name: users, closed: { concurrency: 4, duration: 60s } } ]";

/// A run against a stage, with several requests in flight.
fn under_way(script: &str, load: &str, in_flight: u64) -> (Stage, Sandbox, Started) {
    let stage = Stage::start(script);
    let sandbox = Sandbox::with(&scenario(&gateway(stage.provider()), load));
    let started = sandbox.start("run scenario.yaml -o out");
    until("requests in flight", || stage.counts().serving >= in_flight);
    (stage, sandbox, started)
}

/// What every interrupted run leaves: rows for exactly the requests that were sent.
fn rows_of_all_that_was_sent(stage: &Stage, folder: &Folder, phase: &str, why: &str) {
    let info = folder.info();
    assert_eq!(info["complete"], false);
    assert_eq!(info["interrupted"], why);
    let rows = assert_no_gap(&folder.rows(), phase) as u64;
    // What is cut may be on its way to the provider still.
    let cut = count(&folder.rows(), Outcome::Cancelled) > 0;
    let seen = stage.counts().requests;
    assert!(
        (seen..=seen + u64::from(cut)).contains(&rows),
        "{rows} of {seen}"
    );
    assert!(rows < 1_200, "arrivals went on: {rows}");
    assert_eq!(info["summary"]["scopes"][0]["count"]["requests"], rows);
}

#[test]
fn one_interrupt_stops_arrivals_and_lets_what_is_in_flight_come_to_its_end() {
    let (stage, sandbox, mut started) = under_way(SLOW, LOAD, 8);
    started.signal(Signal::INT);
    started.hear("stopping");
    let ran = started.finish().exits(130);
    assert!(ran.stdout.contains(", INTERRUPTED"), "{}", ran.stdout);

    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "steady", "interrupt");
    let rows = folder.rows();
    assert_eq!(count(&rows, Outcome::Ok), rows.len());
    let stopped = folder.info()["phases"][0]["ended_ms"].as_f64().unwrap();
    let millis = |at: tollgate::base::Offset| at.seconds() * 1e3;
    assert!(rows.iter().all(|row| millis(row.due_ms) <= stopped));
    let drained = rows
        .iter()
        .filter(|row| row.end_ms.is_some_and(|end| millis(end) > stopped));
    assert!(drained.count() >= 4);

    let report = sandbox
        .run(&format!("report {}", folder.path.display()))
        .exits(0);
    assert!(report.stdout.contains(", INTERRUPTED"), "{}", report.stdout);
}

#[test]
fn one_interrupt_ends_a_closed_loop_after_the_answers_that_are_under_way() {
    let (stage, sandbox, started) = under_way(SLOW, CLOSED, 4);
    started.signal(Signal::INT);
    started.finish().exits(130);
    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "users", "interrupt");
    let rows = folder.rows();
    assert_eq!(count(&rows, Outcome::Ok), rows.len());
}

#[test]
fn a_second_interrupt_cuts_what_is_in_flight_into_cancelled_rows() {
    let (stage, sandbox, mut started) = under_way(SILENT, LOAD, 8);
    started.signal(Signal::INT);
    started.hear("stopping");
    started.signal(Signal::INT);
    started.finish().exits(130);
    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "steady", "interrupt");
    let rows = folder.rows();
    assert_eq!(count(&rows, Outcome::Cancelled), rows.len());
    let errors = folder.total()["errors"].clone();
    assert_eq!(errors[0]["outcome"], "cancelled");
    assert_eq!(errors[0]["count"], rows.len());
}

#[test]
fn a_second_interrupt_cuts_a_closed_loop_too() {
    let (stage, sandbox, mut started) = under_way(SILENT, CLOSED, 4);
    started.signal(Signal::INT);
    started.hear("stopping");
    started.signal(Signal::TERM);
    started.finish().exits(130);
    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "users", "interrupt");
    assert_eq!(count(&folder.rows(), Outcome::Cancelled), 4);
}

#[test]
fn three_interrupts_end_it_and_leave_a_folder_that_can_be_read() {
    let (_stage, sandbox, mut started) = under_way(SILENT, LOAD, 8);
    started.signal(Signal::INT);
    started.hear("stopping");
    started.signal(Signal::INT);
    started.hear("cutting");
    // It may be over by now: there is nothing left to wait for.
    started.signal(Signal::INT);
    started.finish().exits(130);
    let folder = sandbox.folder();
    assert_eq!(folder.info()["complete"], false);
    sandbox
        .run(&format!("report {}", folder.path.display()))
        .exits(4);
}

#[test]
fn a_termination_stops_arrivals_too_and_has_an_exit_code_of_its_own() {
    let (stage, sandbox, mut started) = under_way(SLOW, LOAD, 8);
    started.signal(Signal::TERM);
    started.hear("stopping");
    let ran = started.finish().exits(143);
    assert!(ran.stdout.contains(", TERMINATED"), "{}", ran.stdout);
    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "steady", "terminate");
    assert_eq!(count(&folder.rows(), Outcome::Ok), folder.rows().len());
}

#[test]
fn an_interrupted_warm_up_leaves_out_all_that_should_have_followed() {
    let load = "load: [ { name: warm-up, warmup: true, closed: { concurrency: 2, duration: 60s } },\
                { name: steady, constant: { rate: 20/s, duration: 60s } } ]";
    let (stage, sandbox, started) = under_way(SLOW, load, 2);
    started.signal(Signal::INT);
    started.finish().exits(130);
    let folder = sandbox.folder();
    let rows = folder.rows();
    assert_eq!(rows.len() as u64, stage.counts().requests);
    assert!(rows.iter().all(|row| row.warmup));
    assert_eq!(folder.total()["count"]["requests"], 0);
}

#[test]
fn an_interrupt_waits_no_longer_than_the_scenarios_drain() {
    let load = format!("{LOAD}\ndrain: 300ms");
    let (stage, sandbox, started) = under_way(SILENT, &load, 8);
    started.signal(Signal::INT);
    started.finish().exits(130);
    let folder = sandbox.folder();
    rows_of_all_that_was_sent(&stage, &folder, "steady", "interrupt");
    assert_eq!(
        count(&folder.rows(), Outcome::Cancelled),
        folder.rows().len()
    );
}
