//! A run that is over: written, judged, and told of.

use std::path::PathBuf;

use super::ci::{Told, Written};
use super::cli::RunArgs;
use super::collect::{self, Collector};
use super::gate::{self, Against, Judged};
use super::gather::Gatherer;
use super::telemetry::Telemetry;
use super::{Exit, compare, page, terminal};
use crate::engine;
use crate::judge::{self, Comparison, Gate, Level, Overhead, Validity};
use crate::record::{ScopeFigures, Summary, Tally};
use crate::report;
use crate::report::html::Sheet;
use crate::results::{self, Interruption, RunInfo};

/// The exit code of a run that ended before its plan did.
pub(super) fn exit_of(interrupted: Option<Interruption>) -> Option<Exit> {
    interrupted.map(|signal| match signal {
        Interruption::Interrupt => Exit::Interrupted,
        Interruption::Terminate => Exit::Terminated,
        Interruption::Budget => Exit::Budget,
        Interruption::Threshold => Exit::Fail,
        Interruption::Gateway => Exit::NoData,
    })
}

/// A run that is over and written.
pub(super) struct Ended {
    info: RunInfo,
    pub(super) summary: Summary,
    validity: Validity,
    pub(super) folder: PathBuf,
    figures: Vec<ScopeFigures>,
    against: Option<Against>,
    comparison: Option<Comparison>,
    slices: Vec<Vec<Tally>>,
    whole: bool,
    /// Who still reads the last figures.
    pub(super) telemetry: Option<Telemetry>,
    gathered: Option<Gatherer>,
    /// What was found of a gateway, where that was measured.
    overhead: Option<Overhead>,
}

impl Ended {
    pub(super) fn new(
        collector: Collector,
        interrupted: Option<Interruption>,
        whole: bool,
        against: Option<Against>,
        seen: Option<Comparison>,
        mut telemetry: Option<Telemetry>,
    ) -> anyhow::Result<Self> {
        let Collector {
            mut info,
            folder,
            recorder,
            slices,
            gatherer,
            ..
        } = collector;
        info.take_phases(recorder.phases());
        info.interrupted = interrupted;
        let cut = info.rows_waiting > engine::ROWS_WAITING_LIMIT;
        info.complete = whole && interrupted.is_none() && !cut;
        let summary = Summary::new(&recorder, &info.names());
        let validity = judge::validity(&summary, &collect::health(&info, &recorder));
        info.shares = info.judge_shares(&summary);
        (info.summary, info.validity) = (Some(summary.clone()), Some(validity.clone()));
        if let Some(telemetry) = &mut telemetry {
            telemetry.finish(&mut info, &recorder);
        }
        let folder = folder.finish(&info, &slices)?;
        let slices = slices.tallies();
        let comparison = seen.or_else(|| compare::arms(&info, &summary, &slices));
        if let Some(comparison) = &comparison {
            results::write_comparison(&folder, comparison)?;
        }
        let mut figures = ScopeFigures::of(&recorder, &info.names());
        figures.extend(results::scoped(
            &folder,
            &info,
            &recorder,
            &info.thresholds,
        )?);
        Ok(Self {
            info,
            summary,
            validity,
            folder,
            figures,
            against,
            comparison,
            slices,
            whole,
            telemetry,
            gathered: gatherer,
            overhead: None,
        })
    }

    /// The requests of a sandwich.
    pub(super) fn take_gathered(&mut self) -> Option<Gatherer> {
        self.gathered.take()
    }

    /// Takes what was found of a gateway, and writes it.
    pub(super) fn found(&mut self, found: Overhead) -> anyhow::Result<()> {
        results::write_overhead(&self.folder, &found)?;
        self.overhead = Some(found);
        Ok(())
    }

    fn sheet<'a>(&'a self, gate: Option<&'a Gate>) -> Sheet<'a> {
        Sheet {
            info: &self.info,
            summary: &self.summary,
            validity: &self.validity,
            notes: &[],
            gate,
            comparison: self.comparison.as_ref(),
        }
    }

