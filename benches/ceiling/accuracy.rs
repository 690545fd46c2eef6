//! `ceiling accuracy`: how far off the marks of tollgate and of aiperf are.
//!
//! Both measure the provider of `tollgate selftest`, which keeps the true instants of what it sends on
//! the clock that all processes share. tollgate's errors are those of its self-test. aiperf writes when
//! each request began and its time to first token: together they claim an instant, too.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;
use tollgate::base::Monotonic;
use tollgate::judge::{Certificate, Errors, Load};
use tollgate::lab::Truth;

use super::cells::Cell;
use super::say;
use super::tools::{self, Tool};

/// The loads that both tools measure: users, a model of the provider, requests of aiperf.
const LOADS: [(u32, &str, u32); 2] = [(1, "brisk-1", 400), (32, "stream-1", 1_200)];
/// Prompts that aiperf may draw: the provider's delays go by a request's bytes.
const PROMPTS: usize = 512;
/// How often two clocks are read side by side; the tightest reading holds.
const TRIES: usize = 256;
/// The lab's constant time to first token, in ms.
const TTFT_MS: u32 = 50;
/// Users and requests of the runs on that.
const USERS: u32 = 32;
const REQUESTS: u32 = 1_200;

/// The whole bench.
pub(super) fn accuracy() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let tollgate = Tool::Direct.program();
    let selftest = Command::new(&tollgate)
        .args(["selftest", "-o"])
        .arg(folder.path())
        .output()?;
    say("## accuracy\n\n```text");
    say(String::from_utf8_lossy(&selftest.stdout).trim_end());
    let json = fs::read_to_string(folder.path().join("selftest.json"))?;
    let certificate: Certificate = serde_json::from_str(&json)?;
    say("```\n\nFirst-token mark less the truth, in us:\n");
    say(
        "| load | tool | requests | p50 | p99 | max | earlier than the truth |\n|---|---|---|---|---|---|---|",
    );
    let aiperf = Tool::Aiperf.version();
    for (users, model, requests) in LOADS {
        let ours = certificate.nearest(Load::Closed(users));
        let (_, errors) = ours.context("the self-test has no such round")?;
        say(&line_of_ours(users, errors));
        let theirs = match &aiperf {
            Ok(_) => errors_of_aiperf(&tollgate, users, model, requests),
            Err(why) => Err(anyhow::anyhow!("{why}")),
        };
        say(&theirs.unwrap_or_else(|error| {
            format!("| {} | aiperf | absent: {error} | | | | |", of(users))
        }));
    }
    say(&format!(
        "\nTime to first token in ms, of a provider that waits {TTFT_MS} ms (and up to 2 more: its timers tick in ms), {USERS} users:\n"
    ));
    say("| tool | requests | p50 | p99 |\n|---|---|---|---|");
    let lab = Lab::start(&tollgate)?;
    say(&lab.tollgate()?);
    let theirs = match aiperf {
        Ok(_) => lab.aiperf(),
        Err(why) => Err(anyhow::anyhow!("{why}")),
    };
    say(&theirs.unwrap_or_else(|error| format!("| aiperf | absent: {error} | | |")));
    Ok(())
}

/// So many users, in words.
fn of(users: u32) -> String {
    let plural = if users == 1 { "" } else { "s" };
    format!("{users} user{plural}")
}

fn line_of_ours(users: u32, errors: &Errors) -> String {
    let us = |value: Option<f64>| value.map_or("n/a".to_owned(), |value| format!("{value:.0}"));
    format!(
        "| {} | tollgate direct | {} | {} | {} | {:.0} | {} |",
        of(users),
        errors.n,
        us(errors.p50_us),
        us(errors.p99_us),
        errors.max_us,
        errors.early
    )
}

