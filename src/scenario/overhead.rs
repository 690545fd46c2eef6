//! A gateway between the client and scripted providers: what `tollgate overhead` measures.

use schemars::JsonSchema;
use serde::Deserialize;

use super::arms::ArmSection;
use super::check::Checker;
use super::document::Spanned;
use super::file::{File, GatewayTarget, Ordered, Target};
use crate::lab::{Content, Script};

/// The arm that goes past the gateway.
pub const DIRECT: &str = "direct";
/// The arm that goes through it.
pub const THROUGH: &str = "gateway";
/// Where nothing is sent to: the places of both arms are known only once all has started.
const NOWHERE: &str = "http://overhead.invalid/v1";

/// A gateway, and the providers behind it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverheadSection {
    /// The gateway: a preset by its name, or a template file. `--gateway` wins.
    pub gateway: Option<Spanned<String>>,
    /// How it chooses among several providers. `ranked` where absent.
    #[serde(default)]
    pub routing: OverheadRouting,
    /// The providers behind it, in the order in which it should ask them. One quick, healthy provider where
    /// absent.
    pub providers: Option<Spanned<Ordered<Spanned<ProviderSection>>>>,
}

/// How a gateway chooses among several providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverheadRouting {
    /// The first one, and the next where it fails.
    #[default]
    Ranked,
    /// Each has its share of the requests, by `weight`.
    Weighted,
}

/// How a provider behaves. A quick, healthy one where empty.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSection {
    /// Its script.
    pub script: Option<Spanned<Script>>,
    /// The same, in a file of its own: a path from this file's folder.
    pub file: Option<Spanned<String>>,
    /// Its share of the requests, relative to the others', where the routing is `weighted`. 1 where absent.
    pub weight: Option<Spanned<u32>>,
}

/// The same, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overhead {
    /// The preset or template of the gateway.
    pub gateway: Option<String>,
    /// How it chooses among several providers.
    pub routing: OverheadRouting,
    /// The providers; at least one.
    pub providers: Vec<OverheadProvider>,
}

/// A provider behind the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct OverheadProvider {
    /// Its name.
    pub name: String,
    /// How it behaves.
    pub script: Script,
    /// Its share of the requests, relative to the others'.
    pub weight: u32,
}

/// Gives the file the two arms of a sandwich.
pub(super) fn arms(file: &mut File) {
    let here = || file.overhead.as_ref().map_or(0..0, |o| o.span.clone());
    let named = |name: &str| Spanned::new(name.to_owned(), here());
    let target = |name: &str| {
        let target = GatewayTarget {
            url: named(NOWHERE),
            ..GatewayTarget::default()
        };
        (named(name), Spanned::new(Target::Gateway(target), here()))
    };
    let arm = |name: &str| {
        let arm = ArmSection {
            target: Some(named(name)),
            ..ArmSection::default()
        };
        (named(name), Spanned::new(arm, here()))
    };
    let targets = Ordered(vec![target(DIRECT), target(THROUGH)]);
    let arms = Ordered(vec![arm(DIRECT), arm(THROUGH)]);
    let (targets, arms) = (Spanned::new(targets, here()), Spanned::new(arms, here()));
    (file.targets, file.arms) = (Some(targets), Some(arms));
}

impl Checker<'_> {
    /// Whether the file is one of a gateway's overhead, and says nothing else besides.
    pub(super) fn is_overhead(&mut self, file: &File, wanted: Option<bool>) -> bool {
        let Some(section) = &file.overhead else {
            if wanted == Some(true) {
                let problem = "this scenario has no `overhead`";
                let help = "add overhead: { gateway: respan-oss }, or leave the scenario out for the built-in one";
                self.problem(0..0, problem, help);
            }
            return false;
        };
        if wanted == Some(false) {
            let message = "this scenario is for `tollgate overhead`";
            let help = "type: tollgate overhead SCENARIO";
            self.problem(section.span.clone(), message, help);
        }
        let others = [
            ("targets", file.targets.as_ref().map(|s| s.span.clone())),
            ("target", file.target.as_ref().map(|s| s.span.clone())),
            ("arms", file.arms.as_ref().map(|s| s.span.clone())),
            ("log_to", file.log_to.as_ref().map(|s| s.span.clone())),
            ("reconcile", file.reconcile.as_ref().map(|s| s.span.clone())),
        ];
        for (name, span) in others {
            if let Some(span) = span {
                let message = format!("`{name}` and `overhead` don't go together");
                let help = "both arms are made by `tollgate overhead`: leave it out";
                self.problem(span, message, help);
            }
        }
        true
    }

    /// The gateway and its providers.
    pub(super) fn overhead(&mut self, file: &File) -> Option<Overhead> {
        let section = &file.overhead.as_ref()?.value;
        let mut providers = Vec::new();
        for (name, provider) in section.providers.iter().flat_map(|all| &all.value.0) {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(fits) {
                let message = format!("`{}` can't be the name of a provider", name.value);
                self.problem(name.span.clone(), message, "use a-z, 0-9 and `-`");
            }
            let (script, path) = (&provider.value.script, &provider.value.file);
            let script = self.script(script.as_ref(), path.as_ref(), "the provider");
            let weight = provider.value.weight.as_ref();
            if let Some(weight) = weight.filter(|weight| weight.value == 0) {
                let message = "a provider without weight is never asked";
                self.problem(
                    weight.span.clone(),
                    message,
                    "give it 1 or more, or leave it out",
                );
            }
            if let Some(weight) = weight.filter(|_| section.routing == OverheadRouting::Ranked) {
                let message = "`weight` without `routing: weighted` has no effect";
                self.problem(
                    weight.span.clone(),
                    message,
                    "add routing: weighted, or leave it out",
                );
            }
            providers.extend(script.map(|script| OverheadProvider {
                name: name.value.clone(),
                script,
                weight: weight.map_or(1, |weight| weight.value),
            }));
        }
        if providers.is_empty() {
            providers.push(OverheadProvider {
                name: "lab".to_owned(),
                script: Script::default(),
                weight: 1,
            });
        }
        for OverheadProvider { script, .. } in &mut providers {
            // The numbers are what a stream is judged by.
            script.stream.content = Content::Numbered;
            let own = script.models.iter_mut();
            own.filter_map(|model| model.stream.as_mut())
                .for_each(|stream| stream.content = Content::Numbered);
        }
        Some(Overhead {
            gateway: section.gateway.as_ref().map(|name| name.value.clone()),
            routing: section.routing,
            providers,
        })
    }
}
