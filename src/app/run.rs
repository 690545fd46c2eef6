//! `tollgate run`: from a scenario to a report.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use super::abort::Abort;
use super::cli::RunArgs;
use super::collect::Collector;
use super::ended::{Ended, exit_of};
use super::gate::Against;
use super::gather::Gatherer;
use super::live::{Key, Scene};
use super::looks::Looks;
use super::progress::{Progress, Show};
use super::sides::{self, Side};
use super::signals::Signals;
use super::telemetry::{Prepared, Telemetry};
use super::{
    Exit, commands, hints, limits, log_to, machine, preflight, reconcile, selftest, terminal,
};
use crate::base::{Offset, Secret};
use crate::engine::{self, Control, Ledger};
use crate::judge::Held;
use crate::plan::Plan;
use crate::results::{Interruption, RunFolder, RunInfo};
use crate::scenario::{Client, Http, Overrides, Timestamps};
use crate::wire::{Clock, DirectWire, Endpoint, ReqwestWire, Stamping};

/// How often progress is shown and files are brought up to date.
const TICK: Duration = Duration::from_millis(200);

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    args.ci.clear();
    let overrides = Overrides {
        reconcile: args.reconcile,
        overhead: Some(false),
        compares: args.compares,
        aa: args.aa,
        ..args.scenario.overrides()
    };
    let scenario = match commands::load_with(&args.scenario, &overrides) {
        Ok(scenario) => scenario,
        Err(exit) => return Ok(exit),
    };
    let telemetry = match args.telemetry.prepare() {
        Ok(telemetry) => telemetry,
        Err(exit) => return Ok(exit),
    };
    let plan = Arc::new(Plan::new(scenario).of_run(made_up_id));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let refused = |refused: preflight::Refused| {
        terminal::error(&refused.to_string());
        Ok(Exit::Preflight)
    };
    let sides = match runtime.block_on(sides::open(&plan, args)) {
        Ok(sides) => sides?,
        Err(why) => return refused(why),
    };
    let at_lab = sides.iter().find_map(Side::lab_gateway);
    let log = match log_to::endpoint(plan.scenario(), at_lab) {
        Ok(log) => log,
        Err(why) => return refused(why),
    };
    let session = match Session::begin(&plan, &sides, log.as_ref(), telemetry, args)? {
        Ok(session) => session,
        Err(exit) => return Ok(exit),
    };
    let mut ended = runtime.block_on(session.go())?;
    let telemetry = ended.telemetry.take();
    let log = log.as_ref().or(at_lab).unwrap_or(&sides[0].endpoint);
    let step = reconcile::Step::of(plan.scenario(), log, &ended.folder, &runtime)?;
    let exit = ended.report(args)?;
    hints::after(&plan, &ended.summary, &sides);
    let exit = step.show(args.json, exit);
    if let Some(telemetry) = telemetry {
        runtime.block_on(telemetry.linger())?;
    }
    Ok(exit)
}

/// Tells why the run has lost what it stands on, once it has.
pub(super) type Watch = Box<dyn Fn() -> Option<String>>;

/// A run under way.
pub(super) struct Session {
    collector: Collector,
    progress: Progress,
    /// Since when arrivals are held by hand.
    held_since: Option<Offset>,
    run: engine::Run,
    control: Control,
    clock: Clock,
    cpu_before: Option<Duration>,
    client: Client,
    http: Http,
    /// Who stamps, for each arm.
    stamping: Stamping,
    abort: Abort,
    looks: Looks,
    against: Option<Against>,
    telemetry: Option<Telemetry>,
    /// Asked now and then whether what the run stands on is still there.
    watch: Option<Watch>,
    lost: bool,
}

