//! What the scenario file says, and where it says it.
//!
//! A file is read as far as it goes and all its problems are collected, each at its place; a
//! [`Scenario`] exists only where there is none.

mod arms;
mod asking;
mod budget;
mod check;
mod checks;
mod choices;
mod connections;
mod credentials;
pub mod document;
pub mod file;
mod headers;
mod logs;
mod one_or_more;
mod overhead;
mod overrides;
mod phases;
mod policy;
mod presets;
mod prompts;
mod readings;
mod shares;
mod routing;
mod targets;
mod template;
mod thresholds;
mod tree;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::base::{Distribution, HumanDuration, Secret, Seed};
use crate::dialect::{Dialect, Message};
use crate::lab::Script;
use crate::pricing::PriceTable;

pub use arms::{Arm, COMPARED_FIGURES, COMPARED_STATS, COMPARED_TIMES, Compare, Design, Primary};
pub use asking::Extra;
pub use budget::Budget;
pub use checks::{Check, JsonWanted, Wants, Whence};
pub use choices::Choices;
pub(crate) use document::nearest;
pub use document::{Problem, Source, render};
pub use file::{Client, Dns, Kind, Sharing, Slos, Timestamps, Via};
pub use logs::{LOG_WAIT, LogKind, LogTo, Reconcile};
pub use overhead::{DIRECT, Overhead as OverheadAsked, OverheadProvider, OverheadRouting, THROUGH};
pub use overrides::Overrides;
pub use policy::{Address, Authorities, Http, Identity, Policy, Tls};
pub use readings::{At, GatewayReadings, Only, Readings, Reads, Spot, readings};
pub use shares::{By, Shares};
pub use template::{Moment, Template};
pub use thresholds::{
    ADDED, ADDED_QUANTILES, Fault, Figure, Key, Limit, Margin, Part, Plain, Relation, Stat,
    StreamVerdict, TIMES, Test, Threshold, Unit,
};

/// A scenario without problems: every file that it names has been read, every default is filled in.
#[derive(Clone, Debug, Serialize)]
pub struct Scenario {
    /// The folder of its results.
    pub name: String,
    /// Decides every random choice.
    pub seed: Seed,
    /// What a run of it is called; `None`: made up for each.
    #[serde(skip)]
    pub run_id: Option<String>,
    /// All keys: whatever is told of a run, they are hidden in it.
    #[serde(skip)]
    pub secrets: Vec<Secret>,
    /// What is no mistake, and yet better otherwise.
    #[serde(skip)]
    pub warnings: Vec<Problem>,
    /// Where requests go, and what is asked there: at least one arm.
    pub arms: Vec<Arm>,
    /// How the arms are compared, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// The gateway and the providers of a sandwich.
    #[serde(skip)]
    pub overhead: Option<OverheadAsked>,
    /// Whether each prompt carries a marker, by which its request is known behind a gateway.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// The phases of load, in order; at least one that is measured.
    pub phases: Vec<Phase>,
    /// What a good answer keeps to.
    pub slos: Slos,
    /// What the run must keep to; it changes nothing of what is sent.
    #[serde(skip)]
    pub thresholds: Vec<Threshold>,
    /// What the models cost.
    pub prices: Option<PriceTable>,
    /// The most that the run may cost. A run that keeps within it sends what it would without.
    #[serde(skip)]
    pub budget: Option<Budget>,
    /// Where finished requests are logged; it changes nothing of what is sent.
    #[serde(skip)]
    pub log_to: Option<LogTo>,
    /// After the run its requests are held against this log; it changes nothing of what is sent.
    #[serde(skip)]
    pub reconcile: Option<Reconcile>,
    /// The HTTP client that sends.
    pub client: Client,
    /// Who says when bytes arrived; it changes nothing of what is sent.
    #[serde(skip)]
    pub timestamps: Timestamps,
    /// How long the parts of a request may take.
    pub timeouts: Timeouts,
    /// How long requests in flight may go on after the last arrival.
    pub drain: Duration,
}

impl Scenario {
    /// The target of the first arm: of the only one, where nothing is compared.
    pub fn target(&self) -> &Target {
        &self.arms[0].target
    }

    /// The request mix, as the first arm asks it: names and weights are the same for all.
    pub fn recipes(&self) -> &[Recipe] {
        &self.arms[0].recipes
    }
}

/// Where requests go.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// The name in the report.
    pub name: String,
    /// What is there.
    pub place: Place,
}

