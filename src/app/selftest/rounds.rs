//! The loads of a self-test, and the provider's script that goes with them.
//!
//! Delays are spread, so that answers do not all come in the same millisecond, and the larger the load
//! the slower each stream, so that the provider, which shares the machine, does not starve the client.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Distribution, HumanDuration, Seed};
use crate::dialect::Dialect;
use crate::judge::Load;
use crate::lab::{Model, Script};
use crate::scenario::{
    Arm, Bound, Choices, Client, Extra, Kind, Pace, Phase, Place, Policy, Prompt, Recipe, Scenario,
    Shape, Slos, Target, Timeouts, Timestamps,
};

/// Kinds of request per round. They differ in the model's name alone: with the prompts, which are made
/// of few words, that makes nearly all requests differ in their bytes.
const NAMES: usize = 512;
/// Files that a process needs besides its connections.
const OTHER_FILES: u64 = 64;

/// One load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) load: Load,
    /// The first part of the name of the script's model.
    model: &'static str,
    stream: bool,
    length: Duration,
    /// The most connections that it may need at once.
    connections: u32,
}

impl Spec {
    const fn closed(name: &'static str, users: u32, model: &'static str, seconds: u64) -> Self {
        Self {
            name,
            load: Load::Closed(users),
            model,
            stream: true,
            length: Duration::from_secs(seconds),
            connections: users,
        }
    }

    const fn open(name: &'static str, rate: f64, connections: u32) -> Self {
        Self {
            name,
            load: Load::Open(rate),
            model: "brief",
            stream: true,
            length: Duration::from_secs(3),
            connections,
        }
    }

    /// Files that each of the two processes needs for it.
    pub(super) fn files(&self) -> u64 {
        u64::from(self.connections) + OTHER_FILES
    }

    /// The scenario of this load on a provider; `seed` keeps the requests of two rounds apart.
    pub(super) fn scenario(&self, url: &str, seed: Seed) -> Scenario {
        let recipe = |number| Recipe {
            name: format!("{}-{number}", self.model),
            weight: 1.0,
            model: format!("{}-{number}", self.model),
            stream: self.stream,
            system: None,
            max_tokens: None,
            prompt: Prompt::Synthetic(Distribution::Uniform { min: 8, max: 40 }),
            checks: Arc::default(),
            expect_shares: None,
            extra: Extra::default(),
            choices: Choices::default(),
        };
        let shape = match self.load {
            Load::Closed(concurrency) => Shape::Closed {
                concurrency,
                think: None,
            },
            Load::Open(rate) => Shape::Open {
                pace: Pace::Poisson { rate },
                max_in_flight: self.connections,
                shed_after: None,
            },
        };
        let patience = Duration::from_secs(30);
        let target = Target {
            name: "selftest".to_owned(),
            place: Place::Gateway {
                url: url.to_owned(),
                kind: Kind::Openai,
                api_key: None,
                key_written: None,
                dialect: Dialect::OpenaiChat,
                readings: Arc::default(),
                policy: Policy::default(),
            },
        };
        Scenario {
            name: "selftest".to_owned(),
            seed,
            run_id: None,
            secrets: Vec::new(),
            warnings: Vec::new(),
            arms: vec![Arm {
                name: "selftest".to_owned(),
                target,
                recipes: (0..NAMES).map(recipe).collect(),
            }],
            compare: None,
            phases: vec![Phase {
                name: self.name.to_owned(),
                warmup: false,
                shape,
                bound: Bound {
                    requests: None,
                    duration: Some(self.length),
                },
            }],
            slos: Slos::default(),
            marked: false,
            overhead: None,
            thresholds: Vec::new(),
            prices: None,
            budget: None,
            log_to: None,
            reconcile: None,
            client: Client::Direct,
            timestamps: Timestamps::default(),
            timeouts: Timeouts {
                connect: patience,
                first_token: patience,
                idle: patience,
                request: patience,
            },
            drain: patience,
        }
    }
}

/// The loads, in order.
pub(super) fn specs(quick: bool) -> Vec<Spec> {
    if quick {
        let short = |spec: Spec| Spec {
            length: Duration::from_secs(1),
            ..spec
        };
        return vec![
            short(Spec::closed("closed 1", 1, "brisk", 1)),
            short(Spec::closed("closed 32", 32, "stream", 1)),
            short(Spec::open("open 100/s", 100.0, 256)),
        ];
    }
    let plain = Spec {
        model: "plain",
        stream: false,
        ..Spec::open("open 10000/s", 10_000.0, 4_096)
    };
    vec![
        Spec::closed("closed 1", 1, "brisk", 6),
        Spec::closed("closed 32", 32, "stream", 5),
        Spec::closed("closed 256", 256, "stream", 4),
        Spec::closed("closed 2048", 2_048, "slow", 5),
        Spec::open("open 100/s", 100.0, 256),
        Spec::open("open 1000/s", 1_000.0, 1_024),
        plain,
    ]
}

/// What the provider does.
pub(super) fn script() -> Script {
    let model = |name: &str, ttft, pace, tokens| Model {
        model: format!("{name}-*"),
        ttft: between(ttft),
        pace: between(pace),
        output_tokens: Distribution::Constant(tokens),
        slots: 100_000,
        ..Model::default()
    };
    Script {
        models: vec![
            model("brisk", (2, 4), (1, 2), 6),
            model("stream", (20, 200), (10, 30), 16),
            model("slow", (100, 2_000), (100, 300), 16),
            model("brief", (2, 10), (5, 15), 2),
            model("plain", (2, 6), (0, 0), 2),
        ],
        ..Script::default()
    }
}

/// Evenly spread between two numbers of milliseconds.
fn between((min, max): (u64, u64)) -> Distribution<HumanDuration> {
    let ms = |ms| HumanDuration(Duration::from_millis(ms));
    if min == max {
        return Distribution::Constant(ms(min));
    }
    Distribution::Uniform {
        min: ms(min),
        max: ms(max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_can_be_followed_and_knows_the_model_of_every_round() {
        let script = script();
        assert_eq!(script.check(), Ok(()));
        for spec in specs(false).into_iter().chain(specs(true)) {
            for recipe in spec.scenario("http://127.0.0.1:1/v1", Seed(0)).recipes() {
                let model = script.model(&recipe.model).expect("a model answers");
                assert!(recipe.model.starts_with(model.model.trim_end_matches('*')));
            }
        }
    }
}
