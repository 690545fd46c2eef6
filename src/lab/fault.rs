//! What goes wrong, for which requests, and when: decided by a request's content, never by chance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::fits;
use crate::base::{HumanDuration, Percent};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it hits: those for which all conditions given hold, all where none is given.
    #[serde(default)]
    pub when: When,
    /// What happens to them.
    #[serde(rename = "do")]
    pub action: Action,
}

/// Which requests a fault hits. All conditions given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// This share of all contents. Which ones depends on the seed and a request's bytes alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Percent>,
    /// Each so-manieth, counting the requests for which the other conditions hold, as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// Requests that come within this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Requests for models whose name fits, `*` standing for any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A time, counted from the first chat request that the provider saw, unless it is told to count anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its start after the first request.
    pub from: HumanDuration,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub length: HumanDuration,
}

/// What happens to a request that a fault hits. Tokens are counted from the answer's start; more
/// than the answer has means all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An error at once, without a slot.
    Status(Status),
    /// The connection is closed after so many tokens, in the middle of the answer.
    CutAfter(u32),
    /// The body ends cleanly after so many tokens, with no `finish_reason` and no `[DONE]`.
    EndAfter(u32),
    /// After so many tokens comes an error event, and then the end. An answer in one piece becomes
    /// a 500, when that token was due.
    ErrorAfter(u32),
    /// Nothing at all is sent for so long; then all goes on as planned, but later.
    Stall(HumanDuration),
    /// The first token takes so long, in place of what the model's `ttft` gave.
    SlowFirstToken(HumanDuration),
    /// While the window lasts the whole provider stands still: no request is taken up, no stream
    /// goes on. What was due then comes after it, later by as much.
    Freeze,
    /// The connection is closed without an answer, and without a slot.
    Refuse,
    /// While the window lasts nobody listens: its connections are closed, with whatever is under way
    /// on them, and new ones are refused by the system.
    Down,
    /// After the first chunk with a token comes an event that is not JSON. An answer in one piece
    /// is no JSON as a whole.
    Garbage,
    /// No answer, until the client leaves, but for an hour at most. It holds a slot.
    Hang,
}

/// An error in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The HTTP status, 400 to 599.
    pub code: u16,
    /// The `Retry-After` header, in whole seconds, rounded up; none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<HumanDuration>,
    /// What the error says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl When {
    /// Whether a window is given and nothing else.
    pub(super) const fn is_window_only(&self) -> bool {
        self.window.is_some()
            && self.share.is_none()
            && self.every.is_none()
            && self.model.is_none()
    }
}

impl Window {
    fn contains(self, at: Duration) -> bool {
        at >= self.from.0 && at < self.end()
    }

    /// The first instant after it.
    pub(super) fn end(self) -> Duration {
        self.from.0.saturating_add(self.length.0)
    }
}

impl Action {
    /// Whether it is the provider's own state while a window lasts, and not a single request's fate.
    pub(super) const fn holds_for_all(&self) -> bool {
        matches!(self, Self::Freeze | Self::Down)
    }

    /// Its name in a script.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::CutAfter(_) => "cut_after",
            Self::EndAfter(_) => "end_after",
            Self::ErrorAfter(_) => "error_after",
            Self::Stall(_) => "stall",
            Self::SlowFirstToken(_) => "slow_first_token",
            Self::Freeze => "freeze",
            Self::Refuse => "refuse",
            Self::Down => "down",
            Self::Garbage => "garbage",
            Self::Hang => "hang",
        }
    }
}

/// The faults of a script at work.
#[derive(Debug)]
pub(super) struct Faults {
    faults: Vec<(Fault, Tally)>,
}

#[derive(Debug, Default)]
struct Tally {
    /// Requests for which all conditions but `every` held.
    eligible: AtomicU64,
    hits: AtomicU64,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        let faults = faults
            .into_iter()
            .map(|fault| (fault, Tally::default()))
            .collect();
        Self { faults }
    }

    /// The fault that hits a request for `model` that came `at` after the first one.
    pub(super) fn pick(&self, mut rng: Pcg64, model: &str, at: Duration) -> Option<&Action> {
        let mut hit = None;
        // Each fault is looked at even after one hit, so that what a fault draws and counts does
        // not depend on those before it.
        for (fault, tally) in &self.faults {
            let (when, draw) = (&fault.when, rng.random::<f64>());
            let holds = when.share.is_none_or(|share| draw < share.fraction())
                && when.window.is_none_or(|window| window.contains(at))
                && when
                    .model
                    .as_ref()
                    .is_none_or(|pattern| fits(pattern, model));
            if !holds {
                continue;
            }
            let nth = tally.eligible.fetch_add(1, Ordering::Relaxed) + 1;
            if when
                .every
                .is_some_and(|every| !nth.is_multiple_of(u64::from(every.max(1))))
            {
                continue;
            }
            if fault.action.holds_for_all() {
                // The calendar does it, and it goes with any other fault.
                tally.hits.fetch_add(1, Ordering::Relaxed);
            } else if hit.is_none() {
                tally.hits.fetch_add(1, Ordering::Relaxed);
                hit = Some(&fault.action);
            }
        }
        hit
    }

    /// How many requests each kind of fault has hit; for a freeze, those that came while it lasted.
    pub(super) fn hits(&self) -> BTreeMap<String, u64> {
        let mut hits = BTreeMap::new();
        for (fault, tally) in &self.faults {
            *hits.entry(fault.action.kind().to_owned()).or_default() +=
                tally.hits.load(Ordering::Relaxed);
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Lane, Seed};

    #[test]
    fn a_fault_that_hits_first_does_not_change_whom_the_next_one_hits() {
        let share = |action| Fault {
            when: When {
                share: Some("30%".parse().unwrap()),
                ..When::default()
            },
            action,
        };
        let both = Faults::new(vec![share(Action::Refuse), share(Action::Hang)]);
        let rng = |index| Seed(7).rng(Lane::Fault, index);
        let hits: Vec<_> = (0..1000)
            .map(|i| both.pick(rng(i), "m", Duration::ZERO).cloned())
            .collect();
        let never = Fault {
            when: When {
                model: Some("x".into()),
                ..When::default()
            },
            action: Action::Refuse,
        };
        let second = Faults::new(vec![never, share(Action::Hang)]);
        for (index, hit) in (0..).zip(&hits) {
            let alone = second.pick(rng(index), "m", Duration::ZERO);
            assert!(hit.as_ref() == Some(&Action::Refuse) || hit.as_ref() == alone);
        }
        let refused = both.hits()["refuse"];
        assert!((250..350).contains(&refused), "{refused}");
    }

    #[test]
    fn every_counts_the_requests_that_meet_the_other_conditions() {
        let fault = Fault {
            when: When {
                every: Some(2),
                model: Some("a*".into()),
                ..When::default()
            },
            action: Action::Refuse,
        };
        let faults = Faults::new(vec![fault]);
        let hit = |model| {
            faults
                .pick(Seed(1).rng(Lane::Fault, 0), model, Duration::ZERO)
                .is_some()
        };
        let models = ["a1", "b", "a2", "b", "a3", "a4"];
        assert_eq!(models.map(hit), [false, false, true, false, false, true]);
    }
}
