//! The binary in a folder of its own, and what it leaves there.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tollgate::record::IntervalRow;
use tollgate::results::Row;
use tollgate::wire::Outcome;

/// No command of these tests may take longer, whatever goes wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// Variables of the environment that change what the binary does.
const HEEDED: [&str; 4] = ["CI", "NO_COLOR", "OPENAI_API_KEY", "RESPAN_API_KEY"];

/// A mix of one streamed and one plain kind of request.
pub(crate) const MIX: &str = r"
mix:
  - name: streamed
    weight: 2
    chat:
      model: openai/gpt-lab
      prompt: { synthetic: { tokens: { uniform: { min: 5, max: 40 } } } }
      max_tokens: 16
  - { name: plain, chat: { model: openai/gpt-lab, stream: false, prompt: { text: hello } } }
";

/// The embedded lab: one model that is quick and regular.
pub(crate) const QUICK_LAB: &str = "{ lab: { script: { models: [ { ttft: { constant: 10ms }, \
     pace: { constant: 2ms }, output_tokens: { uniform: { min: 2, max: 12 } } } ] } } }";

/// A scenario that sends the mix to `target`; `rest` is its load and whatever else it says.
pub(crate) fn scenario(target: &str, rest: &str) -> String {
    format!("name: small\nseed: 7\ntargets: {{ lab: {target} }}\n{MIX}\n{rest}\n")
}

/// A target that listens at `url`.
pub(crate) fn gateway(url: &str) -> String {
    format!("{{ gateway: {{ url: \"{url}\" }} }}")
}

/// A folder for one test, in which the binary works.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { folder }
    }

    /// A sandbox that holds `scenario.yaml`.
    pub(crate) fn with(scenario: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("scenario.yaml", scenario);
        sandbox
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The names of what is in the folder.
    pub(crate) fn list(&self) -> Vec<String> {
        list(self.folder.path())
    }

    /// Runs the binary; blanks part the arguments.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_with(&[], args)
    }

    pub(crate) fn run_with(&self, env: &[(&str, &str)], args: &str) -> Ran {
        self.start_with(env, args).finish()
    }

    pub(crate) fn start(&self, args: &str) -> Started {
        self.start_with(&[], args)
    }

    fn start_with(&self, env: &[(&str, &str)], args: &str) -> Started {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(args.split_whitespace());
        self.spawn(command, env)
    }

    /// Runs the binary from a shell that set its limits first.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_limited(&self, limits: &str, args: &str) -> Ran {
        let mut command = Command::new("sh");
        let script = format!("{limits} && exec \"$0\" \"$@\"");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_tollgate")])
            .args(args.split_whitespace());
        self.spawn(command, &[]).finish()
    }

    fn spawn(&self, mut command: Command, env: &[(&str, &str)]) -> Started {
        for name in HEEDED {
            command.env_remove(name);
        }
        command
            .envs(env.iter().copied())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Started {
            child,
            stderr,
            said: String::new(),
        }
    }

    /// Runs `scenario.yaml`, which must come to its end, and gives what it left in `out`.
    pub(crate) fn results(&self, args: &str) -> Folder {
        self.run(&format!("run scenario.yaml -o out {args}"))
            .exits(0);
        self.folder()
    }

    /// The folder of the run in `out`, once it is there.
    pub(crate) fn folder_so_far(&self) -> Option<Folder> {
        let path = self.path("out/small");
        let there = path.exists() && !list(&path).is_empty();
        there.then(|| Folder { path: only(&path) })
    }

    /// The one folder of a run in `out`.
    pub(crate) fn folder(&self) -> Folder {
        let scenario = only(&self.path("out"));
        Folder {
            path: only(&scenario),
        }
    }

    /// The forecast of `scenario.yaml`.
    pub(crate) fn plan(&self, args: &str) -> Value {
        let plan = self
            .run(&format!("plan scenario.yaml --json {args}"))
            .exits(0);
        serde_json::from_str(&plan.stdout).unwrap()
    }
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn only(folder: &Path) -> PathBuf {
    let names = list(folder);
    assert_eq!(names.len(), 1, "{} holds {names:?}", folder.display());
    folder.join(&names[0])
}

impl Ran {
    /// Checks the exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Where stderr says that problems are.
    pub(crate) fn places(&self) -> Vec<&str> {
        let lines = self.stderr.lines().map(str::trim_start);
        lines.filter_map(|line| line.strip_prefix("--> ")).collect()
    }