    /// Judges the run by its thresholds and its arms, where that is asked for.
    fn gate(&self, args: &RunArgs) -> Option<Gate> {
        let thresholds = &self.info.thresholds;
        if thresholds.is_empty() && !args.ci.gates() && !args.compares {
            return None;
        }
        // The log was read after the figures were worked out.
        let mut figures = self.figures.clone();
        results::add_log_figures(&self.folder, &mut figures);
        let gate = gate::judge_run(&Judged {
            info: &self.info,
            folder: &self.folder,
            figures: &figures,
            summary: &self.summary,
            validity: &self.validity,
            thresholds,
            baseline: self.against.as_ref(),
            comparison: self.comparison.as_ref(),
        });
        gate::keep(&gate, &self.folder);
        Some(gate)
    }

    pub(super) fn report(&self, args: &RunArgs) -> anyhow::Result<Exit> {
        let gate = self.gate(args);
        if let Some(gate) = gate.as_ref().filter(|_| args.json && args.compares) {
            terminal::data(&format!("{}\n", serde_json::to_string_pretty(gate)?));
        } else if let Some(found) = self.overhead.as_ref().filter(|_| args.json) {
            terminal::data(&format!("{}\n", serde_json::to_string_pretty(found)?));
        } else if args.json {
            terminal::data(&format!("{}\n", serde_json::to_string_pretty(&self.info)?));
        } else {
            let paint = terminal::stdout_paint();
            let found = gate.as_ref().map(|gate| report::gate(gate, paint) + "\n");
            let text = report::run(&self.info, &self.summary, &self.validity, &[], paint);
            let added = self.overhead.as_ref();
            let added = added.map(|found| report::overhead(found, paint) + "\n");
            // Of a sandwich, pairs are the comparison.
            let compared = self.comparison.as_ref().filter(|_| added.is_none());
            let compared = compared.map(|of| report::comparison(of, paint) + "\n");
            let calibrated = args.aa.then(|| self.calibrated()).flatten();
            let parts = [found, added, compared, calibrated].into_iter().flatten();
            let text = parts.chain([text]).collect::<String>();
            let text = format!("{text}\nfiles in {}\n", self.folder.display());
            terminal::data(&args.ci.guarded(&text));
        }
        if !args.no_html {
            page::after_run(&self.sheet(gate.as_ref()), &self.folder);
        }
        let written = self.tell_ci(gate.as_ref(), args);
        if !self.whole {
            terminal::error(
                "a worker thread died: rows are missing, and the run is marked incomplete",
            );
            return Ok(Exit::Internal);
        }
        let none_ok = self.summary.total().is_none_or(|total| total.count.ok == 0);
        let untrusted = args.gate && self.validity.verdict == Level::Invalid;
        let no_data = (none_ok || untrusted).then_some(Exit::NoData);
        // Advisory thresholds alone decide nothing, unless a verdict is asked for.
        let decides =
            args.ci.gates() || args.compares || self.info.thresholds.iter().any(|t| !t.advisory);
        let gate = gate.filter(|_| decides);
        let gated = gate.map(|gate| gate::exit_of(&gate, &args.against));
        let exit = exit_of(self.info.interrupted).or(no_data).or(gated);
        Ok(written.unless_lost(exit.unwrap_or(Exit::Fine)))
    }

    /// What A against A came to, as text.
    fn calibrated(&self) -> Option<String> {
        let found = compare::calibration(&self.info, &self.summary, &self.slices)?;
        Some(report::calibration(&found) + "\n")
    }

    /// Writes what is asked for a CI system.
    fn tell_ci(&self, gate: Option<&Gate>, args: &RunArgs) -> Written {
        args.ci.write(&Told {
            gate,
            name: &self.info.scenario,
            summary: &self.summary,
            validity: &self.validity,
            folder: &self.folder,
            scenario: Some(&args.scenario.scenario),
            policy: args.against.on_inconclusive,
        })
    }
}
