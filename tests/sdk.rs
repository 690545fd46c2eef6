//! The quick start of the hosted gateway, against the lab's: the official SDKs for Python and Node, and
//! Respan's own client, with nothing changed but the address and the key.
//!
//! They come from their registries on the first run and are kept in `target`. Where they can't be had,
//! `TOLLGATE_SKIP_REAL=1` leaves these tests out.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "sdk/install.rs"]
mod install;
#[path = "installed/mod.rs"]
mod installed;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tollgate::base::Seed;
use tollgate::lab::Lab;

/// As long as one script may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A lab whose providers have keys of their own, on a thread of its own.
struct Scene {
    lab: Lab,
    _runtime: Runtime,
}

impl Scene {
    fn new() -> Self {
        let provider = |model: &str, tokens: u32| {
            json!({ "models": [{
                "model": model, "ttft": { "constant": "5ms" }, "pace": { "constant": "1ms" },
                "output_tokens": { "constant": tokens },
            }] })
        };
        let script = json!({
            "gateway": { "keys": [{ "key": "sk-quick-start" }] },
            "prices": { "as_of": "2026-01-01", "models": {
                "openai/gpt-lab": { "per_million": { "input": "1", "output": "10" } },
            } },
            "models": provider("gpt-*", 7)["models"],
            "providers": {
                "reducto": provider("model-name", 3),
                "anthropic": provider("claude-lab", 5),
            },
        });
        let script = serde_json::from_value(script).unwrap();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let free = "127.0.0.1:0".parse().unwrap();
        let lab = runtime.block_on(Lab::start(script, Seed(1), free, free));
        Self {
            lab: lab.unwrap(),
            _runtime: runtime,
        }
    }

