//! Rows to histograms, intervals and a summary. Memory is bounded whatever the run's length.

mod costs;
mod figures;
mod histogram;
mod interval;
mod names;
mod slices;
mod stretches;
mod summary;
mod tally;
mod told;

use std::time::Duration;

use crate::base::Offset;
use crate::plan::PhaseId;
use crate::sample::Sample;

pub use costs::{Spent, SpentBy, UNKNOWN, UNNAMED};
pub use figures::{LogFigures, ScopeFigures};
pub use histogram::{Adjusted, Histogram, Quantile, needed};
pub use interval::{Interval, IntervalRow, Intervals, Second, Seconds};
pub use names::Names;
pub use slices::{Slice, SliceRow, Slices};
pub use stretches::{Half, Stretches};
pub use summary::{
    Cost, Count, ErrorCount, MetricSummary, ModelCost, PhaseSummary, ProviderCost, QuantileSummary,
    ScopeSummary, Summary, Totals,
};
pub use tally::Tally;
pub use told::{NameCount, TellSummary, TellTally};

/// What is known of a phase while it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseRecord {
    /// The name.
    pub name: String,
    /// Whether its requests are kept apart from every figure.
    pub warmup: bool,
    /// The length by the plan; `None` where the answers decide.
    pub planned: Option<Duration>,
    /// When it began.
    pub started: Option<Offset>,
    /// When its last arrival was over with.
    pub ended: Option<Offset>,
    /// When the last of its requests ended.
    pub last_end: Offset,
    /// Its rows.
    pub arrivals: u64,
    /// Its whole answers in the course of time.
    pub stretches: Stretches,
}

impl PhaseRecord {
    /// The window in which arrivals came: from its start to its end, or to where the run was cut.
    pub fn window(&self) -> Duration {
        let Some(started) = self.started else {
            return Duration::ZERO;
        };
        let length = self.ended.unwrap_or(self.last_end).since(started);
        self.planned.map_or(length, |planned| planned.min(length))
    }
}

/// Everything that is kept of a run's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorder {
    recipes: usize,
    /// The measured rows of each recipe of each arm.
    groups: Vec<Tally>,
    /// The rows of each arm that warmed up.
    warmup: Vec<Tally>,
    phases: Vec<PhaseRecord>,
}

impl Recorder {
    /// An empty record of a run with so many arms and recipes, and these phases.
    pub fn new(arms: usize, recipes: usize, phases: Vec<PhaseRecord>) -> Self {
        Self {
            recipes,
            groups: vec![Tally::default(); arms * recipes],
            warmup: vec![Tally::default(); arms],
            phases,
        }
    }

    /// A phase began.
    pub fn phase_started(&mut self, phase: PhaseId, at: Offset) {
        if let Some(record) = self.phases.get_mut(usize::from(phase.0)) {
            record.started.get_or_insert(at);
        }
    }

    /// A worker is through with a phase; the last one counts.
    pub fn phase_ended(&mut self, phase: PhaseId, at: Offset) {
        if let Some(record) = self.phases.get_mut(usize::from(phase.0)) {
            record.ended = record.ended.max(Some(at));
        }
    }

    /// Adds a row.
    pub fn push(&mut self, sample: &Sample) {
        let end = sample.end();
        let mut in_window = true;
        if let Some(phase) = self.phases.get_mut(usize::from(sample.id.phase.0)) {
            phase.arrivals += 1;
            phase.stretches.push(sample);
            phase.last_end = phase.last_end.max(end);
            let window_end = phase
                .started
                .zip(phase.planned)
                .map(|(start, length)| start + length);
            in_window = window_end.is_none_or(|window_end| end <= window_end);
        }
        let (arm, recipe) = (usize::from(sample.arm.0), usize::from(sample.recipe.0));
        let tally = if sample.warmup {
            self.warmup.get_mut(arm)
        } else {
            self.groups.get_mut(arm * self.recipes + recipe)
        };
        if let Some(tally) = tally {
            tally.push(sample, in_window);
        }
    }

