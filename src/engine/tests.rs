//! The engine on a paused clock with a wire that answers as told: exact to the nanosecond of the
//! timers' tick, whatever else the machine does.

mod budget;
mod connections;
mod hold;
mod memory;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::sink::Sink;
use super::team::Team;
use super::worker::Worker;
use super::{Control, Event, Gauges};
use crate::base::{Distribution, HumanDuration, Seed};
use crate::dialect::{Message, Role};
use crate::lab::Script;
use crate::plan::{PhaseId, Plan};
use crate::record::{Interval, Intervals, Recorder};
use crate::sample::{Metric, Sample};
use crate::scenario::{
    Arm, Bound, Choices, Client, Extra, Pace, Phase, Place, Prompt, Recipe, Scenario, Shape, Slos,
    Target, Timeouts, Timestamps, Via,
};
use crate::schedule::{Share, arrivals};
use crate::shot::Shot;
use crate::shot::Shots;
use crate::wire::{Clock, Failure, Outcome, Reading, Wire};

/// A wire whose answer takes as long as `service` says of the request's number.
struct FakeWire<F> {
    clock: Clock,
    service: F,
    in_flight: Arc<AtomicU64>,
    most_in_flight: Arc<AtomicU64>,
}

impl<F: Fn(u64) -> Duration + Send + Sync> Wire for FakeWire<F> {
    async fn send(
        &self,
        shot: &Shot,
        _user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        reading.sent(self.clock.now());
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep((self.service)(shot.id.number)).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        reading.head(200, |_| None, self.clock.now());
        let body = br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
        reading.bytes(body, self.clock.now())
    }
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn scenario(phases: Vec<Phase>) -> Scenario {
    let said = Message {
        role: Role::User,
        content: "hello".to_owned(),
    };
    let recipe = |name: &str, weight| Recipe {
        name: name.to_owned(),
        weight,
        model: "openai/gpt-lab".to_owned(),
        stream: false,
        system: None,
        max_tokens: None,
        prompt: Prompt::Rows(Arc::new(vec![vec![said.clone()]])),
        checks: Arc::default(),
        expect_shares: None,
        extra: Extra::default(),
        choices: Choices::default(),
    };
    let hour = Duration::from_secs(3_600);
    let target = Target {
        name: "lab".to_owned(),
        place: Place::Lab {
            via: Via::Gateway,
            script: Script::default(),
        },
    };
    Scenario {
        name: "test".to_owned(),
        seed: Seed(42),
        run_id: None,
        secrets: Vec::new(),
        warnings: Vec::new(),
        arms: vec![Arm {
            name: "lab".to_owned(),
            target,
            recipes: vec![recipe("a", 3.0), recipe("b", 1.0)],
        }],
        compare: None,
        phases,
        slos: Slos::default(),
        marked: false,
        overhead: None,
        thresholds: Vec::new(),
        prices: None,
        budget: None,
        log_to: None,
        reconcile: None,
        client: Client::default(),
        timestamps: Timestamps::default(),
        timeouts: Timeouts {
            connect: hour,
            first_token: hour,
            idle: hour,
            request: hour,
        },
        drain: Duration::from_secs(30),
    }
}

fn phase(name: &str, shape: Shape, requests: Option<u64>, duration: Option<Duration>) -> Phase {
    Phase {
        name: name.to_owned(),
        warmup: false,
        shape,
        bound: Bound { requests, duration },
    }
}

fn open(pace: Pace, max_in_flight: u32, shed_after: Option<Duration>) -> Shape {
    Shape::Open {
        pace,
        max_in_flight,
        shed_after,
    }
}

/// What a played run told.
struct Played {
    rows: Vec<Sample>,
    recorder: Recorder,
    most_in_flight: u64,
}

impl Played {
    fn ids(&self) -> BTreeSet<String> {
        self.rows.iter().map(|row| row.id.to_string()).collect()
    }