impl Session {
    pub(super) fn begin(
        plan: &Arc<Plan>,
        sides: &[Side],
        log: Option<&Endpoint>,
        telemetry: Option<Prepared>,
        args: &RunArgs,
    ) -> anyhow::Result<Result<Self, Exit>> {
        let started = OffsetDateTime::now_utc();
        let urls: Vec<String> = sides.iter().map(Side::url).collect();
        let mut info = RunInfo::new(plan, &urls);
        let endpoint = &sides[0].endpoint;
        sides[0].told(&mut info.connections);
        for (arm, side) in info.arms.iter_mut().zip(sides) {
            side.told(&mut arm.connections);
        }
        let utc = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        info.started_utc = started.format(&utc)?;
        info.host = host();
        let client = plan.scenario().client;
        let http = endpoint.policy.http;
        // The kernel has no stamps for a Unix socket.
        let no_stamps = client == Client::Reqwest || sides.iter().any(Side::is_unix);
        let stamping = Stamping::new(if no_stamps {
            Timestamps::User
        } else {
            plan.scenario().timestamps
        });
        info.client = client_in_words(client, http, &stamping);
        info.selftest = selftest::standing(&args.output, plan.scenario(), &info);
        info.workers = args.workers.unwrap_or_else(engine::default_workers);
        let open_files = machine::raise_files();
        info.open_files = Some(open_files);
        if let Some(warning) = limits::shortage(plan, info.workers, open_files) {
            terminal::message(&warning);
        }
        let against = match Against::before(&args.against, &args.output, &info) {
            Ok(against) => against,
            Err(exit) => return Ok(Err(exit)),
        };
        let stamp = started.format(&format_description!(
            "[year][month][day]T[hour][minute][second]Z"
        ))?;
        let unix = started.unix_timestamp_nanos() as f64 / 1e9;
        let folder = RunFolder::create(&args.output, &stamp, unix, &info)
            .context("the results folder can't be written; choose another with -o")?;
        let workers = info.workers;
        let keys = sides.iter().filter_map(|side| side.endpoint.key.as_ref());
        let secrets = plan.scenario().secrets.iter().chain(keys);
        let secrets: Vec<Secret> = secrets.cloned().collect();
        let mut collector = Collector::new(info, folder, secrets);
        let looks = Looks::new(plan, &collector.info);
        let control = Control::default();
        let clock = Clock::start();
        collector.log_to(plan.scenario(), log)?;
        let telemetry = telemetry
            .map(|ready| ready.start(plan, clock, &collector.info, &collector.recorder))
            .transpose()?;
        let cpu_before = machine::cpu();
        let timeouts = plan.scenario().timeouts;
        let run = match client {
            Client::Direct => engine::start(plan, workers, clock, &control, |arm| {
                let endpoint = &sides[usize::from(arm.0)].endpoint;
                DirectWire::new(endpoint, timeouts, clock).map(|wire| wire.with_stamping(&stamping))
            })?,
            Client::Reqwest => engine::start(plan, workers, clock, &control, |arm| {
                let endpoint = sides[usize::from(arm.0)].endpoint.clone();
                ReqwestWire::new(endpoint, timeouts, clock)
            })?,
        };
        let show = if args.tui { Show::Tui } else { args.progress };
        let progress = Progress::new(show, plan, &mut collector);
        Ok(Ok(Self {
            against,
            collector,
            progress,
            held_since: None,
            run,
            control,
            clock,
            cpu_before,
            client,
            http,
            stamping,
            looks,
            abort: Abort::new(&plan.scenario().thresholds),
            telemetry,
            watch: None,
            lost: false,
        }))
    }

    /// Hands all rows on, once they are written.
    pub(super) fn gather(&mut self, mut gatherer: Gatherer) {
        gatherer.began(self.clock, self.stamping.error());
        self.collector.gatherer = Some(gatherer);
    }

    /// Ends the run early where `watch` says that what it stands on is gone.
    pub(super) fn watch(&mut self, watch: Option<Watch>) {
        self.watch = watch;
    }

