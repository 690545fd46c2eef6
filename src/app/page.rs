//! The report of a run as a page: from its folder to a file.

use std::path::{Path, PathBuf};

use super::{Exit, collect, terminal};
use crate::judge;
use crate::report::html::{self, Course, Sheet};
use crate::results::{self, ResultsError, names};

/// Writes the page of a sheet whose run is in `folder`.
pub(super) fn write(sheet: &Sheet<'_>, folder: &Path, file: &Path) -> Result<(), ResultsError> {
    let intervals = results::intervals(folder)?;
    let scopes = sheet.summary.scopes.iter();
    let scopes: Vec<&str> = scopes.map(|scope| scope.scope.as_str()).collect();
    let mut course = Course::new(&intervals, &scopes, &sheet.info.names());
    results::spread(folder, &mut course)?;
    results::write_whole(file, &html::page(sheet, course))
}

/// Writes the page of a run that has just ended, into its folder. The run is over and written: what goes
/// wrong here is told, and changes nothing.
pub(super) fn after_run(sheet: &Sheet<'_>, folder: &Path) {
    if let Err(error) = write(sheet, folder, &folder.join(names::PAGE)) {
        terminal::message(&format!("no {}: {error}", names::PAGE));
    }
}

/// `report RUN --html [FILE]`. The figures are those that the run wrote down at its end, and else those of
/// its rows.
pub(super) fn report(run: &Path, file: Option<&Path>) -> anyhow::Result<Exit> {
    let in_folder = || run.join(names::PAGE);
    let file: PathBuf = file.map_or_else(in_folder, Path::to_owned);
    let mut info = match results::read_info(run) {
        Ok(info) => info,
        Err(error) => {
            terminal::error(&error.to_string());
            return Ok(Exit::Usage);
        }
    };
    let told = info.summary.take().zip(info.validity.take());
    let (summary, validity, notes) = if let Some((summary, validity)) = told {
        (summary, validity, Vec::new())
    } else {
        let stored = results::read(run)?;
        let summary = stored.summary();
        let health = collect::health(&stored.info, &stored.recorder);
        let validity = judge::validity(&summary, &health);
        info = stored.info;
        info.shares = info.judge_shares(&summary);
        (summary, validity, stored.notes)
    };
    let (gate, comparison) = (results::read_gate(run), results::read_comparison(run)?);
    let sheet = Sheet {
        info: &info,
        summary: &summary,
        validity: &validity,
        notes: &notes,
        gate: gate.as_ref(),
        comparison: comparison.as_ref(),
    };
    write(&sheet, run, &file)?;
    terminal::data(&format!("{}\n", file.display()));
    let none_ok = summary.total().is_none_or(|total| total.count.ok == 0);
    Ok(if none_ok { Exit::NoData } else { Exit::Fine })
}
