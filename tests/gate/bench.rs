//! A run to judge, in a folder of its own.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::{Folder, MIX, QUICK_LAB, Ran, Sandbox, scenario};

/// Few requests, closed, so that it is over soon on any machine.
pub(crate) const LOAD: &str =
    "load: [ { name: steady, closed: { concurrency: 4, requests: 200 } } ]";

/// One run of the lab, without thresholds.
static RUN: LazyLock<(Sandbox, Folder)> = LazyLock::new(|| {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let folder = sandbox.results("");
    trust(&folder);
    (sandbox, folder)
});

/// A sandbox with a copy of that run in `out/small/run`.
pub(crate) fn bench() -> (Sandbox, Folder) {
    let sandbox = Sandbox::new();
    let folder = copy(&RUN.1, &sandbox, "out/small/run");
    (sandbox, folder)
}

/// Copies a run to another place in a sandbox.
pub(crate) fn copy(run: &Folder, sandbox: &Sandbox, to: &str) -> Folder {
    let path = sandbox.path(to);
    fs::create_dir_all(&path).unwrap();
    for name in run.names() {
        fs::copy(run.path.join(&name), path.join(&name)).unwrap();
    }
    Folder { path }
}

/// Says that nothing spoke against a run's figures.
pub(crate) fn trust(folder: &Folder) {
    edit(folder, |info| {
        info["validity"] = json!({ "verdict": "valid", "checks": [] });
    });
}

/// Changes `run.json`.
pub(crate) fn edit(folder: &Folder, change: impl FnOnce(&mut Value)) {
    let mut info = folder.info();
    change(&mut info);
    folder.write("run.json", info.to_string());
}

/// Gives a run thresholds, as if it had been made with them.
pub(crate) fn ask(folder: &Folder, thresholds: &[&str]) {
    let thresholds: Vec<Value> = thresholds
        .iter()
        .map(|check| json!({ "check": check, "line": 9 }))
        .collect();
    edit(folder, |info| info["thresholds"] = thresholds.into());
}

/// Judges a run by one threshold.
pub(crate) fn judge(sandbox: &Sandbox, folder: &Folder, threshold: &str, args: &str) -> Ran {
    ask(folder, &[threshold]);
    gate(sandbox, folder, args)
}

pub(crate) fn gate(sandbox: &Sandbox, folder: &Folder, args: &str) -> Ran {
    sandbox.run(&format!("gate {} {args}", folder.path.display()))
}

/// What a gate said with `--json`.
pub(crate) fn said(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

/// What is in `gate.json`.
pub(crate) fn kept(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("gate.json")).unwrap()).unwrap()
}

/// A scenario of the lab with these thresholds, each a line of YAML.
pub(crate) fn asking(thresholds: &[&str]) -> String {
    let lines: Vec<String> = thresholds.iter().map(|t| format!("  - {t}\n")).collect();
    format!(
        "name: small\ntargets: {{ lab: {QUICK_LAB} }}\n{MIX}\n{LOAD}\nthresholds:\n{}",
        lines.concat()
    )
}
