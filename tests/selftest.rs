//! `tollgate selftest` as a user runs it: its certificate, its bounds, and what it leaves behind.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use tollgate::judge::Certificate;

fn selftest(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["selftest", "--quick", "--json", "-o"])
        .arg(folder)
        // The provider inherits it: so it can be told from those of other tests.
        .env("TOLLGATE_TEST_MARK", folder)
        .output()
        .unwrap()
}

/// Processes that were started by the self-test of this folder and are still there.
fn left_behind(folder: &Path) -> usize {
    let mark = format!("TOLLGATE_TEST_MARK={}", folder.display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let environments = processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
    let marked = |environment: &Vec<u8>| {
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == mark.as_bytes())
    };
    environments.filter(marked).count()
}

#[test]
fn the_quick_one_proves_the_error_of_this_client_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let output = selftest(folder.path());
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let certificate: Certificate = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}\n{certificate:#?}");
    assert!(certificate.passed && certificate.quick);
    assert!(certificate.mapping_error_us < 1_000.0);
    assert_eq!(certificate.rounds.len(), 3);
    for round in &certificate.rounds {
        let measured = round.measured.as_ref().unwrap();
        assert!(measured.compared > 0, "{round:#?}");
        assert_eq!((measured.early(), measured.unmatched), (0, 0), "{round:#?}");
        let first = measured.first_token.as_ref().unwrap();
        assert_eq!(first.n, measured.compared);
        assert!(first.p50_us.is_some_and(|p50| p50 < 20_000.0), "{round:#?}");
        assert!(
            first.p50_us.is_some_and(|p50| p50 > 0.0),
            "the loopback takes time: {round:#?}"
        );
        assert!(measured.chunk_gap.as_ref().is_some_and(|gaps| gaps.n > 0));
        assert!(
            measured
                .end
                .as_ref()
                .is_some_and(|end| end.n == measured.compared)
        );
        assert!(measured.cpu_per_request_us.is_some_and(|cpu| cpu > 0.0));
        assert!(
            measured
                .peak_memory_bytes
                .is_some_and(|bytes| bytes > 1 << 20)
        );
    }
    let kept = fs::read(folder.path().join("selftest.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Certificate>(&kept).unwrap(),
        certificate
    );
    assert_eq!(left_behind(folder.path()), 0, "after {took:?}");
}

/// A run whose results go beside a certificate names it, and its report says so; one beside that of
/// another machine, or with other stamps, does not.
#[test]
fn a_run_names_the_certificate_of_its_machine() {
    let folder = tempfile::tempdir().unwrap();
    assert!(selftest(folder.path()).status.success());
    let scenario = folder.path().join("s.yaml");
    let text = "name: s
targets: { lab: { lab: {} } }
mix: [{ name: m, chat: { model: openai/gpt-lab, prompt: { synthetic: { tokens: { constant: 5 } } } } }]
load: [{ name: l, closed: { concurrency: 8, requests: 8 } }]
";
    fs::write(&scenario, text).unwrap();
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("run")
            .arg(&scenario)
            .arg("-o")
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let report = run();
    assert!(report.contains("self-test of 20"), "{report}");
    assert!(report.contains("us at closed 32"), "{report}");
    fs::write(&scenario, format!("{text}timestamps: user\n")).unwrap();
    assert!(!run().contains("self-test of"));
    fs::write(&scenario, text).unwrap();
    let file = folder.path().join("selftest.json");
    let mut other: Certificate = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    other.host = "another".to_owned();
    fs::write(&file, serde_json::to_string(&other).unwrap()).unwrap();
    assert!(!run().contains("self-test of"));
}

/// The provider ends with whoever started it, however that one ended.
#[test]
fn a_killed_self_test_takes_its_provider_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["selftest", "--json", "-o"])
        .arg(folder.path())
        .env("TOLLGATE_TEST_MARK", folder.path())
        .spawn()
        .unwrap();
    let wait = |wanted: fn(usize) -> bool| {
        let patience = Instant::now() + Duration::from_secs(20);
        while !wanted(left_behind(folder.path())) {
            assert!(Instant::now() < patience, "{}", left_behind(folder.path()));
            thread::sleep(Duration::from_millis(20));
        }
    };
    wait(|found| found == 2);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait(|found| found == 0);
}
