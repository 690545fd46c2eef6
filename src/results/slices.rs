//! `slices.csv` and `slices.hlog`: counts and histograms of each arm in each slice of the run, from which
//! a comparison works its error out. Written at the end; no prompt and no error text is in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::hlog::{self, Log};
use super::{ResultsError, RunInfo, at, names, write};
use crate::record::{SliceRow, Slices, Tally};
use crate::sample::Metric;

/// Writes both files.
pub(super) fn write(
    folder: &Path,
    unix_seconds: f64,
    info: &RunInfo,
    slices: &Slices,
) -> Result<(), ResultsError> {
    let (rows, log) = (folder.join(names::SLICES), folder.join(names::SLICES_HLOG));
    let mut csv = csv::Writer::from_writer(write::create(&rows)?);
    let io = |e: csv::Error| at(&rows)(e.into());
    let arms = info.names().arms;
    let tags = hlog::tag_names(&arms);
    let mut out = Log::begin(write::create(&log)?, Some(unix_seconds)).map_err(at(&log))?;
    for (number, slice) in slices.iter() {
        for ((arm, tag), tally) in arms.iter().zip(&tags).zip(&slice.arms) {
            csv.serialize(SliceRow::new(number, slice, arm, tally))
                .map_err(io)?;
            // The slice's number stands for its time: instants of slices may overlap.
            let (start, length) = (Duration::from_secs(number.into()), Duration::from_secs(1));
            for metric in Metric::ALL {
                if let Some(times) = tally.times(metric) {
                    let tag = format!("{tag}.{}", metric.name());
                    out.write(&tag, &times.to_hdr(), start, length)
                        .map_err(at(&log))?;
                }
            }
        }
    }
    csv.flush().map_err(at(&rows))?;
    out.flush().map_err(at(&log))
}

/// Reads both files: for each slice in the order of time, what each arm has.
pub fn read(folder: &Path, info: &RunInfo) -> Result<Vec<Vec<Tally>>, ResultsError> {
    let (rows, log) = (folder.join(names::SLICES), folder.join(names::SLICES_HLOG));
    let broken = |why: String| ResultsError::NotARun {
        path: folder.to_owned(),
        why,
    };
    let arms = info.names().arms;
    let tags = hlog::tag_names(&arms);
    let mut reader = csv::Reader::from_path(&rows).map_err(|e| at(&rows)(e.into()))?;
    let mut slices: BTreeMap<u16, Vec<Tally>> = BTreeMap::new();
    for row in reader.deserialize() {
        let row: SliceRow = row.map_err(|e| broken(format!("{}: {e}", names::SLICES)))?;
        let arm = arms.iter().position(|arm| *arm == row.arm);
        let arm =
            arm.ok_or_else(|| broken(format!("{}: there is no arm `{}`", names::SLICES, row.arm)))?;
        let slice = slices.entry(row.slice);
        slice.or_insert_with(|| vec![Tally::default(); arms.len()])[arm] = row.tally();
    }
    let whole = hlog::each(&log, |tag, start, times| {
        let number = start.as_secs() as u16;
        let named = tag.rsplit_once('.').and_then(|(arm, metric)| {
            let arm = tags.iter().position(|tag| tag == arm)?;
            let metric = Metric::ALL
                .into_iter()
                .find(|known| known.name() == metric)?;
            Some((arm, metric))
        });
        if let (Some((arm, metric)), Some(slice)) = (named, slices.get_mut(&number)) {
            slice[arm].merge_hdr(metric, times);
        }
    })?;
    if !whole {
        return Err(broken(format!(
            "{} is cut short or broken",
            names::SLICES_HLOG
        )));
    }
    Ok(slices.into_values().collect())
}
