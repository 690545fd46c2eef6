//! The arms of a comparison, as `run.json` has them.

use serde::{Deserialize, Serialize};

use super::{ConnectionInfo, TargetInfo};
use crate::plan::Plan;
use crate::scenario::{Place, Target};

/// An arm of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmInfo {
    /// The name.
    pub name: String,
    /// Where its requests went.
    pub target: TargetInfo,
    /// How its connections were opened and shared.
    pub connections: ConnectionInfo,
    /// The model that it asked for, by recipe, in the order of the mix.
    pub models: Vec<String>,
}

impl ArmInfo {
    /// The arms of a plan, where there are several; `urls` are the base URLs of their targets.
    pub(super) fn all(plan: &Plan, urls: &[String]) -> Vec<Self> {
        let several = plan.scenario().arms.len() > 1;
        let arms = plan.arms().zip(urls).filter(|_| several);
        let info = |((_, arm), url): ((_, &crate::scenario::Arm), &String)| Self {
            name: arm.name.clone(),
            target: TargetInfo::new(&arm.target, url),
            connections: ConnectionInfo::new(&arm.target.policy()),
            models: arm
                .recipes
                .iter()
                .map(|recipe| recipe.model.clone())
                .collect(),
        };
        arms.map(info).collect()
    }
}

impl TargetInfo {
    /// What is told of a target.
    pub(super) fn new(target: &Target, url: &str) -> Self {
        let kind = match &target.place {
            Place::Lab { .. } => "lab".to_owned(),
            Place::Gateway { kind, .. } => kind.name(),
        };
        Self {
            name: target.name.clone(),
            url: url.to_owned(),
            kind,
        }
    }
}