    /// Gathers rows until the workers are done, and heeds signals.
    pub(super) async fn go(mut self) -> anyhow::Result<Ended> {
        let mut signals = Signals::listen()?;
        let mut tick = tokio::time::interval(TICK);
        let mut interrupted = Vec::new();
        let mut told = false;
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    interrupted.push(signal);
                    self.heed(&interrupted);
                }
                key = self.progress.key() => match key {
                    Key::Interrupt => {
                        interrupted.push(Interruption::Interrupt);
                        self.heed(&interrupted);
                    }
                    Key::Hold => self.hold_or_release()?,
                },
                event = self.run.events.recv() => match event {
                    Some(event) => {
                        let rows = event.rows();
                        self.collector.take(event)?;
                        self.run.gauges.rows_written(rows);
                    }
                    None => break,
                },
                _ = tick.tick() => {
                    let now = self.clock.now();
                    self.tell_of_budget(&mut told);
                    if self.control.stop.is_cancelled() {
                        self.end_hold()?;
                    }
                    self.collector.tick(self.run.gauges.in_flight())?;
                    self.heed_thresholds(now);
                    self.heed_looks();
                    self.heed_loss();
                    self.show(now);
                    self.look();
                }
            }
        }
        self.tell_of_budget(&mut told);
        self.end_hold()?;
        self.progress.finish();
        self.collector.finish()?;
        let process_cpu = self.process_cpu();
        self.collector.info.rows_waiting = self.run.gauges.most_rows_waiting();
        let by_budget = settle(&mut self.collector.info, self.run.ledger.as_deref());
        let by_threshold = self.abort.take(&mut self.collector.info);
        self.heed_loss();
        let by_loss = self.lost.then_some(Interruption::Gateway);
        let whole = self.run.join();
        self.collector.finish_log(&mut signals).await;
        let info = &mut self.collector.info;
        info.process_cpu = process_cpu;
        info.client = client_in_words(self.client, self.http, &self.stamping);
        info.stamps = (self.client == Client::Direct).then(|| self.stamping.tally());
        let stopped = interrupted
            .first()
            .copied()
            .or(by_budget)
            .or(by_threshold)
            .or(by_loss);
        let seen = self.looks.take(&mut self.collector.info);
        Ended::new(
            self.collector,
            stopped,
            whole,
            self.against,
            seen,
            self.telemetry,
        )
    }

    /// Lets those who watch have the figures so far.
    fn look(&mut self) {
        let process_cpu = self.telemetry.as_ref().and_then(|_| self.process_cpu());
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.look(&self.collector, &self.run, process_cpu);
        }
    }

    fn show(&mut self, now: Offset) {
        let process_cpu = self.process_cpu();
        let held = self.held_so_far(now);
        self.progress.show(Scene {
            now,
            held,
            collector: &mut self.collector,
            gauges: &self.run.gauges,
            ledger: self.run.ledger.as_deref(),
            control: &self.control,
            process_cpu,
        });
    }

    /// Holds arrivals by hand, or lets them go on. A run that is ending has none to hold.
    fn hold_or_release(&mut self) -> anyhow::Result<()> {
        if self.held_since.is_some() {
            self.end_hold()?;
            self.progress
                .message("arrivals go on: what came due while they were held is sent now, late");
        } else if !self.control.stop.is_cancelled() {
            self.control.hold.hold();
            self.held_since = Some(self.clock.now());
            let held = self.collector.info.held.unwrap_or_default();
            let times = held.times + 1;
            self.collector.held(Held { times, ..held })?;
            self.progress
                .message("arrivals are held by hand: the run is marked, and no longer valid");
        }
        Ok(())
    }

    /// How arrivals were held by hand, up to `now` where they still are.
    fn held_so_far(&self, now: Offset) -> Option<Held> {
        let held = self.collector.info.held?;
        let since = self.held_since.map(|since| now.since(since).as_secs_f64());
        let ms = held.ms + since.unwrap_or(0.0) * 1e3;
        Some(Held { ms, ..held })
    }

    /// Ends a hold, where there is one.
    fn end_hold(&mut self) -> anyhow::Result<()> {
        let held = self.held_so_far(self.clock.now());
        if let (Some(_), Some(held)) = (self.held_since.take(), held) {
            self.control.hold.release();
            self.collector.held(held)?;
        }
        Ok(())
    }

    /// Says once that the budget stopped the run.
    fn tell_of_budget(&mut self, told: &mut bool) {
        let stopped = self.run.ledger.as_ref().is_some_and(|l| l.refused() > 0);
        if stopped && !*told {
            self.progress
                .message("the budget is used up: no further arrivals; what is in flight goes on");
            *told = true;
        }
    }

    /// Stops arrivals once a declared look at the arms has a clear verdict.
    fn heed_looks(&mut self) {
        if let Some(verdict) = self.looks.look(&self.collector.slices) {
            let said = format!("the verdict is clear: {verdict}. No further arrivals");
            self.progress.message(&said);
            self.control.stop.cancel();
        }
    }

    /// Stops arrivals once what the run stands on is gone.
    fn heed_loss(&mut self) {
        let lost = self.watch.as_ref().filter(|_| !self.lost);
        if let Some(why) = lost.and_then(|watch| watch()) {
            self.lost = true;
            self.progress.message(&why);
            self.control.stop.cancel();
        }
    }

    /// Stops arrivals once a threshold that asks for it is sure not to hold.
    fn heed_thresholds(&mut self, now: Offset) {
        let Some(broken) = self.abort.look(&self.collector, now) else {
            return;
        };
        self.control.stop.cancel();
        self.progress.message(&format!(
            "`{broken}` does not hold: no further arrivals; what is in flight goes on"
        ));
    }

    /// The share of all cores that the process used so far.
    fn process_cpu(&self) -> Option<f64> {
        let used = machine::cpu()?.saturating_sub(self.cpu_before?);
        let cores = std::thread::available_parallelism().ok()?.get() as f64;
        let wall = self.clock.now().seconds();
        (wall > 0.0).then(|| used.as_secs_f64() / (wall * cores))
    }

    /// The first signal stops arrivals, the second cuts what is in flight, the third ends it all.
    fn heed(&mut self, interrupted: &[Interruption]) {
        match interrupted {
            [_] => {
                self.control.stop.cancel();
                self.progress.message(
                    "stopping: no further arrivals; what is in flight goes on. Once more cuts it",
                );
            }
            [_, _] => {
                self.control.cut.cancel();
                self.progress
                    .message("cutting what is in flight; once more exits at once");
            }
            _ => {
                self.progress.finish();
                exit_at_once(interrupted);
            }
        }
    }
}

