//! Telemetry: the figures of a run while it goes on, scraped by a Prometheus or sent by remote write or OTLP.
//!
//! None of it is in the way of what is measured. The run's own loop hands over a copy of its record, once a
//! second at most; a thread of its own makes figures of it, serves them and sends them. Whatever becomes of
//! those who read them, the run takes no notice.

mod arguments;
mod cpu;
mod endpoint;
mod look;
mod push;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::collect::Collector;
use super::signals::Signals;
use super::terminal;
use crate::base::Offset;
use crate::engine::Run;
use crate::plan::{PhaseId, Plan};
use crate::record::Recorder;
use crate::report::telemetry::Live;
use crate::results::{RunInfo, ScrapedInfo, TelemetryInfo};
use crate::scenario::Shape;
use crate::wire::Clock;
pub(super) use arguments::TelemetryArgs;
use cpu::WorkerCpu;
use look::Look;
use push::{Destination, Kind, Pusher};

/// The time between two looks, at least.
const EVERY: Duration = Duration::from_secs(1);
/// As long as the end of a run waits for its last figures to be sent, whatever happens.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the command line asks for, ready to start: the port is ours.
#[derive(Debug)]
pub(super) struct Prepared {
    listener: Option<TcpListener>,
    destinations: Vec<Destination>,
    linger: Duration,
}

/// The telemetry of a run under way.
pub(super) struct Telemetry {
    plan: Arc<Plan>,
    clock: Clock,
    started_unix_ms: i64,
    looks: watch::Sender<Option<Arc<Look>>>,
    /// When the last look was, and how many arrivals there were.
    last: (Offset, u64),
    worker_cpu: WorkerCpu,
    /// Where it can be scraped.
    address: Option<String>,
    scrapes: Arc<AtomicU64>,
    pushers: Vec<Arc<Pusher>>,
    /// No further looks will come.
    ending: CancellationToken,
    /// When all that could be sent is sent.
    sent: mpsc::Receiver<()>,
    /// Nobody is served any more.
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
    linger: Duration,
}

impl Prepared {
    /// Starts the thread. The run's clock was started just now.
    pub(super) fn start(
        self,
        plan: &Arc<Plan>,
        clock: Clock,
        info: &RunInfo,
        recorder: &Recorder,
    ) -> anyhow::Result<Telemetry> {
        let started_unix_ms = unix_ms(OffsetDateTime::now_utc());
        let live = Live {
            unix_ms: started_unix_ms,
            started_unix_ms,
            ..Live::default()
        };
        let first = Look::new(info, recorder, live);
        let (looks, seen) = watch::channel(Some(Arc::new(first)));
        let (ending, stop) = (CancellationToken::new(), CancellationToken::new());
        let scrapes = Arc::new(AtomicU64::new(0));
        let address = self.listener.as_ref().map(TcpListener::local_addr);
        let address = address.transpose()?.map(|address| address.to_string());
        if let Some(address) = &address {
            terminal::message(&format!("prometheus: http://{address}/metrics"));
        }
        let pushers = self.destinations.into_iter().map(Pusher::new);
        let pushers: Vec<Arc<Pusher>> = pushers.map(Arc::new).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tell, sent) = mpsc::channel();
        let served = endpoint::serve(
            self.listener,
            seen.clone(),
            Arc::clone(&scrapes),
            stop.clone(),
        );
        let pushed = pushers.clone().into_iter().map(|pusher| {
            let (seen, ending) = (seen.clone(), ending.clone());
            async move { pusher.push_all(seen, ending).await }
        });
        let pushed = join_all(pushed);
        let work = async move {
            let pushed = async move {
                pushed.await;
                // Nobody waits for it any more where the wait has taken too long.
                let _ = tell.send(());
            };
            tokio::join!(served, pushed);
        };
        let thread = thread::Builder::new().name("telemetry".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(work);
            // A hung lookup of a name must not hold up the end.
            runtime.shutdown_timeout(Duration::ZERO);
        });
        Ok(Telemetry {
            plan: Arc::clone(plan),
            clock,
            started_unix_ms,
            looks,
            last: (Offset::ZERO, 0),
            worker_cpu: WorkerCpu::default(),
            address,
            scrapes,
            pushers,
            ending,
            sent,
            stop,
            thread: Some(thread.context("no thread for telemetry")?),
            linger: self.linger,
        })
    }
}

