//! `tollgate gate`: a run's thresholds, judged on its files; and the same at the end of a run.

use std::path::{Path, PathBuf};

use super::ci::Told;
use super::cli::{AgainstArgs, GateArgs, Policy};
use super::{Exit, collect, commands, terminal};
use crate::judge::{self, Baseline, Comparison, Difference, Evidence, Gate, Validity, Verdict};
use crate::record::{ScopeFigures, Summary};
use crate::report;
use crate::results::{self, Material, RunInfo};
use crate::scenario::{Overrides, Threshold};

pub(super) fn gate(args: &GateArgs) -> anyhow::Result<Exit> {
    let thresholds = match args.scenario.as_deref().map(|path| newer(path, args)) {
        None => None,
        Some(Ok(thresholds)) => Some(thresholds),
        Some(Err(exit)) => return Ok(exit),
    };
    let run = match results::material(&args.run, thresholds.as_deref()) {
        Ok(run) => run,
        Err(error) => return Ok(refuse(&error.to_string(), Exit::Usage)),
    };
    let Some(recorder) = &run.recorder else {
        let why = "is a baseline and not a run: name a folder below results/";
        return Ok(refuse(
            &format!("{} {why}", args.run.display()),
            Exit::Usage,
        ));
    };
    let thresholds = thresholds.unwrap_or_else(|| run.info.thresholds.clone());
    let beside = run
        .folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let place = RunPlace {
        beside: beside.unwrap_or(Path::new(".")),
        own: Some(&run.folder),
    };
    let baseline = match Against::find(&args.against, &place, &run.info, &thresholds) {
        Ok(baseline) => baseline,
        Err((why, exit)) => return Ok(refuse(&why, exit)),
    };
    let summary = Summary::new(recorder, &run.info.names());
    let validity = match &run.info.validity {
        Some(validity) if run.info.complete => validity.clone(),
        _ => judge::validity(&summary, &collect::health(&run.info, recorder)),
    };
    let comparison = match results::read_comparison(&run.folder) {
        Ok(comparison) => comparison,
        Err(error) => return Ok(refuse(&error.to_string(), Exit::Usage)),
    };
    let gate = judge_run(&Judged {
        info: &run.info,
        folder: &run.folder,
        figures: &run.figures,
        summary: &summary,
        validity: &validity,
        thresholds: &thresholds,
        baseline: baseline.as_ref(),
        comparison: comparison.as_ref(),
    });
    keep(&gate, &run.folder);
    if args.json {
        terminal::data(&format!("{}\n", serde_json::to_string_pretty(&gate)?));
    } else {
        let notes = run.notes.iter().map(|note| format!("note: {note}\n"));
        let text = report::gate(&gate, terminal::stdout_paint());
        terminal::data(&args.ci.guarded(&(text + &notes.collect::<String>())));
    }
    let written = args.ci.write(&Told {
        gate: Some(&gate),
        name: &run.info.scenario,
        summary: &summary,
        validity: &validity,
        folder: &run.folder,
        scenario: args.scenario.as_deref(),
        policy: args.against.on_inconclusive,
    });
    Ok(written.unless_lost(exit_of(&gate, &args.against)))
}

fn refuse(why: &str, exit: Exit) -> Exit {
    terminal::error(why);
    exit
}

/// The thresholds of another scenario.
fn newer(path: &Path, args: &GateArgs) -> Result<Vec<Threshold>, Exit> {
    match commands::load_file(path, &args.env, &Overrides::default()) {
        Ok(scenario) => Ok(scenario.thresholds),
        Err(problems) => {
            commands::show(&problems);
            Err(Exit::Usage)
        }
    }
}

/// A run and all that it is judged on.
pub(super) struct Judged<'a> {
    pub(super) info: &'a RunInfo,
    pub(super) folder: &'a Path,
    pub(super) figures: &'a [ScopeFigures],
    pub(super) summary: &'a Summary,
    pub(super) validity: &'a Validity,
    pub(super) thresholds: &'a [Threshold],
    pub(super) baseline: Option<&'a Against>,
    pub(super) comparison: Option<&'a Comparison>,
}

pub(super) fn judge_run(judged: &Judged<'_>) -> Gate {
    let overhead = results::read_overhead(judged.folder);
    let evidence = Evidence {
        run: judged.info.gated(judged.folder),
        figures: judged.figures,
        shares: &judged.info.judge_shares(judged.summary),
        validity: judged.validity,
        ending: judged.info.ending(judged.thresholds),
        // Of a sandwich, pairs are the comparison: a gateway is not to be as quick as none.
        comparison: judged.comparison.filter(|_| overhead.is_none()),
        overhead: overhead.as_ref(),
    };
    let baseline = judged.baseline.map(|against| Baseline {
        run: against.material.gated(),
        figures: &against.material.figures,
        differences: against.differences.clone(),
    });
    judge::gate(judged.thresholds, &evidence, baseline.as_ref())
}

