//! Programs from public registries that tests run: installed once in `target`, by one test process at
//! a time, and kept.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const SKIP: &str = "TOLLGATE_SKIP_REAL";
/// As long as one step of an installation may take.
const STEP: Duration = Duration::from_secs(240);
/// As long as another process that installs is waited for: its three steps.
const PATIENCE: Duration = Duration::from_secs(720);
const NAP: Duration = Duration::from_millis(250);

/// Whether the tests that need such programs are to be left out; says so of this one.
pub(crate) fn skipped() -> bool {
    let skipped = std::env::var_os(SKIP).is_some_and(|value| value == "1");
    if skipped {
        // Not by a macro: the harness would keep it to itself where a test passes.
        let name = thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "skipped by {SKIP}=1: {name}");
    }
    skipped
}

/// The folder `name` in `target` with what is `wanted`: as it is there, where it is whole and `works`,
/// or made by `make` in an empty folder.
pub(crate) fn once(
    name: &str,
    wanted: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
    works: impl Fn(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .ok_or("target has no folder")?;
    let folder = target.join(name);
    // The system frees the lock with the process, so that none is left behind by a test that was killed.
    let lock = File::create(target.join(format!("{name}.lock"))).map_err(|e| e.to_string())?;
    wait_for(&lock)?;
    let marker = folder.join("complete");
    let whole = fs::read_to_string(&marker).is_ok_and(|found| found == wanted);
    if whole && works(&folder).is_ok() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    make(&folder)?;
    works(&folder)?;
    fs::write(&marker, wanted).map_err(|e| format!("{}: {e}", marker.display()))?;
    Ok(folder)
}

/// A Python environment in `target` with these packages; its interpreter.
pub(crate) fn venv(name: &str, packages: &[&str], imports: &str) -> Result<PathBuf, String> {
    let python = |folder: &Path| folder.join("bin/python3");
    let make = |folder: &Path| {
        run(
            Path::new("python3"),
            &["-m", "venv", &folder.to_string_lossy()],
        )?;
        let pip = "-m pip install --disable-pip-version-check --no-input --quiet --retries 2 --timeout 15";
        let install: Vec<&str> = pip.split(' ').chain(packages.iter().copied()).collect();
        run(&python(folder), &install)
    };
    let works = |folder: &Path| run(&python(folder), &["-c", imports]);
    once(name, &packages.join("\n"), make, works).map(|folder| python(&folder))
}

/// Runs a program to its end; what it said where it fails.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = assert_cmd::Command::new(program);
    let command = command.args(arguments).timeout(STEP);
    let said = |why: &str| format!("`{} {}`: {why}", program.display(), arguments.join(" "));
    let output = command.output().map_err(|error| said(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (&output.stdout, &output.stderr);
    let text = [out, err].map(|bytes| String::from_utf8_lossy(bytes));
    Err(said(&format!("{}\n{}", output.status, text.concat())))
}

fn wait_for(lock: &File) -> Result<(), String> {
    for _ in 0..PATIENCE.as_millis() / NAP.as_millis() {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(NAP),
            Err(TryLockError::Error(error)) => return Err(error.to_string()),
        }
    }
    Err(format!(
        "another process holds its lock for over {PATIENCE:?}"
    ))
}
