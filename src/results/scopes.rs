//! The figures of the scopes that thresholds name: those of an arm or a recipe are kept anyway, the others
//! are read from the rows, all in one pass.

use std::path::Path;

use super::read::read_rows;
use super::{ResultsError, RunInfo};
use crate::record::{Recorder, ScopeFigures};
use crate::sample::Sample;
use crate::scenario::{Key, Part, Threshold};

/// Scopes that are being filled from rows.
pub(super) struct Scopes {
    info: RunInfo,
    scopes: Vec<Scope>,
}

struct Scope {
    name: String,
    parts: Vec<Part>,
    rows: Recorder,
    untold: u64,
}

/// How a row stands to a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    Yes,
    No,
    /// It does not tell.
    Untold,
}

impl Scopes {
    /// The scopes of thresholds that only rows tell.
    pub(super) fn new(info: &RunInfo, thresholds: &[Threshold]) -> Self {
        let mut scopes: Vec<Scope> = Vec::new();
        let empty = info.recorder();
        let kept = empty.scopes(&info.names());
        for test in thresholds.iter().map(|threshold| &threshold.test) {
            let name = test.scope_name();
            let is_kept = kept.iter().any(|(kept, _)| *kept == name);
            if is_kept || scopes.iter().any(|scope| scope.name == name) {
                continue;
            }
            scopes.push(Scope {
                name,
                parts: test.scope.clone(),
                rows: empty.clone(),
                untold: 0,
            });
        }
        Self {
            info: info.clone(),
            scopes,
        }
    }

    /// Whether the rows have nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Adds a row to each scope that it belongs to.
    pub(super) fn push(&mut self, sample: &Sample) {
        if sample.warmup {
            return;
        }
        for scope in &mut self.scopes {
            let each = scope
                .parts
                .iter()
                .map(|part| belongs(sample, part, &self.info));
            let worst = each.fold(Belongs::Yes, |worst, one| match (worst, one) {
                (Belongs::No, _) | (_, Belongs::No) => Belongs::No,
                (Belongs::Untold, _) | (_, Belongs::Untold) => Belongs::Untold,
                (Belongs::Yes, Belongs::Yes) => Belongs::Yes,
            });
            match worst {
                Belongs::Yes => scope.rows.push(sample),
                Belongs::Untold => scope.untold += u64::from(!sample.is_ok()),
                Belongs::No => {}
            }
        }
    }

    /// The figures; `whole` is the record of all rows, whose windows count.
    pub(super) fn figures(self, whole: &Recorder) -> impl Iterator<Item = ScopeFigures> {
        self.scopes.into_iter().map(|scope| {
            let phase = scope.parts.iter().find(|part| part.key == Key::Phase);
            let named = |phase: &&Part| {
                let mut phases = whole.phases().iter();
                phases.find(|record| record.name == phase.value)
            };
            let window = phase
                .and_then(|phase| named(&phase))
                .map_or_else(|| whole.window(), crate::record::PhaseRecord::window);
            let mut figures =
                ScopeFigures::new(scope.name, &scope.rows.total(), window.as_secs_f64());
            figures.untold = scope.untold;
            figures
        })
    }
}

fn belongs(sample: &Sample, part: &Part, info: &RunInfo) -> Belongs {
    let told = |told: Option<bool>| match told {
        Some(true) => Belongs::Yes,
        Some(false) => Belongs::No,
        None => Belongs::Untold,
    };
    let is = |name: Option<&str>| told(name.map(|name| name == part.value));
    let exchange = &sample.exchange;
    let wanted = part.value == "true";
    match part.key {
        Key::Recipe => is(info
            .recipes
            .get(usize::from(sample.recipe.0))
            .map(|recipe| recipe.name.as_str())),
        Key::Arm => is(Some(arm(info, sample))),
        Key::Phase => is(info
            .phases
            .get(usize::from(sample.id.phase.0))
            .map(|phase| phase.name.as_str())),
        Key::Model => is(exchange.model.as_deref()),
        Key::Provider => is(exchange.told.provider.as_deref()),
        Key::Stream => told(Some(sample.stream == wanted)),
        Key::Reused => told(exchange.reused.map(|reused| reused == wanted)),
        Key::Cold => told(exchange.reused.map(|reused| reused != wanted)),
    }
}

/// The name of a row's arm.
fn arm<'i>(info: &'i RunInfo, sample: &Sample) -> &'i str {
    let arm = info.arms.get(usize::from(sample.arm.0));
    arm.map_or(&info.target.name, |arm| &arm.name)
}

/// The figures that thresholds need of a run folder and that `whole`, the record of all its rows, does not
/// have.
pub fn scoped(
    path: &Path,
    info: &RunInfo,
    whole: &Recorder,
    thresholds: &[Threshold],
) -> Result<Vec<ScopeFigures>, ResultsError> {
    let mut scopes = Scopes::new(info, thresholds);
    if !scopes.is_empty() {
        read_rows(path, info, &mut |sample| scopes.push(sample))?;
    }
    Ok(scopes.figures(whole).collect())
}
