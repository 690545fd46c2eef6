//! Events of a run to its record and its files.

use std::borrow::Cow;
use std::time::Duration;

use time::OffsetDateTime;

use super::gather::Gatherer;
use super::live::Watch;
use super::log_to::Log;
use super::signals::Signals;
use super::terminal;
use crate::base::{Money, Secret, no_descriptor_left};
use crate::engine::{Event, WorkerHealth};
use crate::judge::{Course, Health, Held, Stalls};
use crate::record::{Histogram, Interval, Intervals, Recorder, Slices};
use crate::results::{ResultsError, RunFolder, RunInfo};
use crate::sample::Metric;
use crate::scenario::Scenario;
use crate::wire::{Endpoint, Exchange};

/// Everything that is gathered while a run goes on.
pub(super) struct Collector {
    pub(super) info: RunInfo,
    pub(super) folder: RunFolder,
    pub(super) recorder: Recorder,
    pub(super) intervals: Intervals,
    /// The same rows by slice of the run.
    pub(super) slices: Slices,
    /// The names of the arms.
    arms: Vec<String>,
    /// Times to first token in the seconds that are over, for the progress line.
    pub(super) ttft: Histogram,
    pub(super) counts: Counts,
    /// All keys that the target is given, which may repeat them.
    secrets: Vec<Secret>,
    /// Where finished requests go besides.
    pub(super) log: Option<Log>,
    /// What keeps them for a sandwich.
    pub(super) gatherer: Option<Gatherer>,
    /// The last seconds, where somebody looks on.
    pub(super) watch: Option<Watch>,
}

/// Counts so far, for the progress line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) ok: u64,
    pub(super) failed: u64,
    /// The known costs; `None` while there is none.
    pub(super) cost: Option<Money>,
    /// The phase that began last, by its place.
    pub(super) phase: usize,
}

impl Collector {
    pub(super) fn new(info: RunInfo, folder: RunFolder, secrets: Vec<Secret>) -> Self {
        let recorder = info.recorder();
        let arms = info.names().arms;
        let intervals = Intervals::new(info.workers, recorder.clone());
        let (slices, ttft, counts) = Default::default();
        Self {
            info,
            folder,
            recorder,
            intervals,
            slices,
            arms,
            ttft,
            counts,
            secrets,
            log: None,
            gatherer: None,
            watch: None,
        }
    }

    /// Takes what the engine tells.
    pub(super) fn take(&mut self, event: Event) -> Result<(), ResultsError> {
        match event {
            Event::Preopened(phase, opened) => {
                let phase = &mut self.info.phases[usize::from(phase.0)];
                phase.preopened.get_or_insert_default().add(&opened);
                Ok(())
            }
            Event::PhaseStarted(phase, at) => {
                self.recorder.phase_started(phase, at);
                self.counts.phase = usize::from(phase.0);
                self.update_info()
            }
            Event::PhaseEnded(phase, at) => {
                self.recorder.phase_ended(phase, at);
                self.update_info()
            }
            Event::Rows(mut rows) => {
                for sample in &mut rows {
                    hide(&self.secrets, &mut sample.exchange);
                    self.counts.ok += u64::from(sample.is_ok());
                    self.counts.failed += u64::from(!sample.is_ok());
                    if let Some(cost) = sample.cost {
                        *self.counts.cost.get_or_insert_default() += cost;
                    }
                }
                if let Some(log) = &mut self.log {
                    log.offer(&rows);
                }
                self.folder.write_rows(&rows, &self.info)?;
                if let Some(gatherer) = &mut self.gatherer {
                    gatherer.take(rows);
                }
                Ok(())
            }
            Event::Seconds {
                worker,
                through,
                seconds,
            } => {
                self.slices.add(&seconds);
                self.intervals.add(seconds);
                self.intervals.through(worker, through);
                Ok(())
            }
            Event::WorkerDone(health) => {
                take_health(&mut self.info, &health);
                Ok(())
            }
        }
    }

    /// From now on the last seconds are kept for the live view.
    pub(super) fn watched(&mut self) {
        self.watch = Some(Watch::new(&self.arms));
    }

    /// Marks the run as held by hand.
    pub(super) fn held(&mut self, held: Held) -> Result<(), ResultsError> {
        self.info.held = Some(held);
        self.update_info()
    }

    /// Closes the seconds that are over.
    pub(super) fn tick(&mut self, in_flight: u64) -> Result<(), ResultsError> {
        while let Some(interval) = self.intervals.close(in_flight, &self.arms) {
            self.keep(interval)?;
        }
        Ok(())
    }

    /// Writes the seconds that are left.
    pub(super) fn finish(&mut self) -> Result<(), ResultsError> {
        while let Some(interval) = self.intervals.finish(&self.arms) {
            self.keep(interval)?;
        }
        Ok(())
    }

