//! Memory is bounded whatever the run's length.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::path::Path;
use std::process::{Command, Stdio};

const SCENARIO: &str = r#"
name: memory
targets: { lab: { lab: { via: provider, script: { models: [ { model: "*", ttft: { constant: 0ms }, pace: { constant: 0ms } } ] } } } }
mix:
  - { name: stream, chat: { model: gpt-lab, prompt: { text: hello }, max_tokens: 8 } }
  - { name: plain, chat: { model: gpt-lab, stream: false, prompt: { text: hello }, max_tokens: 8 } }
load:
  - { name: users, closed: { concurrency: 16, requests: 1 } }
"#;

/// The most memory that a run of so many requests had, in KiB.
fn peak_of_a_run(folder: &Path, requests: u64) -> u64 {
    let scenario = folder.join("memory.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("run")
        .arg(&scenario)
        .args(["-n", &requests.to_string(), "-o"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let short = peak_of_a_run(folder.path(), 4_000);
    let long = peak_of_a_run(folder.path(), 40_000);
    assert!(short > 0);
    // 36,000 rows more; kept in memory they would be 20 MB and more. The histograms of the slices fill up
    // meanwhile, and take a few.
    assert!(
        long <= short + 8 * 1024,
        "{short} KiB for 4,000 requests, {long} KiB for 40,000"
    );
}
