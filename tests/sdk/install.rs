//! The official SDKs for Python and Node, installed once in `target`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::installed::{once, run, skipped, venv};

/// What is installed. The versions are pinned: a new one is tried on purpose.
const PYTHON: [&str; 4] = [
    "anthropic==2.13.0",
    "openai==3.54.0",
    "requests==2.34.2",
    "respan-api==0.1.49",
];
const NODE: &str = "openai@7.57.0";

/// The Python interpreter with the SDK, or `None` where these tests are to be skipped.
pub(crate) fn python() -> Option<&'static Path> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let make = || {
        venv(
            "sdk-venv",
            &PYTHON,
            "import anthropic, openai, requests, respan",
        )
    };
    let needs = "python3 with its venv module (on Debian: apt-get install python3-venv) and PyPI";
    ready(&READY, make, needs)
}

/// The folder with the Node SDK, or `None` where these tests are to be skipped.
pub(crate) fn node() -> Option<&'static Path> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let make = || {
        let install = |folder: &Path| {
            let folder = folder.to_string_lossy();
            let npm = "install --no-audit --no-fund --no-save --silent --prefix";
            let arguments: Vec<&str> = npm.split(' ').chain([&*folder, NODE]).collect();
            run(Path::new("npm"), &arguments)
        };
        let works = |folder: &Path| {
            let module = folder.join("node_modules/openai");
            run(
                Path::new("node"),
                &["-p", &format!("require('{}').OpenAI", module.display())],
            )
        };
        once("sdk-node", NODE, install, works)
    };
    let needs = "node and npm (on Debian: apt-get install nodejs npm) and the npm registry";
    ready(&READY, make, needs)
}

fn ready(
    cell: &'static OnceLock<Result<PathBuf, String>>,
    make: impl FnOnce() -> Result<PathBuf, String>,
    needs: &str,
) -> Option<&'static Path> {
    if skipped() {
        return None;
    }
    match cell.get_or_init(make) {
        Ok(path) => Some(path),
        Err(problem) => panic!(
            "the tests with the official SDKs could not install them: {problem}\n\
             help: they need {needs}, or a mirror of it. To go without them: \
             TOLLGATE_SKIP_REAL=1 cargo test"
        ),
    }
}