    /// What stderr says that is wrong.
    pub(crate) fn errors(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines
            .filter_map(|line| line.strip_prefix("error: "))
            .collect()
    }
}

/// A command at work. It is killed when this is dropped.
pub(crate) struct Started {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Started {
    /// Reads stderr up to a line that starts so.
    #[cfg(target_os = "linux")]
    pub(crate) fn hear(&mut self, start: &str) {
        loop {
            let mut line = String::new();
            let len = self.stderr.read_line(&mut line).unwrap();
            assert!(len > 0, "it never said `{start}`, but:\n{}", self.said);
            self.said.push_str(&line);
            if line.starts_with(start) {
                return;
            }
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end. The binary says so little on stderr that the pipe holds all of it.
    pub(crate) fn finish(mut self) -> Ran {
        // Read as it comes: the schema is more than a pipe holds.
        let stdout = self.child.stdout.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut said = String::new();
                pipe.read_to_string(&mut said).unwrap();
                said
            })
        });
        let mut status = None;
        until("the command's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.stderr.read_to_string(&mut self.said).unwrap();
        let stdout = stdout.map(|reader| reader.join().unwrap());
        Ran {
            code: status.and_then(|status| status.code()),
            stdout: stdout.unwrap_or_default(),
            stderr: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds`.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let step = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if holds() {
            return;
        }
        std::thread::sleep(step);
    }
    panic!("in vain waited for {what}");
}

/// The files of a run.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn names(&self) -> Vec<String> {
        list(&self.path)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path.join(name), bytes).unwrap();
    }

    /// `run.json`.
    pub(crate) fn info(&self) -> Value {
        serde_json::from_slice(&self.read("run.json")).unwrap()
    }

    /// The figures of all measured requests.
    pub(crate) fn total(&self) -> Value {
        self.info()["summary"]["scopes"][0].clone()
    }

    /// A quantile of all measured requests, in milliseconds.
    pub(crate) fn quantile(&self, metric: &str, stat: &str) -> f64 {
        let total = self.total();
        let find = |list: &Value, key: &str, name: &str| {
            let mut items = list.as_array().unwrap().iter();
            items.find(|item| item[key] == name).unwrap().clone()
        };
        let metric = find(&total["metrics"], "metric", metric);
        find(&metric["quantiles"], "stat", stat)["value_ms"]
            .as_f64()
            .unwrap()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.csv("samples.csv")
    }

    /// The rows that are measured.
    pub(crate) fn measured(&self) -> Vec<Row> {
        let rows = self.rows();
        rows.into_iter().filter(|row| !row.warmup).collect()
    }

    pub(crate) fn intervals(&self) -> Vec<IntervalRow> {
        self.csv("intervals.csv")
    }

    pub(crate) fn csv<T: serde::de::DeserializeOwned>(&self, name: &str) -> Vec<T> {
        let mut reader = csv::Reader::from_path(self.path.join(name)).unwrap();
        reader.deserialize().collect::<Result<_, _>>().unwrap()
    }
}

/// How many rows came out so.
pub(crate) fn count(rows: &[Row], outcome: Outcome) -> usize {
    rows.iter().filter(|row| row.outcome == outcome).count()
}

/// The numbers of the rows of a phase, in order; every one must be there once.
pub(crate) fn assert_no_gap(rows: &[Row], phase: &str) -> usize {
    let mut numbers: Vec<u64> = rows
        .iter()
        .filter(|row| row.phase == phase)
        .map(|row| row.id.number)
        .collect();
    numbers.sort_unstable();
    let wanted: Vec<u64> = (0..numbers.len() as u64).collect();
    assert_eq!(numbers, wanted, "an arrival of `{phase}` is lost or twice");
    numbers.len()
}

/// The most requests that were in flight at once.
pub(crate) fn most_in_flight(rows: &[Row]) -> i32 {
    let spans = rows
        .iter()
        .filter_map(|row| Some((row.sent_ms?, row.end_ms?)));
    // At one instant an end comes before a start: the place was free.
    let mut steps: Vec<_> = spans
        .flat_map(|(sent, end)| [(sent, 1), (end, -1)])
        .collect();
    steps.sort_unstable();
    let levels = steps.iter().scan(0, |level, (_, step)| {
        *level += step;
        Some(*level)
    });
    levels.max().unwrap_or(0)
}