/// Takes over what became of the budget; whether it stopped the run.
fn settle(info: &mut RunInfo, ledger: Option<&Ledger>) -> Option<Interruption> {
    let (budget, ledger) = (info.budget.as_mut()?, ledger?);
    budget.spent_usd = Some(ledger.committed());
    (budget.unsent, budget.beyond_bound) = (ledger.refused(), ledger.beyond());
    (budget.unsent > 0).then_some(Interruption::Budget)
}

#[expect(
    clippy::exit,
    reason = "the user asked three times; what was written so far stays"
)]
fn exit_at_once(interrupted: &[Interruption]) {
    let exit = exit_of(interrupted.first().copied()).unwrap_or(Exit::Interrupted);
    std::process::exit(exit as i32);
}

/// An id that no other run has.
pub(super) fn made_up_id() -> String {
    // The standard library's hasher is seeded by the operating system.
    let random = RandomState::new().build_hasher().finish();
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos();
    let seed = [&now.to_le_bytes()[..], &random.to_le_bytes()].concat();
    blake3::hash(&seed).to_hex()[..10].to_owned()
}

/// The client's machine in words.
pub(super) fn host() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{} {}, {cores} cores",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// The HTTP client, its protocol, and who stamps its reads, in words.
pub(super) fn client_in_words(client: Client, http: Http, stamping: &Stamping) -> String {
    let name = match client {
        Client::Direct => "direct",
        Client::Reqwest => "reqwest",
    };
    format!("{name}, {http}, {}", stamping.in_words())
}