    fn row(&self, number: u64) -> &Sample {
        self.rows
            .iter()
            .find(|row| row.id.number == number)
            .unwrap()
    }
}

/// Plays a plan with so many workers, on one paused clock.
async fn play(
    plan: &Arc<Plan>,
    workers: u64,
    control: Control,
    service: impl Fn(u64) -> Duration + Send + Sync + Clone + 'static,
) -> Played {
    let clock = Clock::start();
    let (sender, mut events) = mpsc::unbounded_channel();
    let team = Arc::new(Team::new(plan, workers, clock));
    let (in_flight, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..workers {
        let wire = FakeWire {
            clock,
            service: service.clone(),
            in_flight: Arc::clone(&in_flight),
            most_in_flight: Arc::clone(&most),
        };
        let gauges = Arc::new(Gauges::default());
        let sink = Sink::new(plan, index, sender.clone(), gauges, control.stop.clone());
        let share = Share { index, of: workers };
        let worker = Worker::new(
            Arc::new(Shots::new(plan)),
            vec![wire],
            Arc::clone(&team),
            share,
            control.clone(),
            sink,
        );
        tasks.spawn(worker.run());
    }
    drop(sender);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let phases = plan.phases().map(|(id, p)| crate::record::PhaseRecord {
        planned: crate::schedule::planned_length(plan, id),
        name: p.name.clone(),
        warmup: p.warmup,
        ..Default::default()
    });
    let blank = Recorder::new(1, 2, phases.collect());
    let mut intervals = Intervals::new(workers, blank.clone());
    let (mut recorder, mut by_row) = (blank.clone(), blank);
    let mut rows = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Rows(batch) => rows.extend(batch),
            Event::PhaseStarted(phase, at) => by_row.phase_started(phase, at),
            Event::PhaseEnded(phase, at) => by_row.phase_ended(phase, at),
            Event::Seconds {
                worker,
                through,
                seconds,
            } => {
                intervals.add(seconds);
                intervals.through(worker, through);
                while let Some(interval) = intervals.close(0, &["lab".to_owned()]) {
                    assert_second(&interval, &rows);
                    recorder.merge(&interval.record);
                }
            }
            Event::Preopened(..) | Event::WorkerDone(_) => {}
        }
    }
    while let Some(interval) = intervals.finish(&["lab".to_owned()]) {
        assert_second(&interval, &rows);
        recorder.merge(&interval.record);
    }
    for row in &rows {
        by_row.push(row);
    }
    for (id, phase) in (0..).map(PhaseId).zip(by_row.phases().to_vec()) {
        if let Some(at) = phase.started {
            recorder.phase_started(id, at);
        }
        if let Some(at) = phase.ended {
            recorder.phase_ended(id, at);
        }
    }
    assert_eq!(
        recorder, by_row,
        "the sum of all seconds is what all rows say"
    );
    Played {
        rows,
        recorder,
        most_in_flight: most.load(Ordering::Relaxed),
    }
}

/// Holds a second to the rows that ended in it.
fn assert_second(interval: &Interval, rows: &[Sample]) {
    let second = |row: &&Sample| row.end().nanos() / 1_000_000_000 == interval.rows[0].second;
    let ended = rows.iter().filter(second).count() as u64;
    assert_eq!(interval.rows[0].ended, ended, "{:?}", interval.rows);
}

fn plan(phases: Vec<Phase>) -> Arc<Plan> {
    Arc::new(Plan::new(scenario(phases)))
}

