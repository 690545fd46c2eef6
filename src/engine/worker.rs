//! One worker: its share of the arrivals, from their due instants to their rows.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::alarm::Alarm;
use super::budget::Purse;
use super::watchdog::Watchdog;
use super::{Control, Event, Hold, Sink, Team, WorkerHealth};
use crate::base::Offset;
use crate::plan::{PhaseId, Plan};
use crate::sample::Sample;
use crate::scenario::{Phase, Readings, Shape, Wants};
use crate::schedule::{self, Arrival, Due, Share};
use crate::shot::{Shot, Shots};
use crate::wire::{Clock, Failure, Reading, Wire};

/// How often gathered rows are sent on.
const FLUSH: Duration = Duration::from_millis(100);

/// A share of a run.
pub(super) struct Worker<W> {
    range: Arc<Range<W>>,
    team: Arc<Team>,
    share: Share,
    control: Control,
}

/// What every request of a worker needs.
struct Range<W> {
    plan: Arc<Plan>,
    shots: Arc<Shots>,
    /// The way to each arm's target.
    wires: Vec<W>,
    clock: Clock,
    sink: Sink,
    purse: Purse,
    /// Where each arm's target tells what of a request.
    readings: Vec<Arc<Readings>>,
}

/// The places in flight of an open loop.
#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    shed_after: Option<Duration>,
}