/// What is at a target.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The embedded stand-ins.
    Lab {
        /// Through the gateway, or straight to the provider.
        via: Via,
        /// How the provider behaves.
        script: Script,
    },
    /// Something that is running elsewhere.
    Gateway {
        /// The base URL without a slash at its end.
        url: String,
        /// Whose contract it keeps.
        kind: Kind,
        /// The key; never written to a file.
        #[serde(skip)]
        api_key: Option<Secret>,
        /// What the scenario has in its place: `${NAME}` or a file.
        #[serde(skip)]
        key_written: Option<String>,
        /// The wire format.
        dialect: Dialect,
        /// Where it tells what of a request; it changes nothing of what is sent.
        #[serde(skip)]
        readings: Arc<Readings>,
        /// How connections are opened and shared.
        #[serde(skip_serializing_if = "Policy::is_default")]
        policy: Policy,
    },
}

impl Target {
    /// The wire format that is spoken there.
    pub const fn dialect(&self) -> Dialect {
        match &self.place {
            Place::Lab { .. } => Dialect::OpenaiChat,
            Place::Gateway { dialect, .. } => *dialect,
        }
    }

    /// How connections are opened and shared.
    pub fn policy(&self) -> Policy {
        match &self.place {
            Place::Lab { .. } => Policy::default(),
            Place::Gateway { policy, .. } => policy.clone(),
        }
    }

    /// The key of a gateway.
    pub const fn key(&self) -> Option<&Secret> {
        match &self.place {
            Place::Lab { .. } => None,
            Place::Gateway { api_key, .. } => api_key.as_ref(),
        }
    }

    /// Where the target tells what of a request. The lab's gateway says what Respan's does.
    pub fn readings(&self) -> Arc<Readings> {
        match &self.place {
            Place::Lab { .. } => Arc::new(Readings::of(Kind::Respan)),
            Place::Gateway { readings, .. } => Arc::clone(readings),
        }
    }
}

/// One kind of request in the mix.
#[derive(Clone, Debug, Serialize)]
pub struct Recipe {
    /// The name in the report.
    pub name: String,
    /// The share of the arrivals, relative to the other recipes; above zero.
    pub weight: f64,
    /// The model, in the words of the target.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// A system message in front of every prompt.
    pub system: Option<String>,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<u32>,
    /// What is asked.
    pub prompt: Prompt,
    /// What is asked of its answers; it changes nothing of what is sent.
    #[serde(skip)]
    pub checks: Arc<Vec<Check>>,
    /// The models that may answer it, as its routing has them.
    #[serde(skip)]
    pub choices: Choices,
    /// How its answers should be shared out by the gateway.
    #[serde(skip)]
    pub expect_shares: Option<Shares>,
    /// What its requests say beyond that.
    #[serde(skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// Where prompts come from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// One of these conversations, drawn for each arrival; at least one.
    Rows(Arc<Vec<Vec<Message>>>),
    /// Made-up text of so many tokens.
    Synthetic(Distribution<u32>),
}

/// One phase of load.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    /// The name in the report.
    pub name: String,
    /// Whether its requests are kept apart from every figure.
    pub warmup: bool,
    /// When its arrivals are due.
    pub shape: Shape,
    /// When it ends: at whichever comes first.
    pub bound: Bound,
}

/// When arrivals are due.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A user with nothing in flight, and done thinking, is the next arrival.
    Closed {
        /// How many users.
        concurrency: u32,
        /// How long a user waits between an answer and the next request.
        think: Option<Distribution<HumanDuration>>,
    },
    /// The clock decides, whatever the answers do.
    Open {
        /// The instants.
        pace: Pace,
        /// The most requests in flight; further arrivals queue.
        max_in_flight: u32,
        /// How long an arrival queues before it is given up.
        shed_after: Option<Duration>,
    },
}

/// The instants of an open loop. Rates are arrivals per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Even gaps.
    Constant {
        /// The rate; above zero.
        rate: f64,
    },
    /// Exponential gaps.
    Poisson {
        /// The mean rate; above zero.
        rate: f64,
    },
    /// A rate that changes in a straight line.
    Ramp {
        /// The rate at the start.
        from: f64,
        /// The rate at the end; one of the two is above zero.
        to: f64,
        /// How long the change takes.
        over: Duration,
    },
}

/// When a phase ends: at whichever comes first. At least one is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// After so many arrivals.
    pub requests: Option<u64>,
    /// After so long.
    pub duration: Option<Duration>,
}

impl Phase {
    /// Whether its load is the same throughout.
    pub const fn is_even(&self) -> bool {
        !matches!(
            self.shape,
            Shape::Open {
                pace: Pace::Ramp { .. },
                ..
            }
        )
    }