    /// Adds a second to the run, and writes it.
    fn keep(&mut self, mut interval: Interval) -> Result<(), ResultsError> {
        for said in interval.record.said_mut() {
            if let Cow::Owned(hidden) = Secret::hide_all(&self.secrets, said) {
                *said = hidden;
            }
        }
        let secrets = &self.secrets;
        interval
            .record
            .hide_names(&|name| match Secret::hide_all(secrets, name) {
                Cow::Owned(hidden) => Some(hidden),
                Cow::Borrowed(_) => None,
            });
        if let Some(watch) = &mut self.watch {
            watch.take(&interval);
        }
        self.recorder.merge(&interval.record);
        for tally in interval.record.groups() {
            if let Some(ttft) = tally.times(Metric::Ttft) {
                self.ttft.merge(ttft);
            }
        }
        self.folder.write_interval(&interval)
    }

    /// From now on finished requests go to the log at `endpoint`, where the scenario wants that. The run's
    /// clock was started just now.
    pub(super) fn log_to(
        &mut self,
        scenario: &Scenario,
        endpoint: Option<&Endpoint>,
    ) -> anyhow::Result<()> {
        if let Some((wanted, endpoint)) = scenario.log_to.as_ref().zip(endpoint) {
            let now = OffsetDateTime::now_utc();
            let log = Log::start(wanted, endpoint, &self.info, &self.secrets, now)?;
            self.log = Some(log);
        }
        Ok(())
    }

    /// Waits for the log to have what it takes.
    pub(super) async fn finish_log(&mut self, signals: &mut Signals) {
        let Some(log) = self.log.take() else { return };
        let logged = log.finish(signals).await;
        if !logged.is_whole() {
            let said = logged.last_error.as_ref();
            let said = said.map_or_else(String::new, |said| format!("; last error: {said}"));
            terminal::message(&format!("log_to: {}{said}", logged.in_words()));
        }
        self.info.logged = Some(logged);
    }

    fn update_info(&mut self) -> Result<(), ResultsError> {
        self.info.take_phases(self.recorder.phases());
        match self.folder.write_info(&self.info) {
            // Requests in flight hold them all. They will be over when the last state is written.
            Err(ResultsError::Io { source, .. }) if no_descriptor_left(&source) => Ok(()),
            written => written,
        }
    }
}

/// Hides the keys in all that the target said.
fn hide(secrets: &[Secret], exchange: &mut Exchange) {
    let said = [
        &mut exchange.error,
        &mut exchange.finish,
        &mut exchange.model,
        &mut exchange.request_id,
        &mut exchange.told.provider,
        &mut exchange.told.cache_status,
    ];
    for text in said.into_iter().flatten() {
        if let Cow::Owned(hidden) = Secret::hide_all(secrets, text) {
            *text = hidden;
        }
    }
}

/// Keeps what the worst of the workers used and lost.
fn take_health(info: &mut RunInfo, health: &WorkerHealth) {
    let share = |part: Duration, all: Duration| part.as_secs_f64() / all.as_secs_f64().max(1e-9);
    let cpu = health.cpu.map(|cpu| share(cpu, health.wall));
    info.worker_cpu = [info.worker_cpu, cpu]
        .into_iter()
        .flatten()
        .reduce(f64::max);
    let (worst, stalls) = (info.stalls.unwrap_or_default(), health.stalls);
    info.stalls = Some(Stalls {
        longest_ms: f64::max(worst.longest_ms, stalls.longest.as_secs_f64() * 1e3),
        lost_share: f64::max(worst.lost_share, share(stalls.lost, stalls.watched)),
    });
}

/// What the judge is told beyond the summary. A run that was cut short, or ended at a look, is not held
/// to its plan.
pub(super) fn health(info: &RunInfo, recorder: &Recorder) -> Health {
    let phases = || info.phases.iter().zip(recorder.phases());
    let counted: Vec<(u64, u64)> = phases()
        .filter_map(|(info, record)| Some((info.planned_arrivals?, record.arrivals)))
        .collect();
    let whole = info.complete && info.ended_at_look.is_none() && !counted.is_empty();
    let even = phases().filter(|(info, _)| info.even && !info.warmup);
    let courses = even.filter_map(|(info, record)| {
        let of = |metric| Some((metric, record.stretches.halves(metric)?));
        let (metric, halves) = of(Metric::Ttft).or_else(|| of(Metric::E2e))?;
        Some(Course {
            phase: info.name.clone(),
            metric,
            halves,
        })
    });
    Health {
        planned_arrivals: whole.then(|| counted.iter().map(|(planned, _)| planned).sum()),
        arrivals: counted.iter().map(|(_, came)| came).sum(),
        worker_cpu: info.worker_cpu,
        insecure: info.is_insecure(),
        process_cpu: info.process_cpu,
        stalls: info.stalls,
        courses: courses.collect(),
        rows_waiting: info.rows_waiting,
        held: info.held,
    }
}