impl<W: Wire + Send + Sync + 'static> Worker<W> {
    pub(super) fn new(
        shots: Arc<Shots>,
        wires: Vec<W>,
        team: Arc<Team>,
        share: Share,
        control: Control,
        sink: Sink,
    ) -> Self {
        let clock = team.clock;
        let readings = shots.plan().arms().map(|(_, arm)| arm.target.readings());
        let purse = Purse::new(team.ledger.as_ref(), &control.stop);
        Self {
            range: Arc::new(Range {
                readings: readings.collect(),
                plan: Arc::clone(shots.plan()),
                shots,
                wires,
                clock,
                sink,
                purse,
            }),
            team,
            share,
            control,
        }
    }

    /// Works through all phases, drains, and tells what it used.
    pub(super) async fn run(self) {
        let began = self.range.clock.now();
        let range = Arc::clone(&self.range);
        let flusher = tokio::spawn(async move {
            loop {
                tokio::time::sleep(FLUSH).await;
                range.sink.flush(range.clock.now());
            }
        });
        let watchdog = Watchdog::start(self.range.clock);
        let mut in_flight = JoinSet::new();
        self.phases(&mut in_flight, &watchdog).await;
        self.drain(in_flight).await;
        flusher.abort();
        self.range.sink.finish();
        let wall = self.range.clock.now().since(began);
        self.range.sink.tell(Event::WorkerDone(WorkerHealth {
            cpu: thread_cpu(),
            wall,
            stalls: watchdog.finish(),
        }));
    }

    async fn phases(&self, in_flight: &mut JoinSet<()>, watchdog: &Watchdog) {
        let plan = Arc::clone(&self.range.plan);
        // Open loops follow each other without a seam; only the answers know when a closed one ends.
        let mut planned = None;
        for (id, phase) in plan.phases() {
            if planned.is_none() {
                self.preopen(id, phase).await;
                tokio::select! {
                    () = self.team.gather() => {}
                    () = self.control.stop.cancelled() => {}
                }
            }
            if self.control.stop.is_cancelled() {
                return;
            }
            if !phase.warmup {
                watchdog.begin();
            }
            let start = self.team.start(id, planned, &self.range.sink);
            self.range.sink.phase_started(id, start);
            match &phase.shape {
                Shape::Closed { concurrency, .. } => {
                    self.closed(id, phase, *concurrency, start).await;
                    planned = None;
                }
                Shape::Open {
                    max_in_flight,
                    shed_after,
                    ..
                } => {
                    // More workers than places: everybody needs one, or nothing of theirs is sent.
                    let places = self.share.part(*max_in_flight).max(1);
                    let places = Arc::new(Semaphore::new(places as usize));
                    self.open(
                        id,
                        start,
                        &Gate {
                            places,
                            shed_after: *shed_after,
                        },
                        in_flight,
                    )
                    .await;
                    planned = schedule::planned_length(&plan, id).map(|length| start + length);
                }
            }
            let now = self.range.clock.now();
            let end = planned
                .filter(|_| !self.control.stop.is_cancelled())
                .unwrap_or(now);
            self.range.sink.tell(Event::PhaseEnded(id, end));
        }
    }

    /// Opens connections before a phase, as many as the scenario asks for and the phase can use.
    async fn preopen(&self, id: PhaseId, phase: &Phase) {
        let most = match phase.shape {
            Shape::Closed { concurrency, .. } => concurrency,
            Shape::Open { max_in_flight, .. } => max_in_flight,
        };
        let requests = phase.bound.requests.unwrap_or(u64::MAX);
        let most = u64::from(most).min(requests) as u32;
        for ((_, arm), wire) in self.range.plan.arms().zip(&self.range.wires) {
            let asked = arm.target.policy().preopen;
            if asked == 0 {
                continue;
            }
            tokio::select! {
                () = self.control.stop.cancelled() => {}
                opened = wire.preopen(self.share.part(asked.min(most))) => {
                    self.range.sink.tell(Event::Preopened(id, opened));
                }
            }
        }
    }

    /// Sends the arrivals of an open loop at their instants, whatever the answers do.
    async fn open(&self, id: PhaseId, start: Offset, gate: &Gate, in_flight: &mut JoinSet<()>) {
        let mut alarm = Alarm::new(self.range.clock);
        let plan = Arc::clone(&self.range.plan);
        let mine = schedule::phase_arrivals(&plan, id).filter(|arrival| self.share.has(arrival.id));
        for arrival in mine {
            let Due::At(at) = arrival.due else { continue };
            let due = start + at;
            let shot = self.range.shots.of(&arrival);
            tokio::select! {
                biased;
                () = self.control.stop.cancelled() => return,
                () = async {
                    alarm.until(due).await;
                    self.control.hold.released().await;
                } => {}
            }
            self.range.sink.gauges.arrive();
            let (range, gate) = (Arc::clone(&self.range), gate.clone());
            let cut = self.control.cut.clone();
            in_flight
                .spawn(async move { range.fire_queued(&arrival, shot, due, &gate, &cut).await });
            while let Some(ended) = in_flight.try_join_next() {
                surface(ended);
            }
        }
    }

    /// Runs this worker's users of a closed loop until the loop's end.
    async fn closed(&self, id: PhaseId, phase: &Phase, concurrency: u32, start: Offset) {
        let cut = self.control.cut.child_token();
        let end = phase.bound.duration.map(|duration| start + duration);
        let mut users = JoinSet::new();
        for number in 0..self.share.part(concurrency) {
            let user = User {
                number,
                range: Arc::clone(&self.range),
                team: Arc::clone(&self.team),
                phase: id,
                end,
                stop: self.control.stop.clone(),
                cut: cut.clone(),
                hold: self.control.hold.clone(),
            };
            users.spawn(user.run());
        }
        let all = async {
            while let Some(ended) = users.join_next().await {
                surface(ended);
            }
        };
        let patience = async {
            tokio::select! {
                () = self.control.stop.cancelled() => {}
                () = until_end(self.range.clock, end) => {}
            }
            tokio::time::sleep(self.range.plan.scenario().drain).await;
        };
        tokio::pin!(all);
        tokio::select! {
            () = &mut all => {}
            () = patience => {
                cut.cancel();
                all.await;
            }
        }
    }

    /// Waits for what is in flight, for as long as the scenario allows, and cuts the rest.
    async fn drain(&self, mut in_flight: JoinSet<()>) {
        let all = async {
            while let Some(ended) = in_flight.join_next().await {
                surface(ended);
            }
        };
        tokio::pin!(all);
        let patience = self.range.plan.scenario().drain;
        if tokio::time::timeout(patience, &mut all).await.is_err() {
            self.control.cut.cancel();
            all.await;
        }
    }
}

async fn until_end(clock: Clock, end: Option<Offset>) {
    match end {
        Some(end) => tokio::time::sleep_until(clock.instant(end)).await,
        None => std::future::pending().await,
    }
}

