//! What a gate leaves for a CI system: files, and what GitHub's runner reads.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::cli::Policy;
use super::{Exit, terminal};
use crate::judge::{Gate, Validity};
use crate::record::Summary;
use crate::report::ci::{self, Context, OnInconclusive, names};

/// What is written for a CI system.
#[derive(Clone, Debug, Args)]
pub(super) struct CiArgs {
    /// Write all outputs of the gate into the run's folder, and tell the CI system what it came to
    #[arg(long, value_name = "SYSTEM", conflicts_with = "json")]
    pub(super) ci: Option<System>,
    /// Write these outputs into this folder, too
    #[arg(long, value_name = "DIR", requires = "ci")]
    ci_dir: Option<PathBuf>,
    /// Write what the gate found as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write what the gate found as Markdown, short enough for a comment
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the run's figures as Bencher Metric Format
    #[arg(long, value_name = "FILE")]
    bmf: Option<PathBuf>,
}

/// A CI system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// GitHub Actions: annotations on stdout, a job summary, and outputs of the step
    Github,
}

/// A run, and what its gate found.
pub(super) struct Told<'a> {
    /// There is one wherever [`CiArgs::gates`] says so.
    pub(super) gate: Option<&'a Gate>,
    /// The scenario's name.
    pub(super) name: &'a str,
    pub(super) summary: &'a Summary,
    pub(super) validity: &'a Validity,
    /// The run's folder.
    pub(super) folder: &'a Path,
    /// The file whose lines the thresholds name.
    pub(super) scenario: Option<&'a Path>,
    pub(super) policy: Option<Policy>,
}

/// Whether all was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written(bool);

impl Written {
    /// The exit code of a command: no pass where what should tell of it is lost.
    pub(super) fn unless_lost(self, exit: Exit) -> Exit {
        match exit {
            Exit::Fine if !self.0 => Exit::Internal,
            exit => exit,
        }
    }
}

impl CiArgs {
    /// Whether a verdict is asked for. Figures alone are none.
    pub(super) fn gates(&self) -> bool {
        self.ci.is_some() || self.junit.is_some() || self.markdown.is_some()
    }

    /// The other folder for the files of `--ci`.
    pub(super) fn dir(&self) -> Option<&Path> {
        self.ci_dir.as_deref()
    }

    /// Whether the files of `--ci` have no folder but a run's.
    pub(super) fn lacks_dir(&self) -> bool {
        self.ci.is_some() && self.ci_dir.is_none()
    }

    /// Removes what an earlier gate left where this one will write: a run that comes to no verdict must
    /// not leave the last one's.
    pub(super) fn clear(&self) {
        let files = [&self.junit, &self.markdown, &self.bmf];
        for path in files.into_iter().flatten() {
            let _ = std::fs::remove_file(path);
        }
        if let Some(folder) = &self.ci_dir {
            for name in names::ALL {
                let _ = std::fs::remove_file(folder.join(name));
            }
        }
    }

    /// A report for stdout. On GitHub no line of it is taken for a command: it may quote what a server said.
    pub(super) fn guarded(&self, text: &str) -> String {
        match self.ci {
            None => text.to_owned(),
            Some(System::Github) => {
                let token = format!("tollgate-{:016x}", RandomState::new().hash_one(text));
                let end = if text.ends_with('\n') { "" } else { "\n" };
                format!("::stop-commands::{token}\n{text}{end}::{token}::\n")
            }
        }
    }

    /// Writes all that is asked for, and says what could not be written.
    pub(super) fn write(&self, told: &Told) -> Written {
        let mut files = Files::default();
        if let Some(path) = &self.bmf {
            let figures = ci::bmf(told.name, told.summary, told.validity);
            files.note(path, std::fs::write(path, figures));
        }
        if let Some(gate) = told.gate.filter(|_| self.gates()) {
            self.write_gate(gate, told, &mut files);
        }
        Written(!files.lost)
    }

    fn write_gate(&self, gate: &Gate, told: &Told, files: &mut Files) {
        let scenario = told.scenario.map(in_workspace);
        let context = Context {
            scenario_file: scenario.as_deref(),
            validity: told.validity,
            on_inconclusive: match told.policy {
                None => OnInconclusive::Tell,
                Some(Policy::Pass) => OnInconclusive::Pass,
                Some(Policy::Fail) => OnInconclusive::Fail,
            },
        };
        if let Some(path) = &self.junit {
            files.note(path, std::fs::write(path, ci::junit(gate, &context)));
        }
        if let Some(path) = &self.markdown {
            let text = ci::markdown(gate, told.summary, &context, ci::COMMENT_LIMIT);
            files.note(path, std::fs::write(path, text));
        }
        match self.ci {
            None => {}
            Some(System::Github) => self.github(gate, told, &context, files),
        }
    }

    fn github(&self, gate: &Gate, told: &Told, context: &Context, files: &mut Files) {
        let outputs = ci::write_all(gate, told.summary, context);
        let folders = [Some(told.folder), self.ci_dir.as_deref()];
        for folder in folders.into_iter().flatten() {
            files.note(folder, std::fs::create_dir_all(folder));
            for output in &outputs {
                let path = folder.join(output.name);
                files.note(&path, write_own(&path, &output.bytes));
            }
        }
        terminal::data(&ci::annotations(gate, context));
        if let Some(file) = variable("GITHUB_STEP_SUMMARY") {
            let room = room_in(&file);
            let text = ci::markdown(gate, told.summary, context, room);
            if text.is_empty() {
                terminal::message("the step's summary is full: the gate's report is not in it");
            }
            files.note(&file, append(&file, &text));
        }
        if let Some(file) = variable("GITHUB_OUTPUT") {
            let text = step_outputs(gate, told.folder);
            files.note(&file, append(&file, &text));
        }
    }
}

/// What became of files.
#[derive(Default)]
struct Files {
    lost: bool,
}

impl Files {
    fn note(&mut self, path: &Path, written: io::Result<()>) {
        if let Err(why) = written {
            terminal::error(&format!("{}: {why}", path.display()));
            self.lost = true;
        }
    }
}

/// A file that a variable of the environment names.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// A file's path from the root of the repository, where that is known: annotations need it so.
fn in_workspace(path: &Path) -> String {
    let inside = || {
        let workspace = variable("GITHUB_WORKSPACE")?;
        let whole = std::path::absolute(path).ok()?;
        whole.strip_prefix(workspace).ok().map(Path::to_owned)
    };
    let inside = inside().unwrap_or_else(|| path.strip_prefix(".").unwrap_or(path).to_owned());
    inside.display().to_string()
}

/// Writes a file that only its owner can read, as all of a run's folder.
fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// The bytes that may yet go into the summary of a step.
fn room_in(file: &Path) -> usize {
    let there = std::fs::metadata(file).map_or(0, |file| file.len() as usize);
    ci::SUMMARY_LIMIT.saturating_sub(there)
}

/// What later steps can ask for.
fn step_outputs(gate: &Gate, folder: &Path) -> String {
    let outputs = [
        ("verdict", gate.verdict.name().to_owned()),
        ("report", folder.join(names::MARKDOWN).display().to_string()),
        ("results", folder.display().to_string()),
    ];
    // A value with a line's end would be more than one output.
    let fit = outputs
        .into_iter()
        .filter(|(_, value)| !value.contains(['\n', '\r']));
    fit.map(|(name, value)| name.to_owned() + "=" + &value + "\n")
        .collect()
}
