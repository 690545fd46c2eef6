//! What a run folder, or a baseline, has to say to a gate.

use std::fs;
use std::path::{Path, PathBuf};

use super::scopes::Scopes;
use super::{Interruption, ResultsError, RunInfo, at, baseline, names, read, read_info};
use crate::judge::{Comparison, Ending, GATE_SCHEMA, Gate, GatedRun};
use crate::record::{Recorder, ScopeFigures};
use crate::scenario::Threshold;

/// What is judged of a run, or what another is held against.
#[derive(Debug)]
pub struct Material {
    /// Where it is.
    pub folder: PathBuf,
    /// What it was.
    pub info: RunInfo,
    /// The rows; `None` for a baseline, which has none.
    pub recorder: Option<Recorder>,
    /// All requests, each recipe, and the scopes that thresholds name.
    pub figures: Vec<ScopeFigures>,
    /// What could not be read, for people.
    pub notes: Vec<String>,
}

/// Reads a run folder or a baseline. The scopes are those of `thresholds`, or else of its own.
pub fn material(path: &Path, thresholds: Option<&[Threshold]>) -> Result<Material, ResultsError> {
    let info = read_info(path)?;
    let has_rows = path.join(names::SAMPLES).exists();
    if !has_rows && info.complete && info.summary.is_some() {
        return baseline::read(path, info);
    }
    let mut scopes = Scopes::new(&info, thresholds.unwrap_or(&info.thresholds));
    let stored = read::read_with(path, info, &mut |sample| scopes.push(sample))?;
    let mut figures = ScopeFigures::of(&stored.recorder, &stored.info.names());
    figures.extend(scopes.figures(&stored.recorder));
    super::add_log_figures(path, &mut figures);
    if let Some(why) = stored.lack {
        return Err(ResultsError::Unfit {
            path: path.to_owned(),
            why,
        });
    }
    Ok(Material {
        folder: path.to_owned(),
        info: stored.info,
        recorder: Some(stored.recorder),
        figures,
        notes: stored.notes,
    })
}

impl Material {
    /// The run, by what names it.
    pub fn gated(&self) -> GatedRun {
        gated(&self.folder, &self.info)
    }
}

/// A run, by what names it.
pub(super) fn gated(folder: &Path, info: &RunInfo) -> GatedRun {
    GatedRun {
        folder: folder.display().to_string(),
        scenario: info.scenario.clone(),
        digest: info.digest.clone(),
        started_utc: info.started_utc.clone(),
    }
}

impl RunInfo {
    /// The run, by what names it.
    pub fn gated(&self, folder: &Path) -> GatedRun {
        gated(folder, self)
    }

    /// How the run ended, for a gate that asks these thresholds.
    pub fn ending(&self, thresholds: &[Threshold]) -> Ending {
        let by = |threshold: &&Threshold| self.aborted_by.contains(&threshold.written);
        let places = thresholds.iter().enumerate().filter(|(_, t)| by(t));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        let why = match self.interrupted {
            Some(Interruption::Threshold) if !places.is_empty() => return Ending::Aborted(places),
            Some(Interruption::Threshold) => format!(
                "the run was ended by `{}`, which is not among these thresholds",
                self.aborted_by.join("`, `")
            ),
            Some(Interruption::Budget) => "the budget stopped the run".to_owned(),
            Some(Interruption::Gateway) => "the gateway ended by itself during the run".to_owned(),
            Some(Interruption::Interrupt | Interruption::Terminate) => {
                "the run was interrupted".to_owned()
            }
            None if self.complete => return Ending::Whole,
            None => "the run did not come to its end".to_owned(),
        };
        Ending::Cut(why)
    }
}

/// The newest complete run of a scenario in its folder of results; the newest that began before `own`, where
/// that is given. Of two that began in one second, the name of the folder tells which was later.
pub fn earlier(results: &Path, scenario: &str, own: Option<(&Path, &RunInfo)>) -> Option<PathBuf> {
    let key = |path: &Path, info: &RunInfo| {
        let name = fs::canonicalize(path).ok()?.file_name()?.to_owned();
        Some((info.started_utc.clone(), name.len(), name))
    };
    let own = own.map(|(path, info)| key(path, info));
    let entries = fs::read_dir(results).ok()?;
    let runs = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let other = read_info(&path).ok()?;
        let key = key(&path, &other);
        let before = own.as_ref().is_none_or(|own| key < *own);
        (other.complete && other.scenario == scenario && before).then_some((key, path))
    });
    runs.max().map(|(_, path)| path)
}

/// What a gate found of a run when it was last judged; `None` where it was not, or where a newer tollgate
/// wrote it.
pub fn read_gate(folder: &Path) -> Option<Gate> {
    let text = fs::read_to_string(folder.join(names::GATE)).ok()?;
    let gate: Gate = serde_json::from_str(&text).ok()?;
    (gate.schema <= GATE_SCHEMA).then_some(gate)
}

/// Writes what a gate found to the run's folder.
pub fn write_gate(folder: &Path, gate: &Gate) -> Result<(), ResultsError> {
    write_json(&folder.join(names::GATE), gate)
}

/// Writes how the arms compare to the run's folder.
pub fn write_comparison(folder: &Path, comparison: &Comparison) -> Result<(), ResultsError> {
    write_json(&folder.join(names::COMPARISON), comparison)
}

/// How the arms of a run compare, where it has several.
pub fn read_comparison(folder: &Path) -> Result<Option<Comparison>, ResultsError> {
    let path = folder.join(names::COMPARISON);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let comparison = serde_json::from_str(&text).map_err(|error| ResultsError::Unfit {
        path,
        why: format!("it can't be read: {error}"),
    })?;
    Ok(Some(comparison))
}

fn write_json(path: &Path, what: &impl serde::Serialize) -> Result<(), ResultsError> {
    let mut text = serde_json::to_string_pretty(what).expect("plain data always encodes");
    text.push('\n');
    super::write::create(path)?;
    fs::write(path, text).map_err(at(path))
}
