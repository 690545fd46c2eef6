//! From what a file says to a scenario that can be planned; every problem is collected on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::document::{self, Spanned};
use super::file::{self, File, Ordered};
use super::phases;
use super::{
    Env, Loaded, Overrides, Place, Problem, Prompt, Recipe, Scenario, Source, Target, Timeouts,
    prompts,
};
use crate::base::{HumanDuration, Secret};
use crate::dialect::Message;
use crate::lab::Script;
use crate::pricing::PriceTable;

/// Collects the problems of one scenario file and of the files that it names.
pub(super) struct Checker<'a> {
    source: Arc<Source>,
    folder: &'a Path,
    env: Env<'a>,
    problems: Vec<Problem>,
    variables: BTreeSet<String>,
    /// Prompt files that were read, since several recipes may share one.
    rows: BTreeMap<String, Option<Arc<Vec<Vec<Message>>>>>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: Arc<Source>, folder: &'a Path, env: Env<'a>) -> Self {
        let (problems, variables, rows) = Default::default();
        Self {
            source,
            folder,
            env,
            problems,
            variables,
            rows,
        }
    }

    /// The scenario, or every problem.
    pub(super) fn scenario(mut self, given: &[String], overrides: &Overrides) -> Loaded {
        let document = document::read::<File>(&self.source, self.env);
        self.problems.extend(document.problems);
        self.variables.extend(document.variables);
        let understood = document.value.is_some();
        let scenario = document.value.and_then(|mut file| {
            self.problems
                .extend(overrides.apply(&mut file, &self.source, self.env));
            self.file(&file)
        });
        // Where the syntax is wrong, nobody knows which variables the file has.
        let unused = |name: &&String| understood && !self.variables.contains(*name);
        for name in given.iter().filter(unused) {
            let message = format!("`-e {name}=...` has no effect: the scenario has no ${{{name}}}");
            self.problems.push(Problem::whole(&self.source, message));
        }
        match scenario {
            Some(scenario) if self.problems.is_empty() => Ok(scenario),
            _ => Err(self.problems),
        }
    }

    fn file(&mut self, file: &File) -> Option<Scenario> {
        let name = self.name(file.name.as_ref());
        let targets = self.required(file.targets.as_ref(), "targets", TARGETS_HELP);
        let target = targets.and_then(|targets| self.target(targets, file.target.as_ref()));
        let prices = file.prices.as_ref().map(|path| self.prices(path));
        let mix = self.required(file.mix.as_ref(), "mix", MIX_HELP);
        let recipes = mix.map(|mix| self.mix(mix, prices.as_ref().and_then(Option::as_ref)));
        let load = self.required(file.load.as_ref(), "load", LOAD_HELP);
        let (source, problems) = (&self.source, &mut self.problems);
        let load = load.map(|load| phases::check(load, source, problems));
        Some(Scenario {
            name: name?,
            seed: file.seed.unwrap_or_default(),
            target: target?,
            recipes: recipes?,
            phases: load?,
            slos: file.slos.unwrap_or_default(),
            prices: prices.flatten(),
            client: file.client.unwrap_or_default(),
            timeouts: timeouts(file.timeouts.unwrap_or_default()),
            drain: file.drain.map_or(DRAIN, |drain| drain.0),
        })
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        // What the command line gave has no place in the file.
        let problem = if span.is_empty() {
            Problem::whole(&self.source, message)
        } else {
            Problem::at(&self.source, span, message)
        };
        self.problems.push(problem.with_help(help));
    }

    /// A section that must be there. One that was cut for its own problems is not missed again.
    fn required<'f, T>(&mut self, section: Option<&'f T>, key: &str, help: &str) -> Option<&'f T> {
        if section.is_none() && !self.source.text.contains(&format!("{key}:")) {
            let message = format!("missing `{key}`");
            self.problems
                .push(Problem::whole(&self.source, message).with_help(help));
        }
        section
    }

    fn name(&mut self, name: Option<&Spanned<String>>) -> Option<String> {
        let name = self.required(
            name,
            "name",
            "name the scenario: its results go to that folder",
        )?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
            let message = format!("`{}` can't be the name of a results folder", name.value);
            self.problem(
                name.span.clone(),
                message,
                "use letters, digits, `-`, `_` and `.`",
            );
            return None;
        }
        Some(name.value.clone())
    }

    fn target(
        &mut self,
        targets: &Spanned<Ordered<Spanned<file::Target>>>,
        chosen: Option<&Spanned<String>>,
    ) -> Option<Target> {
        let mut checked = Vec::new();
        for (name, target) in &targets.value.0 {
            let place = match &target.value {
                file::Target::Lab(lab) => self.lab(lab),
                file::Target::Gateway(gateway) => self.gateway(gateway),
            };
            checked.push((name.value.clone(), place));
        }
        if checked.is_empty() {
            self.problem(targets.span.clone(), "there are no targets", TARGETS_HELP);
            return None;
        }
        let wanted = chosen.map_or(&checked[0].0, |chosen| &chosen.value);
        let names: Vec<&str> = checked.iter().map(|(name, _)| name.as_str()).collect();
        if !names.contains(&wanted.as_str()) {
            let message = format!("there is no target `{wanted}`");
            let help = format!("give a URL, or one of: {}", names.join(", "));
            let span = chosen.map_or(0..0, |chosen| chosen.span.clone());
            self.problem(span, message, &help);
            return None;
        }
        let wanted = wanted.clone();
        let (name, place) = checked.into_iter().find(|(name, _)| *name == wanted)?;
        Some(Target {
            name,
            place: place?,
        })
    }

    fn lab(&mut self, lab: &file::LabTarget) -> Option<Place> {
        let script = match (&lab.script, &lab.file) {
            (Some(script), Some(_)) => {
                let message = "the lab has both `script` and `file`";
                self.problem(script.span.clone(), message, "keep one of them");
                None
            }
            (Some(script), None) => {
                if let Err(error) = script.value.check() {
                    self.say(&script.span, &error.to_string());
                }
                Some(script.value.clone())
            }
            (None, Some(path)) => {
                let source = self.open(path)?;
                match script_source(&source, self.env) {
                    Ok(script) => Some(script),
                    Err(problems) => {
                        self.problems.extend(problems);
                        None
                    }
                }
            }
            (None, None) => Some(Script::default()),
        };
        Some(Place::Lab {
            via: lab.via,
            script: script?,
        })
    }

    /// A problem whose text may hold its help after the first line.
    fn say(&mut self, span: &Range<usize>, text: &str) {
        let (message, help) = text.split_once('\n').unwrap_or((text, ""));
        let problem = Problem::at(&self.source, span.clone(), message);
        self.problems.push(if help.is_empty() {
            problem
        } else {
            problem.with_help(help)
        });
    }

    fn gateway(&mut self, gateway: &file::GatewayTarget) -> Option<Place> {
        let (text, span) = (gateway.url.trim_end_matches('/'), gateway.url.span.clone());
        let parsed = url::Url::parse(text);
        let http = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !parsed.as_ref().is_ok_and(http) {
            let message = format!("`{text}` is no base URL");
            self.problem(
                span,
                message,
                "write it as an SDK takes it: https://api.respan.ai/api",
            );
            return None;
        }
        let bare = |url: &url::Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if !parsed.as_ref().is_ok_and(bare) {
            let message = "a base URL is a scheme, a host and a path, and no more";
            let help = "give a key as `api_key`: the URL is written to the results";
            self.problem(span, message, help);
            return None;
        }
        if let Some(base) = text.strip_suffix(gateway.dialect.path()) {
            let help = format!("write {base}");
            self.problem(
                span,
                format!("`{}` is added by itself", gateway.dialect.path()),
                &help,
            );
            return None;
        }
        let key = gateway.api_key.as_ref().filter(|key| !key.is_empty());
        Some(Place::Gateway {
            url: text.to_owned(),
            kind: gateway.kind,
            api_key: key.map(|key| Secret::new(key.value.clone())),
            dialect: gateway.dialect,
        })
    }

    fn mix(
        &mut self,
        mix: &Spanned<Vec<Spanned<file::Recipe>>>,
        prices: Option<&PriceTable>,
    ) -> Vec<Recipe> {
        if mix.value.is_empty() {
            self.empty(&mix.span, "the mix has no recipes", MIX_HELP);
        }
        let mut names = BTreeSet::new();
        mix.value
            .iter()
            .filter_map(|recipe| {
                if !names.insert(recipe.name.value.clone()) {
                    let message = format!("a second recipe is named `{}`", recipe.name.value);
                    self.problem(
                        recipe.name.span.clone(),
                        message,
                        "give each a name of its own",
                    );
                }
                self.recipe(recipe, prices)
            })
            .collect()
    }

    /// An empty list: said only where the file itself left it empty, not where all was cut.
    fn empty(&mut self, span: &Range<usize>, message: &str, help: &str) {
        if self.problems.is_empty() {
            self.problem(span.clone(), message, help);
        }
    }

    fn recipe(&mut self, recipe: &file::Recipe, prices: Option<&PriceTable>) -> Option<Recipe> {
        let weight = recipe.weight.as_ref().map_or(1.0, |weight| weight.value);
        if let Some(given) = &recipe.weight
            && !(weight.is_finite() && weight > 0.0)
        {
            let message = format!("the weight {weight} would never be drawn");
            self.problem(
                given.span.clone(),
                message,
                "give a weight above zero, or leave it out",
            );
        }
        let chat = &recipe.chat;
        if chat.model.is_empty() {
            self.problem(
                chat.model.span.clone(),
                "the model has no name",
                "write provider/model",
            );
        } else if let Some(table) = prices.filter(|t| !t.models.contains_key(&chat.model.value)) {
            let message = format!("there is no price for the model `{}`", chat.model.value);
            let known = table
                .models
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let help = format!(
                "add it to the price table, which has {known}; or leave `prices` out: costs are then unknown"
            );
            self.problem(chat.model.span.clone(), message, &help);
        }
        if let Some(zero) = chat.max_tokens.as_ref().filter(|max| max.value == 0) {
            self.problem(
                zero.span.clone(),
                "no answer fits into 0 tokens",
                "give at least 1",
            );
        }
        Some(Recipe {
            name: recipe.name.value.clone(),
            weight,
            model: chat.model.value.clone(),
            stream: chat.stream.unwrap_or(true),
            system: chat.system.clone(),
            max_tokens: chat.max_tokens.as_ref().map(|max| max.value),
            prompt: self.prompt(&chat.prompt)?,
        })
    }

    fn prompt(&mut self, prompt: &Spanned<file::Prompt>) -> Option<Prompt> {
        match &prompt.value {
            file::Prompt::Text(text) => {
                let said = Message {
                    role: crate::dialect::Role::User,
                    content: text.clone(),
                };
                Some(Prompt::Rows(Arc::new(vec![vec![said]])))
            }
            file::Prompt::Synthetic(synthetic) => {
                if let Err(error) = synthetic.tokens.check() {
                    self.say(&prompt.span, &error.to_string());
                }
                Some(Prompt::Synthetic(synthetic.tokens.clone()))
            }
            file::Prompt::File(path) => {
                if let Some(rows) = self.rows.get(path) {
                    return rows.clone().map(Prompt::Rows);
                }
                let rows = self.prompt_file(&Spanned::new(path.clone(), prompt.span.clone()));
                self.rows.insert(path.clone(), rows.clone());
                rows.map(Prompt::Rows)
            }
        }
    }

    fn prompt_file(&mut self, path: &Spanned<String>) -> Option<Arc<Vec<Vec<Message>>>> {
        let source = self.open(path)?;
        match prompts::read(&source) {
            Ok(rows) => Some(Arc::new(rows)),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn prices(&mut self, path: &Spanned<String>) -> Option<PriceTable> {
        let source = self.open(path)?;
        let document = document::read::<PriceTable>(&source, self.env);
        self.problems.extend(document.problems);
        self.variables.extend(document.variables);
        let table = document.value?;
        let date = time::macros::format_description!("[year]-[month]-[day]");
        if time::Date::parse(&table.as_of, &date).is_err() {
            let message = format!("`as_of: {}` is no date", table.as_of);
            let problem = Problem::whole(&source, message);
            self.problems
                .push(problem.with_help("write the day the prices were read: 2026-11-24"));
        }
        for (model, _) in table.models.iter().filter(|(_, price)| price.is_empty()) {
            let message = format!("the model `{model}` has no price");
            let problem = Problem::whole(&source, message);
            self.problems
                .push(problem.with_help("give per_million, per_token, per_request or per_page"));
        }
        Some(table)
    }

    /// Reads a file that the scenario names, from the scenario's folder.
    fn open(&mut self, path: &Spanned<String>) -> Option<Arc<Source>> {
        let full = self.folder.join(&path.value);
        match std::fs::read_to_string(&full) {
            Ok(text) => Some(Source::new(full.display().to_string(), text)),
            Err(error) => {
                let message = format!("`{}` can't be read: {error}", full.display());
                self.problem(
                    path.span.clone(),
                    message,
                    "paths start at this file's folder",
                );
                None
            }
        }
    }
}

/// Reads a lab script from a file of its own.
pub(super) fn script_file(path: &Path, env: Env<'_>) -> Result<Script, Vec<Problem>> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => script_source(&Source::new(name, text), env),
        Err(error) => {
            let source = Source::new(name, "");
            Err(vec![Problem::whole(
                &source,
                format!("the file can't be read: {error}"),
            )])
        }
    }
}

