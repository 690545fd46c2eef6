//! A configuration of `AIPerf`, or a command line of it: both become one bench, and that a draft.

use std::sync::Arc;

use serde_json::Value;

use super::aiperf_lengths::{distributions, mean, seconds_of, single_turn, tokens};
use super::bench::{Bench, Load, base_url, connections, extra, slo};
use super::draft::Draft;
use super::reading::{self, Section, json};
use super::{Input, aiperf_flags, secrets, words};
use crate::scenario::file::Free;
use crate::scenario::{Problem, Source};

/// A draft of a file.
pub(super) fn draft(source: &Arc<Source>, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    let mut draft = Draft::default();
    let bench = if aiperf_flags::is_one(&source.text) {
        aiperf_flags::bench(source, input, &mut draft)?
    } else {
        let root = reading::read(source, input)?;
        let read = Reader {
            source,
            input,
            draft: &mut draft,
        };
        read.root(&root).map_err(|problem| vec![problem])?
    };
    bench.into_draft(&mut draft, input);
    Ok(draft)
}

struct Reader<'a, 'd> {
    source: &'a Arc<Source>,
    input: &'a Input<'a>,
    draft: &'d mut Draft,
}

impl Reader<'_, '_> {
    fn root(mut self, root: &reading::Node) -> Result<Bench, Problem> {
        let top = Section::of(self.source, root, "")?;
        let nested = top.section("benchmark")?;
        let section = nested.as_ref().unwrap_or(&top);
        top.get("schemaVersion");
        let mut bench = Bench::default();
        if let Some(seed) = top.number("randomSeed")? {
            self.draft.seed = Some(seed as u64);
        }
        self.models(section, &mut bench)?;
        self.endpoint(section, &mut bench)?;
        self.dataset(section, &mut bench)?;
        for key in ["warmup", "phases", "profiling"] {
            for (n, node) in section.list(key).into_iter().enumerate() {
                let path = format!("{}[{n}]", section.path_of(key));
                let phase = Section::of(self.source, node, path)?;
                let load = self.phase(&phase, key)?;
                bench.phases.push(load);
            }
        }
        if let Some(slos) = section.section("slos")? {
            for (name, at, limit) in [
                (
                    "time_to_first_token",
                    "ttft",
                    slos.number("time_to_first_token")?,
                ),
                (
                    "inter_token_latency",
                    "tpot",
                    slos.number("inter_token_latency")?,
                ),
                ("request_latency", "e2e", slos.number("request_latency")?),
            ] {
                slo(self.draft, at, limit);
                slos.get(name);
            }
            slos.rest(self.draft, |_| Some("an SLO is on ttft, tpot or e2e"));
        }
        section.rest(self.draft, why_not);
        if nested.is_some() {
            top.rest(self.draft, why_not);
        }
        Ok(bench)
    }

    fn models(&mut self, section: &Section<'_>, bench: &mut Bench) -> Result<(), Problem> {
        for key in ["model", "models"] {
            for node in section.list(key) {
                match &node.value {
                    Free::Text(name) => bench.models.push((name.clone(), 1.0)),
                    Free::Map(_) => {
                        let advanced = Section::of(self.source, node, section.path_of(key))?;
                        for item in advanced.list("items") {
                            let item = Section::of(self.source, item, advanced.path_of("items"))?;
                            let name = item.text("name")?.unwrap_or_default();
                            bench
                                .models
                                .push((name, item.number("weight")?.unwrap_or(1.0)));
                            item.rest(self.draft, |_| None);
                        }
                        advanced.rest(self.draft, |_| None);
                    }
                    _ => return Err(section.wrong(key, node, "a name, or a list of names")),
                }
            }
        }
        Ok(())
    }