    /// Adds the rows of another record of the same plan, such as another shard's.
    pub fn merge(&mut self, other: &Self) {
        let mine = self.groups.iter_mut().chain(&mut self.warmup);
        for (mine, theirs) in mine.zip(other.groups.iter().chain(&other.warmup)) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.phases.iter_mut().zip(&other.phases) {
            mine.started = [mine.started, theirs.started].into_iter().flatten().min();
            mine.ended = mine.ended.max(theirs.ended);
            mine.last_end = mine.last_end.max(theirs.last_end);
            mine.arrivals += theirs.arrivals;
            mine.stretches.merge(&theirs.stretches);
        }
    }

    /// How many arms there are.
    pub const fn arms(&self) -> usize {
        self.warmup.len()
    }

    /// The measured rows of each recipe of each arm: those of the first arm first.
    pub fn groups(&self) -> &[Tally] {
        &self.groups
    }

    /// What was said of failures, to hide what is nobody's business.
    pub fn said_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let tallies = self.groups.iter_mut().chain(&mut self.warmup);
        tallies.flat_map(|tally| {
            tally
                .errors
                .values_mut()
                .filter_map(|(_, said)| said.as_mut())
        })
    }

    /// Hides what is nobody's business in the names that a gateway told.
    pub fn hide_names(&mut self, hide: &impl Fn(&str) -> Option<String>) {
        for tally in self.groups.iter_mut().chain(&mut self.warmup) {
            tally.told.hide(hide);
            tally.models.hide(hide);
            tally.providers.hide(hide);
        }
    }

    /// The measured rows of one recipe, of all arms.
    pub fn recipe(&self, index: usize) -> Tally {
        sum(self.groups.iter().skip(index).step_by(self.recipes.max(1)))
    }

    /// The measured rows of one arm.
    pub fn arm(&self, index: usize) -> Tally {
        sum(self
            .groups
            .iter()
            .skip(index * self.recipes)
            .take(self.recipes))
    }

    /// Adds the measured rows of one arm to others.
    pub(super) fn add_arm(&self, index: usize, to: &mut Tally) {
        let groups = self.groups.iter().skip(index * self.recipes);
        for group in groups.take(self.recipes) {
            to.merge(group);
        }
    }

    /// The measured rows of one recipe of one arm, to add chunk gaps that were read from a file.
    pub fn group_mut(&mut self, index: usize) -> Option<&mut Tally> {
        self.groups.get_mut(index)
    }

    /// The measured rows of all recipes.
    pub fn total(&self) -> Tally {
        sum(&self.groups)
    }

    /// The scopes that are reported, by name: `total`, then each arm of a comparison, `arm:ARM`, each
    /// recipe, `recipe:RECIPE`, and, where there are several of both, `group:ARM/RECIPE`.
    pub fn scopes(&self, names: &Names) -> Vec<(String, Tally)> {
        let mut scopes = vec![("total".to_owned(), self.total())];
        if names.has_arms() {
            let arms = names.arms.iter().enumerate();
            scopes.extend(arms.map(|(index, arm)| (format!("arm:{arm}"), self.arm(index))));
        }
        let recipes = names.recipes.iter().enumerate();
        scopes.extend(recipes.map(|(index, name)| (format!("recipe:{name}"), self.recipe(index))));
        if names.has_arms() && names.recipes.len() > 1 {
            let groups = names.groups().into_iter().zip(&self.groups);
            scopes.extend(groups.map(|(group, tally)| (format!("group:{group}"), tally.clone())));
        }
        scopes
    }

    /// The rows of warm-up phases.
    pub fn warmup(&self) -> Tally {
        sum(&self.warmup)
    }

    /// The rows of one arm, warm-up included.
    pub fn arm_with_warmup(&self, index: usize) -> Tally {
        let mut all = self.arm(index);
        all.merge(&self.warmup[index]);
        all
    }

    /// The phases.
    pub fn phases(&self) -> &[PhaseRecord] {
        &self.phases
    }

    /// The length of the measured windows together.
    pub fn window(&self) -> Duration {
        self.phases
            .iter()
            .filter(|phase| !phase.warmup)
            .map(PhaseRecord::window)
            .sum()
    }
}

fn sum<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Tally {
    let mut sum = Tally::default();
    for tally in tallies {
        sum.merge(tally);
    }
    sum
}
