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
    assert_eq!(truths.len(), 2);
    assert_eq!(
        (truth(0).0, &truth(0).1["key"]),
        (&json!("main"), &json!(77))
    );
    assert_eq!(truth(0).1["chunks"].as_array().unwrap().len(), 5);
    assert_eq!(
        (truth(1).0, &truth(1).1["status"]),
        (&json!("spare"), &json!(503))
    );
    assert!(stage.order("truth").is_empty(), "they were told");
    let counts = stage.order("counts");
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
