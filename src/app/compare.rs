//! `tollgate compare`: a scenario's arms against each other, or two runs that are stored.

use std::path::Path;

use super::ci::{Told, Written};
use super::cli::{CompareArgs, RunArgs};
use super::gate::exit_by;
use super::{Exit, run, terminal};
use crate::judge::{
    self, Calibration, Comparison, Design, GATE_SCHEMA, Gate, Level, Settings, Validity, Verdict,
};
use crate::record::{Summary, Tally};
use crate::report;
use crate::results::{self, RunInfo};

/// How often the labels of a run of A against A are dealt again.
const DEALS: u32 = 200;

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    match &args.other {
        Some(other) => stored(&args.run.scenario.scenario, other, args),
        None if args.run.scenario.scenario.is_dir() => {
            terminal::error(&format!(
                "{} is a folder: a stored run is compared with another one\nhelp: name the second \
                 run, too: tollgate compare BASELINE_RUN RUN",
                args.run.scenario.scenario.display()
            ));
            Ok(Exit::Usage)
        }
        None => run::run(&RunArgs {
            compares: true,
            aa: args.aa,
            ..args.run.clone()
        }),
    }
}

/// What a run's arms are asked; `None` where it has one arm only.
pub(super) fn settings(info: &RunInfo, window_s: f64) -> Option<Settings> {
    let compare = info.compare.as_ref()?;
    let arms = info.names().arms;
    Some(Settings::asked(compare, arms, window_s, info.seed))
}

/// The arms of a run that is over, against each other; `None` where it has one arm only.
pub(super) fn arms(info: &RunInfo, summary: &Summary, slices: &[Vec<Tally>]) -> Option<Comparison> {
    let settings = settings(info, summary.window_s)?;
    Some(judge::compare_arms(slices, &settings))
}

/// What came of comparing A with A; `None` where nothing was measured.
pub(super) fn calibration(
    info: &RunInfo,
    summary: &Summary,
    slices: &[Vec<Tally>],
) -> Option<Calibration> {
    judge::calibrate(slices, &settings(info, summary.window_s)?, DEALS)
}

/// A side of a historical comparison.
struct Past {
    info: RunInfo,
    slices: Vec<Vec<Tally>>,
}

impl Past {
    fn read(folder: &Path) -> Result<Self, String> {
        let info = results::read_info(folder).map_err(|error| error.to_string())?;
        let named = |why: &str| format!("{} {why}", folder.display());
        if info.arms.len() > 1 {
            return Err(named(
                "has several arms, which are compared within it: tollgate report shows that",
            ));
        }
        if info.summary.is_none() || !folder.join(results::names::SLICES).exists() {
            return Err(named(
                "has no slices: it did not come to its end, or an older tollgate wrote it",
            ));
        }
        let slices = results::read_slices(folder, &info).map_err(|error| error.to_string())?;
        Ok(Self { info, slices })
    }

    /// What speaks against its figures.
    fn doubts(&self, folder: &Path) -> Option<String> {
        let validity = self.info.validity.as_ref();
        let invalid = validity.is_none_or(|validity| validity.verdict == Level::Invalid);
        let why = match (invalid, self.info.complete) {
            (true, _) => "is invalid",
            (_, false) => "did not come to its end",
            _ => return None,
        };
        Some(format!(
            "{} {why}: nothing is shown by it",
            folder.display()
        ))
    }
}

/// Compares two runs that are stored.
fn stored(baseline: &Path, candidate: &Path, args: &CompareArgs) -> anyhow::Result<Exit> {
    let refuse = |why: &str| {
        terminal::error(why);
        Ok(Exit::Usage)
    };
    args.run.ci.clear();
    if args.run.ci.lacks_dir() {
        return refuse(
            "two stored runs have no folder together: say with --ci-dir where the files of --ci go",
        );
    }
    let (base, run) = match (Past::read(baseline), Past::read(candidate)) {
        (Ok(base), Ok(run)) => (base, run),
        (Err(why), _) | (_, Err(why)) => return refuse(&why),
    };
    let differences = results::differences(&base.info, &run.info);
    // The target may be what is compared.
    let unlike: Vec<String> = differences
        .iter()
        .filter(|difference| difference.field != "target")
        .map(|d| format!("  {}: `{}` and `{}`", d.field, d.baseline, d.run))
        .collect();
    if !unlike.is_empty() && !args.run.against.allow_unlike {
        return refuse(&format!(
            "the runs are unlike in more than what they measured:\n{}\nhelp: compare like runs, or \
             add --allow-unlike",
            unlike.join("\n")
        ));
    }
    let mut comparison = historical(&base, &run);
    let doubts = [base.doubts(baseline), run.doubts(candidate)];
    let doubts: Vec<String> = doubts.into_iter().flatten().collect();
    if !doubts.is_empty() {
        comparison.verdict = Verdict::Invalid;
    }
    if args.run.json {
        let json = serde_json::to_string_pretty(&comparison)?;
        terminal::data(&format!("{json}\n"));
    } else {
        let mut text = report::comparison(&comparison, terminal::stdout_paint());
        for line in &doubts {
            text += &format!("invalid: {line}\n");
        }
        for line in &unlike {
            text += &format!("unlike in{line}\n");
        }
        terminal::data(&args.run.ci.guarded(&text));
    }
    let exit = exit_by(comparison.verdict, args.run.against.on_inconclusive);
    let gate = Gate {
        schema: GATE_SCHEMA,
        verdict: comparison.verdict,
        reasons: doubts,
        run: run.info.gated(candidate),
        baseline: Some(base.info.gated(baseline)),
        differences,
        findings: Vec::new(),
        comparison: Some(comparison),
    };
    Ok(tell_ci(&gate, &run.info, args).unless_lost(exit))
}

/// Writes what is asked for a CI system of two stored runs.
fn tell_ci(gate: &Gate, info: &RunInfo, args: &CompareArgs) -> Written {
    let unknown = Validity {
        verdict: Level::Invalid,
        checks: Vec::new(),
    };
    let against = &args.run.against;
    args.run.ci.write(&Told {
        gate: Some(gate),
        name: &info.scenario,
        summary: info.summary.as_ref().unwrap_or(&Summary::default()),
        validity: info.validity.as_ref().unwrap_or(&unknown),
        folder: args.run.ci.dir().unwrap_or(Path::new("")),
        scenario: None,
        policy: against.on_inconclusive,
    })
}

fn historical(base: &Past, run: &Past) -> Comparison {
    let windows = [base, run].map(|past| {
        let summary = past.info.summary.as_ref();
        summary.map_or(0.0, |summary| summary.window_s)
    });
    let names = [base, run].map(|past| past.info.target.name.clone());
    let arms = match names {
        [base, run] if base != run => vec![base, run],
        _ => vec!["baseline".to_owned(), "candidate".to_owned()],
    };
    let pairs = base.slices.iter().zip(&run.slices);
    let pair = |(base, run): (&Vec<Tally>, &Vec<Tally>)| vec![base[0].clone(), run[0].clone()];
    let slices: Vec<Vec<Tally>> = pairs.map(pair).collect();
    let settings = Settings {
        design: Design::Historical,
        window_s: windows.to_vec(),
        seed: run.info.seed,
        ..Settings::new(arms)
    };
    judge::compare_arms(&slices, &settings)
}
