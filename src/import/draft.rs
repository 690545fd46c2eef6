//! A scenario in the making, and its text.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Imported, Input, Kind, Left, PromptFile, secrets, words, yaml};
use crate::scenario::Kind as GatewayKind;

/// Things of one sort that are told one by one; the rest is counted.
const TOLD: usize = 5;
/// Phases that are made at most.
const MOST_PHASES: usize = 500;
/// Lines of the head of a scenario that tell what was left.
const MOST_LINES: usize = 100;

/// A scenario in the making.
#[derive(Default)]
pub(super) struct Draft {
    /// What was seen in the source, for whoever reads the scenario.
    pub(super) notes: Vec<String>,
    left: Vec<Left>,
    told: HashSet<(String, String)>,
    /// The base URL, where the source has one.
    pub(super) url: Option<String>,
    /// Whose gateway it is, where the source tells that and no URL.
    pub(super) gateway_kind: Option<(GatewayKind, &'static str)>,
    /// Headers of all requests: names in lower case, and values as YAML.
    pub(super) headers: Vec<(String, String)>,
    /// Further keys of the gateway, as YAML.
    pub(super) gateway: Vec<(&'static str, String)>,
    pub(super) seed: Option<u64>,
    pub(super) recipes: Vec<Recipe>,
    pub(super) phases: Vec<Phase>,
    /// SLOs by name.
    pub(super) slos: Vec<(&'static str, String)>,
    /// Thresholds as YAML.
    pub(super) thresholds: Vec<String>,
    /// How long a request may take.
    pub(super) request_timeout: Option<String>,
    pub(super) drain: Option<String>,
}

/// A kind of request.
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) weight: f64,
    pub(super) model: Model,
    pub(super) stream: bool,
    pub(super) system: Option<String>,
    pub(super) prompt: Prompt,
    pub(super) max_tokens: Option<u32>,
    pub(super) body: Map<String, Value>,
    /// What was seen of it.
    pub(super) note: String,
}

/// Which model is asked.
pub(super) enum Model {
    /// The source says it.
    Named(String),
    /// It doesn't: a variable, whose default is the lab's.
    Open,
}

/// What is asked.
pub(super) enum Prompt {
    /// Lines for a prompt file.
    Rows(Vec<String>),
    /// A distribution of lengths in tokens, as YAML.
    Synthetic(String),
}

/// A phase of load.
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) warmup: bool,
    /// The shape, as YAML: `closed: { ... }`.
    pub(super) shape: String,
}

impl Default for Recipe {
    /// What stands for requests that the source does not tell.
    fn default() -> Self {
        Self {
            name: "chat".to_owned(),
            weight: 1.0,
            model: Model::Open,
            stream: true,
            system: None,
            prompt: Prompt::Synthetic("{ lognormal: { mean: 200, sd: 80 } }".to_owned()),
            max_tokens: Some(64),
            body: Map::new(),
            note: String::new(),
        }
    }
}

impl Draft {
    /// Tells something that the scenario does not have, or has otherwise.
    pub(super) fn left(&mut self, at: impl Into<String>, what: impl Into<String>) {
        let left = Left {
            at: secrets::masked(&at.into()),
            what: secrets::masked(&what.into()),
        };
        if self.told.insert((left.at.clone(), left.what.clone())) {
            self.left.push(left);
        }
    }

    /// Tells of a sort of thing where it first is.
    pub(super) fn left_first(&mut self, at: &str, what: &str) {
        if self.told.insert((String::new(), what.to_owned())) {
            self.left(at, what);
        }
    }

