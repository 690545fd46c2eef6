//! `tollgate gateways try`: starts a gateway in front of the lab's provider, sends it a plain and a
//! streamed request, and shows what came back.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Ended, Gateway, Preset, Routing, Start, Upstream, Usage, lines};
use crate::app::cli::TryArgs;
use crate::app::signals::Signals;
use crate::app::{Exit, commands, prices, terminal};
use crate::base::{Offset, Secret, Seed};
use crate::dialect::{Ask, Dialect, Message, Role};
use crate::lab::{Provider, Script};
use crate::plan::ArrivalId;
use crate::results::Interruption;
use crate::scenario::Kind;
use crate::shot::Shot;
use crate::wire::{Clock, DirectWire, Exchange, Outcome, Reading, Wire};

const DIALECT: Dialect = Dialect::OpenaiChat;
/// Requests by which the shares of several providers are seen.
const SHARED: usize = 40;
/// How long after a broken connection it is known whether the gateway has died.
const DEATH_KNOWN: Duration = Duration::from_millis(500);
/// The first provider's share of the requests, where the others have 1.
const WEIGHT: u32 = 3;
/// The key of the lab's providers, which take any.
const PROVIDER_KEY: &str = "sk-tollgate-lab-provider";

/// All that came of it.
#[derive(Debug, Serialize)]
struct Tried {
    name: String,
    kind: Kind,
    version: Option<String>,
    base_url: String,
    model: String,
    pid: u32,
    ready_ms: f64,
    asked: Vec<Answer>,
    /// Requests that each provider was sent.
    providers: BTreeMap<String, u64>,
    /// What the gateway used, when it was asked to end.
    usage: Option<Usage>,
    ended: Ended,
    dir: PathBuf,
}

/// One request and its answer.
#[derive(Debug, Serialize)]
struct Answer {
    name: &'static str,
    outcome: Outcome,
    status: Option<u16>,
    error: Option<String>,
    first_token_ms: Option<f64>,
    end_ms: Option<f64>,
    token_chunks: u32,
    overhead_claimed_ms: Option<f64>,
    attempts: Option<u32>,
    provider: Option<String>,
}

pub(in crate::app) fn try_out(args: &TryArgs) -> anyhow::Result<Exit> {
    let preset = match Preset::named_or_file(&args.preset, &|name| std::env::var(name).ok()) {
        Ok(preset) => preset,
        Err(problems) => {
            commands::show(&problems);
            return Ok(Exit::Usage);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            exit = run(args, &preset) => exit,
            // Whatever was started ends as it is dropped.
            signal = signals.next() => Ok(match signal {
                Interruption::Terminate => Exit::Terminated,
                _ => Exit::Interrupted,
            }),
        }
    })
}

async fn run(args: &TryArgs, preset: &Preset) -> anyhow::Result<Exit> {
    let labs = labs(args).await?;
    let dir = folder(&args.output, &preset.name)?;
    let upstreams: Vec<Upstream> = labs.iter().map(|lab| lab.upstream.clone()).collect();
    let began = Instant::now();
    let start = Start {
        preset,
        command: args.gateway_cmd.as_deref(),
        upstreams: &upstreams,
        routing: args.routing,
        provider_key: &Secret::new(PROVIDER_KEY),
        dir: &dir,
    };
    let mut gateway = match Gateway::start(&start).await {
        Ok(gateway) => gateway,
        Err(error) => {
            terminal::error(&error.to_string());
            return Ok(Exit::Preflight);
        }
    };
    let ready_ms = began.elapsed().as_secs_f64() * 1e3;
    let asked = match ask_all(&gateway, args).await {
        Ok(asked) => asked,
        Err(died) => {
            let said = format!(
                "{} ended by itself, {}{}",
                gateway.name,
                died.status,
                lines(&died)
            );
            terminal::error(&format!(
                "{said}\nhelp: its log is {}",
                gateway.log.display()
            ));
            return Ok(Exit::Preflight);
        }
    };
    let requests = |lab: &Upstreamed| (lab.upstream.name.clone(), lab.provider.counts().requests);
    let mut tried = Tried {
        name: gateway.name.clone(),
        kind: gateway.kind,
        version: gateway.version.clone(),
        base_url: gateway.base_url.clone(),
        model: gateway.model.clone(),
        pid: gateway.pid,
        ready_ms,
        asked,
        providers: labs.iter().map(requests).collect(),
        usage: None,
        ended: Ended::default(),
        dir,
    };
    tried.ended = gateway.stop().await;
    tried.usage = gateway.usage().pop();
    for lab in labs {
        lab.stop.cancel();
    }
    terminal::data(&if args.json {
        format!("{}\n", serde_json::to_string_pretty(&tried)?)
    } else {
        text(&tried)
    });
    let all_ok = tried
        .asked
        .iter()
        .all(|answer| answer.outcome == Outcome::Ok);
    Ok(if all_ok { Exit::Fine } else { Exit::Fail })
}

/// A provider of the lab behind the gateway.
struct Upstreamed {
    upstream: Upstream,
    provider: Arc<Provider>,
    stop: CancellationToken,
}

/// As many providers as are wanted. Of several that are ranked the first one fails, so that an answer is
/// proof of the next one.
async fn labs(args: &TryArgs) -> anyhow::Result<Vec<Upstreamed>> {
    let mut labs = Vec::new();
    for at in 0..args.providers {
        let fails = at == 0 && args.providers > 1 && args.routing == Routing::Ranked;
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let provider = Arc::new(Provider::new(script(fails), Seed(u64::from(at))));
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&provider).serve(listener, stop.clone()));
        let name = match at {
            0 => "lab".to_owned(),
            at => format!("lab{}", at + 1),
        };
        labs.push(Upstreamed {
            upstream: Upstream {
                name,
                url,
                weight: if at == 0 { WEIGHT } else { 1 },
            },
            provider,
            stop,
        });
    }
    Ok(labs)
}

