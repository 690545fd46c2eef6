//! What docs/lab.md says of the lab's gateway runs as it stands there.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tollgate::lab::Script;

use crate::support::*;

/// The block of a language in the page's section on the gateway.
fn block(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lab.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once("## The lab's gateway\n").unwrap();
    let (_, block) = section.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// What each command of the block prints, run by a shell against a lab.
async fn run(commands: Vec<String>) -> Vec<Output> {
    let run = move || {
        let shell = |command: &String| Command::new("sh").args(["-c", command]).output().unwrap();
        commands.iter().map(shell).collect()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn the_curl_examples_work() {
    let lab = lab(Script::default()).await;
    assert_eq!(lab.key.expose(), "sk-lab");
    let address = lab
        .gateway_url
        .trim_end_matches("/api")
        .trim_start_matches("http://");
    let text = block("sh").replace("127.0.0.1:8080", address);
    let commands: Vec<_> = text
        .split("\ncurl ")
        .map(|c| format!("curl --noproxy '*' {}", c.trim_start_matches("curl ")))
        .collect();
    assert_eq!(commands.len(), 6);
    let outputs = run(commands).await;
    let text = |at: usize| {
        let output: &Output = &outputs[at];
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the tests need curl: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let json = |at: usize| serde_json::from_str::<serde_json::Value>(&text(at)).unwrap();
    assert!(json(0)["request_breakdown"]["completion_tokens"].is_u64());
    assert!(text(1).ends_with("data: [DONE]\n\n"));
    assert!(json(2)["unique_id"].is_string());
    assert_eq!(json(3)["results"][0]["custom_identifier"], "first");
    assert_eq!(json(4)["number_of_requests"], 3);
    assert_eq!(json(5)["deleted_count"], 0);
}

#[test]
fn the_script_can_be_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.yaml");
    fs::write(&path, block("yaml")).unwrap();
    let script = tollgate::scenario::load_script(&path, &|_| None).unwrap();
    assert_eq!(script.check(), Ok(()));
    assert_eq!(script.gateway.keys.len(), 2);
    assert_eq!(script.gateway.limits.bulk, Some(30));
    assert_eq!(script.providers["anthropic"].faults.len(), 1);
}

#[test]
fn the_scripts_of_the_page_on_the_gateway_can_be_followed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lab-gateway.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.yaml");
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let scripts: Vec<Script> = blocks
        .iter()
        .map(|block| {
            fs::write(&path, block).unwrap();
            tollgate::scenario::load_script(&path, &|_| None).unwrap()
        })
        .collect();
    assert_eq!(scripts[0].gateway.stream.lose, Some(10));
    assert_eq!(scripts[1].faults.len(), 6);
}
