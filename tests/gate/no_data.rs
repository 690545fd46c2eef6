//! What has no data, or none that is to be trusted, never passes.

use serde_json::json;

use crate::bench::{LOAD, ask, asking, bench, edit, gate, judge, kept, said, trust};
use crate::support::{MIX, Sandbox};

/// A lab of which this share of answers is a quick 503.
fn failing(share: &str, thresholds: &str) -> String {
    let lab = format!(
        "{{ lab: {{ script: {{ models: [ {{ ttft: {{ constant: 10ms }}, pace: {{ constant: 2ms }} }} ], \
         faults: [ {{ when: {{ share: {share} }}, do: {{ status: {{ code: 503 }} }} }} ] }} }} }}"
    );
    format!(
        "name: small\nseed: 7\ntargets: {{ lab: {lab} }}\n{MIX}\n{LOAD}\nthresholds: [{thresholds}]\n"
    )
}

#[test]
fn no_data_never_passes_a_gate() {
    let asked = [
        "p95(ttft) < 60s",
        "p95(ttft) > 0ms",
        "mean(e2e) < 60s",
        "max(e2e) >= 0ms",
        "p50(tpot) < 60s",
        "share(model=gpt-lab) >= 0%",
    ];
    let sandbox = Sandbox::with(&failing("100%", &format!("\"{}\"", asked.join("\", \""))));
    sandbox.run("run scenario.yaml -o out").exits(4);
    let folder = sandbox.folder();
    trust(&folder);
    for threshold in asked {
        let ran = judge(&sandbox, &folder, threshold, "--json").exits(4);
        assert_eq!(
            said(&ran)["findings"][0]["verdict"],
            "invalid",
            "{threshold}"
        );
    }
    // Of no request at all not even a count is known.
    let (sandbox, folder) = bench();
    let head = folder.read("samples.csv");
    let head = head.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    folder.write("samples.csv", head);
    edit(&folder, |info| info["summary"] = serde_json::Value::Null);
    for threshold in [
        "requests >= 0",
        "error_rate < 100%",
        "goodput >= 0/s",
        "failed == 0",
    ] {
        judge(&sandbox, &folder, threshold, "").exits(4);
    }
}

#[test]
fn who_fails_fast_does_not_pass_for_fast() {
    let sandbox = Sandbox::with(&failing("20%", "p95(ttft) < 60s, p95(e2e) < 60s"));
    let ran = sandbox.run("run scenario.yaml -o out");
    assert!([Some(1), Some(4)].contains(&ran.code), "{}", ran.stdout);
    let folder = sandbox.folder();
    trust(&folder);
    let ran = gate(&sandbox, &folder, "").exits(1);
    assert!(ran.stdout.contains("infinite"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("count as infinitely slow"),
        "{}",
        ran.stdout
    );
    let found = kept(&folder.path);
    for finding in found["findings"].as_array().unwrap() {
        assert_eq!(finding["verdict"], "fail");
        assert_eq!(
            (&finding["infinite"], &finding["value"]),
            (&json!(true), &json!(null))
        );
    }
    // The median is not of the failures, and is judged as it is.
    judge(&sandbox, &folder, "p50(e2e) < 60s", "").exits(0);
}

#[test]
fn nothing_asked_is_nothing_passed() {
    let (sandbox, folder) = bench();
    ask(&folder, &[]);
    let ran = gate(&sandbox, &folder, "").exits(4);
    assert!(
        ran.stdout.contains("there are no thresholds"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_run_that_is_invalid_or_cut_never_passes() {
    let (sandbox, folder) = bench();
    ask(&folder, &["p95(e2e) < 60s"]);
    gate(&sandbox, &folder, "").exits(0);
    edit(&folder, |info| {
        info["validity"] = json!({ "verdict": "invalid", "checks": [
            { "name": "dispatch lag", "level": "invalid", "value": "p99 9 ms", "limit": "1 ms", "remedy": "" },
        ] });
    });
    let ran = gate(&sandbox, &folder, "").exits(4);
    assert!(
        ran.stdout.contains("dispatch lag is p99 9 ms"),
        "{}",
        ran.stdout
    );
    for (interrupted, why) in [
        ("budget", "the budget stopped the run"),
        ("interrupt", "the run was interrupted"),
        ("terminate", "the run was interrupted"),
    ] {
        edit(&folder, |info| {
            info["complete"] = false.into();
            info["interrupted"] = interrupted.into();
        });
        let ran = gate(&sandbox, &folder, "").exits(4);
        assert!(ran.stdout.contains(why), "{}", ran.stdout);
    }
    edit(&folder, |info| {
        info["interrupted"] = serde_json::Value::Null;
    });
    gate(&sandbox, &folder, "").exits(4);
}

#[test]
fn rows_that_are_missing_from_a_whole_run_are_a_problem() {
    let (sandbox, folder) = bench();
    ask(&folder, &["p95(e2e) < 60s"]);
    let rows = folder.read("samples.csv");
    let lines: Vec<&[u8]> = rows.split_inclusive(|byte| *byte == b'\n').collect();
    folder.write("samples.csv", lines[..lines.len() - 50].concat());
    let ran = gate(&sandbox, &folder, "").exits(2);
    assert!(
        ran.stderr
            .contains("200 measured requests, and samples.csv has 150"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_margin_without_a_baseline_never_passes() {
    let (sandbox, folder) = bench();
    let ran = judge(&sandbox, &folder, "p95(e2e) <= baseline * 9", "").exits(4);
    assert!(
        ran.stdout.contains("no baseline was given"),
        "{}",
        ran.stdout
    );
    sandbox.write("scenario.yaml", asking(&["p95(e2e) <= baseline * 9"]));
    let ran = sandbox.run("run scenario.yaml -o other").exits(4);
    assert!(
        ran.stderr.contains("has no baseline here"),
        "{}",
        ran.stderr
    );
    let ran = sandbox
        .run("run scenario.yaml -o third --baseline nowhere")
        .exits(2);
    assert!(
        ran.stderr.contains("nowhere is no run folder"),
        "{}",
        ran.stderr
    );
    assert!(!sandbox.path("third/small").exists(), "nothing was sent");
}
