//! The lab: embedded in a run, or by itself on ports of the user's choice.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::Context;
use clap::Args;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Exit;
use super::signals::Signals;
use super::{machine, terminal};
use crate::base::{Secret, Seed};
use crate::lab::{self, Gateway, Lab, Script};
use crate::scenario::{self, Via};
use crate::wire::Endpoint;

#[derive(Debug, Args)]
pub(super) struct LabArgs {
    /// How the provider behaves: a YAML file [default: a quick, healthy provider]
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The provider's address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    provider: SocketAddr,
    /// Run the gateway alone, in front of a provider that runs elsewhere: its base URL, which ends
    /// before `/chat/completions`; with a name, for the models with that prefix alone
    #[arg(long, value_name = "[NAME=]URL", conflicts_with = "provider")]
    upstream: Vec<Upstream>,
    /// The gateway's address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    gateway: SocketAddr,
    /// The seed of the provider's answers and delays
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// A lab on a thread of its own, which works for as long as this lives.
pub(super) struct Embedded {
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    /// Its gateway, which has the log.
    pub(super) gateway: Endpoint,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Embedded {
    /// Starts the lab on free ports of the loopback.
    pub(super) fn start(script: Script, seed: Seed, via: Via) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tell, told) = mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let work = async move {
            let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            match Lab::start(script, seed, free, free).await {
                Ok(lab) => {
                    lab.gateway.set_time(OffsetDateTime::now_utc());
                    let at = |url: &str| Endpoint {
                        base_url: url.to_owned(),
                        key: Some(lab.key.clone()),
                        ..Endpoint::default()
                    };
                    let gateway = at(&lab.gateway_url);
                    let endpoint = match via {
                        Via::Gateway => gateway.clone(),
                        Via::Provider => at(&lab.provider_url),
                    };
                    let _ = tell.send(Ok((endpoint, gateway)));
                    stopped.cancelled().await;
                    let _ = lab.stop().await;
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        };
        let thread = thread::Builder::new().name("lab".to_owned());
        let thread = thread.spawn(move || runtime.block_on(work))?;
        let (endpoint, gateway) = told.recv().context("the lab died at its start")??;
        Ok(Self {
            endpoint,
            gateway,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `tollgate lab`: the stand-ins until they are interrupted.
pub(super) fn lab(args: &LabArgs) -> anyhow::Result<Exit> {
    machine::raise_files();
    let script = match &args.script {
        None => Script::default(),
        Some(path) => match scenario::load_script(path, &|name| std::env::var(name).ok()) {
            Ok(script) => script,
            Err(problems) => {
                let shown = scenario::render(&problems, terminal::stderr_colour());
                terminal::message(shown.trim_end());
                return Ok(Exit::Usage);
            }
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if !args.upstream.is_empty() {
        return runtime.block_on(gateway_alone(args, script));
    }
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let lab = match Lab::start(script, Seed(args.seed), args.provider, args.gateway).await {
            Ok(lab) => lab,
            Err(error) => {
                terminal::error(&format!(
                    "the lab can't listen on {} and {}: {error}\nhelp: choose other ports with --provider and --gateway; port 0 takes a free one",
                    args.provider, args.gateway
                ));
                return Ok(Exit::Usage);
            }
        };
        lab.gateway.set_time(OffsetDateTime::now_utc());
        terminal::data(&format!(
            "gateway   {}   (key: {})\nprovider  {}\n",
            lab.gateway_url,
            lab.key.expose(),
            lab.provider_url
        ));
        terminal::message("the lab is running; interrupt it to stop");
        signals.next().await;
        lab.stop().await?;
        Ok(Exit::Fine)
    })
}

/// A provider that runs elsewhere, written as `[NAME=]URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upstream {
    /// The prefix of its models; all where absent.
    name: Option<String>,
    /// Its base URL.
    url: String,
}

impl FromStr for Upstream {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split_once('=').filter(|(name, _)| !name.contains(':'));
        let (name, url) = named.map_or((None, text), |(name, url)| (Some(name.to_owned()), url));
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let nameable = |name: &String| !name.is_empty() && name.bytes().all(fine);
        if !name.as_ref().is_none_or(nameable) {
            return Err("a name is of letters, digits, - and _");
        }
        // The gateway speaks no TLS.
        if url.strip_prefix("http://").is_none_or(str::is_empty) {
            return Err("write it as http://HOST:PORT/v1 or NAME=http://HOST:PORT/v1");
        }
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { name, url })
    }
}

/// The gateway in front of providers that run elsewhere, until it is interrupted.
async fn gateway_alone(args: &LabArgs, script: Script) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let key = Secret::new(script.gateway.keys[0].key.as_str());
    let provider_key = script.key.map_or_else(|| key.clone(), Secret::new);
    let default = args
        .upstream
        .iter()
        .find(|upstream| upstream.name.is_none());
    let default = default.unwrap_or(&args.upstream[0]).url.clone();
    let seed = Seed(args.seed);
    let mut gateway = Gateway::scripted(*script.gateway, seed, default, provider_key.clone())?;
    if let Some(prices) = script.prices {
        gateway = gateway.with_prices(*prices);
    }
    let mut said = String::new();
    for upstream in &args.upstream {
        let all = upstream.name.as_deref().unwrap_or("all others");
        let _ = writeln!(said, "provider  {}   ({all})", upstream.url);
        if let Some(name) = &upstream.name {
            let url = upstream.url.clone();
            gateway = gateway.with_provider(name.clone(), url, provider_key.clone());
        }
    }
    gateway.set_time(OffsetDateTime::now_utc());
    let bound = lab::listen(args.gateway);
    let listener = match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
        Ok(listener) => listener,
        Err(error) => {
            terminal::error(&format!(
                "the lab can't listen on {}: {error}\nhelp: choose another port with --gateway; port 0 takes a free one",
                args.gateway
            ));
            return Ok(Exit::Usage);
        }
    };
    let (address, listener) = listener;
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(Arc::new(gateway).serve(listener, shutdown.clone()));
    let key = key.expose();
    terminal::data(&format!(
        "gateway   http://{address}/api   (key: {key})\n{said}"
    ));
    terminal::message("the gateway is running; interrupt it to stop");
    signals.next().await;
    shutdown.cancel();
    serving.await??;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_url_with_a_name_or_without() {
        let of = |text: &str| text.parse::<Upstream>();
        let read = |text| of(text).map(|upstream| (upstream.name, upstream.url));
        let url = "http://127.0.0.1:9/v1";
        assert_eq!(read("http://127.0.0.1:9/v1/"), Ok((None, url.into())));
        assert_eq!(
            read("open-ai=http://127.0.0.1:9/v1"),
            Ok((Some("open-ai".into()), url.into()))
        );
        let query = "http://127.0.0.1:9/v1?a=b";
        assert_eq!(read(query), Ok((None, query.into())));
        for wrong in [
            "",
            "https://a/v1",
            "a/b=http://a/v1",
            "=http://a/v1",
            "a=",
            "http://",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
