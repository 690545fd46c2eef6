//! Files of other tools and logs of gateways become scenarios: valid ones, without a key of the source, and
//! with a list of what was left. Whatever the file holds, nothing panics.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tollgate::import::{Imported, Input, Kind, import};
use tollgate::scenario::{self, Overrides, Pace, Problem, Prompt, Scenario, Shape};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

/// The samples, each with the kind that it is.
const SAMPLES: [(&str, Kind); 14] = [
    ("k6-options.json", Kind::K6),
    ("k6-summary.json", Kind::K6),
    ("vegeta-targets.txt", Kind::Vegeta),
    ("vegeta-targets.jsonl", Kind::Vegeta),
    ("aiperf.yaml", Kind::Aiperf),
    ("aiperf-inline.yaml", Kind::Aiperf),
    ("aiperf-run.sh", Kind::Aiperf),
    ("sharegpt.json", Kind::Sharegpt),
    ("openai-batch.jsonl", Kind::Openai),
    ("openai-chats.jsonl", Kind::Openai),
    ("respan-rows.json", Kind::Respan),
    ("litellm-spend.json", Kind::Litellm),
    ("respan-oss.csv", Kind::RespanOss),
    ("k6-shortcuts.json", Kind::K6),
];

fn of_bytes(kind: Option<Kind>, bytes: &[u8]) -> Result<Imported, Vec<Problem>> {
    let open = |name: &str| fs::read(samples().join(name)).map_err(|error| error.to_string());
    let input = Input {
        name: "source",
        bytes,
        stem: "made",
        open: &open,
        env: &|_| None,
    };
    import(kind, &input)
}

fn of_sample(name: &str) -> Imported {
    of_bytes(None, &fs::read(samples().join(name)).unwrap())
        .unwrap_or_else(|problems| panic!("{name}: {}", scenario::render(&problems, false)))
}

/// The scenario of an import, read as a run would read it.
fn loaded(made: &Imported) -> Result<Scenario, Vec<Problem>> {
    let folder = TempDir::new().unwrap();
    for file in &made.prompts {
        fs::write(folder.path().join(&file.name), &file.text).unwrap();
    }
    let path = folder.path().join("made.yaml");
    fs::write(&path, &made.scenario).unwrap();
    scenario::load(&path, &|_| None, &[], &Overrides::default())
}

fn scenario_of(name: &str) -> (Imported, Scenario) {
    let made = of_sample(name);
    let scenario = loaded(&made).unwrap_or_else(|problems| {
        let said = scenario::render(&problems, false);
        panic!("{name}: {said}\n{}", made.scenario)
    });
    (made, scenario)
}

fn phases(scenario: &Scenario) -> Vec<String> {
    let named = |phase: &scenario::Phase| format!("{}: {}", phase.name, phase.in_words());
    scenario.phases.iter().map(named).collect()
}

fn left(made: &Imported, part: &str) -> String {
    let line = made
        .left
        .iter()
        .find(|left| left.what.contains(part) || left.at.contains(part));
    let line = line.unwrap_or_else(|| panic!("nothing of `{part}` in {:#?}", made.left));
    format!("{}: {}", line.at, line.what)
}

#[test]
fn each_sample_tells_its_kind_makes_a_valid_scenario_and_carries_no_key() {
    for (name, kind) in SAMPLES {
        let (made, scenario) = scenario_of(name);
        assert_eq!(made.kind, kind, "{name}");
        assert!(
            scenario.warnings.is_empty(),
            "{name}: {:?}",
            scenario.warnings
        );
        let prompts = made.prompts.iter().map(|file| file.text.as_str());
        let all: String = prompts.chain([made.scenario.as_str()]).collect();
        assert!(!all.contains("planted"), "{name}: a key was carried");
        // The head of the scenario has all that the caller is told.
        for left in &made.left {
            let line = format!("# - {}: {}\n", left.at, left.what);
            assert!(made.scenario.contains(&line), "{name}: {line}");
            assert!(!line.contains("planted"), "{line}");
        }
    }
}

