//! `tollgate scenarios`: what there is to run, and what each of it answers.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::templates::{self, answers};
use super::{Exit, commands, terminal};
use crate::plan::Plan;
use crate::report;
use crate::results;
use crate::scenario::Overrides;
use crate::schedule::{Forecast, forecast};

#[derive(Debug, Args)]
pub(super) struct ScenariosArgs {
    /// The folder of scenarios
    #[arg(value_name = "DIR", default_value = USUAL)]
    dir: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// A scenario of the folder.
#[derive(Debug, Serialize)]
struct Found {
    /// The file.
    path: String,
    /// What it answers, in its own words.
    answers: String,
    /// What it would send; `None` where it has problems.
    forecast: Option<Forecast>,
    /// How many problems it has.
    problems: usize,
    #[serde(skip)]
    brief: String,
}

/// A template of the binary.
#[derive(Debug, Serialize)]
struct Offered {
    name: &'static str,
    answers: &'static str,
}

/// The folder that is looked into where none is named: it may be absent, since there are templates as well.
const USUAL: &str = "scenarios";

pub(super) fn scenarios(args: &ScenariosArgs) -> anyhow::Result<Exit> {
    if !args.dir.is_dir() && args.dir != Path::new(USUAL) {
        terminal::error(&format!(
            "{} is no folder\nhelp: name a folder with scenarios; without one it is {USUAL}",
            args.dir.display()
        ));
        return Ok(Exit::Usage);
    }
    let found: Vec<Found> = files(&args.dir).iter().map(|path| look(path)).collect();
    if args.json {
        let offered = templates::ALL.iter().map(|template| Offered {
            name: template.name,
            answers: template.answers(),
        });
        let json = serde_json::json!({
            "schema": results::SCHEMA,
            "scenarios": found,
            "templates": offered.collect::<Vec<_>>(),
        });
        terminal::data(&format!("{}\n", serde_json::to_string_pretty(&json)?));
    } else {
        terminal::data(&text(&args.dir, &found));
    }
    Ok(Exit::Fine)
}

/// The YAML files of a folder, if it is there, and the scenarios in its folders: these may hold other files.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths = entries(folder);
    let folders: Vec<PathBuf> = paths.extract_if(.., |path| path.is_dir()).collect();
    paths.retain(|path| is_yaml(path));
    let below = folders.iter().flat_map(|folder| entries(folder));
    paths.extend(below.filter(|path| is_yaml(path) && has_a_mix(path)));
    paths.sort_unstable();
    paths
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn is_yaml(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml")) && path.is_file()
}

fn has_a_mix(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.starts_with("mix:"))
}

fn look(path: &Path) -> Found {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut found = Found {
        path: path.display().to_string(),
        answers: answers(&text).to_owned(),
        forecast: None,
        problems: 0,
        brief: String::new(),
    };
    match commands::load_file(path, &[], &Overrides::default()) {
        Ok(scenario) => {
            let plan = Plan::new(scenario);
            let forecast = forecast(&plan);
            found.brief = report::plan_in_brief(&plan, &forecast);
            found.forecast = Some(forecast);
        }
        Err(problems) => {
            found.problems = problems.iter().filter(|p| !p.is_warning()).count();
            let first = problems.iter().find(|p| !p.is_warning());
            let first = first.map_or("", |problem| problem.message());
            let shown = path.display();
            found.brief = format!("{first}: see tollgate validate {shown}");
        }
    }
    found
}

fn text(dir: &Path, found: &[Found]) -> String {
    let mut out = String::new();
    for scenario in found {
        out += &format!("{}\n", scenario.path);
        for line in [&scenario.answers, &scenario.brief] {
            if !line.is_empty() {
                out += &format!("  {line}\n");
            }
        }
    }
    if found.is_empty() {
        out += &format!("{} has no scenarios\n", dir.display());
    }
    out += "\nTemplates that tollgate init TEMPLATE writes\n";
    for template in templates::ALL {
        out += &format!("  {:12}  {}\n", template.name, template.answers());
    }
    out
}
