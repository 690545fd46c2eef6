//! What a stand-in does, written down: its models, their delays, the shape of its streams, its faults.
//!
//! Together with a seed and the bytes of a request it decides everything that comes back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Action, Fault};
use crate::base::{Distribution, DistributionError, HumanDuration, Magnitude, Percent};
use crate::pricing::PriceTable;
use crate::sse;

/// Everything about a provider stand-in, and the prices of the gateway in front of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// The only bearer key that the provider accepts; any or none where absent. It is no secret:
    /// it opens nothing but a stand-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What a request gets whose bytes were seen before.
    pub repeats: Repeats,
    /// How streams are cut up, for all models that don't say otherwise.
    pub stream: Shape,
    /// The models; the first whose name fits answers.
    pub models: Vec<Model>,
    /// What goes wrong. The first fault whose conditions hold hits a request.
    pub faults: Vec<Fault>,
    /// What the gateway's request breakdown charges; its cost is null where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceTable>,
}

/// What a request gets whose bytes were seen before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repeats {
    /// The same answer, the same delays, the same fault.
    #[default]
    Same,
    /// Draws of its own, a function of the bytes and of how often they came before. Where a load
    /// sends one prompt over and over, `same` would give it one delay and all faults or none.
    Vary,
}

/// One model, or all whose name fits a pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// The name, in which each `*` stands for any text.
    pub model: String,
    /// From having the whole request and a slot to the first chunk with a token.
    pub ttft: Distribution<HumanDuration>,
    /// From one token to the next. Each is due at an instant fixed at the start, so that a late one
    /// does not delay the rest.
    pub pace: Distribution<HumanDuration>,
    /// Tokens that the model would say if it were let, reasoning included; at most a million.
    pub output_tokens: Distribution<u32>,
    /// How many of the first tokens are hidden reasoning.
    pub reasoning_tokens: u32,
    /// The share of the prompt's tokens that is read from the cache.
    pub cached: Percent,
    /// Pages that the model counts, for one that parses documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Distribution<u32>>,
    /// How many requests are served at once, each from its start to the end of its answer. Others
    /// wait in the order of their coming.
    pub slots: u32,
    /// How many may wait; the next gets a 429. No limit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// How this model's streams are cut up, in place of the script's own `stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Shape>,
}

/// How a streamed answer is cut up on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// What ends a line.
    pub newline: Newline,
    /// When the headers and the chunk with the role come.
    pub role_chunk: RoleChunk,
    /// Comment lines between the events.
    pub comments: Comments,
    /// Tokens in one chunk. It comes when its first token is due, as from a server that makes
    /// several in a step.
    pub tokens_per_chunk: u32,
    /// Events held back to go out in one write, when the last of them is due.
    pub coalesce: u32,
    /// Bytes after which a write is cut, each piece sent by itself, in the middle of a character if
    /// it falls so; not at all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<u32>,
    /// Whether every third word or so has a character of two or more bytes.
    pub unicode: bool,
    /// Whether `data: [DONE]` ends the stream.
    pub done: bool,
    /// The `event:` of each event; none where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
}

/// What ends a line of an event stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Newline {
    /// `\n`, as nearly every server does.
    #[default]
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

/// When the headers and the chunk with the role come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleChunk {
    /// At once when service starts, long before the first token.
    Early,
    /// Just before the first token.
    #[default]
    WithFirstToken,
}

/// Comment lines (`: keepalive`) between events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Comments {
    /// Whether one comes at once when service starts, and the headers with it.
    pub before_first: bool,
    /// After how many events one comes each time; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
}

/// What makes a script impossible to follow. The second line says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// No model could answer.
    #[error("the script has no models\ngive at least one, or leave `models` out for the default")]
    NoModels,
    /// A distribution that can't be drawn from.
    #[error("model `{model}`: `{field}`: {source}")]
    Distribution {
        /// The model's name or pattern.
        model: String,
        /// The field of the model.
        field: &'static str,
        /// What is wrong with it.
        source: DistributionError,
    },
    /// A number that must be at least one.
    #[error("{place}: `{field}` is 0\nwrite a number above zero, or leave it out")]
    Zero {
        /// Where: a model, a fault, the stream.
        place: String,
        /// The field.
        field: &'static str,
    },
    /// A model that can never answer.
    #[error("model `{model}` is never reached: `{by}` above it fits every name\nmove it up")]
    Shadowed {
        /// The model's name or pattern.
        model: String,
        /// The pattern above it.
        by: String,
    },
    /// A freeze without a window, or with more than a window.
    #[error("fault {number}: a freeze needs a `window`, and no other condition\nit holds for all")]
    Freeze {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A status that is no error.
    #[error("fault {number}: status {code} is no error\nwrite a code from 400 to 599")]
    Status {
        /// Its place in the list, from 1.
        number: usize,
        /// The code.
        code: u16,
    },
    /// An event name or a key that would break the line it stands in.
    #[error("`{field}` has a character that can't stand in a line\nuse printable ASCII")]
    Unprintable {
        /// The field.
        field: &'static str,
    },
}

impl Script {
    /// Whether the script can be followed; the first problem where it can't.
    pub fn check(&self) -> Result<(), ScriptError> {
        if self.models.is_empty() {
            return Err(ScriptError::NoModels);
        }
        printable("key", self.key.as_deref())?;
        self.stream.check("stream")?;
        for (at, model) in self.models.iter().enumerate() {
            if let Some(above) = self.models[..at].iter().find(|above| above.model == "*") {
                return Err(ScriptError::Shadowed {
                    model: model.model.clone(),
                    by: above.model.clone(),
                });
            }
            model.check()?;
        }
        (1..)
            .zip(&self.faults)
            .try_for_each(|(number, fault)| check_fault(number, fault))
    }

