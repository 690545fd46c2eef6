//! The made-up gateway: a preset in a folder of its own, tollgate that tries it, and the processes that
//! come of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

const NAP: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(30);
/// The variable by which the gateway's processes are found, whatever they call themselves.
const MARK: &str = "TOLLGATE_TEST_MARK";

/// A preset, and the folder in which it is tried.
pub(crate) struct MadeUp {
    folder: TempDir,
    mark: String,
}

impl MadeUp {
    /// The gateway with these habits.
    pub(crate) fn with(habits: &[&str]) -> Self {
        Self::changed(habits, |_| {})
    }

    /// The same, where the preset is another.
    pub(crate) fn changed(habits: &[&str], change: impl FnOnce(&mut Value)) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateways/fake.py");
        let mut command = vec!["python3", script, "{port}"];
        command.extend(habits);
        let mut preset = json!({
            "about": "A made-up gateway",
            "install": "buy one",
            "command": command,
            "env": { MARK: mark, "EMPTY": "{provider_url.2}" },
            "ready": { "get": "/", "within": "10s" },
            "end_within": "400ms",
            "base_url": "http://127.0.0.1:{port}/v1",
            "model": "m",
        });
        change(&mut preset);
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("made-up.yaml"), preset.to_string()).unwrap();
        Self { folder, mark }
    }

    /// `tollgate gateways try` with further arguments.
    pub(crate) fn command(&self, further: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .args(["gateways", "try", "made-up.yaml", "-o", "out"])
            .args(further)
            .current_dir(self.folder.path())
            .env("PLANTED_SECRET", "of the user's own environment")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Tries it to the end; then none of its processes is left.
    pub(crate) fn tried(&self, further: &[&str]) -> Tried {
        let output = self.command(further).output().unwrap();
        assert_eq!(self.processes(), [] as [u32; 0], "processes are left");
        self.assert_no_key_is_kept();
        Tried::of(&output)
    }

    /// Starts to try it, and waits until its gateway has said `word`.
    pub(crate) fn started(&self, word: &str) -> Child {
        let child = self.command(&[]).spawn().unwrap();
        self.wait(|| self.log().contains(word));
        child
    }

    /// Waits until something is so.
    pub(crate) fn wait(&self, so: impl Fn() -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !so() {
            assert!(Instant::now() < patience, "the log:\n{}", self.log());
            thread::sleep(NAP);
        }
    }

    /// Asserts that no process of the gateway is left in two seconds.
    pub(crate) fn assert_gone(&self, since: Instant) {
        while !self.processes().is_empty() {
            let left = self.processes();
            assert!(since.elapsed() < Duration::from_secs(2), "left: {left:?}");
            thread::sleep(NAP);
        }
    }

    /// The folder with the gateway's files.
    pub(crate) fn kept(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.folder.path().join("out/gateways")).ok()?;
        Some(entries.next()?.unwrap().path())
    }

    /// What the gateway said, as far as it was kept.
    pub(crate) fn log(&self) -> String {
        let kept = self.kept().map(|folder| folder.join("log.txt"));
        kept.and_then(|path| fs::read_to_string(path).ok())
            .unwrap_or_default()
    }

    /// All living processes of the gateway: whoever has the mark in its environment.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let marked = format!("{MARK}={}", self.mark);
        let has_mark = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == marked.as_bytes())
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(has_mark).collect()
    }

    /// Made-up keys are long, begin alike, and stand in no file once all is over.
    fn assert_no_key_is_kept(&self) {
        let Some(folder) = self.kept() else { return };
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let keys: Vec<&str> = text
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .filter(|word| word.starts_with("sk-"))
                .collect();
            assert!(keys.is_empty(), "{}: {keys:?}", path.display());
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) exit: Option<i32>,
    pub(crate) told: String,
    /// What was printed as JSON, where it was.
    pub(crate) json: Value,
}

impl Tried {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            exit: output.status.code(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
            json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        }
    }

    /// Asserts that it ended so, and told all of this.
    pub(crate) fn tells(&self, exit: i32, words: &[&str]) {
        assert_eq!(self.exit, Some(exit), "{self:?}");
        for word in words {
            assert!(self.told.contains(word), "{word}\nis not in\n{}", self.told);
        }
    }
}