    fn endpoint(&mut self, section: &Section<'_>, bench: &mut Bench) -> Result<(), Problem> {
        let Some(endpoint) = section.section("endpoint")? else {
            return Ok(());
        };
        let urls = [endpoint.list("url"), endpoint.list("urls")].concat();
        for (n, node) in urls.into_iter().enumerate() {
            match &node.value {
                Free::Text(url) if n == 0 => bench.url = Some(url.clone()),
                Free::Text(_) => {
                    let what = "one of several URLs: make a target of it";
                    self.draft
                        .left(reading::place(self.source, node.span.start), what);
                }
                _ => return Err(endpoint.wrong("url", node, "a URL")),
            }
        }
        bench.path = endpoint.text("path")?;
        bench.streaming = endpoint.truth("streaming")?.unwrap_or(false);
        let kind = endpoint.text("type")?.unwrap_or_else(|| "chat".to_owned());
        if kind != "chat" {
            self.draft.left(
                endpoint.at("type"),
                "requests are chats here, whatever the type",
            );
        }
        if let Some(seconds) = endpoint.seconds("timeout", words::aiperf_seconds)? {
            self.draft.request_timeout = words::seconds(seconds).filter(|_| seconds > 0.0);
        }
        connections(self.draft, endpoint.text("connectionReuse")?.as_deref());
        if let Some(url) = &bench.url {
            self.draft.url = base_url(url, bench.path.as_deref()).map(|(url, _)| url);
        }
        if endpoint.get("apiKey").is_some() {
            let at = endpoint.at("apiKey");
            self.draft.key_at(&at, "it");
        }
        if let Some(headers) = endpoint.section("headers")? {
            for (name, _) in headers.all() {
                let value = headers.text(name)?.unwrap_or_default();
                secrets::header(self.draft, &headers.at(name), name, &value);
            }
        }
        if let Some(further) = endpoint.section("extra")? {
            for (name, node) in further.all() {
                extra(
                    self.draft,
                    &mut bench.extra,
                    &further.at(name),
                    name,
                    json(node),
                );
            }
        }
        endpoint.rest(self.draft, |_| None);
        Ok(())
    }

    fn dataset(&mut self, section: &Section<'_>, bench: &mut Bench) -> Result<(), Problem> {
        let nodes = [section.list("dataset"), section.list("datasets")].concat();
        let Some(first) = nodes.first() else {
            return Ok(());
        };
        if nodes.len() > 1 {
            self.draft.left(
                section.at("datasets"),
                "only the first of several data sets is carried",
            );
        }
        let dataset = Section::of(self.source, first, section.path_of("dataset"))?;
        bench.system = dataset.text("systemPrompt")?;
        let kind = dataset
            .text("type")?
            .unwrap_or_else(|| "synthetic".to_owned());
        dataset.get("entries");
        let prompts = dataset.section("prompts")?;
        for part in [Some(&dataset), prompts.as_ref()].into_iter().flatten() {
            self.lengths(part, bench)?;
        }
        if kind == "file" {
            self.records(&dataset, bench)?;
        } else if kind != "synthetic" {
            let what = "the data set is fetched by AIPerf: made-up prompts stand in for it";
            self.draft.left(dataset.at("type"), what);
        }
        if let Some(prompts) = &prompts {
            prompts.rest(self.draft, |_| None);
        }
        dataset.rest(self.draft, why_not);
        Ok(())
    }

    fn lengths(&mut self, part: &Section<'_>, bench: &mut Bench) -> Result<(), Problem> {
        let outputs = part.filled("osl")?.map(json);
        let most = outputs.as_ref().and_then(mean).map(tokens);
        if outputs.as_ref().is_some_and(Value::is_object) {
            let what = "answers vary about a length there; here their mean is the most that an answer may have";
            self.draft.left(part.at("osl"), what);
        }
        if let Some(node) = part.filled("isl")? {
            let found = distributions(&json(node));
            if found.is_empty() {
                return Err(part.wrong("isl", node, "a length in tokens"));
            }
            bench.lengths.extend(
                found
                    .into_iter()
                    .map(|(tokens, weight)| (tokens, most, weight)),
            );
        } else if most.is_some() && bench.lengths.is_empty() {
            bench
                .lengths
                .push(("{ lognormal: { mean: 550, sd: 50 } }".to_owned(), most, 1.0));
        }
        part.filled("sequenceDistribution")?;
        for node in part.list("sequenceDistribution") {
            let entry = json(node);
            let (isl, osl) = (&entry["isl"], &entry["osl"]);
            let weight = entry["probability"].as_f64().filter(|weight| *weight > 0.0);
            let most = mean(osl).map(tokens);
            for (tokens, _) in distributions(isl).into_iter().take(1) {
                bench.lengths.push((tokens, most, weight.unwrap_or(1.0)));
            }
        }
        Ok(())
    }

