//! The templates: what `tollgate init` writes is whole, runs on the lab, and overwrites nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Runs the binary in a folder; blanks part the arguments.
fn tollgate(folder: &Path, args: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(args.split_whitespace())
        .current_dir(folder)
        .env_remove("OPENAI_API_KEY")
        .env_remove("RESPAN_API_KEY")
        .output()
        .unwrap()
}

fn fine(folder: &Path, args: &str) -> String {
    let output = tollgate(folder, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, args: &str) -> String {
    let output = tollgate(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args}");
    String::from_utf8(output.stderr).unwrap()
}

/// The templates by their names, as the binary lists them.
fn templates() -> Vec<(String, String)> {
    let folder = TempDir::new().unwrap();
    let listed: Value = serde_json::from_str(&fine(folder.path(), "scenarios --json")).unwrap();
    let templates = listed["templates"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    templates
        .map(|template| (text(&template["name"]), text(&template["answers"])))
        .collect()
}

/// All files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap();
                found.insert(below.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn every_template_is_written_whole_and_runs_on_the_lab() {
    let templates = templates();
    assert!(templates.len() >= 6, "{templates:?}");
    std::thread::scope(|scope| {
        for (name, answers) in &templates {
            scope.spawn(move || runs(name, answers));
        }
    });
}

fn runs(name: &str, answers: &str) {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let said = fine(folder, &format!("init {name}"));
    let next = said.lines().last().unwrap();
    let command = next.strip_prefix("next: tollgate ").unwrap();
    let scenario = command.split(' ').next_back().unwrap();
    let text = fs::read_to_string(folder.join(scenario)).unwrap();
    assert!(
        answers.contains('?') && text.starts_with(&format!("# {answers}\n")),
        "{name}"
    );
    let comments = text.matches(" # ").count() + text.matches("\n# ").count();
    assert!(comments >= 4, "{name} teaches with {comments} comments");
    // A gateway's overhead has the gateway as a setting, and needs one to run.
    let overhead = name == "overhead";
    assert!(
        overhead || text.contains("_API_KEY:}"),
        "{name} shows no real gateway"
    );
    // What it names is there, and only that: all else would be clutter.
    assert_eq!(
        fine(folder, &format!("validate {scenario}")),
        format!("{scenario}: ok\n")
    );
    fine(folder, &format!("plan {scenario}"));
    let there = files(folder);
    for file in there
        .iter()
        .filter(|file| !file.ends_with("schema.json") && *file != scenario)
    {
        let below = file.strip_prefix("scenarios/").unwrap();
        assert!(text.contains(below), "{name} does not name {file}");
    }
    if overhead {
        assert!(said.contains("needs a gateway to start"), "{said}");
        return;
    }
    let ran = tollgate(folder, &format!("{command} -d 1s -o out --no-html"));
    let said = String::from_utf8_lossy(&ran.stderr);
    // So short a run carries few thresholds, and this machine may be too noisy for any.
    assert!(
        matches!(ran.status.code(), Some(0 | 1 | 3 | 4)),
        "{name}: {said}"
    );
    let found = files(&folder.join("out"));
    let info = found
        .iter()
        .find(|path| path.ends_with("run.json"))
        .unwrap();
    let info = fs::read_to_string(folder.join("out").join(info)).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["complete"], true, "{name}: {said}");
    let ok = info["summary"]["scopes"][0]["count"]["ok"]
        .as_u64()
        .unwrap();
    assert!(ok > 0, "{name}: {said}");
}

#[test]
fn a_template_overwrites_nothing_and_shares_what_is_the_same() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fine(folder, "init smoke");
    let said = fine(folder, "init gate");
    assert!(said.contains("kept  scenarios/prices/lab.yaml"), "{said}");
    assert!(said.contains("wrote scenarios/gate.yaml"), "{said}");
    // The scenario is the user's own, whatever it holds.
    let before = files(folder);
    let said = refused(folder, "init gate");
    assert!(
        said.starts_with("error: scenarios/gate.yaml is there already"),
        "{said}"
    );
    // So is a file that differs, and then nothing at all is written.
    fs::write(folder.join("scenarios/prices/lab.yaml"), "mine").unwrap();
    let said = refused(folder, "init cost-audit");
    assert!(
        said.contains("scenarios/prices/lab.yaml is there already"),
        "{said}"
    );
    assert_eq!(files(folder), before);
    assert_eq!(
        fs::read(folder.join("scenarios/prices/lab.yaml")).unwrap(),
        b"mine"
    );
}

#[test]
fn a_template_goes_where_it_is_sent() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let said = fine(folder, "init capacity -o load/stairs.yaml");
    assert!(
        said.ends_with("next: tollgate run load/stairs.yaml\n"),
        "{said}"
    );
    assert!(folder.join("load/lab/small-provider.yaml").exists());
    fine(folder, "validate load/stairs.yaml");
    fine(folder, "init capacity -o elsewhere");
    fine(folder, "validate elsewhere/capacity.yaml");
    let said = refused(folder, "init smok");
    assert!(
        said.contains("there is no template `smok`") && said.contains("smoke, "),
        "{said}"
    );
    // A file stands where a folder would be.
    fs::write(folder.join("blocked"), "").unwrap();
    let blocked = tollgate(folder, "init smoke -o blocked");
    assert_eq!(blocked.status.code(), Some(70));
}

#[test]
fn scenarios_are_listed_with_what_they_answer_and_send() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fine(folder, "init smoke");
    fs::write(
        folder.join("scenarios/broken.yaml"),
        "# Is it broken?\nname: b\n",
    )
    .unwrap();
    let listed: Value = serde_json::from_str(&fine(folder, "scenarios --json")).unwrap();
    let found = listed["scenarios"].as_array().unwrap();
    assert_eq!(found[0]["path"], "scenarios/broken.yaml");
    assert_eq!(found[0]["answers"], "Is it broken?");
    assert_eq!(found[0]["forecast"], Value::Null);
    assert!(found[0]["problems"].as_u64().unwrap() > 0);
    let plan: Value =
        serde_json::from_str(&fine(folder, "plan scenarios/smoke.yaml --json")).unwrap();
    assert_eq!(found[1]["forecast"], plan["forecast"]);
    let text = fine(folder, "scenarios");
    let arrivals = plan["forecast"]["arrivals"].as_u64().unwrap();
    assert!(
        text.contains(&format!("  {arrivals} requests, 20s and more, $")),
        "{text}"
    );
    assert!(
        text.contains("see tollgate validate scenarios/broken.yaml"),
        "{text}"
    );
    let listed = fine(folder, "init");
    for (name, answers) in templates() {
        assert!(text.contains(&answers) && listed.contains(&name), "{name}");
    }
}