#[test]
fn k6_executors_become_phases_in_the_order_of_their_start() {
    let (made, scenario) = scenario_of("k6-options.json");
    let expected = [
        "browse: constant 5/s for 90s",
        "peak-1: ramp from 5/s to 20/s for 30s",
        "peak-2: constant 20/s for 1m",
        "peak-3: ramp from 20/s to 0/s for 10s",
        "crowd-1: closed loop of 5 users for 20s",
        "crowd-2: closed loop of 10 users for 40s",
        "batch: closed loop of 4 users for 2m or 200 requests",
    ];
    assert_eq!(phases(&scenario), expected);
    let Shape::Open { max_in_flight, .. } = scenario.phases[0].shape else {
        panic!("an arrival rate is an open loop")
    };
    assert_eq!(max_in_flight, 64);
    let written: Vec<&str> = scenario
        .thresholds
        .iter()
        .map(|t| t.written.as_str())
        .collect();
    let expected = [
        "p95(service) < 800ms",
        "mean(service) < 400ms",
        "error_rate < 1%",
    ];
    assert_eq!(written, expected);
    assert!(scenario.thresholds[1].abort && scenario.thresholds[1].grace.as_secs() == 10);
    // Each with the place at which it stands.
    assert!(left(&made, "side by side").starts_with("5:3 scenarios: "));
    assert!(left(&made, "steered").starts_with("38:18 "));
    assert!(left(&made, "http_req_waiting").starts_with("44:5 thresholds.http_req_waiting: "));
    left(&made, "JavaScript");
    let (_, short) = scenario_of("k6-shortcuts.json");
    let expected = [
        "users-1: closed loop of 5 users for 1m",
        "users-2: closed loop of 10 users for 5m",
    ];
    assert_eq!(phases(&short), expected);
}

#[test]
fn a_summary_of_k6_carries_its_thresholds_and_nothing_else() {
    let (made, scenario) = scenario_of("k6-summary.json");
    let written: Vec<&str> = scenario
        .thresholds
        .iter()
        .map(|t| t.written.as_str())
        .collect();
    assert_eq!(
        written,
        [
            "p95(service) < 800ms",
            "p99.9(service) < 1500ms",
            "error_rate < 1%"
        ]
    );
    left(&made, "no load that is measured");
}

#[test]
fn targets_of_vegeta_keep_their_bodies_and_lose_their_keys() {
    let (made, scenario) = scenario_of("vegeta-targets.txt");
    let recipes = scenario.recipes();
    assert_eq!(recipes.len(), 2);
    let plain = recipes.iter().find(|recipe| !recipe.stream).unwrap();
    assert_eq!(
        (plain.model.as_str(), plain.max_tokens),
        ("gpt-lab", Some(32))
    );
    let Prompt::Rows(rows) = &plain.prompt else {
        panic!("a body has its messages")
    };
    // What looks like a variable or a placeholder is text.
    let asked = "What is a toll gate? Say ${HOME} and {{ row.x }} as they are.";
    assert_eq!(rows[0][0].content, asked);
    assert!(made.scenario.contains("x-team\": \"search\""));
    for (at, what) in [("line 2", "OPENAI_API_KEY"), ("line 8", "X_API_KEY")] {
        assert!(left(&made, what).starts_with(at));
    }
    assert!(left(&made, "no POST").starts_with("line 12"));
    assert!(left(&made, "another base URL").starts_with("line 14"));
    let (made, scenario) = scenario_of("vegeta-targets.jsonl");
    assert_eq!(scenario.recipes().len(), 2);
    assert!(
        made.scenario
            .contains("url: \"https://gateway.example/v1\"")
    );
    assert!(left(&made, "base 64").starts_with("line 3"));
    assert!(left(&made, "endpoint for chats").starts_with("line 4"));
}

