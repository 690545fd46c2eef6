//! The Python environment with the gateway and the public `HdrHistogram` tools, made once in `target`.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// What is installed. The versions are pinned: the tests say what these very programs do.
const PACKAGES: [&str; 2] = ["respan-gateway==0.3.0", "hdrhistogram==0.10.8"];
const SKIP: &str = "TOLLGATE_SKIP_REAL";
/// As long as one step of the installation may take.
const STEP: Duration = Duration::from_secs(240);
/// As long as another process that installs is waited for: its three steps.
const PATIENCE: Duration = Duration::from_secs(720);
const NAP: Duration = Duration::from_millis(250);

/// The interpreter of the environment, or `None` where these tests are to be skipped.
pub(crate) fn ready() -> Option<&'static Path> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if std::env::var_os(SKIP).is_some_and(|value| value == "1") {
        // Not by a macro: the harness would keep it to itself where a test passes.
        let name = thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "skipped by {SKIP}=1: {name}");
        return None;
    }
    match READY.get_or_init(make) {
        Ok(python) => Some(python),
        Err(problem) => panic!(
            "the tests against a real gateway could not install it: {problem}\n\
             help: they need python3 with its venv module (on Debian: apt-get install python3-venv) and \
             a way to PyPI, or to a mirror that pip is told of. To go without them: {SKIP}=1 cargo test"
        ),
    }
}

/// Makes the environment, or takes the one that is there and whole.
fn make() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .ok_or("target has no folder")?;
    let folder = target.join("real-gateway-venv");
    let python = folder.join("bin/python3");
    // The system frees the lock with the process, so that none is left behind by a test that was killed.
    let lock = File::create(target.join("real-gateway-venv.lock")).map_err(|e| e.to_string())?;
    wait_for(&lock)?;
    let (marker, wanted) = (folder.join("complete"), PACKAGES.join("\n"));
    let whole = fs::read_to_string(&marker).is_ok_and(|found| found == wanted);
    if whole && works(&python).is_ok() {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    run(
        Path::new("python3"),
        &["-m", "venv", &folder.to_string_lossy()],
    )?;
    let pip =
        "-m pip install --disable-pip-version-check --no-input --quiet --retries 2 --timeout 15";
    let install: Vec<&str> = pip.split(' ').chain(PACKAGES).collect();
    run(&python, &install)?;
    works(&python)?;
    fs::write(&marker, wanted).map_err(|e| format!("{}: {e}", marker.display()))?;
    Ok(python)
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

fn works(python: &Path) -> Result<(), String> {
    run(python, &["-c", "import respan_gateway, hdrh.log"])
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
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
