//! Stand-ins in a process of their own, as another command uses them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tollgate::base::Marker;

use crate::support::*;

/// A process with stand-ins. It is killed where it has not ended.
struct Stage {
    process: Child,
    stdout: BufReader<ChildStdout>,
    hello: Value,
}

impl Stage {
    fn start(cast: &Value) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("stand-in")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(process.stdin.as_mut().unwrap(), "{cast}").unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let hello = serde_json::from_str(&line).unwrap();
        Self {
            process,
            stdout,
            hello,
        }
    }

    fn url(&self, name: &str) -> &str {
        self.hello["urls"][name].as_str().unwrap()
    }

    fn order(&mut self, order: &str) -> Vec<Value> {
        let stdin = self.process.stdin.as_mut().unwrap();
        writeln!(stdin, "\"{order}\"").unwrap();
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line).unwrap();
            match serde_json::from_str(&line).unwrap() {
                Value::String(over) if over == "over" => return said,
                line => said.push(line),
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn stand_ins_in_a_process_tell_what_they_did_and_end_with_their_stdin() {
    let answers = |text| json!({ "models": [{ "output_tokens": { "constant": text } }], "stream": { "content": "numbered" } });
    let mut dry = answers(2);
    dry["faults"] = json!([{ "do": { "status": { "code": 503 } } }]);
    let cast = json!({ "seed": 3, "providers": [["main", answers(5)], ["spare", dry]] });
    let mut stage = Stage::start(&cast);
    assert!(stage.hello["mapping_error_ns"].as_u64().unwrap() < 1_000_000);
    let marker = Marker(77);
    let body = ask(true, &marker.to_string());
    let main = try_post(&client(), stage.url("main"), "any", &body).await;
    assert_eq!(main.unwrap().read().text, format!("{marker} 0 1 2 3 4 "));
    let spare = try_post(&client(), stage.url("spare"), "any", &body).await;
    assert_eq!(spare.unwrap().status, 503);
    let truths = stage.order("truth");
    let truth = |at: usize| (&truths[at]["truth"][0], &truths[at]["truth"][1]);
    assert_eq!(
        truths
            .iter()
            .filter(|line| line.get("truth").is_some())
            .count(),
        2
    );
    assert_eq!(
        (truth(0).0, &truth(0).1["key"]),
        (&json!("main"), &json!(77))
    );
    assert_eq!(truth(0).1["chunks"].as_array().unwrap().len(), 5);
    assert_eq!(
        (truth(1).0, &truth(1).1["status"]),
        (&json!("spare"), &json!(503))
    );
    let again = stage.order("truth");
    assert!(
        again.iter().all(|line| line.get("truth").is_none()),
        "they were told"
    );
    let counts: Vec<_> = again
        .iter()
        .filter(|line| line.get("counts").is_some())
        .collect();
    assert_eq!(counts[1]["counts"][0], "spare");
    assert_eq!(counts[1]["counts"][1]["faults"]["status"], 1);
    assert_eq!(counts[0]["counts"][1]["truths_dropped"], 0);
    assert!(stage.order("begin").is_empty());
    drop(stage.process.stdin.take());
    assert!(stage.process.wait().unwrap().success());
}

#[test]
fn a_cast_that_cannot_be_played_ends_the_process_with_a_reason() {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("stand-in")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut process| {
            let cast = json!({ "providers": [["main", { "models": [] }]] });
            writeln!(process.stdin.take().unwrap(), "{cast}")?;
            process.wait_with_output()
        })
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(
        said.contains("`main`") && said.contains("no models"),
        "{said}"
    );
}

#[tokio::test]
async fn a_gateway_in_the_cast_tells_what_it_added() {
    let provider = json!({ "models": [{ "output_tokens": { "constant": 3 } }] });
    let delay = json!({ "delay": { "constant": "3ms" }, "default_provider": "openai" });
    let cast = json!({
        "providers": [["main", provider], ["other", provider]],
        "gateways": [["front", {
            "script": delay, "upstream": "main", "upstreams": { "anthropic": "other" },
        }]],
    });
    let mut stage = Stage::start(&cast);
    let mut body = ask(true, &Marker(9).to_string());
    for model in ["gpt-lab", "anthropic/claude-lab"] {
        body["model"] = model.into();
        let got = try_post(&client(), stage.url("front"), "sk-lab", &body).await;
        assert_eq!(got.unwrap().read().tokens, 3);
    }
    let told = stage.order("truth");
    let of = |kind: &str| -> Vec<Value> {
        let found = told.iter().filter_map(|line| line.get(kind));
        found.cloned().collect()
    };
    let providers: Vec<_> = of("truth").iter().map(|truth| truth[0].clone()).collect();
    assert_eq!(providers, ["main", "other"]);
    let passed = of("passed");
    assert_eq!(passed.len(), 2);
    for passed in &passed {
        let passed: tollgate::lab::Passed = serde_json::from_value(passed[1].clone()).unwrap();
        assert_eq!((passed.key, passed.marked), (9, true));
        assert!(passed.added_first().unwrap() >= std::time::Duration::from_millis(3));
    }
    assert_eq!(of("passed_dropped"), [json!(0)]);
}

/// The gateway alone, as `tollgate lab --upstream` starts it.
#[tokio::test]
async fn the_gateway_alone_asks_providers_that_run_elsewhere() {
    let provider =
        json!({ "models": [{ "output_tokens": { "constant": 3 } }], "key": "sk-behind" });
    let stage = Stage::start(&json!({ "providers": [["a", provider], ["b", provider]] }));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("gateway.yaml");
    let text = "key: sk-behind\ngateway: { keys: [{ key: sk-front }], default_provider: a }\n";
    std::fs::write(&script, text).unwrap();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["lab", "--gateway", "127.0.0.1:0", "--script"])
        .arg(&script)
        .args(["--upstream", stage.url("a")])
        .args(["--upstream", &format!("b={}", stage.url("b"))])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let url = line.split_whitespace().nth(1).unwrap();
    assert!(line.starts_with("gateway   http://127.0.0.1:"), "{line}");
    let mut statuses = Vec::new();
    for model in ["gpt-lab", "b/gpt-lab"] {
        let mut body = ask(true, "hi");
        body["model"] = model.into();
        let got = try_post(&client(), url, "sk-front", &body).await.unwrap();
        statuses.push((got.status, got.read().tokens));
    }
    let health = reqwest_status(&url.replace("/api", "/health")).await;
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    assert_eq!(statuses, [(200, 3), (200, 3)]);
    assert_eq!(health, 200);
}

async fn reqwest_status(url: &str) -> u16 {
    client().get(url).send().await.unwrap().status().as_u16()
}
