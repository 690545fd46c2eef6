//! A command line of `AIPerf`, as it stands in a shell script: `aiperf profile --model ... --url ...`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::bench::{Bench, Load, base_url, connections, extra, slo};
use super::draft::Draft;
use super::reading::place;
use super::{Input, aiperf_lengths, secrets, words};
use crate::scenario::{Problem, Source};

/// Whether a text is a command line and no configuration.
pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        !line.starts_with('#')
            && (line.contains("aiperf profile")
                || line.starts_with("--") && !line.starts_with("---"))
    })
}

/// A word of the command line and where it begins.
struct Word {
    text: String,
    at: usize,
}

/// Reads the command line.
pub(super) fn bench(
    source: &Arc<Source>,
    input: &Input<'_>,
    draft: &mut Draft,
) -> Result<Bench, Vec<Problem>> {
    let words = words_of(source)?;
    let mut flags = Flags {
        source,
        input,
        draft,
        problems: Vec::new(),
        bench: Bench::default(),
        load: Load {
            name: "profiling".to_owned(),
            shape: "poisson".to_owned(),
            ..Load::default()
        },
        warmup: Load {
            name: "warmup".to_owned(),
            warmup: true,
            ..Load::default()
        },
        isl: json!({ "mean": 550 }),
        osl: None,
    };
    let begin = words.iter().position(|word| word.text == "profile");
    let mut rest = words[begin.map_or(0, |at| at + 1)..].iter().peekable();
    while let Some(word) = rest.next() {
        if !word.text.starts_with('-') {
            continue;
        }
        let (flag, inline) = match word.text.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word.text.clone(), None),
        };
        let value = inline.or_else(|| {
            let next = rest.next_if(|next| !next.text.starts_with("--"));
            next.map(|next| next.text.clone())
        });
        flags.flag(&flag, value.as_deref().unwrap_or_default(), word.at);
    }
    flags.finish()
}

struct Flags<'a, 'd> {
    source: &'a Arc<Source>,
    input: &'a Input<'a>,
    draft: &'d mut Draft,
    problems: Vec<Problem>,
    bench: Bench,
    load: Load,
    warmup: Load,
    isl: Value,
    osl: Option<f64>,
}

impl Flags<'_, '_> {
    fn flag(&mut self, flag: &str, value: &str, at: usize) {
        let here = format!("{} {flag}", place(self.source, at));
        if value.starts_with('$') && flag != "--api-key" {
            self.draft
                .left(here, "its value is a variable of the shell");
            return;
        }
        match flag {
            "-m" | "--model" | "--model-names" => {
                let names = value
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                self.bench
                    .models
                    .extend(names.map(|name| (name.to_owned(), 1.0)));
            }
            "-u" | "--url" => {
                if self.bench.url.is_some() {
                    self.draft
                        .left(here, "one of several URLs: make a target of it");
                    return;
                }
                self.bench.url = Some(value.to_owned());
                self.draft.url = base_url(value, None).map(|(url, _)| url);
            }
            "--endpoint" | "--custom-endpoint" => self.bench.path = Some(value.to_owned()),
            "--endpoint-type" if value == "chat" => {}
            "--streaming" => self.bench.streaming = value != "false",
            "--api-key" => self.draft.key_at(&here, "it"),
            "-H" | "--header" => match value.split_once(':') {
                Some((name, value)) => secrets::header(self.draft, &here, name, value.trim()),
                None => self.draft.left(here, "no header that can be read"),
            },
            "--extra-inputs" => self.extra(value, &here),
            "--system-prompt" => self.bench.system = Some(value.to_owned()),
            "--connection-reuse-strategy" => connections(self.draft, Some(value)),
            "--goodput" => self.goodput(value, &here),
            "--arrival-pattern" | "--request-rate-mode" => value.clone_into(&mut self.load.shape),
            "--input-file" => self.file(value, &here),
            _ => self.number(flag, value, at, here),
        }
    }

    /// The flags that take a number.
    fn number(&mut self, flag: &str, value: &str, at: usize, here: String) {
        let known = [
            "--concurrency",
            "--request-rate",
            "--request-count",
            "--num-requests",
            "--benchmark-duration",
            "--warmup-request-count",
            "--num-warmup-requests",
            "--warmup-concurrency",
            "--warmup-duration",
            "--warmup-request-rate",
            "--random-seed",
            "--request-timeout-seconds",
            "--benchmark-grace-period",
            "--request-rate-ramp-duration",
            "--isl",
            "--synthetic-input-tokens-mean",
            "--prompt-input-tokens-mean",
            "--isl-stddev",
            "--synthetic-input-tokens-stddev",
            "--prompt-input-tokens-stddev",
            "--osl",
            "--output-tokens-mean",
            "--prompt-output-tokens-mean",
        ];
        if !known.contains(&flag) {
            self.draft.left(here, "a scenario has nothing like it");
            return;
        }
        if value.contains(',') {
            self.draft.left(
                here,
                "a list is a sweep: its first is here; make a run of each with -c or -r",
            );
        }
        let first = value.split(',').next().unwrap_or_default();
        let Some(number) = words::aiperf_seconds(first).filter(|n| n.is_finite() && *n < 1e12)
        else {
            let span = at..at + flag.len();
            let message = format!("`{flag}` needs a number from zero up");
            self.problems.push(Problem::at(self.source, span, message));
            return;
        };
        let count = (number >= 1.0).then_some(number as u64);
        match flag {
            "--concurrency" => self.load.concurrency = count,
            "--request-rate" => self.load.rate = Some(number),
            "--request-count" | "--num-requests" => self.load.requests = count,
            "--benchmark-duration" => self.load.seconds = Some(number),
            "--request-rate-ramp-duration" => self.load.ramp = Some(number),
            "--warmup-request-count" | "--num-warmup-requests" => self.warmup.requests = count,
            "--warmup-concurrency" => self.warmup.concurrency = count,
            "--warmup-duration" => self.warmup.seconds = Some(number),
            "--warmup-request-rate" => self.warmup.rate = Some(number),
            "--random-seed" => self.draft.seed = Some(number as u64),
            "--request-timeout-seconds" => self.draft.request_timeout = words::seconds(number),
            "--benchmark-grace-period" => self.draft.drain = words::seconds(number),
            "--isl-stddev" | "--synthetic-input-tokens-stddev" | "--prompt-input-tokens-stddev" => {
                self.isl["stddev"] = number.into();
            }
            "--osl" | "--output-tokens-mean" | "--prompt-output-tokens-mean" => {
                self.osl = Some(number);
            }
            _ => self.isl["mean"] = number.into(),
        }
    }

