//! Gateways that nobody here wrote, each started from its preset and asked.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::installed::{once, run, venv};
use crate::made_up::Tried;
use crate::python;

/// What is installed of Portkey's.
const PACKAGE: &str = "@portkey-ai/gateway@1.15.2";

/// Whether the large ones are wanted, too.
fn wants_all() -> bool {
    std::env::var_os("TOLLGATE_REAL").is_some_and(|value| value == "all")
}

/// Tries a shipped preset, whose command is in the folder `bin`; none of its group is left.
fn tried(bin: &Path, further: &[&str]) -> Tried {
    let folder = TempDir::new().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(["gateways", "try", "--json"]).args(further);
    let output = command
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let tried = Tried::of(&output);
    let pid = tried.json["pid"]
        .as_i64()
        .unwrap_or_else(|| panic!("{tried:?}"));
    let group = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    assert!(
        nix::sys::signal::killpg(group, None).is_err(),
        "{group} is left"
    );
    tried
}

/// What each of the first answers was.
fn outcomes(tried: &Tried) -> Vec<&str> {
    let asked = tried.json["asked"].as_array().unwrap();
    asked
        .iter()
        .map(|answer| answer["outcome"].as_str().unwrap())
        .collect()
}

/// One provider, several that are ranked of which the first fails, and several that are weighted.
fn answers_plain_and_streamed_and_routes(bin: &Path, name: &str, version: &str) -> Value {
    let one = tried(bin, &[name]);
    assert_eq!(one.exit, Some(0), "{one:?}");
    assert_eq!(outcomes(&one), ["ok", "ok"]);
    assert_eq!(one.json["asked"][1]["token_chunks"], 16);
    assert_eq!(one.json["version"], version);
    assert_eq!(one.json["ended"]["forced"], false);
    assert_eq!(one.json["providers"]["lab"], 2);
    assert!(one.json["usage"]["rss_bytes"].as_u64().unwrap() > 1 << 20);
    let ranked = tried(bin, &[name, "--providers", "2"]);
    assert_eq!(outcomes(&ranked), ["ok", "ok"], "{ranked:?}");
    assert_eq!(ranked.json["providers"]["lab2"], 2);
    assert!(ranked.json["providers"]["lab"].as_u64().unwrap() >= 2);
    let weighted = tried(bin, &[name, "--providers", "2", "--routing", "weighted"]);
    assert!(outcomes(&weighted).iter().all(|outcome| *outcome == "ok"));
    let of_lab = weighted.json["providers"]["lab"].as_u64().unwrap();
    // 30 of 40 are its share; a fair draw is 5 standard deviations off once in two million runs.
    assert!((16..=40).contains(&of_lab), "{of_lab} of 40");
    assert!(weighted.json["providers"]["lab2"].as_u64().unwrap() > 0);
    one.json
}

#[test]
fn the_labs_own_gateway_is_started_like_any_other() {
    let one = tried(Path::new("/nowhere"), &["lab"]);
    assert_eq!(one.exit, Some(0), "{one:?}");
    assert_eq!(outcomes(&one), ["ok", "ok"]);
    assert_eq!(one.json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(one.json["ended"]["status"], "exit status: 0");
}

#[test]
fn respans_gateway_answers_and_falls_back_and_shares_out() {
    let Some(python) = python::ready() else {
        return;
    };
    let bin = python.parent().unwrap();
    answers_plain_and_streamed_and_routes(bin, "respan-oss", "0.3.0");
}

#[test]
fn ferro_labs_gateway_answers_and_falls_back_and_shares_out_and_claims_its_overhead() {
    let Some(python) = python::ready() else {
        return;
    };
    let bin = python.parent().unwrap();
    let one = answers_plain_and_streamed_and_routes(bin, "ferrogw", "1.5.10");
    let claim = |at: usize| one["asked"][at]["overhead_claimed_ms"].as_f64();
    assert!(claim(0).is_some_and(|ms| ms >= 0.0), "{one}");
    assert_eq!(claim(1), None, "it claims nothing for streams");
}

#[test]
fn litellm_answers_and_falls_back_and_shares_out() {
    if !wants_all() {
        return;
    }
    let import = "import importlib.metadata as m; m.version('litellm')";
    let python = venv("litellm-venv", &["litellm[proxy]==1.108.7"], import).unwrap();
    let bin = python.parent().unwrap();
    answers_plain_and_streamed_and_routes(bin, "litellm", "1.108.7");
}

#[test]
fn portkey_answers_what_is_plain_and_its_streams_are_told_as_they_are() {
    if !wants_all() {
        return;
    }
    let bin = |folder: &Path| -> PathBuf { folder.join("node_modules/.bin") };
    let install = |folder: &Path| {
        let folder = folder.to_string_lossy();
        let npm = "install --no-audit --no-fund --no-save --silent --prefix";
        let arguments: Vec<&str> = npm.split(' ').chain([&*folder, PACKAGE]).collect();
        run(Path::new("npm"), &arguments)
    };
    let works = |folder: &Path| {
        run(
            Path::new("ls"),
            &[&bin(folder).join("gateway").to_string_lossy()],
        )
    };
    let folder = once("portkey-node", PACKAGE, install, works).unwrap();
    let one = tried(&bin(&folder), &["portkey"]);
    assert_eq!(outcomes(&one)[0], "ok");
    assert_eq!(one.json["version"], "1.15.2");
    // On Node 20 it answers 500 to every stream; on others it may not.
    let streamed = outcomes(&one)[1];
    assert!(["ok", "status_500"].contains(&streamed), "{streamed}");
    assert_eq!(one.exit, Some(i32::from(streamed != "ok")));
}
