//! Real gateways between the client and the lab's provider.

use std::fs;
use std::path::PathBuf;

use crate::python;
use crate::stage::{PROVIDER, Ran, Stage};

fn bin() -> Option<PathBuf> {
    Some(python::ready()?.parent().unwrap().to_owned())
}

/// What was found of a gateway; its folder is there for as long as the stage is.
fn measured(stage: Stage, name: &str, version: &str) -> Option<(Stage, Ran)> {
    let stage = stage.with_bin(bin()?);
    let ran = stage.run(&format!("--gateway {name} -n 120"));
    assert!(matches!(ran.exit, Some(0 | 4)), "{ran:?}");
    assert_eq!(ran.found["exact"], true);
    assert_eq!(ran.found["gateway"]["version"], version);
    assert_eq!(ran.found["gateway"]["by_itself"], false);
    let log = ran.folder.as_ref().unwrap().join("gateway/log.txt");
    assert!(log.exists());
    for file in fs::read_dir(log.parent().unwrap()).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("sk-"), "a key is kept: {text}");
    }
    Some((stage, ran))
}

fn adds_time_and_loses_nothing(name: &str, version: &str) {
    let Some((_stage, ran)) = measured(Stage::healthy(), name, version) else {
        return;
    };
    assert_eq!(ran.found["pairs"]["kept"], 60, "{}", ran.found["pairs"]);
    assert_eq!(ran.found["upstream"]["amplification"], 1.0);
    let stream = &ran.found["stream"];
    for kind in ["lost", "duplicated", "reordered", "rewritten", "failed"] {
        assert_eq!(stream[kind], 0, "{stream}");
    }
    assert_eq!(
        stream["chunks_in"],
        12 * stream["streams"].as_u64().unwrap()
    );
    let ttft = ran.added("ttft", "p50");
    assert!((0.02..50.0).contains(&ttft), "{ttft}");
    let used = &ran.found["levels"][0]["used"];
    assert!(used["memory_bytes"].as_u64().unwrap() > 1 << 20, "{used}");
}

#[test]
fn respans_gateway_adds_time_and_loses_nothing() {
    adds_time_and_loses_nothing("respan-oss", "0.3.0");
}

#[test]
fn ferrogw_adds_time_and_loses_nothing_and_claims_less() {
    adds_time_and_loses_nothing("ferrogw", "1.5.10");
}

#[test]
fn a_provider_that_fails_is_stood_in_for_and_what_that_takes_is_told() {
    let failing = "{ script: { repeats: vary, models: [ { ttft: { constant: 20ms }, pace: { constant: 5ms }, \
        output_tokens: { constant: 12 } } ], faults: [ { when: { share: 50% }, do: { status: { code: 503 } } } ] } }";
    let providers = format!("providers: {{ first: {failing}, spare: {PROVIDER} }}");
    let prompt = "{ synthetic: { tokens: { uniform: { min: 5, max: 40 } } } }";
    let stage = Stage::new(&providers, prompt, "");
    let Some((_stage, ran)) = measured(stage, "respan-oss", "0.3.0") else {
        return;
    };
    let upstream = &ran.found["upstream"];
    // This gateway leaves a provider alone once it has failed a few times.
    let rescued = upstream["rescued"].as_u64().unwrap();
    assert!((1..=60).contains(&rescued), "{upstream}");
    let asked = |key: &str| upstream[key].as_u64().unwrap();
    assert_eq!(asked("client_requests"), 60);
    assert_eq!(asked("asked_again"), rescued, "{upstream}");
    assert_eq!(asked("upstream_requests"), 60 + rescued, "{upstream}");
    assert!(upstream["switch_ms"]["p50"].as_f64().unwrap() < 1_000.0);
    let providers = upstream["providers"].as_array().unwrap();
    let names: Vec<&str> = providers
        .iter()
        .map(|p| p["provider"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "spare"]);
    assert!(providers[0]["faults"]["status"].as_u64().unwrap() >= rescued);
}
