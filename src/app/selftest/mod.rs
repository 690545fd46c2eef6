//! `tollgate selftest`: the client's own error on this machine, against a provider that knows the truth.
//!
//! The provider runs in a process of its own and keeps the true instants of all that it sends; the
//! client is the very engine and wire that a run has. What the errors hold is said where they are worked
//! out, in `judge`.

mod rounds;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use super::cli::SelftestArgs;
use super::machine;
use super::stand_in::{Cast, Child};
use super::{Exit, run, terminal};
use crate::base::{Monotonic, Offset, Seed};
use crate::engine::{self, Control, Event};
use crate::judge::{self, Certificate, Clocks, Load, Measured, Round, SELFTEST_SCHEMA};
use crate::lab::Truth;
use crate::plan::Plan;
use crate::report;
use crate::results::{RunInfo, Standing};
use crate::sample::Sample;
use crate::scenario::{Client, Http, Pace, Scenario, Shape, Timestamps};
use crate::schedule::{self, Due};
use crate::shot;
use crate::wire::{Clock, DirectWire, Endpoint, Stamping};
use rounds::Spec;

/// The certificate's file, below the folder for results.
const FILE: &str = "selftest.json";
/// What the provider is called in its process.
const PROVIDER: &str = "selftest";

/// `tollgate selftest`.
pub(super) fn selftest(args: &SelftestArgs) -> anyhow::Result<Exit> {
    let Some(clock) = Monotonic::map() else {
        terminal::error(
            "the self-test needs a clock that processes share, which is read on Linux only",
        );
        return Ok(Exit::Usage);
    };
    let files = machine::raise_files();
    let started = OffsetDateTime::now_utc();
    let utc = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let mut child = Child::start(&Cast {
        providers: vec![(PROVIDER.to_owned(), rounds::script())],
        ..Cast::default()
    })?;
    let stamping = Stamping::new(Timestamps::default());
    let mapping_error = clock.error() + child.mapping_error();
    let client = run::client_in_words(Client::Direct, Http::One, &stamping);
    let files = files.min(child.files());
    let workers = engine::default_workers();
    let mut rounds = Vec::new();
    for (seed, spec) in (0..).map(Seed).zip(rounds::specs(args.quick)) {
        let (mut skipped, mut measured) = (None, None);
        if spec.files() > files {
            skipped = Some(format!("needs {} files, has {files}", spec.files()));
        } else {
            terminal::message(&format!("self-test: {}", spec.name));
            let round = Bench {
                clock,
                mapping_error,
                workers,
                seed,
                stamping: stamping.clone(),
            };
            measured = Some(round.measure(&spec, &mut child)?);
        }
        rounds.push(Round {
            name: spec.name.to_owned(),
            load: spec.load,
            skipped,
            measured,
        });
    }
    drop(child);
    let mut ran = rounds.iter().filter_map(|round| round.measured.as_ref());
    let certificate = Certificate {
        schema: SELFTEST_SCHEMA,
        started_utc: started.format(&utc)?,
        tollgate: env!("CARGO_PKG_VERSION").to_owned(),
        debug_build: cfg!(debug_assertions),
        host: run::host(),
        client,
        workers,
        quick: args.quick,
        timestamps: stamping.in_words(),
        mapping_error_us: (mapping_error + stamping.error()).as_nanos() as f64 / 1e3,
        passed: ran.clone().next().is_some() && ran.all(Measured::passed),
        rounds,
    };
    finish(&certificate, args)
}

/// Writes the certificate and shows it.
fn finish(certificate: &Certificate, args: &SelftestArgs) -> anyhow::Result<Exit> {
    let mut json = serde_json::to_string_pretty(certificate)?;
    json.push('\n');
    let path = args.output.join(FILE);
    std::fs::create_dir_all(&args.output)
        .and_then(|()| std::fs::write(&path, &json))
        .with_context(|| {
            format!(
                "{} can't be written; choose another folder with -o",
                path.display()
            )
        })?;
    if args.json {
        terminal::data(&json);
    } else {
        terminal::data(&report::selftest(certificate));
    }
    terminal::message(&format!("certificate in {}", path.display()));
    Ok(if certificate.passed {
        Exit::Fine
    } else {
        Exit::Internal
    })
}

