//! `overhead.json`: what was found of a gateway.

use std::fs;
use std::path::Path;

use super::write::create;
use super::{ResultsError, at, names};
use crate::judge::Overhead;

/// Writes what was found of a gateway into the folder of its run.
pub fn write_overhead(folder: &Path, found: &Overhead) -> Result<(), ResultsError> {
    let path = folder.join(names::OVERHEAD);
    let mut text = serde_json::to_string_pretty(found).expect("plain data always encodes");
    text.push('\n');
    drop(create(&path)?);
    fs::write(&path, text).map_err(at(&path))
}

/// What was found of a gateway by the run in `folder`; `None` where it was none, or its file can't be read.
pub fn read_overhead(folder: &Path) -> Option<Overhead> {
    let text = fs::read_to_string(folder.join(names::OVERHEAD)).ok()?;
    serde_json::from_str(&text).ok()
}
