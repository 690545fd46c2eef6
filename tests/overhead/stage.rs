//! A folder with a scenario and a gateway's template, in which `tollgate overhead` is typed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// Streams of 12 chunks, one each 5 ms, and plain answers.
pub(crate) const PROVIDER: &str = "{ script: { repeats: vary, models: [ { ttft: { constant: 20ms }, \
    pace: { constant: 5ms }, output_tokens: { constant: 12 } } ] } }";

/// A folder of its own.
pub(crate) struct Stage {
    folder: TempDir,
    /// What stands in front of the search path.
    bin: Option<PathBuf>,
}

/// What came of a command line.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    /// What was found, where it was told.
    pub(crate) found: Value,
    pub(crate) stderr: String,
    pub(crate) folder: Option<PathBuf>,
}

impl Stage {
    /// With a scenario of these providers and further sections.
    pub(crate) fn new(providers: &str, prompt: &str, further: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let chat = format!("model: gpt-lab, prompt: {prompt}");
        let scenario = format!(
            "name: sandwich\nseed: 7\noverhead: {{ {providers} }}\nmix:\n\
             - {{ name: streamed, weight: 3, chat: {{ {chat} }} }}\n\
             - {{ name: plain, chat: {{ stream: false, {chat} }} }}\n\
             load: [ {{ name: steady, closed: {{ concurrency: 4, requests: 80 }} }} ]\n{further}\n"
        );
        fs::write(folder.path().join("sandwich.yaml"), scenario).unwrap();
        Self { folder, bin: None }
    }

    /// With one healthy provider.
    pub(crate) fn healthy() -> Self {
        let prompt = "{ synthetic: { tokens: { uniform: { min: 5, max: 40 } } } }";
        Self::new(&format!("providers: {{ lab: {PROVIDER} }}"), prompt, "")
    }

    /// With the commands of this folder.
    pub(crate) fn with_bin(mut self, bin: PathBuf) -> Self {
        self.bin = Some(bin);
        self
    }

    /// Writes a template of the lab's gateway that does so.
    pub(crate) fn gateway(&self, script: &str) -> &Self {
        let template = format!(
            "about: the lab's gateway\ninstall: nothing\nkind: respan\n\
             command: [\"{{tollgate}}\", lab, --upstream, \"{{provider_url}}\", --gateway, \"127.0.0.1:{{port}}\", --script, \"{{config}}\"]\n\
             files:\n  script.yaml: |\n    gateway: {{ keys: [ {{ key: \"{{client_key}}\" }} ], {script} }}\n\
             ready: {{ get: /health, within: 20s }}\n\
             base_url: http://127.0.0.1:{{port}}/api\nmodel: lab/gpt-lab\n"
        );
        fs::write(self.folder.path().join("front.yaml"), template).unwrap();
        self
    }

    /// Types `tollgate overhead sandwich.yaml` with further arguments, parted by blanks.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.type_out(&args.split_whitespace().collect::<Vec<_>>())
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same with arguments that may have blanks.
    pub(crate) fn type_out(&self, args: &[&str]) -> Ran {
        let path = std::env::var("PATH").unwrap();
        let path = match &self.bin {
            Some(bin) => format!("{}:{path}", bin.display()),
            None => path,
        };
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["overhead", "sandwich.yaml", "--json", "--no-html"])
            .args(args)
            .current_dir(self.folder.path())
            .env("PATH", path)
            .output()
            .unwrap();
        let runs = self.folder.path().join("results/sandwich");
        let newest = fs::read_dir(runs).ok().and_then(|runs| {
            let runs = runs.map(|run| run.unwrap().path());
            runs.max_by_key(|run| fs::metadata(run).unwrap().modified().unwrap())
        });
        Ran {
            exit: output.status.code(),
            found: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            folder: newest,
        }
    }
}

impl Ran {
    /// What was added at a quantile of the only load.
    pub(crate) fn added(&self, time: &str, stat: &str) -> f64 {
        let added = self.found["levels"][0]["added"].as_array().unwrap();
        let of = added.iter().find(|added| added["time"] == time).unwrap();
        let stats = of["stats"].as_array().unwrap();
        let at = stats.iter().find(|found| found["stat"] == stat).unwrap();
        at["added_ms"].as_f64().unwrap()
    }

    /// The verdict on the streams.
    pub(crate) fn stream(&self) -> &str {
        self.found["stream"]["verdict"]
            .as_str()
            .unwrap_or_else(|| panic!("{self:?}"))
    }
}
