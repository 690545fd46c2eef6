//! A provider that stands still for two seconds: an open loop must not look away.

use tollgate::results::Row;
use tollgate::wire::Outcome;

use crate::support::*;

/// The stall, in seconds after the first request.
const STALL: (f64, f64) = (2.0, 4.0);
/// How long after it the provider is still busy with what it held up.
const RECOVERY: f64 = 1.5;

const LAB: &str = r"{ lab: { via: provider, script: {
  models: [ { ttft: { constant: 5ms }, pace: { constant: 1ms }, output_tokens: { constant: 3 } } ],
  faults: [ { when: { window: { from: 2s, for: 2s } }, do: freeze } ] } } }";

struct Stalled {
    _sandbox: Sandbox,
    ran: Ran,
    folder: Folder,
    rows: Vec<Row>,
}

/// A run through the stall. No arrival of its plan may be lost.
fn run(steady: &str) -> Stalled {
    let load = format!("load: [ {{ name: steady, constant: {{ {steady} }} }} ]");
    let sandbox = Sandbox::with(&scenario(LAB, &load));
    let planned = sandbox.plan("")["forecast"]["arrivals"].clone();
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    let folder = sandbox.folder();
    let rows = folder.rows();
    assert_eq!(planned, assert_no_gap(&rows, "steady"));
    Stalled {
        _sandbox: sandbox,
        ran,
        folder,
        rows,
    }
}

impl Stalled {
    /// The 99th percentile of the service times of requests that were sent clear of the stall.
    fn service_p99_ms(&self) -> f64 {
        let zero = self.rows.iter().filter_map(|row| row.sent_ms).min();
        let clear = |row: &&Row| {
            let Some(sent) = row.sent_ms else {
                return false;
            };
            let at = sent.since(zero.unwrap()).as_secs_f64();
            at < STALL.0 - 0.5 || at > STALL.1 + RECOVERY
        };
        let rows = self.rows.iter().filter(clear);
        let mut times: Vec<f64> = rows
            .filter_map(|row| Some(row.service_ms?.seconds() * 1e3))
            .collect();
        times.sort_by(f64::total_cmp);
        assert!(times.len() > 100, "{}", times.len());
        times[times.len() * 99 / 100]
    }

    fn ok(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome == Outcome::Ok)
    }
}

#[test]
fn a_stall_shows_in_the_response_time_of_every_request_that_was_due_in_it() {
    let stalled = run("rate: 150/s, duration: 7s");
    assert_eq!(stalled.ok().count(), 1_050);
    let p99 = stalled.folder.quantile("e2e", "p99");
    assert!(p99 > 1_000.0, "{p99}");
    let clear = stalled.service_p99_ms();
    assert!(clear < 500.0, "{clear}");
    // Half of the stall is a second: so many requests had to wait for longer than that.
    let slow = stalled
        .ok()
        .filter(|row| row.e2e_ms.is_some_and(|time| time.seconds() > 1.0));
    let slow = slow.count();
    assert!(slow >= 145, "{slow}");
    progress_is_plain_lines(&stalled.ran);
}

/// The run is longer than the time between two lines of progress.
fn progress_is_plain_lines(ran: &Ran) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(!lines.is_empty());
    for line in lines {
        let (time, said) = line.split_once("s steady: ").unwrap();
        assert!(time.trim().parse::<f64>().is_ok(), "{line}");
        assert!(said.contains(" in flight"), "{line}");
        // No prices: an unknown cost is never shown as nothing.
        assert!(
            said.contains("cost unknown") && !said.contains('$'),
            "{line}"
        );
    }
    assert!(!ran.stderr.contains(['\x1b', '\r']));
}

#[test]
fn arrivals_that_queue_for_a_place_wait_in_their_response_time() {
    let stalled = run("rate: 75/s, duration: 7s, max_in_flight: 8");
    assert_eq!(stalled.ok().count(), 525);
    let p99 = stalled.folder.quantile("e2e", "p99");
    assert!(p99 > 1_000.0, "{p99}");
    let clear = stalled.service_p99_ms();
    assert!(clear < 500.0, "{clear}");
    let queued = stalled.rows.iter().filter(|row| row.queued_ms.nanos() > 0);
    let queued: Vec<&Row> = queued.collect();
    assert!(queued.len() > 100, "{}", queued.len());
    assert_eq!(
        stalled.folder.total()["totals"]["queued"],
        queued.len(),
        "each is counted"
    );
    for row in queued {
        assert!(row.lag_ms.unwrap() >= row.queued_ms, "{row:?}");
        assert!(row.e2e_ms.unwrap() >= row.queued_ms, "{row:?}");
    }
    assert!(most_in_flight(&stalled.rows) <= 8);
}

#[test]
fn arrivals_that_queue_for_too_long_are_shed_and_each_is_a_row() {
    let stalled = run("rate: 75/s, duration: 7s, max_in_flight: 8, shed_after: 300ms");
    let shed: Vec<&Row> = stalled
        .rows
        .iter()
        .filter(|row| row.outcome == Outcome::Shed)
        .collect();
    assert!(shed.len() > 50, "{}", shed.len());
    assert_eq!(stalled.ok().count() + shed.len(), 525);
    let total = stalled.folder.total();
    assert_eq!(total["errors"][0]["outcome"], "shed");
    assert_eq!(total["errors"][0]["count"], shed.len());
    assert_eq!(total["count"]["failed"], shed.len());
    for row in shed {
        assert_eq!(row.sent_ms, None, "{row:?}");
        assert!(row.queued_ms.seconds() >= 0.3, "{row:?}");
    }
    let patient = stalled.ok().all(|row| row.queued_ms.seconds() < 2.0);
    assert!(patient, "nobody waits for much longer than `shed_after`");
}