#[test]
fn a_bench_of_aiperf_keeps_its_lengths_phases_and_slos() {
    let (made, scenario) = scenario_of("aiperf.yaml");
    let expected = [
        "warmup: closed loop of 8 users for 100 requests",
        "profiling-ramp: ramp from 0/s to 30/s for 30s",
        "profiling: poisson 30/s for 90s",
    ];
    assert_eq!(phases(&scenario), expected);
    assert!(scenario.phases[0].warmup && !scenario.phases[1].warmup);
    let weights: Vec<f64> = scenario
        .recipes()
        .iter()
        .map(|recipe| recipe.weight)
        .collect();
    assert_eq!(weights, [70.0, 30.0]);
    let first = &scenario.recipes()[0];
    assert_eq!(first.model, "meta-llama/Llama-3.1-8B-Instruct");
    assert_eq!((first.stream, first.max_tokens), (true, Some(128)));
    let slos = serde_json::to_value(scenario.slos).unwrap();
    assert_eq!(slos, serde_json::json!({ "ttft": "500ms", "e2e": "5s" }));
    assert_eq!((scenario.seed.0, scenario.drain.as_secs()), (42, 60));
    assert_eq!(scenario.timeouts.request.as_secs(), 600);
    for key in [
        "apiKey",
        "X-Auth-Token",
        "turns",
        "cancellation",
        "serverMetrics",
        "multiRun",
        "gamma",
    ] {
        left(&made, key);
    }
    let (_, inline) = scenario_of("aiperf-inline.yaml");
    assert_eq!(inline.recipes().len(), 2, "one for each model");
    assert!(matches!(&inline.recipes()[0].prompt, Prompt::Rows(rows) if rows.len() == 2));
    let (made, flags) = scenario_of("aiperf-run.sh");
    let expected = [
        "warmup: closed loop of 16 users for 20 requests",
        "profiling: closed loop of 16 users for 200 requests",
    ];
    assert_eq!(phases(&flags), expected);
    assert!(made.scenario.contains("url: \"http://localhost:8000/v1\""));
    assert!(left(&made, "--ui").starts_with("9:34 --ui"));
}

#[test]
fn chats_become_prompts_up_to_what_is_asked_last() {
    let (made, scenario) = scenario_of("sharegpt.json");
    assert_eq!(made.prompts.len(), 1);
    let Prompt::Rows(rows) = &scenario.recipes()[0].prompt else {
        panic!("conversations are rows")
    };
    let turns: Vec<usize> = rows.iter().map(Vec::len).collect();
    assert_eq!(
        turns,
        [1, 2],
        "what was asked first, with its system message"
    );
    assert!(left(&made, "nobody asks").starts_with("row 3"));
    let (made, scenario) = scenario_of("openai-batch.jsonl");
    let weights: Vec<(f64, Option<u32>)> = scenario
        .recipes()
        .iter()
        .map(|recipe| (recipe.weight, recipe.max_tokens))
        .collect();
    assert_eq!(weights, [(3.0, Some(64)), (1.0, Some(128))]);
    assert!(left(&made, "no request for a chat").starts_with("line 5"));
    assert!(left(&made, "tool").starts_with("line 6"));
    let (made, _) = scenario_of("openai-chats.jsonl");
    assert!(
        !made.prompts[0].text.contains("Black in the morning"),
        "the answer is no prompt"
    );
    left(&made, "picture");
}

#[test]
fn a_log_becomes_the_mix_and_the_rate_that_were_seen() {
    let (made, scenario) = scenario_of("respan-rows.json");
    let total: f64 = scenario.recipes().iter().map(|recipe| recipe.weight).sum();
    let of = |model: &str| -> f64 {
        let recipes = scenario
            .recipes()
            .iter()
            .filter(|recipe| recipe.model == model);
        recipes.map(|recipe| recipe.weight).sum()
    };
    assert_eq!(
        (total, of("openai/gpt-lab"), of("anthropic/claude-lab")),
        (60.0, 40.0, 20.0)
    );
    // 60 requests, ten seconds apart.
    let Shape::Open {
        pace: Pace::Poisson { rate },
        ..
    } = scenario.phases[0].shape
    else {
        panic!("requests of users come at random")
    };
    assert!((rate - 0.1).abs() < 1e-6);
    assert!(
        made.scenario
            .contains("input p50 236, p95 432, max 446 tokens")
    );
    assert!(
        made.scenario
            .contains("kind: respan, api_key: \"${RESPAN_API_KEY:}\"")
    );
    let (made, scenario) = scenario_of("litellm-spend.json");
    let recipes = scenario.recipes();
    assert_eq!(
        recipes[0].model, "gpt-lab",
        "what was asked, not where it was sent"
    );
    assert_eq!((recipes[0].stream, recipes[1].stream), (true, false));
    assert!(made.prompts[0].text.contains("Logged question 0?"));
    let (_, scenario) = scenario_of("respan-oss.csv");
    assert_eq!(scenario.recipes().len(), 2);
    assert_eq!(scenario.phases[0].bound.requests, Some(10));
}

