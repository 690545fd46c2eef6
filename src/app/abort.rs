//! Thresholds that end a run: looked at about each second while it goes on.

use std::time::Duration;

use super::collect::Collector;
use crate::base::Offset;
use crate::judge;
use crate::record::{PhaseRecord, ScopeFigures};
use crate::results::{Interruption, RunInfo};
use crate::scenario::Threshold;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The thresholds that end a run, and whether one did.
pub(super) struct Abort {
    thresholds: Vec<Threshold>,
    looked: Option<Offset>,
    broken: Vec<String>,
}

impl Abort {
    pub(super) fn new(thresholds: &[Threshold]) -> Self {
        let thresholds = thresholds.iter().filter(|threshold| threshold.abort);
        Self {
            thresholds: thresholds.cloned().collect(),
            looked: None,
            broken: Vec::new(),
        }
    }

    /// The first threshold that is sure not to hold, once.
    pub(super) fn look(&mut self, collector: &Collector, now: Offset) -> Option<&str> {
        let soon = |looked: Offset| now.since(looked) < EVERY;
        let settled = self.thresholds.is_empty() || !self.broken.is_empty();
        if settled || self.looked.is_some_and(soon) {
            return None;
        }
        self.looked = Some(now);
        let mut measured = collector.recorder.phases().iter();
        let first = measured.find(|phase: &&PhaseRecord| !phase.warmup)?;
        let began = first.started?;
        let due = |threshold: &&Threshold| now.since(began) >= threshold.grace;
        if !self.thresholds.iter().any(|threshold| due(&threshold)) {
            return None;
        }
        let figures = ScopeFigures::of(&collector.recorder, &collector.info.names());
        let due = self.thresholds.iter().filter(due);
        let broken = due.filter(|threshold| judge::fails_clearly(threshold, &figures));
        self.broken = broken.map(|threshold| threshold.written.clone()).collect();
        self.broken.first().map(String::as_str)
    }

    /// Tells the run's info what ended it.
    pub(super) fn take(&mut self, info: &mut RunInfo) -> Option<Interruption> {
        info.aborted_by = std::mem::take(&mut self.broken);
        (!info.aborted_by.is_empty()).then_some(Interruption::Threshold)
    }
}