    /// The prompts of a file, or those that are written out.
    fn records(&mut self, dataset: &Section<'_>, bench: &mut Bench) -> Result<(), Problem> {
        let format = dataset
            .text("format")?
            .unwrap_or_else(|| "single_turn".to_owned());
        let mut lines: Vec<Value> = dataset.list("records").into_iter().map(json).collect();
        if let Some(path) = dataset.text("path")? {
            match (self.input.open)(&path) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    lines.extend(
                        text.lines()
                            .filter_map(|line| serde_json::from_str(line).ok()),
                    );
                }
                Err(why) => {
                    let what =
                        format!("the file can't be read ({why}): made-up prompts stand in for it");
                    self.draft.left(dataset.at("path"), what);
                }
            }
        }
        bench.rows.extend(lines.iter().filter_map(single_turn));
        if bench.rows.len() < lines.len() {
            let lost = words::count(lines.len() - bench.rows.len(), "record");
            let what = format!("{lost} of the format {format} that hold no single text");
            let key = if dataset.get("path").is_some() {
                "path"
            } else {
                "records"
            };
            self.draft.left(dataset.at(key), what);
        }
        Ok(())
    }

    fn phase(&mut self, phase: &Section<'_>, key: &str) -> Result<Load, Problem> {
        let name = phase.text("name")?.unwrap_or_else(|| {
            let name = if key == "phases" { "profiling" } else { key };
            name.to_owned()
        });
        let excluded = phase.truth("excludeFromResults")?.unwrap_or(false);
        let kind = phase.text("kind")?;
        let warmup = excluded || key == "warmup" || kind.as_deref() == Some("warmup");
        let mut load = Load {
            warmup: warmup || (kind.is_none() && name == "warmup"),
            shape: phase
                .text("type")?
                .unwrap_or_else(|| "concurrency".to_owned()),
            seconds: phase
                .seconds("duration", words::aiperf_seconds)?
                .filter(|s| s.is_finite()),
            concurrency: None,
            rate: None,
            requests: phase.count("requests")?,
            ramp: None,
            name,
        };
        load.concurrency = match phase.list("concurrency").as_slice() {
            [first, _, ..] => {
                let what = "a list is a sweep: its first is here; make a run of each with -c";
                self.draft.left(phase.at("concurrency"), what);
                json(first).as_u64().filter(|users| *users > 0)
            }
            _ => phase.count("concurrency")?,
        };
        load.rate = phase.number("rate")?;
        if let Some(sessions) = phase.count("sessions")? {
            load.requests.get_or_insert(sessions);
            let what = "sessions are counted as requests: a request here is one turn";
            self.draft.left(phase.at("sessions"), what);
        }
        load.ramp = match phase.get("rateRamp").map(json) {
            Some(Value::Object(ramp)) => ramp.get("duration").and_then(seconds_of),
            Some(other) => seconds_of(&other),
            None => None,
        };
        if let Some(grace) = phase.seconds("gracePeriod", words::aiperf_seconds)? {
            let known = words::seconds(grace).unwrap_or_else(|| "1h".to_owned());
            self.draft.drain = Some(known)
                .filter(|_| !load.warmup)
                .or(self.draft.drain.take());
        }
        // Told with the type that it belongs to.
        phase.get("smoothness");
        phase.rest(self.draft, why_not);
        Ok(load)
    }
}

/// Why some keys have no counterpart.
fn why_not(key: &str) -> Option<&'static str> {
    Some(match key {
        "sweep" => "a sweep is several runs: make them with -c, -r and -e",
        "multiRun" => "several runs: make them one by one, or compare arms of a scenario",
        "artifacts" | "plot" => "results go to results/NAME/, in files of their own",
        "serverMetrics" | "gpuTelemetry" => "figures of the server itself are not collected",
        "tokenizer" => {
            "tokens are counted by the server; lengths of made-up prompts by an estimate"
        }
        "turns" | "turnDelay" | "turnDelayRatio" => {
            "a session of several turns: a request here is one turn, see tollgate init chat-session"
        }
        "concurrencyRamp" | "prefillRamp" => {
            "the number of places does not grow: add a phase before it"
        }
        "prefillConcurrency" => {
            "requests in flight are bounded together, whether or not they have begun"
        }
        "cancellation" => "no request is broken off by the client",
        "sampling" => "each arrival draws a row at random",
        _ => return None,
    })
}
