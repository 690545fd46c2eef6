//! What the gateway does to answers on their way, written down: how much later they come, in what pieces,
//! and what it spoils.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Distribution, HumanDuration};
use crate::lab::check::{ScriptError, above_zero};

/// How much later an answer comes, beside the gateway's `delay`. Kept to some 50 microseconds on Linux.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Added {
    /// How long the first piece of an answer is held. What comes behind it waits for it. With `delay` it is all that the gateway
    /// adds to the first piece: its own work is done within them, where it takes no longer.
    pub first: Distribution<HumanDuration>,
    /// How long each chunk of a stream is held, the first one, too. None overtakes another.
    pub chunk: Distribution<HumanDuration>,
}

impl Default for Added {
    fn default() -> Self {
        Self {
            first: none(),
            chunk: none(),
        }
    }
}

/// What becomes of the chunks of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Conduct {
    /// Which chunks go on together; each by itself where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coalesce: Option<Coalesce>,
    /// Each so-manieth chunk with a token is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose: Option<u32>,
    /// Each so-manieth comes twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<u32>,
    /// Each so-manieth comes behind the one that follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<u32>,
    /// What becomes of the words, in answers in one piece, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
}

/// Which chunks of a stream go on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coalesce {
    /// Until when they are held. The end of the stream lets all go.
    pub until: Until,
    /// What they become.
    #[serde(default)]
    pub into: Into,
}

/// Until when chunks are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// There are so many with a token.
    Chunks(u32),
    /// The first one was held for so long.
    Hold(HumanDuration),
    /// The stream is over.
    End,
}

/// What chunks become that go on together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Into {
    /// One write, in which each is still an event.
    #[default]
    Write,
    /// One event with all their words.
    Event,
}

/// What becomes of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// They are written in capitals.
    UpperCase,
    /// A chunk has no space at its start and its end.
    Trimmed,
    /// They have no digits.
    NoDigits,
}

impl Rewrite {
    /// What becomes of `words`.
    pub(super) fn of(self, words: &str) -> String {
        match self {
            Self::UpperCase => words.to_uppercase(),
            Self::Trimmed => words.trim().to_owned(),
            Self::NoDigits => words.chars().filter(|c| !c.is_ascii_digit()).collect(),
        }
    }
}

pub(super) const fn none() -> Distribution<HumanDuration> {
    Distribution::Constant(HumanDuration(Duration::ZERO))
}

impl Added {
    pub(super) fn check(&self) -> Result<(), ScriptError> {
        let of = |field| move |source| ScriptError::Added { field, source };
        self.first.check().map_err(of("first"))?;
        self.chunk.check().map_err(of("chunk"))
    }
}

impl Conduct {
    /// Whether all goes on as it comes.
    pub(super) fn is_faithful(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), ScriptError> {
        const PLACE: &str = "gateway.stream";
        above_zero(PLACE, "lose", self.lose)?;
        above_zero(PLACE, "duplicate", self.duplicate)?;
        above_zero(PLACE, "swap", self.swap)?;
        match self.coalesce.map(|coalesce| coalesce.until) {
            Some(Until::Chunks(0)) => above_zero(PLACE, "coalesce.until.chunks", Some(0)),
            Some(Until::Hold(time)) if time.0.is_zero() => {
                above_zero(PLACE, "coalesce.until.hold", Some(0))
            }
            _ => Ok(()),
        }
    }
}