/// A quick provider that knows every model, or one that fails.
fn script(fails: bool) -> Script {
    let fault = serde_json::json!({
        "when": {}, "do": { "status": { "code": 500, "message": "as it was told to" } },
    });
    let script = serde_json::json!({
        "models": [{
            "model": "*",
            "ttft": { "constant": "5ms" },
            "pace": { "constant": "2ms" },
            "output_tokens": { "constant": 16 },
        }],
        "faults": if fails { vec![fault] } else { vec![] },
    });
    serde_json::from_value(script).expect("it is a script")
}

/// A folder of its own for the gateway's files.
fn folder(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
    let stamp = OffsetDateTime::now_utc().format(&stamp)?;
    let parent = root.join("gateways");
    std::fs::create_dir_all(&parent).with_context(|| format!("{}", parent.display()))?;
    let free = |number: u32| match number {
        1 => parent.join(format!("{stamp}-{name}")),
        n => parent.join(format!("{stamp}-{name}-{n}")),
    };
    let made = (1..1_000)
        .map(free)
        .find(|path| std::fs::create_dir(path).is_ok());
    made.with_context(|| format!("{}: no folder can be made in it", parent.display()))
}

/// Asks all that is to be asked, or as far as the gateway lives.
async fn ask_all(gateway: &Gateway, args: &TryArgs) -> Result<Vec<Answer>, Ended> {
    let clock = Clock::start();
    let wire = DirectWire::new(&gateway.endpoint(), prices::patience(), clock)
        .expect("the gateway's URL was used to see that it is ready");
    let mut names = vec![("plain", false), ("streamed", true)];
    if args.providers > 1 && args.routing == Routing::Weighted {
        names.extend([("shared", false); SHARED - 2]);
    }
    let mut answers = Vec::new();
    for (name, stream) in names {
        let shot = shot(gateway, stream);
        let mut reading = Reading::new(DIALECT, stream).telling(&gateway.readings);
        let result = tokio::select! {
            result = wire.send(&shot, None, &mut reading) => result,
            died = gateway.until_dead() => return Err(died),
        };
        // A connection that broke off is heard of before the process that had it.
        if result.is_err()
            && let Ok(died) = timeout(DEATH_KNOWN, gateway.until_dead()).await
        {
            return Err(died);
        }
        answers.push(answer(name, reading.finish(result, clock.now())));
    }
    match gateway.died() {
        Some(died) => Err(died),
        None => Ok(answers),
    }
}

fn shot(gateway: &Gateway, stream: bool) -> Shot {
    let ask = Ask {
        model: gateway.model.clone(),
        messages: vec![Message {
            role: Role::User,
            content: "Say hi.".to_owned(),
        }],
        stream,
        max_tokens: Some(16),
        ..Ask::default()
    };
    Shot {
        id: ArrivalId::default(),
        dialect: DIALECT,
        path: DIALECT.path().into(),
        body: Bytes::from(DIALECT.encode_ask(&ask)),
        stream,
        headers: gateway.headers.clone(),
    }
}

fn answer(name: &'static str, exchange: Exchange) -> Answer {
    let sent = exchange.marks.sent;
    let since = |at: Option<Offset>| Some((at?.seconds() - sent?.seconds()) * 1e3);
    Answer {
        name,
        outcome: exchange.outcome,
        status: exchange.status,
        error: exchange.error,
        first_token_ms: since(exchange.marks.first_token),
        end_ms: since(exchange.marks.end),
        token_chunks: exchange.token_chunks,
        overhead_claimed_ms: exchange.told.overhead.map(|time| time.as_secs_f64() * 1e3),
        attempts: exchange.told.attempts,
        provider: exchange.told.provider,
    }
}

fn text(tried: &Tried) -> String {
    let version = tried
        .version
        .as_deref()
        .unwrap_or("(its version is unknown)");
    let mut out = format!(
        "{} {version} at {}, model {}, ready after {:.1} s\n",
        tried.name,
        tried.base_url,
        tried.model,
        tried.ready_ms / 1e3
    );
    for answer in tried.asked.iter().filter(|answer| answer.name != "shared") {
        out += &line(answer);
    }
    let requests = tried.providers.iter();
    let requests: Vec<String> = requests.map(|(name, n)| format!("{name} {n}")).collect();
    out += &format!("providers   {} requests\n", requests.join(", "));
    if let Some(usage) = tried.usage {
        out += &format!(
            "used        {:.2} s of CPU, {:.1} MB in {} processes\n",
            usage.cpu_ns as f64 / 1e9,
            usage.rss_bytes as f64 / 1e6,
            usage.processes
        );
    }
    let forced = if tried.ended.forced {
        ", as it did not end when asked"
    } else {
        ""
    };
    out += &format!("ended       {}{forced}\n", tried.ended.status);
    out + &format!("kept in     {}\n", tried.dir.display())
}

fn line(answer: &Answer) -> String {
    let status = answer
        .status
        .map_or("no status".to_owned(), |status| status.to_string());
    let mut out = format!("{:<11} {status} {}", answer.name, answer.outcome);
    let mut more = |name: &str, ms: Option<f64>| {
        if let Some(ms) = ms {
            out += &format!(", {name} {ms:.1} ms");
        }
    };
    more("first token after", answer.first_token_ms);
    more("end after", answer.end_ms);
    more("claims to have added", answer.overhead_claimed_ms);
    if answer.token_chunks > 0 {
        out += &format!(", {} chunks", answer.token_chunks);
    }
    if let Some(error) = &answer.error {
        out += &format!(": {error}");
    }
    out + "\n"
}