/// What all rounds share.
struct Bench {
    clock: Monotonic,
    mapping_error: Duration,
    workers: u64,
    seed: Seed,
    stamping: Stamping,
}

impl Bench {
    /// Loads the provider as `spec` says, and compares what is claimed with what it did.
    fn measure(&self, spec: &Spec, child: &mut Child) -> anyhow::Result<Measured> {
        let url = child.url(PROVIDER)?.to_owned();
        let plan = Arc::new(Plan::new(spec.scenario(&url, self.seed)));
        let endpoint = Endpoint {
            base_url: url,
            ..Endpoint::default()
        };
        let timeouts = plan.scenario().timeouts;
        machine::reset_peak_memory();
        let before = machine::cpu();
        let clock = Clock::start();
        let mut run = engine::start(&plan, self.workers, clock, &Control::default(), |_| {
            DirectWire::new(&endpoint, timeouts, clock)
                .map(|wire| wire.with_stamping(&self.stamping))
        })?;
        let mut rows = Vec::new();
        while let Some(event) = run.events.blocking_recv() {
            if let Event::Rows(batch) = event {
                rows.extend(batch);
            }
        }
        let cpu = machine::cpu()
            .zip(before)
            .map(|(now, before)| now.saturating_sub(before));
        let peak = machine::peak_memory();
        anyhow::ensure!(run.join(), "a worker thread died");
        let truths = child.truth()?.providers.into_iter();
        let truths = truths.map(|(_, truth)| truth);
        let truths: Vec<Truth> = truths.collect();
        let clocks = Clocks {
            zero: self.clock.nanos(clock.instant(Offset::ZERO)),
            mapping_error: self.mapping_error + self.stamping.error(),
        };
        let keyed: Vec<(u64, Sample)> = rows
            .into_iter()
            .map(|row| (key(&plan, &row), row))
            .collect();
        let mut measured = judge::compare(&keyed, &truths, clocks);
        let requests = measured.requests.max(1) as f64;
        measured.cpu_per_request_us = cpu.map(|cpu| cpu.as_nanos() as f64 / 1e3 / requests);
        measured.peak_memory_bytes = peak;
        Ok(measured)
    }
}

/// The name of a row's request: the plan makes the same bytes once more.
fn key(plan: &Plan, row: &Sample) -> u64 {
    let arrival = schedule::arrival(plan, row.id.phase, row.id.number, Due::WhenReady);
    Truth::key_of(&shot::build(plan, &arrival).body)
}

/// The certificate that a run of `scenario` stands on: one that passed, of this machine, version, client
/// and its stamps, in the same folder for results.
pub(super) fn standing(root: &Path, scenario: &Scenario, run: &RunInfo) -> Option<Standing> {
    let path: PathBuf = root.join(FILE);
    let text = std::fs::read_to_string(&path).ok()?;
    let certificate: Certificate = serde_json::from_str(&text).ok()?;
    let same = certificate.schema == SELFTEST_SCHEMA
        && certificate.passed
        && certificate.host == run.host
        && certificate.tollgate == env!("CARGO_PKG_VERSION")
        && certificate.debug_build == cfg!(debug_assertions)
        && certificate.client == run.client;
    let (round, errors) = certificate.nearest(load(scenario)?).filter(|_| same)?;
    Some(Standing {
        file: path.display().to_string(),
        started_utc: certificate.started_utc.clone(),
        round: round.name.clone(),
        ttft_error_p50_us: errors.p50_us,
        ttft_error_p99_us: errors.p99_us,
        ttft_error_max_us: errors.max_us,
    })
}

/// The heaviest load of the measured phases; closed loops go first.
fn load(scenario: &Scenario) -> Option<Load> {
    let shapes = || scenario.phases.iter().filter(|phase| !phase.warmup);
    let users = shapes().filter_map(|phase| match phase.shape {
        Shape::Closed { concurrency, .. } => Some(concurrency),
        Shape::Open { .. } => None,
    });
    let rates = shapes().filter_map(|phase| match phase.shape {
        Shape::Closed { .. } => None,
        Shape::Open { pace, .. } => Some(match pace {
            Pace::Constant { rate } | Pace::Poisson { rate } => rate,
            Pace::Ramp { from, to, .. } => from.max(to),
        }),
    });
    let users = users.max().map(Load::Closed);
    users.or_else(|| rates.reduce(f64::max).map(Load::Open))
}
