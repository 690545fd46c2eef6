//! A run of the built binary: a scenario in a folder of its own, and the files that come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::{KEY, PRICES};

/// As long as a run may take, beyond all that is planned.
const PATIENCE: Duration = Duration::from_secs(90);

/// A scenario on disk.
pub(crate) struct Scene {
    folder: TempDir,
}

/// What a run is to send.
pub(crate) struct Planned {
    /// The arrivals: phase and number.
    pub(crate) ids: BTreeSet<String>,
    /// How many each recipe has.
    pub(crate) recipes: BTreeMap<String, usize>,
}

/// What came of a run.
pub(crate) struct Finished {
    /// The exit code.
    pub(crate) exit: Option<i32>,
    /// What it said on stderr.
    pub(crate) said: String,
    /// The folder of the run, where it made one.
    pub(crate) folder: Option<PathBuf>,
    /// The rows of `samples.csv`.
    pub(crate) rows: Vec<Row>,
    /// The lines of `summary.csv`.
    pub(crate) summary: Vec<Line>,
}

/// A row of `samples.csv`, read by its columns' names and not by tollgate's own reader.
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) recipe: String,
    pub(crate) warmup: bool,
    pub(crate) stream: bool,
    pub(crate) outcome: String,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) tokens_estimated: bool,
    pub(crate) cost_computed_usd: Option<f64>,
    pub(crate) good: bool,
    pub(crate) retry_after_s: Option<f64>,
}

/// A line of `summary.csv`.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) scope: String,
    pub(crate) metric: String,
    pub(crate) stat: String,
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    pub(crate) n: u64,
}

impl Row {
    pub(crate) fn is_ok(&self) -> bool {
        self.outcome == "ok"
    }
}

/// A recipe with short made-up prompts.
pub(crate) fn recipe(name: &str, model: &str, stream: bool) -> Value {
    json!({
        "name": name,
        "chat": {
            "model": model,
            "stream": stream,
            "prompt": { "synthetic": { "tokens": { "uniform": { "min": 10, "max": 60 } } } },
            "max_tokens": 64,
        },
    })
}

impl Scene {
    /// Writes a scenario against the gateway at `url`, with the gateway's own prices. JSON is YAML.
    pub(crate) fn new(url: &str, mix: &[Value], load: &Value) -> Self {
        Self::with_timeouts(url, mix, load, &json!({}))
    }

    /// The same for a gateway that may not answer.
    pub(crate) fn impatient(url: &str, mix: &[Value], load: &Value) -> Self {
        let timeouts = json!({ "first_token": "2s", "request": "3s" });
        Self::with_timeouts(url, mix, load, &timeouts)
    }

    /// The same for a run that is held against the gateway's log of it.
    pub(crate) fn reconciling(url: &str, mix: &[Value], load: &Value) -> Self {
        let scene = Self::new(url, mix, load);
        let path = scene.folder.path().join("scenario.yaml");
        let mut scenario: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        scenario["targets"]["real"]["gateway"]["kind"] = json!("respan_oss");
        scenario["reconcile"] = json!({ "wait": "20s" });
        fs::write(path, scenario.to_string()).unwrap();
        scene
    }

    fn with_timeouts(url: &str, mix: &[Value], load: &Value, timeouts: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenario = json!({
            "name": "real-gateway",
            "seed": 11,
            "targets": { "real": { "gateway": { "url": url, "api_key": "${KEY}" } } },
            "mix": mix,
            "load": load,
            "prices": "prices.yaml",
            "timeouts": timeouts,
        });
        let models: BTreeMap<&str, Value> = mix
            .iter()
            .map(|recipe| recipe["chat"]["model"].as_str().unwrap())
            .map(|model| (model, json!({ "per_million": price(model) })))
            .collect();
        let prices = json!({ "as_of": "2026-11-24", "models": models });
        for (name, content) in [("scenario.yaml", scenario), ("prices.yaml", prices)] {
            fs::write(folder.path().join(name), content.to_string()).unwrap();
        }
        Self { folder }
    }

    /// What `tollgate plan` foresees.
    pub(crate) fn planned(&self) -> Planned {
        let output = self.tollgate("plan", KEY).arg("--json").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        let list = |name: &str| plan["forecast"][name].as_array().unwrap().clone();
        let number = |value: &Value| value.as_u64().expect("the plan can be counted");
        let mut ids = BTreeSet::new();
        for (index, phase) in list("phases").iter().enumerate() {
            ids.extend((0..number(&phase["arrivals"])).map(|n| format!("{index}-{n}")));
        }
        let recipes = list("recipes").into_iter().map(|recipe| {
            let name = recipe["name"].as_str().unwrap().to_owned();
            (name, number(&recipe["requests"]) as usize)
        });
        Planned {
            ids,
            recipes: recipes.collect(),
        }
    }

    /// Runs it with a key.
    pub(crate) fn run(&self, key: &str) -> Finished {
        let results = self.folder.path().join("results");
        let mut command = self.tollgate("run", key);
        let output = command.arg("-o").arg(&results).output().unwrap();
        let folder = fs::read_dir(results.join("real-gateway"))
            .ok()
            .and_then(|mut entries| entries.next())
            .map(|entry| entry.unwrap().path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(
            !said.contains(key) && !shown.contains(key),
            "it shows a key"
        );
        if let Some(folder) = &folder {
            assert_no_file_holds(folder, key);
        }
        let (rows, summary) = folder.as_deref().map_or_else(Default::default, |folder| {
            (
                read(&folder.join("samples.csv")),
                read(&folder.join("summary.csv")),
            )
        });
        Finished {
            exit: output.status.code(),
            said,
            folder,
            rows,
            summary,
        }
    }

    fn tollgate(&self, subcommand: &str, key: &str) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .arg(subcommand)
            .arg(self.folder.path().join("scenario.yaml"))
            .env("KEY", key)
            .timeout(PATIENCE);
        command
    }
}

/// The gateway's price of a model. The ones that only ever fail have none there, and any will do.
fn price(model: &str) -> Value {
    let known = PRICES.iter().find(|price| price.0 == model);
    let (_, input, cached, output) = known.unwrap_or(&PRICES[0]);
    let number = |text: &str| text.parse::<f64>().unwrap();
    json!({ "input": number(input), "cached_input": number(cached), "output": number(output) })
}

/// What `tollgate report` makes of the folder of a run.
pub(crate) fn report(folder: &Path) -> Value {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let command = command.arg("report").arg(folder).arg("--json");
    let output = command.timeout(PATIENCE).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn read<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

fn assert_no_file_holds(folder: &Path, key: &str) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(key), "{} holds a key", path.display());
    }
}