    /// `name:value`, or a JSON object.
    fn extra(&mut self, value: &str, here: &str) {
        let parsed: Option<Value> = serde_json::from_str(value).ok();
        let fields = if let Some(Value::Object(fields)) = parsed {
            fields.into_iter().collect()
        } else if let Some((name, value)) = value.split_once(':') {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            vec![(name.to_owned(), value)]
        } else {
            self.draft.left(here, "no field that can be read");
            return;
        };
        for (name, value) in fields {
            extra(self.draft, &mut self.bench.extra, here, &name, value);
        }
    }

    fn goodput(&mut self, value: &str, here: &str) {
        for part in value.split_whitespace() {
            let limit = part
                .split_once(':')
                .and_then(|(name, limit)| Some((name, limit.parse().ok()?)));
            match limit {
                Some(("time_to_first_token", limit)) => slo(self.draft, "ttft", Some(limit)),
                Some(("inter_token_latency", limit)) => slo(self.draft, "tpot", Some(limit)),
                Some(("request_latency", limit)) => slo(self.draft, "e2e", Some(limit)),
                _ => self.draft.left(here, "an SLO is on ttft, tpot or e2e"),
            }
        }
    }

    fn file(&mut self, path: &str, here: &str) {
        let read = (self.input.open)(path).map(|bytes| {
            let text = String::from_utf8_lossy(&bytes);
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines
                .filter_map(|line: Value| aiperf_lengths::single_turn(&line))
                .collect()
        });
        match read {
            Ok(rows) if !Vec::is_empty(&rows) => self.bench.rows = rows,
            Ok(_) => self
                .draft
                .left(here, "no line of the file holds a single text"),
            Err(why) => {
                let what =
                    format!("the file can't be read ({why}): made-up prompts stand in for it");
                self.draft.left(here, what);
            }
        }
    }

    fn finish(mut self) -> Result<Bench, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let most = self.osl.map(aiperf_lengths::tokens);
        let lengths = aiperf_lengths::distributions(&self.isl).into_iter();
        self.bench.lengths = lengths
            .map(|(tokens, weight)| (tokens, most, weight))
            .collect();
        if self.load.rate.is_none() {
            "concurrency".clone_into(&mut self.load.shape);
        }
        self.warmup.shape.clone_from(&self.load.shape);
        if self.warmup.requests.is_some() || self.warmup.seconds.is_some() {
            self.warmup.concurrency = self.warmup.concurrency.or(self.load.concurrency);
            self.warmup.rate = self.warmup.rate.or(self.load.rate);
            self.bench.phases.push(self.warmup);
        }
        self.bench.phases.push(self.load);
        Ok(self.bench)
    }
}

/// The words of a shell's command line, quotes and continued lines resolved; variables are not.
fn words_of(source: &Arc<Source>) -> Result<Vec<Word>, Vec<Problem>> {
    let (mut words, mut open): (Vec<Word>, Option<Word>) = (Vec::new(), None);
    let mut quote: Option<(char, usize)> = None;
    let mut chars = source.text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let begun = open.is_some();
        let mut push = |c: Option<char>| {
            let word = open.get_or_insert_with(|| Word {
                text: String::new(),
                at,
            });
            word.text.extend(c);
        };
        match (quote, c) {
            (Some((mark, _)), _) if c == mark => quote = None,
            (None | Some(('"', _)), '\\') => match chars.next() {
                Some((_, '\n')) | None => {}
                Some((_, escaped)) => push(Some(escaped)),
            },
            (None, '"' | '\'') => {
                push(None);
                quote = Some((c, at));
            }
            (None, '#') if !begun => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            (None, _) if c.is_whitespace() => words.extend(open.take()),
            _ => push(Some(c)),
        }
    }
    words.extend(open);
    match quote {
        Some((mark, at)) => {
            let message = format!("this {mark} is not closed");
            Err(vec![Problem::at(source, at..at + 1, message)])
        }
        None => Ok(words),
    }
}