impl Telemetry {
    /// Looks at the run, where the last look is a second ago.
    pub(super) fn look(&mut self, collector: &Collector, run: &Run, process_cpu: Option<f64>) {
        let now = self.clock.now();
        if now.since(self.last.0) < EVERY {
            return;
        }
        let spent = run
            .ledger
            .as_ref()
            .map(|ledger| ledger.committed().dollars());
        let (gauges, phase) = (&run.gauges, collector.counts.phase);
        let arrivals = gauges.arrived();
        let (target_rate, target_users) = self.target(&collector.info, phase, now);
        let since = now.since(self.last.0).as_secs_f64();
        let live = Live {
            phase,
            arrivals,
            target_rate,
            target_users,
            achieved_rate: (arrivals - self.last.1) as f64 / since,
            in_flight: gauges.in_flight(),
            rows_waiting: gauges.rows_waiting(),
            worker_cpu: self.worker_cpu.busiest(now),
            process_cpu,
            spent_usd: spent,
            ..self.at(now)
        };
        self.last = (now, arrivals);
        let look = Look::new(&collector.info, &collector.recorder, live);
        self.looks.send_replace(Some(Arc::new(look)));
    }

    /// What the plan calls for at `now`: a rate, or users.
    fn target(&self, info: &RunInfo, phase: usize, now: Offset) -> (Option<f64>, Option<u32>) {
        let id = PhaseId(u16::try_from(phase).unwrap_or(u16::MAX));
        let planned = self.plan.phases().find(|(known, _)| *known == id);
        let known = planned.zip(info.phases.get(phase));
        let Some(((_, plan), info)) = known else {
            return (None, None);
        };
        let Some(since) = info.started_ms.map(|started| now.since(started)) else {
            return (None, None);
        };
        // What is still in flight then is no arrival.
        let is_over = info
            .planned_ms
            .is_some_and(|length| since > length.elapsed());
        let users = match plan.shape {
            Shape::Closed { concurrency, .. } => Some(if is_over { 0 } else { concurrency }),
            Shape::Open { .. } => None,
        };
        let rate = plan
            .rate_at(since)
            .map(|rate| if is_over { 0.0 } else { rate });
        (rate, users)
    }

    fn at(&self, now: Offset) -> Live {
        Live {
            unix_ms: self.started_unix_ms + i64::try_from(now.elapsed().as_millis()).unwrap_or(0),
            started_unix_ms: self.started_unix_ms,
            run_seconds: now.seconds(),
            ..Live::default()
        }
    }

    /// Tells the last figures of a run that is over and judged, and waits a little for them to be sent. What
    /// became of all looks is kept in `info`.
    pub(super) fn finish(&mut self, info: &mut RunInfo, recorder: &Recorder) {
        let before = self.looks.borrow().as_ref().map(|look| look.live.clone());
        let before = before.unwrap_or_default();
        let rows = recorder.phases().iter().map(|phase| phase.arrivals);
        let live = Live {
            phase: before.phase,
            arrivals: before.arrivals.max(rows.sum()),
            process_cpu: info.process_cpu,
            worker_cpu: before.worker_cpu,
            spent_usd: before.spent_usd,
            over: true,
            ..self.at(self.clock.now())
        };
        self.looks
            .send_replace(Some(Arc::new(Look::new(info, recorder, live))));
        self.ending.cancel();
        let _ = self.sent.recv_timeout(PATIENCE);
        let told = |kind| {
            let pusher = self.pushers.iter().find(|pusher| pusher.kind() == kind)?;
            Some(pusher.told())
        };
        let telemetry = TelemetryInfo {
            prometheus: self.address.clone().map(|address| ScrapedInfo {
                address,
                scrapes: self.scrapes.load(Ordering::Relaxed),
            }),
            remote_write: told(Kind::RemoteWrite),
            otlp: told(Kind::Otlp),
        };
        for line in telemetry.shortfalls() {
            terminal::message(&line);
        }
        info.telemetry = Some(telemetry);
    }

    /// Stays to be scraped for as long as was asked for; a signal ends that.
    pub(super) async fn linger(self) -> std::io::Result<()> {
        if self.address.is_some() && !self.linger.is_zero() {
            let mut signals = Signals::listen()?;
            let seconds = self.linger.as_secs_f64();
            terminal::message(&format!("prometheus: the endpoint stays for {seconds} s"));
            tokio::select! {
                () = tokio::time::sleep(self.linger) => {}
                _ = signals.next() => {}
            }
        }
        Ok(())
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop.cancel();
        self.ending.cancel();
        // Where the wait for it took too long it is left behind: it ends with the process.
        if let Some(thread) = self.thread.take().filter(thread::JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
