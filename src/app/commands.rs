//! The commands that send nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::Exit;
use super::cli::{PlanArgs, ReportArgs, ScenarioArgs, SchemaArgs, ValidateArgs};
use super::terminal;
use crate::judge;
use crate::plan::Plan;
use crate::report;
use crate::results;
use crate::scenario::{self, Overrides, Problem, Scenario};
use crate::schedule::forecast;

/// Loads a scenario, or shows all its problems.
pub(super) fn load(args: &ScenarioArgs) -> Result<Scenario, Exit> {
    load_with(args, &args.overrides())
}

/// The same, where a command changes more of it.
pub(super) fn load_with(args: &ScenarioArgs, overrides: &Overrides) -> Result<Scenario, Exit> {
    let loaded = load_file(&args.scenario, &args.env, overrides);
    let problems = match &loaded {
        Ok(scenario) => &scenario.warnings,
        Err(problems) => problems,
    };
    show(problems);
    loaded.map_err(|_| Exit::Usage)
}

/// Shows problems, if there are any.
pub(super) fn show(problems: &[Problem]) {
    if !problems.is_empty() {
        terminal::message(scenario::render(problems, terminal::stderr_colour()).trim_end());
    }
}

pub(super) fn load_file(
    path: &Path,
    given: &[(String, String)],
    overrides: &Overrides,
) -> Result<Scenario, Vec<Problem>> {
    let names: Vec<String> = given.iter().map(|(key, _)| key.clone()).collect();
    scenario::load(path, &|name| lookup(given, name), &names, overrides)
}

/// The same of a text that is built in.
pub(super) fn load_text(
    name: &str,
    text: &str,
    given: &[(String, String)],
    overrides: &Overrides,
) -> Result<Scenario, Vec<Problem>> {
    let names: Vec<String> = given.iter().map(|(key, _)| key.clone()).collect();
    scenario::load_text(name, text, &|name| lookup(given, name), &names, overrides)
}

/// A variable: as it was given last, or else of the environment.
fn lookup(given: &[(String, String)], name: &str) -> Option<String> {
    let given = given.iter().rev().find(|(key, _)| key == name);
    given
        .map(|(_, value)| value.clone())
        .or_else(|| std::env::var(name).ok())
}

pub(super) fn validate(args: &ValidateArgs) -> Exit {
    let mut exit = Exit::Fine;
    // Of several files, each may use variables of its own: one that none of them has is a mistake.
    let several = args.scenarios.len() > 1;
    let given = args.env.iter().filter(|_| !several);
    let alone: Vec<String> = given.map(|(name, _)| name.clone()).collect();
    let used = RefCell::new(BTreeSet::new());
    let env = |name: &str| {
        used.borrow_mut().insert(name.to_owned());
        lookup(&args.env, name)
    };
    for path in &args.scenarios {
        match scenario::load(path, &env, &alone, &Overrides::default()) {
            Ok(scenario) => {
                show(&scenario.warnings);
                terminal::data(&format!("{}: ok\n", path.display()));
            }
            Err(problems) => {
                show(&problems);
                terminal::message(&format!("\n{}: {}", path.display(), counted(&problems)));
                exit = Exit::Usage;
            }
        }
    }
    let unused = |name: &String| several && !used.borrow().contains(name);
    for (name, _) in args.env.iter().filter(|(name, _)| unused(name)) {
        terminal::error(&format!(
            "`-e {name}=...` has no effect: no scenario has ${{{name}}}"
        ));
        exit = Exit::Usage;
    }
    exit
}

/// How many problems there are, in words.
fn counted(problems: &[Problem]) -> String {
    let plural = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let warnings = problems.iter().filter(|p| p.is_warning()).count();
    let errors = plural(problems.len() - warnings, "problem");
    match warnings {
        0 => errors,
        _ => format!("{errors}, {}", plural(warnings, "warning")),
    }
}

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let scenario = match load(&args.scenario) {
        Ok(scenario) => scenario,
        Err(exit) => return Ok(exit),
    };
    let plan = Plan::new(scenario);
    let (forecast, examples) = (forecast(&plan), report::examples(&plan));
    let needed = report::needed(&plan, &forecast);
    if args.json {
        let json = serde_json::json!({
            "schema": results::SCHEMA,
            "digest": plan.digest(),
            "forecast": forecast,
            "compared": needed,
            "requests": examples,
        });
        terminal::data(&format!("{}\n", serde_json::to_string_pretty(&json)?));
    } else {
        terminal::data(&report::plan(&plan, &forecast, &needed, &examples));
    }
    Ok(Exit::Fine)
}

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    if let Some(file) = &args.html {
        return super::page::report(&args.run, file.as_deref());
    }
    let mut stored = match results::read(&args.run) {
        Ok(stored) => stored,
        Err(error) => {
            terminal::error(&error.to_string());
            return Ok(Exit::Usage);
        }
    };
    let summary = stored.summary();
    let health = super::collect::health(&stored.info, &stored.recorder);
    let validity = judge::validity(&summary, &health);
    stored.info.shares = stored.info.judge_shares(&summary);
    let exit = if stored.recorder.total().ok == 0 {
        Exit::NoData
    } else {
        Exit::Fine
    };
    let text = if args.json {
        let mut info = stored.info;
        (info.summary, info.validity) = (Some(summary), Some(validity));
        format!("{}\n", serde_json::to_string_pretty(&info)?)
    } else {
        let paint = terminal::stdout_paint();
        let compared = match results::read_comparison(&args.run) {
            Ok(found) => found.map(|found| report::comparison(&found, paint) + "\n"),
            Err(error) => Some(format!("note: {error}\n")),
        };
        let overhead = results::read_overhead(&args.run);
        let added = overhead.map(|found| report::overhead(&found, paint) + "\n");
        // Of a sandwich, pairs are the comparison.
        let compared = added.or(compared);
        let logged = results::read_reconciled(&args.run);
        let logged = logged.map(|found| format!("\n{}", report::reconciled(&found, paint)));
        let text = report::run(&stored.info, &summary, &validity, &stored.notes, paint);
        compared.unwrap_or_default() + &text + &logged.unwrap_or_default()
    };
    terminal::data(&text);
    Ok(exit)
}

pub(super) fn schema(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let schema = scenario::schema();
    let text = if args.markdown {
        report::reference(&schema)
    } else {
        format!("{}\n", serde_json::to_string_pretty(&schema)?)
    };
    terminal::data(&text);
    Ok(Exit::Fine)
}