/// Runs aiperf on the self-test's provider; its line of the table.
///
/// Nothing names a request in both records, so the n-th claim is compared with the n-th truth. With one
/// user that is exact; with more it is the kindest pairing there is.
fn errors_of_aiperf(
    tollgate: &Path,
    users: u32,
    model: &str,
    requests: u32,
) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let mut provider = Provider::start(tollgate)?;
    run_aiperf(&provider.url, model, users, requests, folder.path())?;
    let mut truths: Vec<i128> = provider
        .truths()?
        .iter()
        .filter_map(|truth| truth.chunks.first().copied().map(i128::from))
        .collect();
    let offset = wall_less_monotonic()?;
    let mut claims: Vec<i128> = claims(folder.path())?
        .into_iter()
        .map(|wall| wall - offset)
        .collect();
    anyhow::ensure!(
        truths.len() == claims.len() && !claims.is_empty(),
        "it tells of {} answers, the provider of {}",
        claims.len(),
        truths.len()
    );
    truths.sort_unstable();
    claims.sort_unstable();
    let mut errors: Vec<f64> = claims
        .iter()
        .zip(&truths)
        .map(|(claim, truth)| (claim - truth) as f64 / 1e3)
        .collect();
    errors.sort_by(f64::total_cmp);
    let early = errors.iter().filter(|error| **error < 0.0).count();
    let quantile = |q: f64| errors[((errors.len() as f64 * q).ceil() as usize).max(1) - 1];
    Ok(format!(
        "| {} | aiperf | {} | {:.0} | {:.0} | {:.0} | {early} |",
        of(users),
        errors.len(),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
    ))
}

/// Runs aiperf to its end.
fn run_aiperf(
    url: &str,
    model: &str,
    users: u32,
    requests: u32,
    folder: &Path,
) -> anyhow::Result<()> {
    let prompts = folder.join("prompts.jsonl");
    let lines = (0..PROMPTS).map(|k| format!("{{\"text\":\"What is toll gate number {k}?\"}}\n"));
    fs::write(&prompts, lines.collect::<String>())?;
    let args = tools::aiperf(url, model, users, requests, &prompts.display().to_string());
    let output = Command::new(Tool::Aiperf.program())
        .args(args.split(' '))
        .arg("--output-artifact-dir")
        .arg(folder)
        .output()?;
    anyhow::ensure!(output.status.success(), "it failed: {}", output.status);
    Ok(())
}

/// The instants of the first tokens as aiperf claims them, in nanoseconds of the wall clock.
fn claims(folder: &Path) -> anyhow::Result<Vec<i128>> {
    let text = fs::read_to_string(folder.join("profile_export.jsonl"))?;
    let mut claims = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line)?;
        let start = row["metadata"]["request_start_ns"].as_i64();
        let ttft = row["metrics"]["time_to_first_token"]["value"].as_f64();
        if let (Some(start), Some(ttft)) = (start, ttft) {
            claims.push(i128::from(start) + (ttft * 1e6) as i128);
        }
    }
    Ok(claims)
}

/// Nanoseconds that the wall clock is ahead of `CLOCK_MONOTONIC`.
fn wall_less_monotonic() -> anyhow::Result<i128> {
    let clock = Monotonic::map().context("there is no clock that processes share")?;
    let read = |_| {
        let before = Instant::now();
        let wall = OffsetDateTime::now_utc().unix_timestamp_nanos();
        let bracket = before.elapsed();
        let shared = clock.nanos(before + bracket / 2);
        (bracket, wall - i128::from(shared))
    };
    let (_, ahead) = (0..TRIES).map(read).min().context("TRIES is not zero")?;
    Ok(ahead)
}

/// What the provider is called in its process.
const NAME: &str = "accuracy";

/// A line of what it says.
#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Truth(
        #[expect(dead_code, reason = "there is one provider")] String,
        Truth,
    ),
    Counts(serde::de::IgnoredAny, serde::de::IgnoredAny),
    PassedDropped(serde::de::IgnoredAny),
    Over,
}

