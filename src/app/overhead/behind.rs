//! Everything that a sandwich stands on: the providers' process, and the gateway in front of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::runtime::Runtime;

use super::OverheadArgs;
use crate::app::gateways::{self, Ended, Gateway, Preset, Routing, Start, Upstream, Usage};
use crate::app::gather::Gatherer;
use crate::app::run::Watch;
use crate::app::stand_in::{Cast, Child};
use crate::app::{Exit, commands, preflight, terminal};
use crate::base::Secret;
use crate::judge::{GatewayFacts, Overhead, Provided, Used};
use crate::scenario::{
    Kind, OverheadAsked, OverheadRouting, Place, Readings, Scenario, THROUGH, Template,
};
use crate::wire::Endpoint;

/// The key of the lab's providers, which take any.
const PROVIDER_KEY: &str = "sk-tollgate-lab-provider";
/// Where the key of a real provider past the gateway is read from.
const DIRECT_KEY: &str = "DIRECT_API_KEY";

/// What runs for a measurement. All of it ends when this is dropped.
pub(super) struct Behind {
    /// The gateway that was started; first, so that it ends before its providers.
    gateway: Option<Gateway>,
    /// The process of the lab's providers.
    providers: Option<Child>,
    /// The first provider, or the real one.
    direct: Endpoint,
    /// Where the gateway's files are until the run has a folder.
    dir: PathBuf,
}

impl Behind {
    /// Starts the providers, and the gateway in front of them.
    pub(super) async fn start(
        args: &OverheadArgs,
        scenario: &Scenario,
    ) -> anyhow::Result<Result<Self, Exit>> {
        let asked = scenario.overhead.clone().unwrap_or_default();
        let mut behind = Self {
            gateway: None,
            providers: None,
            direct: Endpoint::default(),
            dir: args.output.join(format!(".gateway-{}", std::process::id())),
        };
        match args.direct.as_deref() {
            Some(url) if url != "lab" => {
                behind.direct = Endpoint {
                    base_url: url.trim_end_matches('/').to_owned(),
                    key: std::env::var(DIRECT_KEY).ok().map(Secret::new),
                    ..Endpoint::default()
                };
                return Ok(Ok(behind));
            }
            _ => behind.start_providers(args, scenario, &asked)?,
        }
        if args.target.is_some() {
            return Ok(Ok(behind));
        }
        let named = args.gateway.as_ref().or(asked.gateway.as_ref());
        let Some(named) = named else {
            terminal::error(
                "which gateway? Name one with --gateway (`tollgate gateways` lists them), or one that \
                 runs already with --target URL --direct lab",
            );
            return Ok(Err(Exit::Usage));
        };
        let preset = match Preset::named_or_file(named, &|name| std::env::var(name).ok()) {
            Ok(preset) => preset,
            Err(problems) => {
                commands::show(&problems);
                return Ok(Err(Exit::Usage));
            }
        };
        let upstreams = behind.upstreams(&asked)?;
        let start = Start {
            preset: &preset,
            command: args.gateway_cmd.as_deref(),
            upstreams: &upstreams,
            routing: match asked.routing {
                OverheadRouting::Ranked => Routing::Ranked,
                OverheadRouting::Weighted => Routing::Weighted,
            },
            provider_key: &Secret::new(PROVIDER_KEY),
            dir: &behind.dir,
        };
        match Gateway::start(&start).await {
            Ok(gateway) => behind.gateway = Some(gateway),
            Err(error) => {
                terminal::error(&error.to_string());
                return Ok(Err(Exit::Preflight));
            }
        }
        Ok(Ok(behind))
    }

    fn start_providers(
        &mut self,
        args: &OverheadArgs,
        scenario: &Scenario,
        asked: &OverheadAsked,
    ) -> anyhow::Result<()> {
        let named = asked.providers.iter();
        let providers = named.map(|provider| (provider.name.clone(), provider.script.clone()));
        let cast = Cast {
            seed: scenario.seed.0,
            providers: providers.collect(),
            // A gateway that runs already knows where its provider is.
            first_at: args.target.is_some().then_some(args.provider),
            ..Cast::default()
        };
        let child = Child::start(&cast).context("the lab's providers can't be started")?;
        self.direct = Endpoint {
            base_url: child.url(&asked.providers[0].name)?.to_owned(),
            key: Some(Secret::new(PROVIDER_KEY)),
            ..Endpoint::default()
        };
        self.providers = Some(child);
        Ok(())
    }

    fn upstreams(&self, asked: &OverheadAsked) -> anyhow::Result<Vec<Upstream>> {
        let child = self.providers.as_ref().context("there are no providers")?;
        let upstream = |provider: &crate::scenario::OverheadProvider| {
            Ok(Upstream {
                name: provider.name.clone(),
                url: child.url(&provider.name)?.to_owned(),
                weight: provider.weight,
            })
        };
        asked.providers.iter().map(upstream).collect()
    }

    /// Whether the provider keeps marks.
    const fn is_exact(&self) -> bool {
        self.providers.is_some()
    }

