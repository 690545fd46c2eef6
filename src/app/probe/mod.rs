//! `tollgate probe`: what a gateway's contract is in fact, by a few of the smallest requests.

mod asks;
mod redact;
mod show;
mod transcript;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use super::cli::ProbeArgs;
use super::prices::{base_url, patience};
use super::{Exit, preflight, prices, terminal};
use crate::base::{Money, Secret};
use crate::pricing::{Price, PriceTable};
use crate::scenario::document::{self, Source};
use crate::scenario::{self, Kind};
use crate::wire::{Captured, Clock, Endpoint, Exchange, capture};
use asks::Probing;

/// Why a probe ends before its end: what to say, and how to exit.
struct Refused(String, Exit);

type Answered<T> = Result<T, Refused>;

fn usage(said: impl Into<String>) -> Refused {
    Refused(said.into(), Exit::Usage)
}

pub(super) fn probe(args: &ProbeArgs) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(run(args))? {
        Ok(()) => Ok(Exit::Fine),
        Err(Refused(said, exit)) => {
            terminal::error(&said);
            Ok(exit)
        }
    }
}

async fn run(args: &ProbeArgs) -> anyhow::Result<Answered<()>> {
    let (endpoint, kind) = match endpoint(args) {
        Ok(endpoint) => endpoint,
        Err(refused) => return Ok(Err(refused)),
    };
    let (model, price) = match model(args, &endpoint, kind).await {
        Ok(model) => model,
        Err(refused) => return Ok(Err(refused)),
    };
    let asks = asks::asks(kind, &model);
    let most = asks::at_most(&asks, price.as_ref());
    if let Err(refused) = agree(args, &endpoint, &model, asks.len(), most) {
        return Ok(Err(refused));
    }
    send(args, &endpoint, kind, &asks).await
}

/// Where to send, with which key, and whose contract is kept there.
fn endpoint(args: &ProbeArgs) -> Answered<(Endpoint, Kind)> {
    let base_url = base_url(&args.target).map_err(usage)?;
    let kind = args.kind.unwrap_or_else(|| Kind::of_url(&base_url));
    let variable = kind.key_variable();
    let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
    if kind == Kind::Respan && key.is_none() {
        let said = "there is no key for Respan's gateway";
        return Err(usage(format!("{said}\nhelp: set {variable}")));
    }
    let endpoint = Endpoint {
        base_url,
        key: key.map(Secret::new),
        ..Endpoint::default()
    };
    Ok((endpoint, kind))
}

/// The model to ask, and its price where that is known.
async fn model(
    args: &ProbeArgs,
    endpoint: &Endpoint,
    kind: Kind,
) -> Answered<(String, Option<Price>)> {
    let table = match &args.prices {
        Some(path) => Some(price_table(path)?.models),
        // The list costs nothing; a gateway that has none leaves the prices unknown.
        None if kind == Kind::Respan => prices::read(endpoint)
            .await
            .ok()
            .map(|listed| listed.models),
        None => None,
    };
    if let Some(model) = &args.model {
        let price = table.and_then(|mut table| table.remove(model));
        return Ok((model.clone(), price));
    }
    let tokens = |price: &Price| {
        let tokens = price.per_million.as_ref()?;
        Some(tokens.input.femtos() + tokens.output.femtos())
    };
    let priced = table.into_iter().flatten();
    let cheapest = priced
        .filter_map(|(name, price)| Some((tokens(&price)?, name, price)))
        .min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let (_, name, price) = cheapest.ok_or_else(|| {
        usage("there is no list of prices to choose a model by\nhelp: name one: --model openai/gpt-5-mini")
    })?;
    Ok((name, Some(price)))
}

fn price_table(path: &Path) -> Answered<PriceTable> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| usage(format!("{name}: {error}")))?;
    let source = Source::new(name, text);
    let read = document::read::<PriceTable>(&source, &|name| std::env::var(name).ok());
    let problems = scenario::render(&read.problems, terminal::stderr_colour());
    let table = read.value.filter(|_| read.problems.is_empty());
    table.ok_or_else(|| {
        usage(format!(
            "the price table has problems\n{}",
            problems.trim_end()
        ))
    })
}