/// The problems of a text, drawn.
fn wrong(kind: Option<Kind>, text: impl AsRef<[u8]>) -> String {
    let problems = of_bytes(kind, text.as_ref()).expect_err("it can't be imported");
    assert!(!problems.is_empty());
    scenario::render(&problems, false)
}

#[test]
fn what_can_not_be_read_is_a_problem_at_its_place() {
    assert!(wrong(None, "").contains("the file is empty"));
    assert!(wrong(None, b"\xff\xfe\x00").contains("not UTF-8"));
    assert!(wrong(None, "hello").contains("nothing tells what kind"));
    assert!(wrong(None, "PK\u{3}\u{4}").contains("nothing tells what kind"));
    let script = "import http from 'k6/http';\nexport const options = {};\n";
    assert!(wrong(None, script).contains("k6 inspect"));
    let said = wrong(Some(Kind::K6), "{\n  \"vus\": \"many\"\n}");
    assert!(
        said.contains("source:2:10") && said.contains("`vus` must be"),
        "{said}"
    );
    let said = wrong(
        Some(Kind::K6),
        r#"{ "scenarios": { "a": { "executor": "constant-vus", "duration": "soon" } } }"#,
    );
    assert!(said.contains("scenarios.a.duration"), "{said}");
    let said = wrong(Some(Kind::Openai), "{\"messages\": [\n{\"a\": }\n");
    assert!(said.contains("source:2:7"), "{said}");
    let said = wrong(
        Some(Kind::Openai),
        "{\"prompt\":\"a\"}\n{\"prompt\":\n{\"prompt\":\"b\"}\n",
    );
    assert!(said.contains("source:2:"), "{said}");
    let said = wrong(
        Some(Kind::RespanOss),
        "started_at,model,status\n2026,m,200\n2026,m\n",
    );
    assert!(
        said.contains("source:3:1") && said.contains("2 cells under 3 columns"),
        "{said}"
    );
    let said = wrong(
        Some(Kind::Vegeta),
        "POST http://h/v1/chat/completions\n@no-such-file.json\n",
    );
    assert!(
        said.contains("source:2:1") && said.contains("can't be read"),
        "{said}"
    );
    let said = wrong(
        Some(Kind::Aiperf),
        "benchmark: { endpoint: { url: 7, streaming: perhaps } }",
    );
    assert!(said.contains("streaming") || said.contains("url"), "{said}");
    for lengths in [
        "isl: { mean: 512, stddev: \"{{ isl // 10 }}\" }",
        "isl: 512, osl: \"{{ osl }}\"",
    ] {
        let text = format!("benchmark: {{ dataset: {{ type: synthetic, {lengths} }} }}");
        let said = wrong(Some(Kind::Aiperf), &text);
        assert!(said.contains("which only the tool can fill in"), "{said}");
    }
    let said = wrong(Some(Kind::Aiperf), "aiperf profile --concurrency \"many");
    assert!(said.contains("is not closed"), "{said}");
    for kind in Kind::ALL {
        for text in [
            "[]",
            "{}",
            "null",
            "7",
            "\"x\"",
            "[[[]]]",
            "{\"results\": 3}",
            "a,b\n",
        ] {
            // Options may be empty; nothing else may.
            if let Ok(made) = of_bytes(Some(kind), text.as_bytes()) {
                assert!(
                    matches!(kind, Kind::K6 | Kind::Aiperf),
                    "{kind:?} of {text}"
                );
                assert!(loaded(&made).is_ok(), "{kind:?} of {text}");
            }
        }
        let deep = "[".repeat(100_000);
        assert!(of_bytes(Some(kind), deep.as_bytes()).is_err());
    }
}

