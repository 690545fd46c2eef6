//! Gateways that tollgate starts itself, from presets: real programs between its client and its lab.
//!
//! Each has a process of its own that holds it, the supervisor, so that it ends with tollgate however
//! tollgate ends.

mod error;
mod job;
mod list;
mod log;
mod preset;
mod processes;
mod ready;
mod starting;
mod supervised;
mod supervisor;
mod template;
mod try_out;
mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::Secret;
use crate::scenario::{Kind, Readings};
use crate::shot::Headers;
use crate::wire::Endpoint;

pub(super) use error::lines;
pub(super) use job::{Ended, Usage};
pub(super) use list::list;
pub(super) use preset::Preset;
pub(super) use starting::Start;
pub(super) use supervisor::supervise;
pub(super) use template::{Routing, Upstream};
pub(super) use try_out::try_out;

use supervised::{State, Supervised};

/// A gateway that is at work. It ends when this is dropped.
pub(super) struct Gateway {
    /// The name of its preset.
    pub(super) name: String,
    /// The base URL of its API, without a slash at its end.
    pub(super) base_url: String,
    /// The key that it takes of its clients.
    pub(super) key: Secret,
    /// The model to ask for.
    pub(super) model: String,
    /// What each request must have beyond that.
    pub(super) headers: Headers,
    /// Whose contract it keeps.
    pub(super) kind: Kind,
    /// Where it tells what of a request.
    pub(super) readings: Arc<Readings>,
    /// Its version, where its command tells it.
    pub(super) version: Option<String>,
    /// Its first process, and the group of all of them.
    pub(super) pid: u32,
    /// What it says is kept here.
    pub(super) log: PathBuf,
    supervised: Supervised,
}

impl Gateway {
    /// Where to send.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            base_url: self.base_url.clone(),
            key: Some(self.key.clone()).filter(|key| !key.is_empty()),
            ..Endpoint::default()
        }
    }

    /// How it ended, where it ended by itself.
    pub(super) fn died(&self) -> Option<Ended> {
        match self.supervised.state() {
            State::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// Tells how it ended, where it ended by itself, from anywhere.
    pub(super) fn death(&self) -> impl Fn() -> Option<Ended> + use<> {
        let state = self.supervised.watch();
        move || match state.borrow().clone() {
            State::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn until_dead(&self) -> Ended {
        match self.supervised.over().await {
            State::Ended(ended) => ended,
            _ => Ended::default(),
        }
    }

    /// What it used, four times a second; empty where the platform does not tell.
    pub(super) fn usage(&self) -> Vec<Usage> {
        self.supervised.usage()
    }

    /// Ends it. What it used up to then can still be read.
    pub(super) async fn stop(&mut self) -> Ended {
        self.supervised.stop().await
    }
}

/// The file of a command: on the search path, or as its path says; without links.
fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs = |path: &Path| {
        let about = std::fs::metadata(path);
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let path = std::path::absolute(program).ok()?;
        return runs(&path).then_some(path);
    }
    let search = std::env::var_os("PATH")?;
    std::env::split_paths(&search)
        .map(|folder| folder.join(program))
        .find(|path| !program.is_empty() && runs(path))
}
