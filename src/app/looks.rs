//! Looks at the arms of a run while it goes on, at the places that the scenario declares.

use super::compare;
use crate::judge::{self, Comparison, Settings, Verdict};
use crate::plan::Plan;
use crate::record::Slices;
use crate::results::RunInfo;

/// The looks that are still to come, and what the last one saw.
pub(super) struct Looks {
    settings: Option<Settings>,
    sizes: Vec<Option<u64>>,
    /// The next look, from 1.
    next: u32,
    clear: Option<Comparison>,
}

impl Looks {
    /// The looks of a plan. Those of one look only are none: the end is looked at anyway.
    pub(super) fn new(plan: &Plan, info: &RunInfo) -> Self {
        // For a window of a second: a look knows how long its own was.
        let settings = compare::settings(info, 1.0);
        Self {
            settings: settings.filter(|settings| settings.looks > 1),
            sizes: plan.slice_sizes(),
            next: 1,
            clear: None,
        }
    }

    /// Looks, where it is time to; a verdict that is clear, once.
    pub(super) fn look(&mut self, slices: &Slices) -> Option<Verdict> {
        let settings = self.settings.as_ref().filter(|_| self.clear.is_none())?;
        // The last look is at the end.
        if self.next >= settings.looks {
            return None;
        }
        let share = f64::from(self.next) / f64::from(settings.looks);
        let due = (self.sizes.len() as f64 * share).ceil() as usize;
        if slices.complete(&self.sizes) < due {
            return None;
        }
        let mut seen = slices.tallies();
        seen.truncate(due);
        let mut settings = settings.clone();
        for window in &mut settings.window_s {
            *window *= slices.span(due).as_secs_f64();
        }
        let verdict = judge::look(&seen, self.next, &settings);
        self.next += 1;
        if verdict.is_some() {
            self.clear = Some(judge::compare_arms(&seen, &settings));
        }
        verdict
    }

    /// What was seen at the look that ended the run, and which one that was.
    pub(super) fn take(&mut self, info: &mut RunInfo) -> Option<Comparison> {
        let clear = self.clear.take()?;
        info.ended_at_look = Some(self.next - 1);
        Some(clear)
    }
}