#[tokio::test(start_paused = true)]
async fn every_arrival_becomes_exactly_one_row() {
    let closed = |concurrency| Shape::Closed {
        concurrency,
        think: None,
    };
    let ramp = Pace::Ramp {
        from: 10.0,
        to: 50.0,
        over: Duration::from_secs(4),
    };
    let plan = plan(vec![
        phase("warm", closed(4), Some(21), None),
        phase(
            "even",
            open(Pace::Constant { rate: 100.0 }, 8, None),
            None,
            Some(millis(2_000)),
        ),
        phase(
            "random",
            open(Pace::Poisson { rate: 80.0 }, 1_000, None),
            Some(333),
            None,
        ),
        phase(
            "ramp",
            open(ramp, 1_000, None),
            None,
            Some(Duration::from_secs(4)),
        ),
        phase("users", closed(3), Some(50), None),
    ]);
    let planned: BTreeSet<String> = arrivals(&plan).map(|a| a.id.to_string()).collect();
    for workers in [1, 3] {
        let played = play(&plan, workers, Control::default(), |n| millis(n % 40)).await;
        assert_eq!(played.rows.len(), planned.len());
        assert_eq!(played.ids(), planned);
        assert!(played.rows.iter().all(Sample::is_ok));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_felt_by_the_requests_queued_behind_it() {
    // One place in flight, 100 arrivals a second, 1 ms of service, and one stall of 2 s: arrival k of
    // those behind it starts when the stall ends and the ones before it are served.
    let shape = open(Pace::Constant { rate: 100.0 }, 1, None);
    let plan = plan(vec![phase("steady", shape, Some(1_000), None)]);
    let service = |n| if n == 500 { millis(2_000) } else { millis(1) };
    let played = play(&plan, 1, Control::default(), service).await;
    for behind in [1_u64, 50, 150] {
        let row = played.row(500 + behind);
        let response = row.time(Metric::E2e).unwrap().as_secs_f64() * 1e3;
        // Due 10 ms x behind after the stall began, served after 2000 ms and `behind` services before it.
        let truth = 2_000.0 + behind as f64 - 10.0 * behind as f64 + 1.0;
        assert!(
            (response - truth).abs() <= 1.0 + behind as f64,
            "{behind}: {response} {truth}"
        );
        assert!(row.queued >= millis(100), "{:?}", row.queued);
        assert_eq!(row.time(Metric::Service), Some(millis(1)));
    }
    assert!(played.row(499).time(Metric::E2e).unwrap() <= millis(3));
    let total = played.recorder.total();
    let p99 = |metric| total.times(metric).unwrap().quantile(0.99).unwrap().value;
    assert!(p99(Metric::E2e) > millis(1_500), "{:?}", p99(Metric::E2e));
    assert!(
        p99(Metric::Service) < millis(5),
        "the server itself stalled once in a thousand"
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_does_not_wait_for_answers() {
    let shape = open(Pace::Constant { rate: 100.0 }, 1_000, None);
    let plan = plan(vec![phase("steady", shape, Some(300), None)]);
    let played = play(&plan, 2, Control::default(), |_| Duration::from_secs(5)).await;
    assert_eq!(
        played.most_in_flight, 300,
        "all are sent before the first answer"
    );
    let late = played
        .rows
        .iter()
        .filter_map(|row| row.time(Metric::Lag))
        .max()
        .unwrap();
    assert!(late <= millis(2), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_has_as_many_in_flight_as_it_has_users() {
    let think = Distribution::Constant(HumanDuration(millis(30)));
    let shape = Shape::Closed {
        concurrency: 5,
        think: Some(think),
    };
    let plan = plan(vec![phase(
        "users",
        shape,
        None,
        Some(Duration::from_secs(2)),
    )]);
    let played = play(&plan, 2, Control::default(), |_| millis(70)).await;
    assert_eq!(played.most_in_flight, 5);
    // Each user: 70 ms of service and 30 ms of thought in 2 s.
    assert!(
        (95..=100).contains(&played.rows.len()),
        "{}",
        played.rows.len()
    );
    assert!(played.rows.iter().all(Sample::is_ok));
}

#[tokio::test(start_paused = true)]
async fn an_arrival_that_queues_for_too_long_is_shed_and_counted() {
    let shape = open(Pace::Constant { rate: 100.0 }, 1, Some(millis(250)));
    let plan = plan(vec![phase("steady", shape, Some(200), None)]);
    let played = play(&plan, 1, Control::default(), |_| millis(100)).await;
    let shed = played
        .rows
        .iter()
        .filter(|row| row.exchange.outcome == Outcome::Shed)
        .count();
    let ok = played.rows.iter().filter(|row| row.is_ok()).count();
    assert_eq!(shed + ok, 200);
    assert!(shed > 150, "{shed}");
    let longest = played.rows.iter().map(|row| row.queued).max().unwrap();
    assert!(longest <= millis(255), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_drains_and_what_does_not_end_in_time_is_cancelled() {
    let shape = open(Pace::Constant { rate: 10.0 }, 100, None);
    let plan = plan(vec![phase("steady", shape, Some(1_000), None)]);
    let control = Control::default();
    let stop = control.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(millis(1_050)).await;
        stop.cancel();
    });
    let service = |n| {
        if n == 3 {
            Duration::from_secs(3_600)
        } else {
            millis(400)
        }
    };
    let played = play(&plan, 2, control, service).await;
    assert_eq!(played.rows.len(), 11, "the arrivals of the first 1.05 s");
    let cancelled: Vec<_> = played
        .rows
        .iter()
        .filter(|row| row.exchange.outcome == Outcome::Cancelled)
        .collect();
    assert_eq!(
        cancelled
            .iter()
            .map(|row| row.id.number)
            .collect::<Vec<_>>(),
        [3]
    );
    let wait = cancelled[0].time(Metric::E2e).unwrap();
    assert!(
        wait >= Duration::from_secs(30) && wait < Duration::from_secs(32),
        "{wait:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn shards_partition_the_schedule_and_merge_back_exactly() {
    let shape = open(Pace::Poisson { rate: 200.0 }, 10_000, None);
    let plan = plan(vec![phase("steady", shape, Some(2_000), None)]);
    let whole = play(&plan, 1, Control::default(), |n| millis(n % 97)).await;
    let split = play(&plan, 4, Control::default(), |n| millis(n % 97)).await;
    assert_eq!(whole.ids(), split.ids());
    let mut merged = Recorder::new(1, 2, whole.recorder.phases().to_vec());
    for index in 0..4 {
        let mut part = Recorder::new(1, 2, whole.recorder.phases().to_vec());
        let slice = Share { index, of: 4 };
        for row in whole.rows.iter().filter(|row| slice.has(row.id)) {
            part.push(row);
        }
        merged.merge(&part);
    }
    for metric in [Metric::E2e, Metric::Service, Metric::Lag] {
        let (left, right) = (merged.total(), whole.recorder.total());
        let quantiles = |tally: &crate::record::Tally| {
            [0.5, 0.95, 0.99].map(|q| tally.times(metric).unwrap().quantile(q))
        };
        assert_eq!(quantiles(&left), quantiles(&right));
        assert_eq!(left.arrivals, right.arrivals);
    }
}

#[tokio::test(start_paused = true)]
async fn open_phases_follow_each_other_without_a_seam() {
    let even = |rate| open(Pace::Constant { rate }, 1_000, None);
    let second = Duration::from_secs(1);
    let plan = plan(vec![
        phase("slow", even(10.0), None, Some(second)),
        phase("fast", even(20.0), None, Some(second)),
    ]);
    let played = play(&plan, 2, Control::default(), |_| millis(900)).await;
    let mut due: Vec<f64> = played.rows.iter().map(|row| row.due.seconds()).collect();
    due.sort_by(f64::total_cmp);
    assert_eq!(due.len(), 30);
    let first = due[0];
    assert!((due[10] - first - 1.0).abs() < 1e-9, "{due:?}");
    assert!((due[29] - first - 1.95).abs() < 1e-9, "{due:?}");
}
