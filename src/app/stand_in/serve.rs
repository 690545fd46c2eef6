//! `tollgate stand-in`: the child itself.

use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Cast, Front, Hello, Line, Order};
use crate::app::{Exit, machine, terminal};
use crate::base::{Monotonic, Secret, Seed};
use crate::lab::{self, Gateway, Provider};

/// How long to wait for answers that the client has read to be over here, too.
const SETTLE: Duration = Duration::from_secs(2);
/// How long what is under way may take at the end.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of an answer that are written at once.
const PART: usize = 1 << 16;

/// All stand-ins at work.
struct Stage {
    providers: Vec<(String, Arc<Provider>)>,
    gateways: Vec<(String, Arc<Gateway>)>,
    hello: Hello,
}

/// `tollgate stand-in`
pub(in crate::app) fn serve() -> anyhow::Result<Exit> {
    let files = machine::raise_files();
    let clock = Monotonic::map().context("the platform has no clock that processes share")?;
    let mut lines = std::io::stdin().lock().lines();
    let first = lines.next().context("stdin ended before the cast came")??;
    let cast: Cast = serde_json::from_str(&first).context("the cast can't be read")?;
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Half of the machine: the other half is the client's, which is what is measured.
        .worker_threads((cores / 2).max(1))
        .enable_all()
        .build()?;
    let shutdown = CancellationToken::new();
    let mut stage = Stage {
        providers: Vec::new(),
        gateways: Vec::new(),
        hello: Hello {
            mapping_error_ns: clock.error().as_nanos() as u64,
            files,
            ..Hello::default()
        },
    };
    stage.enter(cast, &runtime, clock, &shutdown)?;
    terminal::data(&format!("{}\n", serde_json::to_string(&stage.hello)?));
    for line in lines {
        let order = serde_json::from_str(&line?).context("this is no order")?;
        stage.follow(order)?;
    }
    shutdown.cancel();
    runtime.shutdown_timeout(GRACE);
    Ok(Exit::Fine)
}

impl Stage {
    /// Lets all stand-ins listen, each on a free port of the loopback.
    fn enter(
        &mut self,
        cast: Cast,
        runtime: &Runtime,
        clock: Monotonic,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let _guard = runtime.enter();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut first_at = cast.first_at;
        for (name, script) in cast.providers {
            script
                .check()
                .with_context(|| format!("the script of `{name}`"))?;
            let provider = Arc::new(Provider::new(script, Seed(cast.seed)));
            provider.keep_truth(clock);
            let at = first_at.take().unwrap_or(free);
            let listener = lab::listen(at).with_context(|| format!("{at} can't be listened at"))?;
            let url = format!("http://{}/v1", listener.local_addr()?);
            self.hello.urls.insert(name.clone(), url);
            runtime.spawn(Arc::clone(&provider).serve(listener, shutdown.clone()));
            self.providers.push((name, provider));
        }
        for (name, front) in cast.gateways {
            let gateway = self
                .front(front, Seed(cast.seed))
                .with_context(|| format!("the gateway `{name}`"))?;
            gateway.keep_truth(clock);
            let gateway = Arc::new(gateway);
            let listener = lab::listen(free)?;
            let url = format!("http://{}/api", listener.local_addr()?);
            self.hello.urls.insert(name.clone(), url);
            runtime.spawn(Arc::clone(&gateway).serve(listener, shutdown.clone()));
            self.gateways.push((name, gateway));
        }
        Ok(())
    }

    fn front(&self, front: Front, seed: Seed) -> anyhow::Result<Gateway> {
        front.script.check()?;
        let url = |name: &String| self.hello.urls.get(name).unwrap_or(name).clone();
        let key = front
            .key
            .unwrap_or_else(|| front.script.keys[0].key.clone());
        let key = Secret::new(key);
        let gateway = Gateway::scripted(front.script, seed, url(&front.upstream), key.clone())?;
        let named = front.upstreams.iter();
        Ok(named.fold(gateway, |gateway, (prefix, name)| {
            gateway.with_provider(prefix.clone(), url(name), key.clone())
        }))
    }

    fn follow(&self, order: Order) -> anyhow::Result<()> {
        let mut said = String::new();
        match order {
            Order::Truth => {
                self.settle();
                for (name, provider) in &self.providers {
                    for truth in provider.take_truth() {
                        say(&mut said, &Line::Truth(name.clone(), truth))?;
                    }
                }
                for (name, gateway) in &self.gateways {
                    for passed in gateway.take_truth() {
                        say(&mut said, &Line::Passed(name.clone(), passed))?;
                    }
                }
                self.counts(&mut said)?;
            }
            Order::Begin => self.providers.iter().for_each(|(_, p)| p.begin()),
        }
        say(&mut said, &Line::Over)?;
        terminal::data(&said);
        Ok(())
    }

    fn counts(&self, said: &mut String) -> anyhow::Result<()> {
        for (name, provider) in &self.providers {
            say(said, &Line::Counts(name.clone(), provider.counts()))?;
        }
        let dropped = self.gateways.iter().map(|(_, g)| g.truths_dropped()).sum();
        say(said, &Line::PassedDropped(dropped))
    }

    /// Waits until no request is in service: an answer's truth is there only once its connection knows
    /// that it is over.
    fn settle(&self) {
        let patience = Instant::now() + SETTLE;
        let serving = || {
            self.providers.iter().any(|(_, p)| p.counts().serving > 0)
                || self.gateways.iter().any(|(_, g)| g.under_way() > 0)
        };
        while serving() && Instant::now() < patience {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Appends a line, and lets go what has become long.
fn say(said: &mut String, line: &Line) -> anyhow::Result<()> {
    said.push_str(&serde_json::to_string(line)?);
    said.push('\n');
    if said.len() >= PART {
        terminal::data(said);
        said.clear();
    }
    Ok(())
}
