//! The sides of a run: for each arm, where its requests go, started or seen to answer.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;

use super::cli::RunArgs;
use super::lab::Embedded;
use super::preflight::{self, Asked, Refused};
use crate::base::Seed;
use crate::plan::{ArmId, PhaseId, Plan};
use crate::results::ConnectionInfo;
use crate::scenario::{Address, Kind, Place};
use crate::schedule::{self, Due};
use crate::shot;
use crate::wire::Endpoint;

/// One side of a run.
pub(super) struct Side {
    pub(super) endpoint: Endpoint,
    pub(super) kind: Kind,
    /// Where the key came from, in words.
    pub(super) key_from: String,
    /// How long the lookup of its addresses took, where there was one.
    lookup: Option<Duration>,
    /// The embedded lab, where it is one: it ends with its side.
    lab: Option<Embedded>,
}

/// Opens the side of each arm. What can't be reached, or refuses the key, stops the run before it begins.
pub(super) async fn open(
    plan: &Plan,
    args: &RunArgs,
) -> Result<anyhow::Result<Vec<Side>>, Refused> {
    open_with(plan, args, |_| None).await
}

/// The same, where some arms, by their names, have their endpoint already.
pub(super) async fn open_with(
    plan: &Plan,
    args: &RunArgs,
    known: impl Fn(&str) -> Option<Endpoint>,
) -> Result<anyhow::Result<Vec<Side>>, Refused> {
    let mut sides = Vec::new();
    for (arm, about) in plan.arms() {
        if let Some(endpoint) = known(&about.name) {
            sides.push(Side {
                endpoint,
                kind: Kind::default(),
                key_from: "tollgate itself".to_owned(),
                lookup: None,
                lab: None,
            });
            continue;
        }
        match side(plan, arm, args).await? {
            Ok(side) => sides.push(side),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(sides))
}

async fn side(plan: &Plan, arm: ArmId, args: &RunArgs) -> Result<anyhow::Result<Side>, Refused> {
    let scenario = plan.scenario();
    let target = &plan.arm(arm).target;
    match &target.place {
        Place::Lab { via, script } => {
            // Two labs that drew the same delays would be no two providers: their noise would cancel out.
            let seed = Seed(scenario.seed.0.wrapping_add(u64::from(arm.0)));
            let lab = Embedded::start(script.clone(), seed, *via);
            let side = lab.map(|lab| Side {
                endpoint: lab.endpoint.clone(),
                kind: Kind::Respan,
                key_from: "the lab's own script".to_owned(),
                lookup: None,
                lab: Some(lab),
            });
            Ok(side.context("the embedded lab can't be started"))
        }
        Place::Gateway {
            url,
            kind,
            api_key,
            key_written,
            policy,
            ..
        } => {
            let asked = args.scenario.target.as_ref();
            let by_flag = asked.is_some_and(|t| t.contains("://") && *t == target.name);
            let key_from = if by_flag {
                format!("the environment variable {}", kind.key_variable())
            } else {
                let written = key_written.as_ref();
                let written = written.map_or_else(String::new, |key| format!(", `{key}`"));
                format!("`api_key` of the target `{}`{written}", target.name)
            };
            let mut endpoint = Endpoint {
                base_url: url.clone(),
                key: api_key.clone(),
                policy: policy.clone(),
                addresses: None,
            };
            let mut arrivals =
                (0..).map(|n| schedule::arrival(plan, PhaseId(0), n, Due::WhenReady));
            let first = arrivals.find(|arrival| arrival.arm == arm);
            let headers = first.map(|first| shot::build(plan, &first).headers);
            let headers = headers.unwrap_or_default();
            let models = plan.arm(arm).recipes.iter();
            let models: BTreeSet<&str> = models.map(|recipe| recipe.model.as_str()).collect();
            let asked = Asked {
                kind: *kind,
                key_from: &key_from,
                headers: &headers,
                models: &models,
                scenario,
            };
            preflight::check(&endpoint, &asked).await?;
            let found = endpoint.look_up().await;
            let lookup = found.map_err(|failure| preflight::unreachable(&endpoint, &failure))?;
            Ok(Ok(Side {
                endpoint,
                kind: *kind,
                key_from,
                lookup,
                lab: None,
            }))
        }
    }
}

impl Side {
    /// The base URL.
    pub(super) fn url(&self) -> String {
        self.endpoint.base_url.clone()
    }

    /// The gateway of the embedded lab, where it is one.
    pub(super) fn lab_gateway(&self) -> Option<&Endpoint> {
        self.lab.as_ref().map(|lab| &lab.gateway)
    }

    /// Whether it is at a Unix socket.
    pub(super) const fn is_unix(&self) -> bool {
        matches!(self.endpoint.policy.connect_to, Some(Address::Unix(_)))
    }

    /// Tells what the lookup found.
    pub(super) fn told(&self, connections: &mut ConnectionInfo) {
        connections.looked_up(self.endpoint.addresses.as_deref(), self.lookup);
    }
}
