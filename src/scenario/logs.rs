//! Logs both ways: whose log can be read, and how long a run waits for it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Via;
use super::check::Checker;
use super::document::Spanned;
use super::file::{self, File, Kind};
use crate::base::HumanDuration;

/// Whose log of its requests can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Respan's hosted gateway, and whatever keeps its contract.
    Respan,
}

impl LogKind {
    /// All of them.
    const ALL: [Self; 1] = [Self::Respan];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Respan => "respan",
        }
    }

    /// The kind of this name; that of a gateway of the same name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of log that a gateway has.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Respan => Some(Self::Respan),
            _ => None,
        }
    }

    /// The environment variable that holds the key of a log that is named on the command line.
    pub const fn key_variable(self) -> &'static str {
        match self {
            Self::Respan => Kind::Respan.key_variable(),
        }
    }
}

/// After the run its requests are held against the gateway's log of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileSection {
    /// How long to wait for rows that are still to come. 60s where absent.
    pub wait: Option<HumanDuration>,
}

/// Whose log a run is held against, and for how long it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// Whose log.
    pub kind: LogKind,
    /// How long to wait for rows that are still to come.
    pub wait: Duration,
}

/// How long to wait for rows where nobody says.
pub const LOG_WAIT: Duration = Duration::from_secs(60);

const HELP: &str =
    "write `kind: respan` at the target, so that requests bear names that its log knows";

impl Checker<'_> {
    /// What a run's requests are held against.
    pub(super) fn reconcile(&mut self, file: &File) -> Option<Reconcile> {
        let section = file.reconcile.as_ref()?;
        let wait = section.value.wait.map_or(LOG_WAIT, |wait| wait.0);
        let target = chosen(file)?;
        let (kind, via) = match target {
            file::Target::Lab(lab) => (lab.kind, Some(lab.via)),
            file::Target::Gateway(gateway) => (gateway.kind, None),
        };
        let kind = LogKind::of(kind).filter(|_| via != Some(Via::Provider));
        if kind.is_none() {
            let message = "`reconcile`: the target has no log that could be read";
            self.problem(section.span.clone(), message, HELP);
        }
        Some(Reconcile { kind: kind?, wait })
    }
}

/// The target that the run uses.
fn chosen(file: &File) -> Option<&file::Target> {
    let targets = &file.targets.as_ref()?.value.0;
    let wanted = file.target.as_ref().map(|name| name.value.as_str());
    let found = targets
        .iter()
        .find(|(name, _)| wanted.is_none_or(|wanted| wanted == name.value));
    found.map(|(_, target): &(Spanned<String>, Spanned<file::Target>)| &target.value)
}