    /// Tells of many things of one sort: the first ones, and how many more.
    pub(super) fn left_many(&mut self, places: &[String], what: &str) {
        for at in places.iter().take(TOLD) {
            self.left(at.clone(), what);
        }
        if let Some(more) = places.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let last = places.last().cloned().unwrap_or_default();
            self.left(format!("up to {last}"), format!("{more} more: {what}"));
        }
    }

    /// Tells that a key was not carried, and what to set instead.
    pub(super) fn key_at(&mut self, at: &str, what: &str) {
        let variable = self.key_variable();
        self.left(at, format!("{what} holds a key: set {variable} instead"));
    }

    fn kind(&self) -> GatewayKind {
        let told = self
            .gateway_kind
            .map_or(GatewayKind::Openai, |(kind, _)| kind);
        self.url.as_deref().map_or(told, GatewayKind::of_url)
    }

    fn key_variable(&self) -> &'static str {
        self.kind().key_variable()
    }

    /// Adds a phase under a name that no other has.
    pub(super) fn phase(&mut self, name: &str, warmup: bool, shape: String) {
        if self.phases.len() >= MOST_PHASES {
            let what = format!("{MOST_PHASES} are the most that an import makes");
            self.left("all further phases", what);
            return;
        }
        let mut taken: Vec<String> = self.phases.iter().map(|p| p.name.clone()).collect();
        let name = words::unique(name, &mut taken);
        self.phases.push(Phase {
            name,
            warmup,
            shape,
        });
    }

    /// Writes it all down.
    pub(super) fn write(mut self, kind: Kind, input: &Input<'_>) -> Imported {
        if self.recipes.is_empty() {
            self.recipes.push(Recipe::default());
        }
        if !self.phases.iter().any(|phase| !phase.warmup) {
            let shape = "poisson: { rate: 10/s, duration: 30s }".to_owned();
            self.phase("steady", false, shape);
            let what = "the source has no load that is measured: 10/s for 30s stand in for it";
            self.left(input.name, what);
        }
        let mut prompts = Vec::new();
        let body = self.body(input, &mut prompts);
        Imported {
            kind,
            scenario: self.head(kind, input) + &body,
            prompts,
            left: self.left,
        }
    }

    fn head(&self, kind: Kind, input: &Input<'_>) -> String {
        let mut out = String::new();
        let mut line = |text: &str| out += &(yaml::comment(text) + "\n");
        line(&format!(
            "What does {} ask for? Made of it by tollgate import ({}).",
            input.name,
            kind.name()
        ));
        for note in &self.notes {
            line(note);
        }
        if !self.left.is_empty() {
            line("Not carried, or otherwise here:");
        }
        for left in self.left.iter().take(MOST_LINES) {
            line(&format!("- {}: {}", left.at, left.what));
        }
        if let Some(more) = self.left.len().checked_sub(MOST_LINES).filter(|n| *n > 0) {
            line(&format!(
                "- and {more} more, which the import told on stderr"
            ));
        }
        out
    }

    fn body(&self, input: &Input<'_>, prompts: &mut Vec<PromptFile>) -> String {
        let mut out = format!("name: {}\n", yaml::text(&words::name(input.stem)));
        if let Some(seed) = self.seed {
            out += &format!("seed: {seed}\n");
        }
        out += &self.targets();
        out += "\nmix:\n";
        for recipe in &self.recipes {
            out += &recipe.write(input.stem, self.recipes.len(), prompts);
        }
        out += "\nload:\n";
        for phase in &self.phases {
            let warmup = if phase.warmup { ", warmup: true" } else { "" };
            let name = yaml::word(&phase.name);
            out += &format!("  - {{ name: {name}{warmup}, {} }}\n", phase.shape);
        }
        out += "\n";
        if !self.slos.is_empty() {
            let slos = self
                .slos
                .iter()
                .map(|(name, limit)| format!("{name}: {limit}"));
            out += &format!("slos: {{ {} }}\n", slos.collect::<Vec<_>>().join(", "));
        }
        out += "prices: ${PRICES:} # a price table; without one costs are unknown\n";
        if let Some(request) = &self.request_timeout {
            out += &format!("timeouts: {{ request: {request} }}\n");
        }
        if let Some(drain) = &self.drain {
            out += &format!("drain: {drain}\n");
        }
        if !self.thresholds.is_empty() {
            out += "\nthresholds:\n";
        }
        for threshold in &self.thresholds {
            out += &format!("  - {threshold}\n");
        }
        out
    }

    fn targets(&self) -> String {
        let kind = match self.kind() {
            GatewayKind::Openai => String::new(),
            kind => format!(", kind: {}", kind.name()),
        };
        let key = self.key_variable();
        let mut further = String::new();
        for (name, value) in &self.gateway {
            further += &format!(", {name}: {value}");
        }
        if !self.headers.is_empty() {
            let headers = self.headers.iter();
            let headers = headers.map(|(name, value)| format!("{}: {value}", yaml::text(name)));
            let headers = headers.collect::<Vec<_>>().join(", ");
            further += &format!(", headers: {{ {headers} }}");
        }
        // The lab's provider takes any model by its bare name.
        let lab = "  lab: { lab: { via: provider } } # the embedded lab, to try the scenario: --target lab\n";
        if let Some(url) = &self.url {
            let url = yaml::text(url.trim_end_matches('/'));
            let key = format!("api_key: \"${{{key}:}}\"");
            format!(
                "\ntargets:\n  imported: {{ gateway: {{ url: {url}{kind}, {key}{further} }} }}\n{lab}"
            )
        } else {
            let url = self
                .gateway_kind
                .map_or("http://127.0.0.1:8080/v1", |(_, url)| url);
            format!(
                "\ntargets:\n{lab}  live: {{ gateway: {{ url: \"${{BASE_URL:{url}}}\"{kind}, api_key: \"${{{key}:}}\"{further} }} }}\n"
            )
        }
    }
}

impl Recipe {
    fn write(&self, stem: &str, recipes: usize, prompts: &mut Vec<PromptFile>) -> String {
        let mut out = String::new();
        if !self.note.is_empty() {
            out += &format!("  {}\n", yaml::comment(&self.note));
        }
        out += &format!("  - name: {}\n", yaml::word(&self.name));
        if recipes > 1 {
            out += &format!("    weight: {}\n", words::number(self.weight.max(1e-6)));
        }
        let model = match &self.model {
            Model::Named(model) => yaml::text(model),
            Model::Open => "\"${MODEL:openai/gpt-lab}\"".to_owned(),
        };
        out += &format!("    chat:\n      model: {model}\n");
        if !self.stream {
            out += "      stream: false\n";
        }
        if let Some(system) = &self.system {
            out += &format!("      system: {}\n", yaml::text(system));
        }
        let prompt = match &self.prompt {
            Prompt::Synthetic(tokens) => format!("{{ synthetic: {{ tokens: {tokens} }} }}"),
            Prompt::Rows(rows) => {
                let name = match recipes {
                    1 => format!("{stem}.prompts.jsonl"),
                    _ => format!("{stem}.{}.jsonl", self.name),
                };
                let file = format!("{{ file: {} }}", yaml::text(&name));
                prompts.push(PromptFile {
                    name,
                    text: rows.join("\n") + "\n",
                });
                file
            }
        };
        out += &format!("      prompt: {prompt}\n");
        if let Some(most) = self.max_tokens {
            out += &format!("      max_tokens: {most}\n");
        }
        if !self.body.is_empty() {
            let body = yaml::free(&Value::Object(self.body.clone()));
            out += &format!("      body: {body}\n");
        }
        out
    }
}