    /// The rate that an open loop calls for, in arrivals per second, so long after its beginning.
    pub fn rate_at(&self, since: Duration) -> Option<f64> {
        let Shape::Open { pace, .. } = &self.shape else {
            return None;
        };
        Some(match pace {
            Pace::Constant { rate } | Pace::Poisson { rate } => *rate,
            Pace::Ramp { from, to, over } => {
                let share = since.as_secs_f64() / over.as_secs_f64();
                from + (to - from) * share.clamp(0.0, 1.0)
            }
        })
    }

    /// About how many requests it has by the plan; `None` where the answers decide.
    pub fn expected_requests(&self) -> Option<f64> {
        let by_time = match &self.shape {
            Shape::Closed { .. } => None,
            Shape::Open { pace, .. } => self.bound.duration.map(|duration| match pace {
                Pace::Constant { rate } | Pace::Poisson { rate } => rate * duration.as_secs_f64(),
                Pace::Ramp { from, to, .. } => (from + to) / 2.0 * duration.as_secs_f64(),
            }),
        };
        let by_count = self.bound.requests.map(|requests| requests as f64);
        [by_time, by_count].into_iter().flatten().reduce(f64::min)
    }

    /// The shape and its end in words: `poisson 50/s for 20s`.
    pub fn in_words(&self) -> String {
        let shape = match &self.shape {
            Shape::Closed { concurrency: 1, .. } => "closed loop of 1 user".to_owned(),
            Shape::Closed { concurrency, .. } => format!("closed loop of {concurrency} users"),
            Shape::Open {
                pace: Pace::Constant { rate },
                ..
            } => format!("constant {rate}/s"),
            Shape::Open {
                pace: Pace::Poisson { rate },
                ..
            } => format!("poisson {rate}/s"),
            Shape::Open {
                pace: Pace::Ramp { from, to, .. },
                ..
            } => {
                format!("ramp from {from}/s to {to}/s")
            }
        };
        let requests = self.bound.requests.map(|n| format!("{n} requests"));
        let duration = self.bound.duration.map(|d| HumanDuration(d).to_string());
        match (duration, requests) {
            (Some(duration), Some(requests)) => format!("{shape} for {duration} or {requests}"),
            (Some(end), None) | (None, Some(end)) => format!("{shape} for {end}"),
            (None, None) => shape,
        }
    }
}

/// How long the parts of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// To a connection, TLS included.
    pub connect: Duration,
    /// From sending to the first token of a stream.
    pub first_token: Duration,
    /// Between two reads once an answer has begun.
    pub idle: Duration,
    /// From sending to the end.
    pub request: Duration,
}

/// A file that was read: the scenario where there are no problems, and else every problem.
pub type Loaded = Result<Scenario, Vec<Problem>>;

/// Looks up an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a scenario file and all the files that it names.
///
/// `env` answers `${VARIABLE}`s, and the names in `given` are those that the user set by hand: one
/// that the file does not use is a problem.
pub fn load(path: &Path, env: Env<'_>, given: &[String], overrides: &Overrides) -> Loaded {
    let name = path.display().to_string();
    let source = match std::fs::read_to_string(path) {
        Ok(text) => Source::new(name, text),
        Err(error) => {
            let source = Source::new(name, "");
            let problem = Problem::whole(&source, format!("the file can't be read: {error}"))
                .with_help("name a scenario file, such as scenarios/smoke.yaml");
            return Err(vec![problem]);
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    check::Checker::new(source, folder, env).scenario(given, overrides)
}

/// The same of a text that is no file: `name` is what it is called in problems.
pub fn load_text(
    name: &str,
    text: &str,
    env: Env<'_>,
    given: &[String],
    overrides: &Overrides,
) -> Loaded {
    let source = Source::new(name.to_owned(), text.to_owned());
    check::Checker::new(source, Path::new(""), env).scenario(given, overrides)
}

/// The JSON Schema of a scenario file.
pub fn schema() -> serde_json::Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings
        .transforms
        .push(Box::new(schemars::transform::RecursiveTransform(
            accept_variables,
        )));
    settings
        .into_generator()
        .into_root_schema_for::<file::File>()
        .to_value()
}

/// A number in a scenario may be written as a variable, `${CONCURRENCY:8}`; an editor must not
/// mark that as a mistake.
fn accept_variables(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let number = object
        .get("type")
        .and_then(|kind| kind.as_str())
        .map(str::to_owned);
    if let Some(kind) = number.filter(|kind| matches!(kind.as_str(), "integer" | "number")) {
        object.insert("type".into(), serde_json::json!([kind, "string"]));
        object.insert("pattern".into(), serde_json::json!(r"^\$\{[^}]+\}$"));
    }
}

/// Reads a lab script from a file of its own.
pub fn load_script(path: &Path, env: Env<'_>) -> Result<Script, Vec<Problem>> {
    targets::script_file(path, env)
}
