//! What a stand-in does, written down: its models, their delays, the shape of its streams, its faults.
//!
//! Together with a seed and the bytes of a request it decides everything that comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::gateway::GatewayScript;
use super::pattern::fits;
use super::shape::Shape;
use crate::base::{Distribution, HumanDuration, Percent};
use crate::pricing::PriceTable;

/// Everything about a provider stand-in, and the gateway in front of it.
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
    /// What the gateway charges; costs are null where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Box<PriceTable>>,
    /// What the gateway does beside passing answers on.
    pub gateway: Box<GatewayScript>,
    /// Providers with a script of their own, by the prefix of their models. All other prefixes lead
    /// to the provider that this script itself describes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, Behind>,
}

/// A provider with a script of its own behind the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Behind {
    /// The only bearer key that it accepts, which the gateway sends unless a request brings another;
    /// any or none where absent.
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
}

impl Behind {
    /// The script of a provider that does the same.
    pub(super) fn script(&self) -> Script {
        let Self {
            key,
            repeats,
            stream,
            models,
            faults,
        } = self.clone();
        Script {
            key,
            repeats,
            stream,
            models,
            faults,
            ..Script::default()
        }
    }
}

impl Default for Behind {
    /// The models of the default script.
    fn default() -> Self {
        let script = Script::default();
        Self {
            key: script.key,
            repeats: script.repeats,
            stream: script.stream,
            models: script.models,
            faults: script.faults,
        }
    }
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

impl Script {
    /// The names of the models, without the patterns.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let names = self.models.iter().map(|model| model.model.as_str());
        names.filter(|name| !name.contains('*'))
    }

    /// The model that answers to this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| fits(&model.model, name))
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
            gateway: Box::default(),
            providers: BTreeMap::new(),
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

fn lognormal_ms(mean: u64, sd: u64) -> Distribution<HumanDuration> {
    Distribution::Lognormal {
        mean: ms(mean),
        sd: ms(sd),
    }
}

const fn ms(ms: u64) -> HumanDuration {
    HumanDuration(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Action, Status, When, Window};
    use super::*;

    fn read(json: &str) -> Script {
        let script: Script = serde_json::from_str(json).unwrap();
        let again = serde_json::to_string(&script).unwrap();
        assert_eq!(serde_json::from_str::<Script>(&again).unwrap(), script);
        script
    }

    #[test]
    fn the_default_script_can_be_followed_and_an_empty_one_is_the_default() {
        assert_eq!(Script::default().check(), Ok(()));
        assert_eq!(read("{}"), Script::default());
        let names: Vec<_> = Script::default().models().map(str::to_owned).collect();
        assert_eq!(names, ["gpt-lab", "claude-lab", "parse-lab"]);
        let any = Script::default()
            .model("anything")
            .map(|model| model.model.clone());
        assert_eq!(any.as_deref(), Some("*"));
    }

    #[test]
    fn every_field_is_read_as_it_is_written() {
        let script = read(
            r#"{"key":"k","repeats":"vary","stream":{"newline":"crlf","role_chunk":"early",
            "comments":{"before_first":true,"every":10},"tokens_per_chunk":2,"coalesce":3,
            "split":7,"unicode":true,"done":false,"event_name":"delta"},
            "models":[{"model":"gpt-*","ttft":{"lognormal":{"mean":"60ms","sd":"20ms"}},
            "pace":{"empirical":["4ms","5ms"]},"output_tokens":{"uniform":{"min":1,"max":9}},
            "reasoning_tokens":3,"cached":"25%","pages":{"constant":4},"slots":2,"queue":5,
            "stream":{"split":1}}],
            "faults":[{"when":{"share":"1%","every":3,"model":"gpt-*",
            "window":{"from":"5s","for":"2s"}},"do":{"status":{"code":429,"retry_after":"2s",
            "message":"m"}}},{"do":{"cut_after":5}},{"do":{"end_after":5}},{"do":{"error_after":5}},
            {"do":{"stall":"2s"}},{"do":{"slow_first_token":"2s"}},{"do":"refuse"},{"do":"garbage"},
            {"do":"hang"},{"when":{"window":{"from":"5s","for":"2s"}},"do":"freeze"}]}"#,
        );
        assert_eq!(script.check(), Ok(()));
        assert_eq!(
            script.models[0]
                .stream
                .as_ref()
                .and_then(|shape| shape.split),
            Some(1)
        );
        let status = Status {
            code: 429,
            retry_after: Some(HumanDuration(Duration::from_secs(2))),
            message: Some("m".into()),
        };
        assert_eq!(script.faults[0].action, Action::Status(status));
        let window = Window {
            from: HumanDuration(Duration::from_secs(5)),
            length: HumanDuration(Duration::from_secs(2)),
        };
        let when = When {
            window: Some(window),
            ..When::default()
        };
        assert_eq!(
            script.faults[9],
            Fault {
                when,
                action: Action::Freeze
            }
        );
        assert!(serde_json::from_str::<Script>(r#"{"models":[{"modle":"a"}]}"#).is_err());
    }
}