    /// What a script says, as JSON.
    fn run(&self, program: &Path, script: &str, more: &[(&str, &Path)]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/sdk")
            .join(script);
        let mut command = assert_cmd::Command::new(program);
        let command = command.arg(script).timeout(PATIENCE);
        let command = command
            .env("BASE_URL", &self.lab.gateway_url)
            .env("RESPAN_API_KEY", self.lab.key.expose())
            .envs(more.iter().copied());
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The rows of the log, by their custom identifier.
    fn row(&self, python: &Path, id: &str) -> Value {
        let read = "import json, os, sys, requests\n\
            r = requests.post(os.environ['BASE_URL'] + '/request-logs/list/', timeout=30,\n\
                headers={'Authorization': 'Bearer ' + os.environ['RESPAN_API_KEY']},\n\
                json={'filters': {'custom_identifier': {'value': [sys.argv[1]]}}})\n\
            print(json.dumps(r.json()['results'][0]))";
        let mut command = assert_cmd::Command::new(python);
        let command = command.args(["-c", read, id]).timeout(PATIENCE);
        let command = command
            .env("BASE_URL", &self.lab.gateway_url)
            .env("RESPAN_API_KEY", self.lab.key.expose());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{id}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn fingerprint(key: &str) -> Value {
    blake3::hash(key.as_bytes()).to_hex().as_str()[..12].into()
}

/// What both SDKs must have said.
fn check(said: &Value) {
    for (model, tokens) in [
        ("reducto/model-name", 3),
        ("openai/gpt-lab", 7),
        ("anthropic/claude-lab", 5),
    ] {
        let words = said[model]["text"].as_str().unwrap().split(' ').count();
        assert_eq!(
            (&said[model]["tokens"], words),
            (&json!(tokens), tokens),
            "{said}"
        );
    }
    assert_eq!(
        (&said["stream"]["chunks"], &said["stream"]["tokens"]),
        (&json!(7), &json!(7))
    );
    let account = &said["breakdown"];
    assert_eq!(
        (&account["completion_tokens"], &account["cached"]),
        (&json!(7), &json!(false))
    );
    assert!(account["cost"].as_f64() > Some(0.000_07), "{account}");
    assert_eq!(said["response"]["tokens"], 7);
    let words = said["response"]["text"].as_str().unwrap().split(' ');
    assert_eq!(words.count(), 7);
}

#[test]
fn the_quick_start_works_with_the_python_sdk() {
    let Some(python) = install::python() else {
        return;
    };
    let scene = Scene::new();
    let said = scene.run(python, "quick_start.py", &[]);
    check(&said);
    assert_eq!(said["last_chunk"], "request_breakdown");
    assert_eq!(
        said["response_stream"]["text"],
        said["response_stream"]["final"]
    );
    assert_eq!(said["errors"]["key"][0], "AuthenticationError");
    assert_eq!(said["errors"]["model"][0], "NotFoundError");
    for (id, key) in [
        ("python-customer", "sk-customer"),
        ("python-override", "sk-override"),
    ] {
        let row = scene.row(python, id);
        assert_eq!(row["used_custom_credential"], true, "{row}");
        assert_eq!(row["credential_fingerprint"], fingerprint(key), "{row}");
    }
    let row = scene.row(python, "python-header");
    assert_eq!(row["used_custom_credential"], false, "{row}");
}

#[test]
fn the_quick_start_works_with_the_node_sdk() {
    let (Some(node), Some(python)) = (install::node(), install::python()) else {
        return;
    };
    let scene = Scene::new();
    let sdk = node.join("node_modules/");
    let said = scene.run(Path::new("node"), "quick_start.mjs", &[("SDK", &sdk)]);
    check(&said);
    assert_eq!(said["errors"]["key"], json!(["AuthenticationError", 401]));
    assert_eq!(said["errors"]["model"], json!(["NotFoundError", 404]));
    for (id, key) in [
        ("node-customer", "sk-customer"),
        ("node-override", "sk-override"),
    ] {
        assert_eq!(
            scene.row(python, id)["credential_fingerprint"],
            fingerprint(key)
        );
    }
}

#[test]
fn anthropics_own_sdk_asks_through_the_relay() {
    let Some(python) = install::python() else {
        return;
    };
    let scene = Scene::new();
    let said = scene.run(python, "messages.py", &[]);
    for way in ["whole", "stream"] {
        let of = &said[way];
        let words = of["text"].as_str().unwrap().split(' ').count();
        assert_eq!((words, &of["output"]), (4, &json!(4)), "{said}");
        assert_eq!(of["stop"], "max_tokens");
        let row = scene.row(python, &format!("messages-{way}"));
        assert_eq!(
            (&row["prompt_tokens"], &row["completion_tokens"]),
            (&of["input"], &json!(4))
        );
        assert_eq!(row["provider_id"], "anthropic");
    }
    assert_eq!(said["stream"]["text"], said["stream"]["final"]);
    let errors = &said["errors"];
    assert_eq!(errors["key"][0], "AuthenticationError");
    assert_eq!(errors["model"][0], "NotFoundError");
    assert_eq!(errors["model"][1]["error"]["type"], "not_found_error");
}

#[test]
fn a_call_logged_with_requests_is_read_back_with_the_gateways_own_client() {
    let Some(python) = install::python() else {
        return;
    };
    let scene = Scene::new();
    let said = scene.run(python, "logs.py", &[]);
    assert_eq!(said["status"], 201);
    let expected = json!({
        "unique_id": said["id"], "model": "gpt-4o", "cost": 0.00025, "latency": 1.25,
        "time_to_first_token": 0.5,
    });
    assert_eq!(said["listed"], expected);
    assert_eq!(said["bulk"], json!([5, 0]));
    let ids: Vec<_> = (0..5).map(|number| format!("bulk-{number}")).collect();
    assert_eq!(
        said["paged"].as_array().unwrap()[1..],
        ids,
        "each once, over three pages"
    );
    assert_eq!(said["summary"], json!({ "requests": 6, "cost": 0.00025 }));
    assert_eq!(said["groups"], json!([["gpt-4o", 6]]));
    assert_eq!(said["models"], json!([["openai/gpt-lab", 1.0, 10.0]]));
    assert_eq!(said["purged"], 0);
    assert!(said["chat"].is_string(), "{said}");
    assert_eq!(
        scene.row(python, "own-client")["metadata"]["from"],
        "respan-api"
    );
}