fn script_source(source: &Arc<Source>, env: Env<'_>) -> Result<Script, Vec<Problem>> {
    let document = document::read::<Script>(source, env);
    let mut problems = document.problems;
    let script = document.value.unwrap_or_default();
    if let (true, Err(error)) = (problems.is_empty(), script.check()) {
        problems.push(Problem::whole(source, error.to_string()));
    }
    if problems.is_empty() {
        Ok(script)
    } else {
        Err(problems)
    }
}

fn timeouts(given: file::Timeouts) -> Timeouts {
    let or = |given: Option<HumanDuration>, seconds| {
        given.map_or(std::time::Duration::from_secs(seconds), |given| given.0)
    };
    Timeouts {
        connect: or(given.connect, 10),
        first_token: or(given.first_token, 60),
        idle: or(given.idle, 60),
        request: or(given.request, 300),
    }
}

const DRAIN: std::time::Duration = std::time::Duration::from_secs(30);
const TARGETS_HELP: &str = "say where requests go: targets: { lab: { lab: {} } }";
const MIX_HELP: &str = "give at least one recipe: - { name: chat, chat: { model: openai/gpt-lab, prompt: { text: hello } } }";
const LOAD_HELP: &str =
    "give at least one phase: - { name: steady, poisson: { rate: 50/s, duration: 20s } }";
