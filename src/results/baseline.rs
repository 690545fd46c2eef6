//! Baselines: what of a run a later one is held against, small enough to be committed. No rows, and so
//! nothing of prompts and answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Material, ResultsError, RunInfo, at, hlog, names, read_info};
use crate::record::{Histogram, Names, ScopeFigures, ScopeSummary, Summary};
use crate::sample::Metric;

/// Files that are taken over as they are, where they are there.
const COPIED: [&str; 3] = [names::SUMMARY, names::SLICES, names::SLICES_HLOG];

/// A baseline that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Where.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub bytes: u64,
}

/// Saves what is compared of a run to a folder, in the place of what was there by this name.
pub fn save_baseline(run: &Path, to: &Path) -> Result<Saved, ResultsError> {
    let mut info = read_info(run)?;
    let unfit = |why: &str| {
        Err(ResultsError::Unfit {
            path: run.to_owned(),
            why: why.to_owned(),
        })
    };
    if !info.complete {
        return unfit("the run did not come to its end, and is no baseline");
    }
    let Some(summary) = &mut info.summary else {
        return unfit("its run.json has no summary");
    };
    forget_words(summary);
    let length: f64 = summary.phases.iter().map(|phase| phase.window_s).sum();
    let log = run.join(names::HLOG);
    let sums = hlog::read(&log)?;
    check(run, &info, &sums)?;
    fs::create_dir_all(to).map_err(at(to))?;
    let sum = to.join(names::HLOG);
    hlog::write_sums(&sum, &sums, Duration::from_secs_f64(length.max(0.001)))?;
    for name in COPIED {
        let (from, to) = (run.join(name), to.join(name));
        if from.exists() {
            fs::copy(&from, &to).map_err(at(&to))?;
        } else if to.exists() {
            fs::remove_file(&to).map_err(at(&to))?;
        }
    }
    let path = to.join(names::RUN);
    let mut text = serde_json::to_string_pretty(&info).expect("plain data always encodes");
    text.push('\n');
    fs::write(&path, text).map_err(at(&path))?;
    let size = |entry: std::io::Result<fs::DirEntry>| Some(entry.ok()?.metadata().ok()?.len());
    let bytes = fs::read_dir(to).map_err(at(to))?.filter_map(size).sum();
    Ok(Saved {
        path: to.to_owned(),
        bytes,
    })
}

/// What was said of failures may repeat prompts.
fn forget_words(summary: &mut Summary) {
    for scope in &mut summary.scopes {
        for error in &mut scope.errors {
            error.last_message = None;
        }
    }
}

/// Reads a baseline of which `info` is known: it is complete, and has a summary.
pub(super) fn read(path: &Path, info: RunInfo) -> Result<Material, ResultsError> {
    let sums = hlog::read(&path.join(names::HLOG))?;
    check(path, &info, &sums)?;
    let names = info.names();
    let groups = names.groups();
    let tags = hlog::tag_names(&groups);
    let scopes = info.summary.as_ref().map_or(&[][..], |s| &s.scopes);
    let pairs = names.arms.iter().flat_map(|arm| {
        let recipes = info.recipes.iter();
        recipes.map(move |recipe| (arm.as_str(), recipe))
    });
    let parts: Vec<Group<'_>> = pairs
        .zip(groups.iter().zip(&tags))
        .map(|((arm, recipe), (name, tag))| Group {
            arm,
            recipe: &recipe.name,
            name,
            times: times(&sums, tag),
            failed_streamed: if recipe.stream {
                scope(scopes, &group_scope(&names, arm, &recipe.name))
                    .count
                    .failed
            } else {
                0
            },
        })
        .collect();
    let figures = scopes.iter().map(|of| figures(of, &parts)).collect();
    Ok(Material {
        folder: path.to_owned(),
        recorder: None,
        figures,
        notes: Vec::new(),
        info,
    })
}

/// The figures of a scope: those that were saved, and the times of all groups that belong to it.
fn figures(of: &ScopeSummary, parts: &[Group<'_>]) -> ScopeFigures {
    let label = of.label();
    let fits = |part: &&Group<'_>| match of.scope.split_once(':').map(|(kind, _)| kind) {
        Some("arm") => part.arm == label,
        Some("recipe") => part.recipe == label,
        Some(_) => part.name == label,
        None => true,
    };
    let mut figures = ScopeFigures {
        summary: of.clone(),
        ..ScopeFigures::default()
    };
    for part in parts.iter().filter(fits) {
        figures.failed_streamed += part.failed_streamed;
        for (metric, known) in &part.times {
            figures.times.entry(*metric).or_default().merge(known);
        }
    }
    figures
}

/// The smallest part of a run that has histograms of its own: a recipe of an arm.
struct Group<'n> {
    arm: &'n str,
    recipe: &'n str,
    name: &'n str,
    times: BTreeMap<Metric, Histogram>,
    failed_streamed: u64,
}

/// The scope of a summary that a recipe of an arm is.
fn group_scope(names: &Names, arm: &str, recipe: &str) -> String {
    match (names.has_arms(), names.recipes.len()) {
        (false, _) => format!("recipe:{recipe}"),
        // The arm's only recipe is all of it.
        (true, 1) => format!("arm:{arm}"),
        (true, _) => format!("group:{arm}/{recipe}"),
    }
}

fn scope(scopes: &[ScopeSummary], name: &str) -> ScopeSummary {
    let found = scopes.iter().find(|scope| scope.scope == name);
    found.cloned().unwrap_or_default()
}

fn times(
    sums: &BTreeMap<String, hdrhistogram::Histogram<u64>>,
    tag: &str,
) -> BTreeMap<Metric, Histogram> {
    let times = |metric: Metric| {
        let mut times = Histogram::default();
        times.merge_hdr(sums.get(&format!("{tag}.{}", metric.name()))?);
        Some((metric, times))
    };
    Metric::ALL.into_iter().filter_map(times).collect()
}

/// Refuses a log that has not all the times that the summary is of.
fn check(
    path: &Path,
    info: &RunInfo,
    sums: &BTreeMap<String, hdrhistogram::Histogram<u64>>,
) -> Result<(), ResultsError> {
    let scopes = info.summary.as_ref().map_or(&[][..], |s| &s.scopes);
    let names = info.names();
    let groups = names.groups();
    let pairs = names.arms.iter().flat_map(|arm| {
        let recipes = names.recipes.iter();
        recipes.map(move |recipe| (arm, recipe))
    });
    for ((arm, recipe), tag) in pairs.zip(hlog::tag_names(&groups)) {
        let scope = scope(scopes, &group_scope(&names, arm, recipe));
        for metric in &scope.metrics {
            let tag = format!("{tag}.{}", metric.metric.name());
            let has = sums.get(&tag).map_or(0, hdrhistogram::Histogram::len);
            if has != metric.n {
                let why = format!(
                    "{} has {has} of the {} values of `{tag}`: it is cut short, or not of this run",
                    names::HLOG,
                    metric.n
                );
                return Err(ResultsError::Unfit {
                    path: path.to_owned(),
                    why,
                });
            }
        }
    }
    Ok(())
}