/// Says what will be sent and the most that it can cost, and waits for a yes where none was given.
fn agree(
    args: &ProbeArgs,
    endpoint: &Endpoint,
    model: &str,
    requests: usize,
    most: Option<Money>,
) -> Answered<()> {
    let cost = most.map_or_else(
        || "what it can cost is unknown, for want of a price".to_owned(),
        |most| format!("it costs at most {most}"),
    );
    terminal::message(&format!(
        "{requests} requests to {} for {model}, of at most 5 output tokens each; {cost}",
        endpoint.base_url
    ));
    if args.yes {
        return Ok(());
    }
    if most.is_none() {
        let help = "give --prices FILE, or agree with --yes";
        return Err(usage(format!(
            "nothing was sent: its cost is unknown\nhelp: {help}"
        )));
    }
    if !std::io::stdin().is_terminal() {
        let said = "nothing was sent: there is no terminal to ask for a yes";
        return Err(usage(format!("{said}\nhelp: agree with --yes")));
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "send them? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if answer.trim().eq_ignore_ascii_case("y") || answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(usage("nothing was sent"))
    }
}

/// Sends the requests one after the other; shows and keeps each.
async fn send(
    args: &ProbeArgs,
    endpoint: &Endpoint,
    kind: Kind,
    asks: &[Probing],
) -> anyhow::Result<Answered<()>> {
    let clock = Clock::start();
    let wrong = Endpoint {
        key: Some(Secret::new(asks::WRONG_KEY)),
        ..endpoint.clone()
    };
    let secret = endpoint.key.as_ref();
    let (mut folder, mut exchanges) = (None, Vec::new());
    for probing in asks {
        let to = if probing.keyed { endpoint } else { &wrong };
        let captured = match capture(to, patience(), clock, &probing.shot).await {
            Ok(captured) => captured,
            Err(error) => return Ok(Err(usage(error.to_string()))),
        };
        if let (None, Some(failure)) = (captured.status, &captured.failure) {
            let said = preflight::unreachable(endpoint, failure).to_string();
            return Ok(Err(Refused(said, Exit::Preflight)));
        }
        let exchange = captured.read(probing.shot.dialect, probing.shot.stream);
        terminal::data(&show::exchange(probing, &captured, &exchange, secret));
        if folder.is_none() {
            folder = Some(make_folder(&args.output)?);
        }
        if let (Some(folder), Some(text)) =
            (&folder, transcript::transcript(probing, &captured, secret))
        {
            write(&folder.join(format!("{}.txt", probing.name)), &text)?;
        }
        if let Some(refused) = refusal(probing, &captured, &exchange, endpoint, kind) {
            return Ok(Err(refused));
        }
        exchanges.push(exchange);
    }
    terminal::data(&format!("\n{}", show::readings(&exchanges)));
    if let Some(folder) = folder {
        terminal::data(&format!("\ntranscripts in {}\n", folder.display()));
    }
    Ok(Ok(()))
}

/// What a refusal of a request that should be answered means. With it all others would be refused, too.
fn refusal(
    probing: &Probing,
    captured: &Captured,
    exchange: &Exchange,
    endpoint: &Endpoint,
    kind: Kind,
) -> Option<Refused> {
    let status = captured.status.filter(|_| probing.wants_answer)?;
    let (url, path) = (&endpoint.base_url, &probing.shot.path);
    let mut said = exchange.error.clone().unwrap_or_default().into_bytes();
    redact::text(&mut said, endpoint.key.as_ref());
    let said = String::from_utf8_lossy(&said);
    let variable = kind.key_variable();
    let refused = |said: String| Some(Refused(said, Exit::Preflight));
    match status {
        401 | 403 if endpoint.key.is_none() => refused(format!(
            "{url} wants a key (status {status}): {said}\nhelp: set {variable}"
        )),
        401 | 403 => refused(format!(
            "{url} refuses the key (status {status}): {said}\nhelp: check the key in {variable}"
        )),
        404 => refused(format!(
            "there is no {url}{path}, or not this model (status 404): {said}\nhelp: check that the base URL is the one of an SDK, and the name of the model"
        )),
        _ => None,
    }
}

/// A folder of its own for the transcripts of this probe.
fn make_folder(root: &Path) -> anyhow::Result<PathBuf> {
    let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
    let stamp = OffsetDateTime::now_utc().format(&stamp)?;
    let parent = root.join("probe");
    std::fs::create_dir_all(&parent).with_context(|| format!("{}", parent.display()))?;
    for attempt in 1.. {
        let path = match attempt {
            1 => parent.join(&stamp),
            n => parent.join(format!("{stamp}-{n}")),
        };
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1_000 => {}
            made => {
                made.with_context(|| format!("{}", path.display()))?;
                return Ok(path);
            }
        }
    }
    unreachable!("the loop returns at the latest after 1000 names")
}

/// Writes a file that only its owner can read.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.with_context(|| format!("{}", path.display()))
}
