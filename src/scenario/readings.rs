//! Where a gateway tells what of a request, beyond its answer: what each kind is known to say, and
//! what a scenario says of its own.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checker;
use super::document::{Problem, Source, Spanned};
use super::file::Kind;
use super::one_or_more::OneOrMore;
use super::presets;
use crate::dialect::Pointer;

/// Where the gateway tells what of a request. What is given here takes the place of what is known of
/// its `kind`; an empty list is: nowhere.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayReadings {
    /// What it claims that the request cost, in US dollars.
    pub cost_usd: Option<Spanned<OneOrMore<SpotIn>>>,
    /// What it claims to have added to the request's time, in milliseconds.
    pub overhead_ms: Option<Spanned<OneOrMore<SpotIn>>>,
    /// Its name for the request, by which its log is searched.
    pub request_id: Option<Spanned<OneOrMore<SpotIn>>>,
    /// Whether the answer came from its cache.
    pub cache_status: Option<Spanned<OneOrMore<SpotIn>>>,
    /// How often it asked a provider: more than 1 where it retried or fell back.
    pub attempts: Option<Spanned<OneOrMore<SpotIn>>>,
    /// The provider that answered.
    pub provider: Option<Spanned<OneOrMore<SpotIn>>>,
    /// The model that answered.
    pub model: Option<Spanned<OneOrMore<SpotIn>>>,
}

/// One place: exactly one of `header` and `pointer`. Of several the first that tells counts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "Spot")]
#[serde(deny_unknown_fields)]
pub struct SpotIn {
    /// The name of a header of the answer.
    pub header: Option<Spanned<String>>,
    /// A JSON pointer into the answer; in a stream into its chunks, of which the last that has it counts.
    pub pointer: Option<Spanned<String>>,
    /// What a number is multiplied with: 1000, where seconds are told. 1 where absent.
    pub times: Option<Spanned<f64>>,
    /// What is added to it: 1, where retries are told instead of attempts. 0 where absent.
    pub plus: Option<Spanned<f64>>,
    /// Answers of which it is read: all where absent.
    pub only: Option<Only>,
}

/// The answers of which something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Those that come as a stream.
    Stream,
    /// Those that come in one piece.
    Whole,
}

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The cost, in US dollars.
    Cost,
    /// The gateway's own time, in milliseconds.
    Overhead,
    /// The gateway's name for the request.
    RequestId,
    /// Whether it came from its cache.
    CacheStatus,
    /// How often a provider was asked.
    Attempts,
    /// Who answered.
    Provider,
    /// The model that answered.
    Model,
}

impl Reads {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// Whether it is a number.
    const fn is_number(self) -> bool {
        matches!(self, Self::Cost | Self::Overhead | Self::Attempts)
    }
}

/// One place at which something is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// What is told there.
    pub what: Reads,
    /// Where it is.
    pub at: At,
    /// What a number is multiplied with.
    pub times: f64,
    /// What is then added to it.
    pub plus: f64,
    /// The answers of which it is read; all where there is nothing.
    pub only: Option<Only>,
}

/// Where something is told.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// In a header with this lower-case name.
    Header(String),
    /// In the body.
    Pointer(Pointer),
}

/// All places at which a gateway tells something. Of two that tell the same, the earlier one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    spots: Vec<Spot>,
}

impl Readings {
    /// What gateways of a kind are known to tell.
    pub fn of(kind: Kind) -> Self {
        Self {
            spots: presets::spots(kind),
        }
    }

    /// Whether nothing is read.
    pub const fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// The places, the earlier of two that tell the same first.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Whether something is read in a body.
    pub fn of_body(&self) -> bool {
        let in_body = |spot: &Spot| matches!(spot.at, At::Pointer(_));
        self.spots.iter().any(in_body)
    }

