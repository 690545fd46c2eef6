//! A job as a runner runs it: steps in a workspace, with files for outputs and the summary.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::yaml;

/// The folder of the action.
pub(crate) const ACTION: &str = "deploy/github-action";

/// Stands in for GitHub's client: notes what it is asked, and lists the comment that there is.
const GH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
case "$*" in
  *--paginate*)
    echo list >>"$FAKE/asked"
    if [ -e "$FAKE/refused" ]; then exit 1; fi
    if [ -e "$FAKE/found" ]; then cat "$FAKE/found"; fi
    ;;
  *)
    [ "$GH_TOKEN" = secret ]
    body=${*: -1}
    grep -q '^<!-- tollgate-gate pull-request ' "${body#body=@}"
    echo "$4 $5" >>"$FAKE/asked"
    ;;
esac
"#;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) struct Job {
    folder: TempDir,
    /// What all steps printed.
    pub(crate) log: String,
    /// What was asked to be kept, each time.
    pub(crate) uploads: Vec<String>,
    /// Outputs by step and name.
    outputs: HashMap<(String, String), String>,
    steps: usize,
}

impl Job {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let job = Self {
            folder,
            log: String::new(),
            uploads: Vec::new(),
            outputs: HashMap::new(),
            steps: 0,
        };
        for made in ["work", "bin", "temp", "fake"] {
            fs::create_dir(job.folder.path().join(made)).unwrap();
        }
        let bin = job.folder.path().join("bin");
        symlink(env!("CARGO_BIN_EXE_tollgate"), bin.join("tollgate")).unwrap();
        fs::write(bin.join("gh"), GH).unwrap();
        fs::set_permissions(bin.join("gh"), fs::Permissions::from_mode(0o755)).unwrap();
        copy(&root().join("scenarios"), &job.path("scenarios"));
        job
    }

    /// A path of the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    fn fake(&self, name: &str) -> PathBuf {
        self.folder.path().join("fake").join(name)
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.path(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(text)).unwrap();
    }

    pub(crate) fn output(&self, step: &str, name: &str) -> String {
        let key = (step.to_owned(), name.to_owned());
        self.outputs.get(&key).cloned().unwrap_or_default()
    }

    pub(crate) fn summary(&self) -> String {
        fs::read_to_string(self.folder.path().join("summary")).unwrap_or_default()
    }

    /// Whether the client made the numbers of the gated run, as a busy machine makes it.
    pub(crate) fn run_is_invalid(&self) -> bool {
        let run = self.path(&self.output("gate", "results")).join("run.json");
        let run: Value = serde_json::from_slice(&fs::read(run).unwrap()).unwrap();
        run["validity"]["verdict"] == "invalid"
    }

    pub(crate) fn comment_exists(&self, id: u32) {
        fs::write(self.fake("found"), format!("{id}\n")).unwrap();
    }

    pub(crate) fn refuse_comments(&self) {
        fs::write(self.fake("refused"), "").unwrap();
    }

    /// What GitHub's client was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.fake("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    /// Runs the jobs of a workflow on a checkout of its own; the exit code of the first step that failed.
    pub(crate) fn workflow(&mut self, file: &str) -> i32 {
        for left in ["results", "base", "baselines"] {
            let _ = fs::remove_dir_all(self.path(left));
        }
        let _ = fs::remove_file(self.folder.path().join("summary"));
        let workflow = yaml::read(&root().join(ACTION).join(file));
        let steps = workflow["jobs"]["gate"]["steps"].as_array().unwrap();
        let mut code = 0;
        for step in steps {
            let condition = step["if"].as_str();
            if !self.wanted(condition, code, &HashMap::new()) {
                continue;
            }
            let ended = match step["uses"].as_str() {
                Some(action) if action.starts_with("./") => {
                    assert_eq!(action, format!("./{ACTION}"));
                    let with = step["with"].as_object().cloned().unwrap_or_default();
                    let with: Vec<(&str, &str)> = with
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                        .collect();
                    self.action(step["id"].as_str().unwrap_or(""), &with)
                }
                Some(_) => 0,
                None => self.step(step, &HashMap::new()),
            };
            code = if code == 0 { ended } else { code };
        }
        code
    }

    /// Runs the action, as the step `id` of a job.
    pub(crate) fn action(&mut self, id: &str, with: &[(&str, &str)]) -> i32 {
        let action = yaml::read(&root().join(ACTION).join("action.yml"));
        let mut inputs = HashMap::new();
        for (name, input) in action["inputs"].as_object().unwrap() {
            let default = self.filled(input["default"].as_str().unwrap_or(""), &inputs);
            inputs.insert(name.clone(), default);
        }
        for (name, value) in with {
            let known = inputs.insert((*name).to_owned(), (*value).to_owned());
            assert!(known.is_some(), "the action has no input {name}");
        }
        self.outputs.clear();
        let mut code = 0;
        for step in action["runs"]["steps"].as_array().unwrap() {
            if !self.wanted(step["if"].as_str(), code, &inputs) {
                continue;
            }
            if let Some(uses) = step["uses"].as_str() {
                if uses.starts_with("actions/upload-artifact@") {
                    let path = step["with"]["path"].as_str().unwrap();
                    self.uploads.push(self.filled(path, &inputs));
                    let name = step["with"]["name"].as_str().unwrap();
                    let name = self.filled(name, &inputs);
                    assert!(name.starts_with("tollgate-pull-request-2"), "{name}");
                }
                continue;
            }
            let ended = self.step(step, &inputs);
            code = if code == 0 { ended } else { code };
        }
        for (name, output) in action["outputs"].as_object().unwrap() {
            let value = self.filled(output["value"].as_str().unwrap(), &inputs);
            self.outputs.insert((id.to_owned(), name.clone()), value);
        }
        code
    }

    /// Runs the script of a step; its exit code.
    fn step(&mut self, step: &Value, inputs: &HashMap<String, String>) -> i32 {
        self.steps += 1;
        let output = self.folder.path().join(format!("output-{}", self.steps));
        fs::write(&output, "").unwrap();
        let here = |name: &str| self.folder.path().join(name);
        let inherited = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(step["run"].as_str().unwrap())
            .current_dir(here("work"))
            .env("PATH", format!("{}:{inherited}", here("bin").display()))
            .env("GITHUB_ACTION_PATH", root().join(ACTION))
            .env("GITHUB_WORKSPACE", here("work"))
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_PATH", here("path"))
            .env("GITHUB_STEP_SUMMARY", here("summary"))
            .env("GITHUB_REPOSITORY", "o/r")
            .env("RUNNER_TEMP", here("temp"))
            .env("FAKE", here("fake"))
            .env("CI", "true");
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            command.env(name, self.filled(value.as_str().unwrap(), inputs));
        }
        let ran = command.output().unwrap();
        self.log += &String::from_utf8(ran.stdout).unwrap();
        self.log += &String::from_utf8(ran.stderr).unwrap();
        if let Some(id) = step["id"].as_str() {
            for line in fs::read_to_string(&output).unwrap().lines() {
                let (name, value) = line.split_once('=').unwrap();
                let key = (id.to_owned(), name.to_owned());
                self.outputs.insert(key, value.to_owned());
            }
        }
        ran.status.code().unwrap()
    }

    /// Whether a step is run after those before it came to `code`.
    fn wanted(&self, condition: Option<&str>, code: i32, inputs: &HashMap<String, String>) -> bool {
        let condition = condition.unwrap_or("");
        let condition = condition.trim_start_matches("${{").trim_end_matches("}}");
        let mut always = false;
        let mut terms = condition.split("&&").map(str::trim);
        let holds = terms.all(|term| {
            if term == "!cancelled()" {
                always = true;
                return true;
            }
            match (term.split_once("!="), term.split_once("==")) {
                (Some((name, value)), _) => self.known(name.trim(), inputs) != text(value),
                (None, Some((name, value))) => self.known(name.trim(), inputs) == text(value),
                (None, None) => term.is_empty() || panic!("what is {term}?"),
            }
        });
        holds && (always || code == 0)
    }

    /// A text with its expressions worked out.
    fn filled(&self, written: &str, inputs: &HashMap<String, String>) -> String {
        let mut parts = written.split("${{");
        let mut out = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap();
            out += &match expression.trim() {
                rows if rows.starts_with("inputs.rows != 'true' &&") => {
                    format!(
                        "!{}/samples.csv",
                        self.known("steps.gate.outputs.results", inputs)
                    )
                }
                name => self.known(name, inputs),
            };
            out += rest;
        }
        out
    }

    /// What a name of an expression stands for.
    fn known(&self, name: &str, inputs: &HashMap<String, String>) -> String {
        let parts: Vec<&str> = name.split('.').collect();
        match parts[..] {
            ["inputs", name] => inputs[name].clone(),
            ["steps", step, "outputs", name] => self.output(step, name),
            ["github", "token"] => "secret".to_owned(),
            ["github", "event", "pull_request", "number"] => "7".to_owned(),
            _ => panic!("what is {name}?"),
        }
    }
}

/// What a literal holds.
fn text(literal: &str) -> &str {
    literal.trim().trim_matches('\'')
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
