//! From what a file says to a scenario that can be planned; every problem is collected on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::arms::{self, ArmSection};
use super::asking::Asking;
use super::connections::Around;
use super::document::{self, Spanned};
use super::file::{self, File};
use super::overhead;
use super::phases;
use super::thresholds::Named;
use super::{Env, Loaded, Overrides, Problem, Prompt, Recipe, Scenario, Source, Timeouts, prompts};
use crate::base::{HumanDuration, Secret};
use crate::dialect::Message;
use crate::pricing::PriceTable;

/// Collects the problems of one scenario file and of the files that it names.
pub(super) struct Checker<'a> {
    pub(super) source: Arc<Source>,
    pub(super) folder: &'a Path,
    pub(super) env: Env<'a>,
    pub(super) problems: Vec<Problem>,
    variables: BTreeSet<String>,
    /// Prompt files that were read, since several recipes may share one.
    rows: BTreeMap<String, Option<Arc<Vec<Vec<Message>>>>>,
    /// Further fields of them, by file and field.
    columns: BTreeMap<(String, String), Option<Vec<Value>>>,
    /// What must not be seen anywhere.
    pub(super) secrets: Vec<Secret>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: Arc<Source>, folder: &'a Path, env: Env<'a>) -> Self {
        let (problems, variables, rows, columns, secrets) = Default::default();
        Self {
            source,
            folder,
            env,
            problems,
            variables,
            rows,
            columns,
            secrets,
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
            if self.is_overhead(&file, overrides.overhead) {
                overhead::arms(&mut file);
            }
            if overrides.compares && file.arms.is_none() {
                self.no_arms();
            }
            self.file(&file)
        });
        // Where the syntax is wrong, nobody knows which variables the file has.
        let unused = |name: &&String| understood && !self.variables.contains(*name);
        for name in given.iter().filter(unused) {
            let message = format!("`-e {name}=...` has no effect: the scenario has no ${{{name}}}");
            self.problems.push(Problem::whole(&self.source, message));
        }
        match scenario {
            Some(scenario) if self.problems.iter().all(Problem::is_warning) => Ok(Scenario {
                secrets: self.secrets,
                warnings: self.problems,
                ..scenario
            }),
            _ => Err(self.problems),
        }
    }

    fn file(&mut self, file: &File) -> Option<Scenario> {
        let name = self.name(file.name.as_ref());
        let targets = self.required(file.targets.as_ref(), "targets", TARGETS_HELP);
        let around = Around::new(file);
        let places = targets.map(|targets| self.targets(targets, &around));
        // `prices: ${PRICES:}` with nothing set is: no prices.
        let prices = file.prices.as_ref().filter(|path| !path.is_empty());
        let prices = prices.map(|path| self.prices(path));
        self.required(file.mix.as_ref(), "mix", MIX_HELP);
        let table = prices.as_ref().and_then(Option::as_ref);
        let arms = places.and_then(|places| self.arms(file, &places, table));
        let budget = self.budget(file, table, arms.as_deref().unwrap_or_default());
        let load = self.required(file.load.as_ref(), "load", LOAD_HELP);
        let (source, problems) = (&self.source, &mut self.problems);
        let load = load.map(|load| phases::check(load, source, problems));
        let phases = load.as_deref().unwrap_or_default();
        let compare = self.compare(file, arms.as_deref().unwrap_or_default(), phases);
        let of_arms = arms.iter().flatten().map(|arm| arm.name.clone());
        let named = Named {
            recipes: arms.as_ref().map_or(&[], |arms| &arms[0].recipes),
            phases,
            arms: &of_arms.collect::<Vec<_>>(),
        };
        let entries = file.thresholds.as_deref().unwrap_or_default();
        // Where recipes or phases could not be read, nobody knows their names.
        let thresholds = match (&arms, &load) {
            (Some(_), Some(_)) => self.thresholds(entries, &named),
            _ => Vec::new(),
        };
        Some(Scenario {
            name: name?,
            seed: file.seed.unwrap_or_default(),
            run_id: file.run_id.as_ref().and_then(|id| self.run_id(id)),
            secrets: Vec::new(),
            warnings: Vec::new(),
            arms: arms?,
            compare,
            phases: load?,
            slos: file.slos.unwrap_or_default(),
            overhead: self.overhead(file),
            marked: false,
            thresholds,
            prices: prices.flatten(),
            budget,
            log_to: self.log_to(file),
            reconcile: self.reconcile(file),
            client: file.client.unwrap_or_default(),
            timestamps: file.timestamps.unwrap_or_default(),
            timeouts: timeouts(file.timeouts.unwrap_or_default()),
            drain: file.drain.map_or(DRAIN, |drain| drain.0),
        })
    }

    pub(super) fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
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

    /// What a run is called. Nothing in a variable is: made up for each run.
    fn run_id(&mut self, id: &Spanned<String>) -> Option<String> {
        if id.is_empty() {
            return None;
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if id.len() > 64 || !id.chars().all(fits) {
            let message = format!("`{}` can't be the id of a run", id.value);
            let help = "use up to 64 letters, digits, `-`, `_` and `.`";
            self.problem(id.span.clone(), message, help);
        }
        Some(id.value.clone())
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

    /// Says each problem once, however many arms share its place.
    pub(super) fn dedup(&mut self) {
        let mut said = Vec::new();
        for problem in std::mem::take(&mut self.problems) {
            if !said.contains(&problem) {
                said.push(problem);
            }
        }
        self.problems = said;
    }

    /// A problem whose text may hold its help after the first line.
    pub(super) fn say(&mut self, span: &Range<usize>, text: &str) {
        let (message, help) = text.split_once('\n').unwrap_or((text, ""));
        let problem = Problem::at(&self.source, span.clone(), message);
        self.problems.push(if help.is_empty() {
            problem
        } else {
            problem.with_help(help)
        });
    }

    pub(super) fn mix(
        &mut self,
        mix: &Spanned<Vec<Spanned<file::Recipe>>>,
        prices: Option<&PriceTable>,
        asking: &Asking,
        arm: Option<&ArmSection>,
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
                self.recipe(recipe, arms::model_of(arm, recipe), prices, asking)
            })
            .collect()
    }

    /// An empty list: said only where the file itself left it empty, not where all was cut.
    fn empty(&mut self, span: &Range<usize>, message: &str, help: &str) {
        if self.problems.iter().all(Problem::is_warning) {
            self.problem(span.clone(), message, help);
        }
    }

    /// Whether something within this place is told already.
    pub(super) fn has_problem_within(&self, span: &Range<usize>) -> bool {
        let inside = |at: Range<usize>| span.start <= at.start && at.end <= span.end;
        let here = |problem: &&Problem| {
            !problem.is_warning() && Arc::ptr_eq(problem.source(), &self.source)
        };
        let mut here = self.problems.iter().filter(here);
        here.any(|problem| problem.span().is_some_and(inside))
    }

    fn recipe(
        &mut self,
        recipe: &file::Recipe,
        model: &Spanned<String>,
        prices: Option<&PriceTable>,
        asking: &Asking,
    ) -> Option<Recipe> {
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
        if model.is_empty() {
            self.problem(
                model.span.clone(),
                "the model has no name",
                "write provider/model",
            );
        } else if let Some(table) = prices.filter(|t| !t.models.contains_key(&model.value)) {
            let message = format!("there is no price for the model `{}`", model.value);
            let known = table
                .models
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let help = format!(
                "add it to the price table, which has {known}; or leave `prices` out: costs are then unknown"
            );
            self.problem(model.span.clone(), message, &help);
        }
        if let Some(zero) = chat.max_tokens.as_ref().filter(|max| max.value == 0) {
            self.problem(
                zero.span.clone(),
                "no answer fits into 0 tokens",
                "give at least 1",
            );
        }
        // Before what its requests say, which may name fields of its rows.
        let prompt = self.prompt(&chat.prompt);
        let (extra, choices) = self.extra(recipe, asking);
        Some(Recipe {
            name: recipe.name.value.clone(),
            weight,
            model: model.value.clone(),
            stream: chat.stream.unwrap_or(true),
            system: chat.system.clone(),
            max_tokens: chat.max_tokens.as_ref().map(|max| max.value),
            checks: Arc::new(self.checks(recipe)),
            expect_shares: recipe
                .expect_shares
                .as_ref()
                .map(|shares| self.shares(shares, &choices)),
            prompt: prompt?,
            extra,
            choices,
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
                if synthetic.tokens.far() > LONGEST_PROMPT {
                    let message = "a prompt can have more than 10 million tokens by this";
                    self.say(&prompt.span, message);
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

    /// A further field of each line of a prompt file, which was read without problems.
    pub(super) fn column(&mut self, path: &str, field: &str) -> Option<Vec<Value>> {
        self.rows.get(path)?.as_ref()?;
        let key = (path.to_owned(), field.to_owned());
        if let Some(column) = self.columns.get(&key) {
            return column.clone();
        }
        let source = self.open(&Spanned::new(path.to_owned(), 0..0))?;
        let column = match prompts::column(&source, field) {
            Ok(column) => Some(column),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        };
        self.columns.insert(key, column.clone());
        column
    }

    fn prices(&mut self, path: &Spanned<String>) -> Option<PriceTable> {
        let source = self.open(path)?;
        let document = document::read::<PriceTable>(&source, self.env);
        self.problems.extend(document.problems);
        self.variables.extend(document.variables);
        let table = document.value?;
        let date = time::macros::format_description!("[year]-[month]-[day]");
        let rows = table.models.values();
        let days = rows.filter_map(|price| price.as_of.as_ref());
        let no_day = |day: &&String| time::Date::parse(day, &date).is_err();
        for day in std::iter::once(&table.as_of).chain(days).filter(no_day) {
            let message = format!("`as_of: {day}` is no date");
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
    pub(super) fn open(&mut self, path: &Spanned<String>) -> Option<Arc<Source>> {
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
/// Tokens of a made-up prompt: more than any model takes, and what one machine can make.
const LONGEST_PROMPT: f64 = 1e7;
pub(super) const TARGETS_HELP: &str = "say where requests go: targets: { lab: { lab: {} } }";
const MIX_HELP: &str = "give at least one recipe: - { name: chat, chat: { model: openai/gpt-lab, prompt: { text: hello } } }";
const LOAD_HELP: &str =
    "give at least one phase: - { name: steady, poisson: { rate: 50/s, duration: 20s } }";