/// The self-test's provider. It ends with its stdin, so when this is dropped.
struct Provider {
    process: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Provider {
    fn start(tollgate: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(tollgate)
            .arg("stand-in")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // What the self-test's provider does at these loads.
        let model = |name, ttft: [&str; 2], pace: [&str; 2], tokens| {
            let between = |[min, max]: [&str; 2]| json!({ "uniform": { "min": min, "max": max } });
            json!({
                "model": name, "ttft": between(ttft), "pace": between(pace),
                "output_tokens": { "constant": tokens }, "slots": 100_000,
            })
        };
        let models = [
            model("brisk-*", ["2ms", "4ms"], ["1ms", "2ms"], 6),
            model("stream-*", ["20ms", "200ms"], ["10ms", "30ms"], 16),
        ];
        let cast = json!({ "providers": [[NAME, { "models": models }]] });
        let stdin = process.stdin.as_mut().context("it has no stdin")?;
        writeln!(stdin, "{cast}")?;
        let mut stdout = BufReader::new(process.stdout.take().context("it has no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let hello: Value = serde_json::from_str(&line)?;
        let url = hello["urls"][NAME].as_str().context("it says no URL")?;
        let url = url.to_owned();
        Ok(Self {
            process,
            stdout,
            url,
        })
    }

    /// What it did so far.
    fn truths(&mut self) -> anyhow::Result<Vec<Truth>> {
        let stdin = self.process.stdin.as_mut().context("it has no stdin")?;
        writeln!(stdin, "\"truth\"")?;
        let mut truths = Vec::new();
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line)?;
            match serde_json::from_str(&line)? {
                Line::Over => return Ok(truths),
                Line::Truth(_, truth) => truths.push(truth),
                Line::Counts(..) | Line::PassedDropped(_) => {}
            }
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// `tollgate lab` with a constant time to first token. It is killed when this is dropped.
struct Lab {
    process: Child,
    port: u16,
}

impl Lab {
    fn start(tollgate: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("script.yaml");
        fs::write(
            &script,
            format!(
                "models: [ {{ model: \"*\", ttft: {{ constant: {TTFT_MS}ms }}, pace: {{ constant: 10ms }}, output_tokens: {{ constant: 16 }}, slots: 10000 }} ]\n"
            ),
        )?;
        let mut process = Command::new(tollgate)
            .args([
                "lab",
                "--provider",
                "127.0.0.1:0",
                "--gateway",
                "127.0.0.1:0",
            ])
            .arg("--script")
            .arg(&script)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = BufReader::new(process.stdout.take().context("it has no stdout")?);
        let mut line = String::new();
        while !line.starts_with("provider") {
            line.clear();
            anyhow::ensure!(stdout.read_line(&mut line)? > 0, "the lab did not start");
        }
        // What else it says is of no interest, but it must be able to say it.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).ok());
        let (_, rest) = line.split_once("127.0.0.1:").context("no address")?;
        let port = rest.split('/').next().unwrap_or_default().trim().parse()?;
        thread::sleep(Duration::from_millis(100));
        Ok(Self { process, port })
    }

    /// tollgate's line of the table.
    fn tollgate(&self) -> anyhow::Result<String> {
        let folder = tempfile::tempdir()?;
        let cell = Cell {
            name: "accuracy",
            title: "",
            path: "v1",
            connections: USERS,
            chunks: Some(16),
            times: 1,
        };
        let scenario = folder.path().join("ceiling.yaml");
        let bound = format!("requests: {REQUESTS}");
        fs::write(&scenario, cell.scenario(self.port, "direct", &bound))?;
        let output = Command::new(Tool::Direct.program())
            .args(["run", "-o"])
            .arg(folder.path())
            .arg(&scenario)
            .output()?;
        anyhow::ensure!(output.status.success(), "the run failed: {}", output.status);
        let run = fs::read_dir(folder.path().join("ceiling"))?.last();
        let text = fs::read_to_string(run.context("no run")??.path().join("summary.csv"))?;
        let value = |stat: &str| {
            let start = format!("total,ttft,{stat},");
            let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
            line.split(',').next()?.parse::<f64>().ok()
        };
        let (p50, p99) = value("p50").zip(value("p99")).context("it has no TTFT")?;
        Ok(format!(
            "| tollgate direct | {REQUESTS} | {p50:.2} | {p99:.2} |"
        ))
    }

    /// aiperf's line of the table.
    fn aiperf(&self) -> anyhow::Result<String> {
        let folder = tempfile::tempdir()?;
        let url = format!("http://127.0.0.1:{}/v1", self.port);
        run_aiperf(&url, "gpt-lab", USERS, REQUESTS, folder.path())?;
        let text = fs::read_to_string(folder.path().join("profile_export_aiperf.json"))?;
        let json: Value = serde_json::from_str(&text)?;
        let value = |stat: &str| json["time_to_first_token"][stat].as_f64();
        let (p50, p99) = value("p50").zip(value("p99")).context("it has no TTFT")?;
        Ok(format!("| aiperf | {REQUESTS} | {p50:.2} | {p99:.2} |"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