    /// Whether something is read where the words of an answer stand, which differ from chunk to chunk.
    pub fn of_words(&self) -> bool {
        const WORDS: [&str; 9] = [
            "content",
            "reasoning_content",
            "reasoning",
            "reasoning_details",
            "refusal",
            "text",
            "summary",
            "obfuscation",
            "p",
        ];
        let words = |spot: &Spot| match &spot.at {
            At::Pointer(pointer) => WORDS.iter().any(|name| pointer.passes(name)),
            At::Header(_) => false,
        };
        self.spots.iter().any(words)
    }

    fn replace(&mut self, what: Reads, by: Vec<Spot>) {
        self.spots.retain(|spot| spot.what != what);
        self.spots.extend(by);
    }
}

/// What is read of a gateway that no scenario names, and what is wrong with what is said of it.
pub fn readings(
    source: &Arc<Source>,
    kind: Kind,
    given: Option<&GatewayReadings>,
) -> (Readings, Vec<Problem>) {
    let mut checker = Checker::new(Arc::clone(source), Path::new(""), &|_| None);
    let readings = checker.readings(kind, given);
    (readings, checker.problems)
}

impl Checker<'_> {
    /// What is read of a gateway: what its kind is known to tell, and what the file says instead.
    pub(super) fn readings(&mut self, kind: Kind, given: Option<&GatewayReadings>) -> Readings {
        let mut readings = Readings::of(kind);
        let Some(given) = given else {
            return readings;
        };
        let all = [
            (Reads::Cost, &given.cost_usd),
            (Reads::Overhead, &given.overhead_ms),
            (Reads::RequestId, &given.request_id),
            (Reads::CacheStatus, &given.cache_status),
            (Reads::Attempts, &given.attempts),
            (Reads::Provider, &given.provider),
            (Reads::Model, &given.model),
        ];
        for (what, spots) in all {
            if let Some(spots) = spots {
                let checked = spots
                    .value
                    .0
                    .iter()
                    .map(|spot| self.spot(what, spot, spots));
                let checked: Vec<Option<Spot>> = checked.collect();
                readings.replace(what, checked.into_iter().flatten().collect());
            }
        }
        readings
    }

    fn spot<T>(&mut self, what: Reads, spot: &SpotIn, around: &Spanned<T>) -> Option<Spot> {
        let at = match (&spot.header, &spot.pointer) {
            (Some(header), None) => self.header_read(header),
            (None, Some(pointer)) => self.pointer(pointer).map(At::Pointer),
            _ => {
                let message = "a reading has one place: a `header` or a `pointer`";
                let help = "write { header: x-name } or { pointer: /usage/cost }; of a list, the first that tells counts";
                self.problem(around.span.clone(), message, help);
                None
            }
        };
        for factor in [&spot.times, &spot.plus].into_iter().flatten() {
            if !what.is_number() {
                let message = "this reading is a text, and can't be calculated with";
                let help = "`times` and `plus` are for cost_usd, overhead_ms and attempts";
                self.problem(factor.span.clone(), message, help);
            } else if !factor.value.is_finite() {
                let message = format!("{} is no number to calculate with", factor.value);
                self.problem(factor.span.clone(), message, "");
            }
        }
        Some(Spot {
            what,
            at: at?,
            times: spot.times.as_ref().map_or(1.0, |times| times.value),
            plus: spot.plus.as_ref().map_or(0.0, |plus| plus.value),
            only: spot.only,
        })
    }

    fn header_read(&mut self, header: &Spanned<String>) -> Option<At> {
        if let Ok(name) = http::HeaderName::try_from(header.value.as_str()) {
            return Some(At::Header(name.as_str().to_owned()));
        }
        let message = format!("`{}` is no name of a header", header.value);
        self.problem(header.span.clone(), message, "such as x-request-cost");
        None
    }

    /// A JSON pointer.
    pub(super) fn pointer(&mut self, pointer: &Spanned<String>) -> Option<Pointer> {
        match pointer.value.parse() {
            Ok(pointer) => Some(pointer),
            Err(error) => {
                let message = format!("`{}` is no place: {error}", pointer.value);
                self.problem(pointer.span.clone(), message, "such as /usage/cost");
                None
            }
        }
    }
}