/// A task that panicked took a row with it: the panic goes on, so that the run can't look whole.
fn surface(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

impl<W: Wire> Range<W> {
    /// Fires an arrival of an open loop: first it waits for a place in flight, in order.
    async fn fire_queued(
        &self,
        arrival: &Arrival,
        shot: Shot,
        due: Offset,
        gate: &Gate,
        cut: &CancellationToken,
    ) {
        let came = self.clock.now();
        let place = match gate.places.try_acquire() {
            Ok(place) => Ok((place, Duration::ZERO)),
            Err(_) => gate
                .wait(cut)
                .await
                .map(|place| (place, self.clock.now().since(came))),
        };
        match place {
            Ok((_place, queued)) => {
                let cut = pin!(cut.cancelled());
                self.fire(arrival, &shot, None, due, queued, cut).await;
            }
            Err(failure) => {
                let reading = Reading::new(shot.dialect, shot.stream);
                let now = self.clock.now();
                let exchange = reading.finish(Err(failure), now);
                self.sink.push(Sample::new(
                    &self.plan,
                    arrival,
                    due,
                    now.since(came),
                    exchange,
                ));
            }
        }
    }

    /// Sends a request and turns what comes of it into a row.
    async fn fire(
        &self,
        arrival: &Arrival,
        shot: &Shot,
        user: Option<u32>,
        due: Offset,
        queued: Duration,
        cut: Pin<&mut WaitForCancellationFuture<'_>>,
    ) {
        let arm = usize::from(arrival.arm.0);
        let recipe = self.plan.recipe(arrival.arm, arrival.recipe);
        let Some(held) = self.purse.hold(&self.plan, recipe, shot) else {
            return;
        };
        let mut reading = Reading::new(shot.dialect, shot.stream)
            .telling(&self.readings[arm])
            .keeping(Wants {
                trail: self.plan.scenario().marked,
                ..Wants::of(&recipe.checks)
            });
        self.sink.gauges.send();
        let result = tokio::select! {
            biased;
            result = self.wires[arm].send(shot, user, &mut reading) => result,
            () = cut => Err(Failure::Cancelled),
        };
        let exchange = reading.finish(result, self.clock.now());
        self.sink.gauges.finish();
        let sample = Sample::new(&self.plan, arrival, due, queued, exchange);
        self.purse.settle(held, &sample);
        self.sink.push(sample);
    }
}

impl Gate {
    /// Waits for a place, for as long as the scenario allows.
    async fn wait(
        &self,
        cut: &CancellationToken,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
        let shed = async {
            match self.shed_after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cut.cancelled() => Err(Failure::Cancelled),
            place = self.places.acquire() => Ok(place.expect("the gate is never closed")),
            () = shed => Err(Failure::Shed),
        }
    }
}

/// One user of a closed loop.
struct User<W> {
    /// From 0, among the users of its worker.
    number: u32,
    range: Arc<Range<W>>,
    team: Arc<Team>,
    phase: PhaseId,
    end: Option<Offset>,
    stop: CancellationToken,
    cut: CancellationToken,
    hold: Hold,
}

impl<W: Wire> User<W> {
    /// Asks, reads the answer, thinks, and asks again, until the loop's end.
    async fn run(self) {
        let plan = Arc::clone(&self.range.plan);
        let phase = &plan.scenario().phases[usize::from(self.phase.0)];
        let requests = phase.bound.requests.unwrap_or(u64::MAX);
        let mut cut = pin!(self.cut.cancelled());
        while !self.is_over() {
            if self.hold.is_held() {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = until_end(self.range.clock, self.end) => {}
                    () = self.hold.released() => {}
                }
                continue;
            }
            let number = self.team.take_number(self.phase);
            if number >= requests {
                return;
            }
            let arrival = schedule::arrival(&plan, self.phase, number, Due::WhenReady);
            let shot = self.range.shots.of(&arrival);
            self.range.sink.gauges.arrive();
            let due = self.range.clock.now();
            self.range
                .fire(
                    &arrival,
                    &shot,
                    Some(self.number),
                    due,
                    Duration::ZERO,
                    cut.as_mut(),
                )
                .await;
            if let Shape::Closed {
                think: Some(think), ..
            } = &phase.shape
            {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = until_end(self.range.clock, self.end) => {}
                    () = tokio::time::sleep(plan.draw_think(arrival.id, think)) => {}
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stop.is_cancelled()
            || self.cut.is_cancelled()
            || self.end.is_some_and(|end| self.range.clock.now() >= end)
    }
}

/// CPU time of this thread, where the platform tells.
#[cfg(target_os = "linux")]
fn thread_cpu() -> Option<Duration> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(used).ok()
}

/// CPU time of this thread, where the platform tells.
#[cfg(not(target_os = "linux"))]
fn thread_cpu() -> Option<Duration> {
    None
}
