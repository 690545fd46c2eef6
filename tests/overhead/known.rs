//! The lab's own gateway: what is found is what its script says.

use crate::stage::{PROVIDER, Stage};

#[test]
fn what_is_added_is_what_the_script_adds() {
    let stage = Stage::healthy();
    let mut before = None;
    for delay_ms in [0.0, 2.0, 8.0] {
        stage.gateway(&format!("delay: {{ constant: {delay_ms}ms }}"));
        let ran = stage.run("--gateway front.yaml --concurrency 2 -n 160");
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        assert_eq!(ran.found["exact"], true);
        assert_eq!(ran.found["pairs"]["kept"], 80, "{}", ran.found["pairs"]);
        let ttft = ran.added("ttft", "p50");
        // The gateway's own work comes on top where it takes longer than what it is to add, and this
        // machine may be busy: never less, and not much more.
        assert!(ttft > delay_ms - 0.1, "{ttft} of {delay_ms}");
        assert!(ttft < delay_ms + 4.0, "{ttft} of {delay_ms}");
        let plain = ran.added("plain_e2e", "p50");
        assert!(plain > delay_ms - 0.1, "{plain} of {delay_ms}");
        assert!(
            before.is_none_or(|before| ttft > before),
            "{ttft} {before:?}"
        );
        before = Some(ttft);
        let error = ran.found["clock_error_us"].as_f64().unwrap();
        assert!(error < 100.0, "one clock: {error}");
        assert_eq!(ran.found["upstream"]["amplification"], 1.0);
    }
}

#[test]
fn each_thing_that_is_done_to_streams_has_its_verdict() {
    let cases = [
        ("keep_logs: 10", "faithful"),
        (
            "stream: { coalesce: { until: { chunks: 4 }, into: event } }",
            "coalesced",
        ),
        (
            "stream: { coalesce: { until: { chunks: 3 } } }",
            "coalesced",
        ),
        (
            "stream: { coalesce: { until: { hold: 22ms } } }",
            "coalesced",
        ),
        ("stream: { coalesce: { until: end } }", "buffered"),
        ("stream: { lose: 6 }", "broken"),
        ("stream: { duplicate: 6 }", "broken"),
        ("stream: { swap: 6 }", "broken"),
        ("stream: { rewrite: no_digits }", "broken"),
    ];
    let stage = Stage::healthy();
    for (script, wanted) in cases {
        stage.gateway(script);
        // A busy machine may hold a chunk by itself.
        let found = (0..3).find(|_| {
            let ran = stage.run("--gateway front.yaml --concurrency 2 -n 40");
            assert!(matches!(ran.exit, Some(0 | 4)), "{script}: {ran:?}");
            ran.stream() == wanted
        });
        assert!(found.is_some(), "{script} is not found {wanted}");
    }
}

#[test]
fn requests_that_can_not_be_told_apart_are_dropped_by_their_names() {
    let stage = Stage::healthy();
    let ran = stage
        .gateway("drop_marker: true")
        .run("--gateway front.yaml -n 40");
    assert_eq!(ran.found["pairs"]["why"]["marker_dropped"], 20, "{ran:?}");
    assert_eq!(ran.found["pairs"]["kept"], 0);
    assert!(
        ran.found["levels"][0]["added"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let providers = format!("providers: {{ lab: {PROVIDER} }}");
    let stage = Stage::new(&providers, "{ text: the same for all }", "");
    let ran = stage
        .gateway("eager_cache: true")
        .run("--gateway front.yaml -n 80");
    let cached = ran.found["pairs"]["why"]["from_cache"].as_u64().unwrap();
    assert!((30..=40).contains(&cached), "{}", ran.found["pairs"]);
    assert_eq!(ran.found["upstream"]["from_cache"], cached);
    assert!(ran.found["upstream"]["amplification"].as_f64().unwrap() < 0.3);
}

#[test]
fn a_threshold_on_streams_and_on_what_is_added_decides_the_exit() {
    let thresholds = "thresholds: [ stream == faithful, 'p50(added_ttft) < 500ms', 'p50(added_ttft) < 0.001ms' ]";
    let providers = format!("providers: {{ lab: {PROVIDER} }}");
    let prompt = "{ synthetic: { tokens: { constant: 9 } } }";
    let stage = Stage::new(&providers, prompt, thresholds);
    stage.gateway("delay: { constant: 2ms }, stream: { coalesce: { until: end } }");
    // A run whose client was too busy is invalid, and fails nothing.
    let tried = || stage.run("--gateway front.yaml -n 80");
    let Some(ran) = (0..4).map(|_| tried()).find(|ran| ran.exit != Some(4)) else {
        return;
    };
    assert_eq!(ran.exit, Some(1), "{ran:?}");
    let gate = std::fs::read(ran.folder.unwrap().join("gate.json")).unwrap();
    let gate: serde_json::Value = serde_json::from_slice(&gate).unwrap();
    let verdicts = gate["findings"].as_array().unwrap().iter();
    let verdicts: Vec<&str> = verdicts.map(|f| f["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["fail", "pass", "fail"], "{gate}");
}

#[test]
fn a_gateway_that_dies_ends_the_run_and_passes_nothing() {
    let stage = Stage::healthy();
    stage.gateway("keep_logs: 10");
    let ran = stage.run("--gateway front.yaml --gateway-cmd no-such-gateway");
    assert_eq!(ran.exit, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("is not found"), "{}", ran.stderr);
    let shell = "{tollgate} lab --upstream {provider_url} --gateway 127.0.0.1:{port} --script {config} & sleep 3; kill $!; exit 7";
    std::fs::write(stage.path("dies.sh"), "eval \"$1\"\n").unwrap();
    let ran = stage.type_out(&[
        "--gateway",
        "front.yaml",
        "-n",
        "100000",
        "--gateway-cmd",
        &format!("sh dies.sh '{shell}'"),
    ]);
    assert_eq!(ran.exit, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("ended by itself"), "{}", ran.stderr);
    let folder = ran.folder.unwrap();
    let info = std::fs::read(folder.join("run.json")).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(
        (&info["complete"], &info["interrupted"]),
        (&false.into(), &"gateway".into())
    );
    assert_eq!(ran.found["gateway"]["by_itself"], true);
    assert!(folder.join("gateway/log.txt").exists());
}

#[test]
fn what_is_wrong_is_told_before_anything_is_started() {
    let stage = Stage::healthy();
    let cases = [
        ("", "which gateway?"),
        ("--gateway respan-os", "did you mean `respan-oss`?"),
        ("--target http://127.0.0.1:9/v1", "--direct"),
        ("--gateway lab --rates 0", "rate"),
    ];
    for (args, wanted) in cases {
        let ran = stage.run(args);
        assert_eq!(ran.exit, Some(2), "{args}: {ran:?}");
        assert!(ran.stderr.contains(wanted), "{args}: {}", ran.stderr);
        assert!(ran.folder.is_none());
    }
}