#[test]
fn names_and_values_that_are_hostile_stay_text() {
    let model = "a\\u2028b: \\\"#${HOME}{{x}}\\n- c";
    let line = format!(
        r#"{{"model":"{model}","messages":[{{"role":"user","content":"${{HOME}} {{{{ y }}}}"}}],"stop":"{model}","x\n# y":1}}"#
    );
    let made = of_bytes(Some(Kind::Openai), line.as_bytes()).unwrap();
    let scenario = loaded(&made).unwrap_or_else(|problems| {
        panic!("{}\n{}", scenario::render(&problems, false), made.scenario)
    });
    let wanted: Value = serde_json::from_str(&format!("\"{model}\"")).unwrap();
    assert_eq!(scenario.recipes()[0].model, wanted.as_str().unwrap());
    let options = "{ \"scenarios\": { \"../../x\\n# y: [\": { \"executor\": \"constant-vus\", \"vus\": 2, \"duration\": \"1s\", \"odd\\n- key\": 1 } } }";
    let made = of_bytes(Some(Kind::K6), options.as_bytes()).unwrap();
    let scenario = loaded(&made).unwrap();
    assert_eq!(phases(&scenario), ["x---y: closed loop of 2 users for 1s"]);
    assert!(left(&made, "odd").contains("scenarios."));
}

#[test]
fn keys_are_found_wherever_they_stand() {
    let key = "sk-planted-0123456789abcdef";
    let sources = [
        (Kind::Openai, format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],"metadata":{{"api_key":"{key}","a":["{key}"]}},"apiKey":"{key}"}}"#)),
        (Kind::Aiperf, format!("benchmark: {{ model: m, endpoint: {{ url: 'http://u:{key}@h/v1?k={key}', apiKey: {key}, headers: {{ X-Token: {key}, X-Other: {key} }}, extra: {{ secret: {key}, other: {key}, nested: {{ password: {key} }} }} }} }}")),
        (Kind::Aiperf, format!("aiperf profile -m m -u 'http://h?{key}' --api-key={key} -H 'Authorization: Bearer {key}' --extra-inputs api_key:{key}")),
        (Kind::K6, format!(r#"{{"vus":1,"duration":"1s","env":{{"K":"{key}"}},"tlsAuth":[{{"key":"{key}"}}],"ext":{{"loadimpact":{{"token":"{key}"}}}}}}"#)),
        (Kind::Vegeta, "POST http://h/v1/chat/completions\nCookie: planted=1\nX-Goog-Api-Key: planted\n@vegeta-chat.json\n".to_owned()),
    ];
    for (kind, text) in sources {
        let made = of_bytes(Some(kind), text.as_bytes()).unwrap();
        let prompts = made.prompts.iter().map(|file| file.text.as_str());
        let all: String = prompts.chain([made.scenario.as_str()]).collect();
        assert!(!all.contains("planted"), "{kind:?}\n{all}");
        assert!(loaded(&made).is_ok(), "{kind:?}\n{all}");
    }
}