/// Writes `gate.json`. A folder that can't be written to changes no verdict.
pub(super) fn keep(gate: &Gate, folder: &Path) {
    if let Err(error) = results::write_gate(folder, gate) {
        terminal::message(&format!("what the gate found is not kept: {error}"));
    }
}

/// The exit code of a gate, by the policy for what is inconclusive.
pub(super) fn exit_of(gate: &Gate, args: &AgainstArgs) -> Exit {
    exit_by(gate.verdict, args.on_inconclusive)
}

/// The exit code of a verdict.
pub(super) const fn exit_by(verdict: Verdict, policy: Option<Policy>) -> Exit {
    match (verdict, policy) {
        (Verdict::Pass, _) | (Verdict::Inconclusive, Some(Policy::Pass)) => Exit::Fine,
        (Verdict::Fail, _) | (Verdict::Inconclusive, Some(Policy::Fail)) => Exit::Fail,
        (Verdict::Inconclusive, None) => Exit::Inconclusive,
        (Verdict::Invalid, _) => Exit::NoData,
    }
}

/// What a run is held against.
pub(super) struct Against {
    material: Material,
    differences: Vec<Difference>,
}

/// Where a run is among others of its scenario.
pub(super) struct RunPlace<'a> {
    /// The folder of the scenario's results.
    pub(super) beside: &'a Path,
    /// Its own; `None` where it is yet to begin.
    pub(super) own: Option<&'a Path>,
}

impl Against {
    /// The baseline of a run that is about to begin in `output`. What is wrong is said before anything is
    /// sent.
    pub(super) fn before(
        args: &AgainstArgs,
        output: &Path,
        info: &RunInfo,
    ) -> Result<Option<Self>, Exit> {
        let place = RunPlace {
            beside: &output.join(&info.scenario),
            own: None,
        };
        let thresholds = &info.thresholds;
        let found = Self::find(args, &place, info, thresholds);
        let against = found.map_err(|(why, exit)| refuse(&why, exit))?;
        let needs = thresholds.iter().find(|t| t.test.needs_baseline());
        if let (Some(threshold), None) = (needs, &against) {
            terminal::message(&format!(
                "`{}` has no baseline here: give one with --baseline, or judge the run later with `tollgate gate`",
                threshold.written
            ));
        }
        Ok(against)
    }

    /// The baseline that was asked for; what is wrong with it, and the exit code of that.
    pub(super) fn find(
        args: &AgainstArgs,
        place: &RunPlace<'_>,
        info: &RunInfo,
        thresholds: &[Threshold],
    ) -> Result<Option<Self>, (String, Exit)> {
        let Some(named) = &args.baseline else {
            return Ok(None);
        };
        let path = resolve(named, place, info)?;
        let material = results::material(&path, Some(thresholds))
            .map_err(|error| (format!("the baseline: {error}"), Exit::Usage))?;
        if !material.info.complete {
            let path = path.display();
            let why = format!("the baseline {path} did not come to its end: name a complete run");
            return Err((why, Exit::NoData));
        }
        let differences = results::differences(&material.info, info);
        if !(differences.is_empty() || args.allow_unlike) {
            let path = path.display();
            let mut why = format!("the run and its baseline {path} are unlike:");
            for Difference {
                field,
                baseline,
                run,
            } in &differences
            {
                why += &format!("\n  {field}: the baseline has `{baseline}`, the run has `{run}`");
            }
            why += "\ncompare like with like, or pass --allow-unlike to do it all the same";
            return Err((why, Exit::Usage));
        }
        Ok(Some(Self {
            material,
            differences,
        }))
    }
}

fn resolve(named: &Path, place: &RunPlace<'_>, info: &RunInfo) -> Result<PathBuf, (String, Exit)> {
    if named != Path::new("last") {
        return Ok(named.to_owned());
    }
    let own = place.own.map(|own| (own, info));
    results::earlier(place.beside, &info.scenario, own).ok_or_else(|| {
        let (scenario, beside) = (&info.scenario, place.beside.display());
        let why = format!("there is no earlier complete run of {scenario} in {beside}");
        (why, Exit::NoData)
    })
}
