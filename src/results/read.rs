//! Reading a run folder back, also one that a killed process left behind.

use std::path::Path;

use super::{ResultsError, Row, RunInfo, SCHEMA, at, hlog, names};
use crate::record::{Recorder, Summary};
use crate::sample::Metric;

/// A run folder that was read.
#[derive(Debug)]
pub struct Stored {
    /// What the run was.
    pub info: RunInfo,
    /// Its rows.
    pub recorder: Recorder,
    /// What could not be read, for people.
    pub notes: Vec<String>,
}

impl Stored {
    /// The figures, worked out again from the rows.
    pub fn summary(&self) -> Summary {
        Summary::new(&self.recorder, &self.info.recipe_names())
    }
}

/// Reads a run folder.
pub fn read(path: &Path) -> Result<Stored, ResultsError> {
    let info = read_info(path)?;
    let mut recorder = Recorder::new(info.recipes.len(), info.phase_records());
    let mut notes = Vec::new();
    let broken = read_rows(path, &info, &mut recorder)?;
    if broken > 0 {
        notes.push(format!(
            "{broken} rows of samples.csv are cut short or broken, and left out"
        ));
    }
    let log = path.join(names::HLOG);
    if log.exists() {
        let gaps = hlog::read(&log)?;
        for (index, recipe) in info.recipes.iter().enumerate() {
            let tag = format!(
                "{}.{}",
                hlog::tag_name(&recipe.name),
                Metric::ChunkGap.name()
            );
            if let (Some(gaps), Some(tally)) = (gaps.get(&tag), recorder.recipe_mut(index)) {
                tally.merge_gaps(gaps);
            }
        }
    } else {
        notes.push("there is no latency.hlog: chunk gaps are not known".to_owned());
    }
    if !info.complete {
        notes.push(
            "the run did not come to its end: the figures are of what was written".to_owned(),
        );
    }
    Ok(Stored {
        info,
        recorder,
        notes,
    })
}

fn read_info(path: &Path) -> Result<RunInfo, ResultsError> {
    let not = |why: String| ResultsError::NotARun {
        path: path.to_owned(),
        why,
    };
    let file = path.join(names::RUN);
    let text = std::fs::read_to_string(&file).map_err(|e| not(format!("{}: {e}", names::RUN)))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| not(format!("{}: {e}", names::RUN)))?;
    let schema = json
        .get("schema")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0) as u32;
    if schema > SCHEMA {
        return Err(ResultsError::Newer {
            path: path.to_owned(),
            found: schema,
        });
    }
    serde_json::from_value(json).map_err(|e| not(format!("{}: {e}", names::RUN)))
}

/// Reads the rows into `recorder` and counts those that are broken: a process that was killed leaves
/// its last row cut short.
fn read_rows(path: &Path, info: &RunInfo, recorder: &mut Recorder) -> Result<u64, ResultsError> {
    let file = path.join(names::SAMPLES);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(&file)
        .map_err(|e| at(&file)(e.into()))?;
    let mut broken = 0;
    for row in reader.deserialize::<Row>() {
        match row.map(|row| row.sample(info)) {
            Ok(Some(sample)) => recorder.push(&sample),
            Ok(None) | Err(_) => broken += 1,
        }
    }
    Ok(broken)
}
