//! The Python environment with the gateways and the public `HdrHistogram` tools, made once in `target`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::installed::{skipped, venv};

/// What is installed. The versions are pinned: the tests say what these very programs do.
const PACKAGES: [&str; 3] = [
    "respan-gateway==0.3.0",
    "ferrogw==1.5.10",
    "hdrhistogram==0.10.8",
];

/// The interpreter of the environment, or `None` where these tests are to be skipped.
pub(crate) fn ready() -> Option<&'static Path> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if skipped() {
        return None;
    }
    let make = || {
        venv(
            "real-gateway-venv",
            &PACKAGES,
            "import respan_gateway, hdrh.log",
        )
    };
    match READY.get_or_init(make) {
        Ok(python) => Some(python),
        Err(problem) => panic!(
            "the tests against a real gateway could not install it: {problem}\n\
             help: they need python3 with its venv module (on Debian: apt-get install python3-venv) and \
             a way to PyPI, or to a mirror that pip is told of. To go without them: \
             TOLLGATE_SKIP_REAL=1 cargo test"
        ),
    }
}