    /// The names of the models, without the patterns.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let names = self.models.iter().map(|model| model.model.as_str());
        names.filter(|name| !name.contains('*'))
    }

    /// The first model whose name fits, and its place in the list.
    pub fn model(&self, name: &str) -> Option<(usize, &Model)> {
        let mut models = self.models.iter().enumerate();
        models.find(|(_, model)| fits(&model.model, name))
    }
}

impl Model {
    fn check(&self) -> Result<(), ScriptError> {
        self.check_one("ttft", &self.ttft)?;
        self.check_one("pace", &self.pace)?;
        self.check_one("output_tokens", &self.output_tokens)?;
        if let Some(pages) = &self.pages {
            self.check_one("pages", pages)?;
        }
        let place = format!("model `{}`", self.model);
        above_zero(&place, "slots", Some(self.slots))?;
        self.stream
            .as_ref()
            .map_or(Ok(()), |shape| shape.check(&place))
    }

    fn check_one<T: Magnitude>(
        &self,
        field: &'static str,
        distribution: &Distribution<T>,
    ) -> Result<(), ScriptError> {
        distribution
            .check()
            .map_err(|source| ScriptError::Distribution {
                model: self.model.clone(),
                field,
                source,
            })
    }
}

impl Shape {
    fn check(&self, place: &str) -> Result<(), ScriptError> {
        printable("event_name", self.event_name.as_deref())?;
        above_zero(place, "tokens_per_chunk", Some(self.tokens_per_chunk))?;
        above_zero(place, "coalesce", Some(self.coalesce))?;
        above_zero(place, "split", self.split)?;
        above_zero(place, "comments.every", self.comments.every)
    }
}

fn check_fault(number: usize, fault: &Fault) -> Result<(), ScriptError> {
    let place = format!("fault {number}");
    above_zero(&place, "when.every", fault.when.every)?;
    if fault
        .when
        .window
        .is_some_and(|window| window.length.0.is_zero())
    {
        return Err(ScriptError::Zero {
            place,
            field: "when.window.for",
        });
    }
    match &fault.action {
        Action::Freeze if !fault.when.is_window_only() => Err(ScriptError::Freeze { number }),
        Action::Status(status) if !(400..600).contains(&status.code) => Err(ScriptError::Status {
            number,
            code: status.code,
        }),
        _ => Ok(()),
    }
}

fn above_zero(place: &str, field: &'static str, value: Option<u32>) -> Result<(), ScriptError> {
    if value == Some(0) {
        return Err(ScriptError::Zero {
            place: place.to_owned(),
            field,
        });
    }
    Ok(())
}

fn printable(field: &'static str, text: Option<&str>) -> Result<(), ScriptError> {
    let fine = |text: &str| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if text.is_none_or(fine) {
        Ok(())
    } else {
        Err(ScriptError::Unprintable { field })
    }
}

/// Whether `name` fits `pattern`, in which each `*` stands for any text, also none.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The earliest place of each middle part leaves the most for those after it.
    for part in middle.split('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = &name[at + part.len()..];
    }
    name.ends_with(tail)
}

impl From<Newline> for sse::Newline {
    fn from(newline: Newline) -> Self {
        match newline {
            Newline::Lf => Self::Lf,
            Newline::CrLf => Self::CrLf,
            Newline::Cr => Self::Cr,
        }
    }
}

impl Default for Script {
    /// Two chat models and a parser, and `gpt-lab` for every other name; no faults.
    fn default() -> Self {
        let gpt = Model::default();
        let claude = Model {
            model: "claude-lab".to_owned(),
            ttft: lognormal_ms(90, 30),
            pace: Distribution::Constant(ms(6)),
            ..Model::default()
        };
        let parse = Model {
            model: "parse-lab".to_owned(),
            ttft: lognormal_ms(120, 40),
            pace: Distribution::Constant(ms(0)),
            output_tokens: Distribution::Uniform { min: 4, max: 12 },
            pages: Some(Distribution::Uniform { min: 1, max: 8 }),
            ..Model::default()
        };
        let named = Model {
            model: "gpt-lab".to_owned(),
            ..Model::default()
        };
        Self {
            key: None,
            repeats: Repeats::Same,
            stream: Shape::default(),
            models: vec![named, claude, parse, gpt],
            faults: Vec::new(),
            prices: None,
        }
    }
}

impl Default for Model {
    /// Every name: 60 ms to the first token and 4 ms to each other one, in 512 slots.
    fn default() -> Self {
        Self {
            model: "*".to_owned(),
            ttft: lognormal_ms(60, 20),
            pace: Distribution::Constant(ms(4)),
            output_tokens: Distribution::Lognormal { mean: 120, sd: 40 },
            reasoning_tokens: 0,
            cached: "0%".parse().expect("it is a percentage"),
            pages: None,
            slots: 512,
            queue: None,
            stream: None,
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            newline: Newline::Lf,
            role_chunk: RoleChunk::WithFirstToken,
            comments: Comments::default(),
            tokens_per_chunk: 1,
            coalesce: 1,
            split: None,
            unicode: false,
            done: true,
            event_name: None,
        }
    }
}

fn lognormal_ms(mean: u64, sd: u64) -> Distribution<HumanDuration> {
    Distribution::Lognormal {
        mean: ms(mean),
        sd: ms(sd),
    }
}

const fn ms(ms: u64) -> HumanDuration {
    HumanDuration(Duration::from_millis(ms))
}
