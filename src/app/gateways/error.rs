//! Why a gateway could not be started, for people.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::job::Ended;
use crate::base::HumanDuration;

/// Why a gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub(in crate::app) enum GatewayError {
    #[error(
        "the command `{program}` is not found\nhelp: install it: {install}; or say how it is started, with --gateway-cmd"
    )]
    NotFound { program: String, install: String },
    #[error("the gateway's command can't be used: {why}\nhelp: {help}")]
    Command { why: String, help: String },
    #[error(
        "`{program}` can't be started: {why}\nhelp: check that it is a program that you may run"
    )]
    NotStarted { program: String, why: String },
    #[error(
        "port {port} of 127.0.0.1 can't be had for {name}: {why}\nhelp: end what listens there; the preset takes no other port"
    )]
    PortTaken {
        name: String,
        port: u16,
        why: String,
    },
    #[error("{name} ended before it was ready, {}{}\nhelp: its log is {}", .ended.status, lines(.ended), .log.display())]
    ExitedEarly {
        name: String,
        ended: Box<Ended>,
        log: PathBuf,
    },
    #[error("{name} was not ready within {}: {said}{}\nhelp: its log is {}", HumanDuration(*.within), lines(.ended), .log.display())]
    NeverReady {
        name: String,
        within: Duration,
        said: String,
        ended: Box<Ended>,
        log: PathBuf,
    },
    #[error("{name} can't {what}\nhelp: {help}")]
    CantRoute {
        name: String,
        what: String,
        help: String,
    },
    #[error("{}: {why}\nhelp: the gateway's configuration and log are kept there", .path.display())]
    File { path: PathBuf, why: String },
}

impl GatewayError {
    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            why: error.to_string(),
        }
    }
}

/// The last lines of a gateway, each on a line of its own.
pub(in crate::app) fn lines(ended: &Ended) -> String {
    if ended.last.is_empty() {
        return "; it said nothing".to_owned();
    }
    let lines = ended.last.iter().map(|line| format!("\n  | {line}"));
    format!("; it said at the end{}", lines.collect::<String>())
}