    /// The scenario with what is known once all has started.
    pub(super) fn complete(&self, mut scenario: Scenario, args: &OverheadArgs) -> Scenario {
        scenario.marked = self.is_exact();
        let hosted_kind = || {
            let url = args.target.as_deref().unwrap_or_default();
            args.kind.unwrap_or_else(|| Kind::of_url(url))
        };
        for arm in &mut scenario.arms {
            let through = arm.name == THROUGH;
            let Place::Gateway {
                url,
                kind,
                api_key,
                readings,
                ..
            } = &mut arm.target.place
            else {
                continue;
            };
            let model = match (&self.gateway, through) {
                (_, false) => {
                    if !self.is_exact() {
                        url.clone_from(&self.direct.base_url);
                        api_key.clone_from(&self.direct.key);
                    }
                    None
                }
                (Some(gateway), true) => {
                    (*kind, *readings) = (gateway.kind, gateway.readings.clone());
                    Some(gateway.model.clone())
                }
                (None, true) => {
                    *kind = hosted_kind();
                    *readings = std::sync::Arc::new(Readings::of(*kind));
                    *url = args.target.clone().unwrap_or_default();
                    *url = url.trim_end_matches('/').to_owned();
                    let key = std::env::var(kind.key_variable()).ok();
                    *api_key = key.map(Secret::new);
                    args.model.clone()
                }
            };
            if let Some(gateway) = self.gateway.as_ref().filter(|_| through) {
                for recipe in &mut arm.recipes {
                    // They may hold keys, and ports that differ from run to run.
                    let secret = |value: &[u8]| Secret::new(String::from_utf8_lossy(value));
                    let headers = gateway.headers.iter().map(|(name, value)| {
                        let value = Template::of_secret(secret(value.as_bytes()));
                        (name.as_str().to_owned(), value)
                    });
                    recipe.extra.headers.extend(headers);
                }
            }
            if let Some(model) = model {
                for recipe in &mut arm.recipes {
                    recipe.model.clone_from(&model);
                }
            }
        }
        scenario
    }

    /// Where an arm sends, where it was started here.
    pub(super) fn endpoint(&self, arm: &str) -> Option<Endpoint> {
        match &self.gateway {
            Some(gateway) if arm == THROUGH => Some(gateway.endpoint()),
            None if arm == THROUGH => None,
            _ => self.is_exact().then(|| self.direct.clone()),
        }
    }

    /// Says why a target can't be measured.
    pub(super) fn refused(&self, refused: &preflight::Refused) -> Exit {
        terminal::error(&refused.to_string());
        if let (None, Some(_)) = (&self.gateway, &self.providers) {
            terminal::message(&format!(
                "the lab's provider was listening at {}",
                self.direct.base_url
            ));
        }
        Exit::Preflight
    }

    /// Tells once that the gateway ended by itself.
    pub(super) fn watch(&self) -> Option<Watch> {
        let death = self.gateway.as_ref()?.death();
        let name = self.gateway.as_ref()?.name.clone();
        Some(Box::new(move || {
            let ended = death()?;
            let lines = gateways::lines(&ended);
            Some(format!(
                "{name} ended by itself, {}{lines}\nno further arrivals",
                ended.status
            ))
        }))
    }

    /// The run begins: the windows of scripted faults count from now.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        self.providers.as_mut().map_or(Ok(()), Child::begin)
    }

    /// Ends the gateway, and holds what the client saw against what the providers did.
    pub(super) fn judge(
        &mut self,
        gathered: Option<Gatherer>,
        runtime: &Runtime,
    ) -> anyhow::Result<Overhead> {
        let gathered = gathered.context("the run's requests were not gathered")?;
        let ended = self.gateway.as_mut();
        let ended: Option<Ended> = ended.map(|gateway| runtime.block_on(gateway.stop()));
        let mut unkept = 0;
        let provided = match &mut self.providers {
            Some(child) => {
                let truths = child.truth()?;
                unkept = truths.dropped;
                let provided = truths.providers.into_iter();
                let provided = provided.map(|(provider, truth)| Provided { provider, truth });
                Some(provided.collect::<Vec<_>>())
            }
            None => None,
        };
        let mut found = gathered.judge(provided.as_deref());
        if let Some(child) = &mut self.providers {
            let error = child.mapping_error().as_nanos() as f64 / 1e3;
            found.clock_error_us = Some(gathered.clock_error_us() + error);
            found.unkept = unkept;
        }
        if let Some(gateway) = &self.gateway {
            let usage = gateway.usage();
            for level in &mut found.levels {
                level.used = level
                    .span
                    .and_then(|span| used(&usage, span, level.through));
            }
            let ended = ended.unwrap_or_default();
            found.gateway = Some(GatewayFacts {
                name: gateway.name.clone(),
                version: gateway.version.clone(),
                ended: ended.status,
                by_itself: !ended.asked,
            });
        }
        Ok(found)
    }

    /// Moves the gateway's configuration and log into the run's folder. They stay where they are where that
    /// can't be.
    pub(super) fn keep_log(&mut self, to: &Path) {
        let kept = self.gateway.is_some() && self.dir.exists();
        if kept && let Err(error) = fs::rename(&self.dir, to) {
            let from = self.dir.display();
            terminal::message(&format!("the gateway's log stays in {from}: {error}"));
        }
    }
}

/// What the gateway used between two instants.
fn used(usage: &[Usage], (from, to): (u64, u64), requests: u64) -> Option<Used> {
    let at = |instant: u64| usage.iter().rev().find(|u| u.at_ns <= instant);
    let (first, last) = (at(from).or(usage.first())?, at(to)?);
    let within = usage.iter().filter(|u| (from..=to).contains(&u.at_ns));
    let wall = last
        .at_ns
        .checked_sub(first.at_ns)
        .filter(|wall| *wall > 0)?;
    let cpu = last.cpu_ns.saturating_sub(first.cpu_ns) as f64;
    // The samples lie beside the span's ends: by the share of time that it is of theirs.
    let share = (to - from) as f64 / wall as f64;
    Some(Used {
        cpu_cores: cpu / wall as f64,
        cpu_per_request_us: (requests > 0).then(|| cpu * share / requests as f64 / 1e3),
        memory_bytes: within.map(|u| u.rss_bytes).max().unwrap_or(last.rss_bytes),
    })
}