/// What is too much of something is told, and takes no time.
#[test]
fn a_source_that_is_far_too_large_ends_soon() {
    let started = tokio::time::Instant::now();
    let many = |n: usize, one: &dyn Fn(usize) -> String| -> String {
        (0..n).map(one).collect::<Vec<_>>().join(",")
    };
    let thresholds = many(30_000, &|n| format!("\"m{n}\":[\"p(95)<1\"]"));
    let made = of_bytes(
        Some(Kind::K6),
        format!("{{\"thresholds\":{{{thresholds}}}}}").as_bytes(),
    );
    left(&made.unwrap(), "29500 more");
    let stages = many(20_000, &|n| {
        format!("{{\"target\":{n},\"duration\":\"1s\"}}")
    });
    let made = of_bytes(
        Some(Kind::K6),
        format!("{{\"stages\":[{stages}]}}").as_bytes(),
    )
    .unwrap();
    left(&made, "all further phases");
    assert!(loaded(&made).is_ok());
    assert!(wrong(Some(Kind::K6), " ".repeat(1 << 20) + "{}").contains("larger than 1 MiB"));
    // Ten times what it takes on a slow machine; a cost that grew with the square would take minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

/// Every beginning of a sample, and every sample with a byte changed, is a scenario or a problem.
#[test]
fn a_sample_that_is_cut_or_damaged_anywhere_never_panics() {
    for (name, kind) in SAMPLES {
        let whole = fs::read(samples().join(name)).unwrap();
        let step = (whole.len() / 60).max(1);
        for at in (0..whole.len()).step_by(step) {
            let _ = of_bytes(Some(kind), &whole[..at]);
            let mut damaged = whole.clone();
            damaged[at] = b"{}[]\":,x0\n"[at % 10];
            if let Ok(made) = of_bytes(Some(kind), &damaged) {
                let problems = loaded(&made).err().unwrap_or_default();
                let said = scenario::render(&problems, false);
                // A name that is damaged may be wrong in the scenario, too; its text is YAML all the same.
                assert!(
                    !said.contains("YAML") && !said.contains("not closed"),
                    "{name} at {at}: {said}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_an_import_panic(text in ".{0,200}", kind in 0..8_usize) {
        let _ = of_bytes(Some(Kind::ALL[kind]), text.as_bytes());
        let _ = of_bytes(None, text.as_bytes());
    }
}

fn tollgate(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_command_writes_new_files_hides_prompts_from_others_and_runs_on_the_lab() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for name in [
        "litellm-spend.json",
        "openai-batch.jsonl",
        "k6-options.json",
    ] {
        fs::copy(samples().join(name), folder.join(name)).unwrap();
    }
    let (code, said, told) = tollgate(folder, &["import", "litellm-spend.json"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.lines().all(|line| line.starts_with("not carried: ")),
        "{told}"
    );
    assert!(
        said.ends_with("next: tollgate run scenarios/litellm-spend.yaml --target lab\n"),
        "{said}"
    );
    let written: BTreeSet<String> = fs::read_dir(folder.join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let prompts = [
        "litellm-spend.gpt-lab-plain.jsonl",
        "litellm-spend.gpt-lab.jsonl",
    ];
    let expected: BTreeSet<String> = prompts
        .iter()
        .copied()
        .chain(["litellm-spend.yaml"])
        .map(str::to_owned)
        .collect();
    assert_eq!(written, expected);
    #[cfg(unix)]
    for name in prompts {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.join("scenarios").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let run = [
        "run",
        "scenarios/litellm-spend.yaml",
        "--target",
        "lab",
        "-r",
        "50/s",
        "-d",
        "1s",
    ];
    let (code, said, told) = tollgate(folder, &run);
    assert!(
        code == Some(0) && said.contains(" ok, 0 failed"),
        "{said}\n{told}"
    );
    // Again: nothing is overwritten.
    let (code, _, told) = tollgate(folder, &["import", "litellm-spend.json"]);
    assert!(
        code == Some(2) && told.contains("is there already"),
        "{told}"
    );
    let (code, _, _) = tollgate(
        folder,
        &["import", "openai", "openai-batch.jsonl", "-o", "p.jsonl"],
    );
    assert_eq!(
        (
            code,
            fs::read_to_string(folder.join("p.jsonl"))
                .unwrap()
                .lines()
                .count()
        ),
        (Some(0), 4)
    );
    let (code, _, told) = tollgate(
        folder,
        &["import", "k6", "k6-options.json", "-o", "p2.jsonl"],
    );
    assert!(
        code == Some(2) && told.contains("holds no prompts"),
        "{told}"
    );
    let (code, _, told) = tollgate(folder, &["import", "gatling", "k6-options.json"]);
    assert!(
        code == Some(2) && told.contains("is no kind of file"),
        "{told}"
    );
    let (code, _, told) = tollgate(folder, &["import", "missing.json"]);
    assert!(code == Some(2) && told.contains("can't be read"), "{told}");
}

/// What stands beside a tool's own file in the notes on coming from it is a scenario, and the file of `AIPerf` there
/// is one that can be imported.
#[test]
fn the_blocks_of_the_notes_on_coming_from_other_tools_are_what_they_seem() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/migrating.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    let (mut ours, mut theirs) = (0, 0);
    for block in blocks.map(|block| block.split("```").next().unwrap()) {
        if block.starts_with("benchmark:") {
            let made = of_bytes(None, block.as_bytes()).unwrap();
            assert!(loaded(&made).is_ok() && made.kind == Kind::Aiperf);
            theirs += 1;
            continue;
        }
        let mut text = format!("name: noted\n{block}").replace("${MODEL}", "m");
        if !block.contains("targets:") {
            text += "targets: { lab: { lab: {} } }\n";
        }
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("prompts")).unwrap();
        fs::write(
            folder.path().join("prompts/chat.jsonl"),
            "{\"prompt\":\"hi\"}\n",
        )
        .unwrap();
        let path = folder.path().join("noted.yaml");
        fs::write(&path, &text).unwrap();
        let read = scenario::load(&path, &|_| None, &[], &Overrides::default());
        let problems = read.err().unwrap_or_default();
        assert!(
            problems.is_empty(),
            "{}",
            scenario::render(&problems, false)
        );
        ours += 1;
    }
    assert_eq!((ours, theirs), (4, 1));
}

/// All that was told of what is not carried.
fn left_of(kind: Kind, text: &str) -> (Imported, String) {
    let made = of_bytes(Some(kind), text.as_bytes()).expect("it can be imported");
    let left = made.left.iter();
    let told: Vec<String> = left
        .map(|left| format!("{}: {}", left.at, left.what))
        .collect();
    (made, told.join("\n"))
}

#[test]
fn parts_of_requests_that_a_scenario_has_not_are_listed() {
    let line = r#"{"model":"m","messages":[{"role":"user","content":"hi","name":"bob"},
        {"role":"assistant","content":"prefill"}],"max_tokens":"12","stream":"yes"}"#;
    let (_, told) = left_of(Kind::Openai, &line.replace('\n', ""));
    for what in [
        "the field name of a turn",
        "the answer after",
        "`max_tokens`",
        "`stream`",
    ] {
        assert!(told.contains(what), "{what} is not in\n{told}");
    }
}

#[test]
fn names_of_fields_keep_their_bytes() {
    let line =
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"metadata":{"${X}":"${Y}"}}"#;
    let (made, _) = left_of(Kind::Openai, line);
    let metadata = r#""metadata": { "${X}": "$${Y}" }"#;
    assert!(made.scenario.contains(metadata), "{}", made.scenario);
    assert!(loaded(&made).is_ok());
}

#[test]
fn a_document_marker_makes_no_command_line_of_a_configuration() {
    let text =
        "---\nbenchmark:\n  model: m\n  profiling: { type: poisson, rate: 20, duration: 120 }\n";
    let (made, _) = left_of(Kind::Aiperf, text);
    assert!(made.scenario.contains("rate: 20/s"), "{}", made.scenario);
}

#[test]
fn tags_and_headers_bring_no_secret_along() {
    let tagged = r#"{"thresholds":{"http_req_duration{url:https://u:SECRET123456@h/?key=SECRET123456}":["p(95)<2000"]}}"#;
    let targets = "POST http://h/v1/chat/completions\nX-Forward: https://u:SECRET123456@h/\n\
                   X-Jwt: SECRET123456\n@vegeta-chat.json\n";
    for (kind, text) in [(Kind::K6, tagged), (Kind::Vegeta, targets)] {
        let (made, told) = left_of(kind, text);
        assert!(!made.scenario.contains("SECRET"), "{}", made.scenario);
        assert!(!told.contains("SECRET"), "{told}");
    }
}
