//! The arms of a comparison: where each sends, and what it asks differently from the mix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Checker;
use super::document::Spanned;
use super::file::{self, CredentialOverride, File, Free, Ordered, Routing, Sets};
use super::{Phase, Place, Recipe, Target};
use crate::base::Percent;
use crate::pricing::PriceTable;

/// One side of a comparison. A run of a single target is one arm.
#[derive(Clone, Debug, Serialize)]
pub struct Arm {
    /// The name in the report.
    pub name: String,
    /// Where its requests go.
    pub target: Target,
    /// The request mix, as this arm asks it: names and weights are the same for all arms.
    pub recipes: Vec<Recipe>,
}

/// How arms are compared; every default is filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Compare {
    /// The arm that the others are held against, by its place.
    pub baseline: u16,
    /// How they share the time.
    pub design: Design,
    /// Slices of the run that the error is worked out from.
    pub slices: u16,
    /// By how much an arm may be worse, as a share.
    pub margin: f64,
    /// By how much its error rate may be higher, as a difference.
    pub error_margin: f64,
    /// The accepted chance of a false verdict, as a share.
    pub alpha: f64,
    /// What decides: a statistic and a time. Empty: what the answers have.
    pub primary: Vec<Primary>,
    /// How often the run is looked at, its end included; 1 is at the end only.
    pub looks: u16,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            baseline: 0,
            design: Design::Duet,
            slices: SLICES,
            margin: 0.1,
            error_margin: 0.01,
            alpha: 0.05,
            primary: Vec::new(),
            looks: 1,
        }
    }
}

/// What decides a comparison: a statistic of a time, `p95(ttft)`, or a figure, `goodput`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Primary {
    /// The quantile of a time: `p95`; absent for a figure that is one number.
    pub stat: Option<String>,
    /// The name in files of the time, or of the figure.
    pub metric: String,
}

/// How the arms share the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Each block of arrivals has one for each arm, in random order, all with the same prompt.
    #[default]
    Duet,
    /// Arms take turns: each slice of the run has a part for each arm, in random order.
    Slices,
}

/// An arm of a comparison: what it does differently from the others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmSection {
    /// The name of its target. That of the run where absent.
    pub target: Option<Spanned<String>>,
    /// The model that it asks instead of each recipe's.
    pub model: Option<Spanned<String>>,
    /// The models that it asks instead, by recipe; they win over `model`.
    pub models: Option<Ordered<Spanned<String>>>,
    /// Keys of providers instead of the target's. `kind: respan`.
    pub credentials: Option<Spanned<Ordered<Spanned<Sets>>>>,
    /// Keys by the exact model instead of the target's. `kind: respan`.
    pub credential_override: Option<Spanned<Ordered<Spanned<CredentialOverride>>>>,
    /// Which way the gateway takes; what it says wins over the target's. `kind: respan`.
    pub routing: Option<Spanned<Routing>>,
    /// Further fields of each request's body; they win over the target's.
    pub body: Option<Spanned<Free>>,
    /// Further headers of each request; they win over the target's.
    pub headers: Option<Ordered<Spanned<String>>>,
}

/// How the arms are compared.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareSection {
    /// The arm that the others are held against. The first where absent.
    pub baseline: Option<Spanned<String>>,
    /// How the arms share the time. `duet` where absent.
    pub design: Option<Spanned<Design>>,
    /// Slices of the run that the error is worked out from: 10 to 1000. 20 where absent, and 10 for each of
    /// `looks`.
    pub slices: Option<Spanned<u16>>,
    /// By how much an arm may be worse before it fails. 10% where absent.
    pub margin: Option<Spanned<Percent>>,
    /// By how much its error rate may be higher, in points: 1% is one request in a hundred. 1% where absent.
    pub error_margin: Option<Spanned<Percent>>,
    /// The accepted chance of a false verdict. 5% where absent.
    pub alpha: Option<Spanned<Percent>>,
    /// What decides, besides the error rate: `p95(ttft)`, `goodput`. By what the answers have where absent.
    pub primary: Option<Vec<Spanned<String>>>,
    /// How often the run is looked at, its end included: a clear verdict ends it early. Once where
    /// absent.
    pub looks: Option<Spanned<u16>>,
}

/// Slices of a run where the scenario does not say.
const SLICES: u16 = 20;
/// Slices that a look needs at least.
const OF_A_LOOK: u16 = 10;
const ARMS_HELP: &str =
    "give at least two: arms: { direct: { target: provider }, gateway: { target: gateway } }";

/// The name of the target that an arm names.
fn target_of(arm: &ArmSection) -> Option<&Spanned<String>> {
    arm.target.as_ref().filter(|name| !name.is_empty())
}

/// The name of the run's own target: the chosen one, or else the first.
fn target_of_run(file: &File) -> Option<&str> {
    let targets = file.targets.as_ref().map(|targets| &targets.value.0);
    let first = || Some(targets?.first()?.0.value.as_str());
    let chosen = file.target.as_ref().map(|name| name.value.as_str());
    chosen.or_else(first)
}

/// The sections of the arms, with their names.
fn sections(file: &File) -> impl Iterator<Item = (&Spanned<String>, &Spanned<ArmSection>)> {
    let arms = file.arms.iter().flat_map(|arms| &arms.value.0);
    arms.map(|(name, arm)| (name, arm))
}

/// Whether there are arms, and each names its target: the run's own one is asked nothing.
pub(super) fn all_have_targets(file: &File) -> bool {
    file.arms.is_some() && sections(file).all(|(_, arm)| target_of(arm).is_some())
}

/// The names of the targets that a run sends to.
pub(super) fn used_targets(file: &File) -> Vec<&str> {
    let of_run = target_of_run(file);
    let mut used: Vec<&str> = match &file.arms {
        None => of_run.into_iter().collect(),
        Some(_) => sections(file)
            .filter_map(|(_, arm)| target_of(arm).map(|name| name.value.as_str()).or(of_run))
            .collect(),
    };
    used.dedup();
    used
}

/// The model that an arm asks for a recipe; `None`: the arm of a run without arms.
pub(super) fn model_of<'f>(
    arm: Option<&'f ArmSection>,
    recipe: &'f file::Recipe,
) -> &'f Spanned<String> {
    let by_recipe = arm.and_then(|arm| arm.models.as_ref());
    let mut named = by_recipe.iter().flat_map(|models| &models.0);
    let named = named.find(|(name, _)| name.value == recipe.name.value);
    let all = arm.and_then(|arm| arm.model.as_ref());
    named
        .map(|(_, model)| model)
        .or(all)
        .unwrap_or(&recipe.chat.model)
}

/// Every recipe of every arm, with the model that it asks.
pub(super) fn asked_models(file: &File) -> Vec<(&Spanned<file::Recipe>, &Spanned<String>)> {
    let mut arms: Vec<Option<&ArmSection>> =
        sections(file).map(|(_, arm)| Some(&arm.value)).collect();
    if arms.is_empty() {
        arms.push(None);
    }
    let recipes = || file.mix.iter().flat_map(|mix| &mix.value);
    let of = |arm| recipes().map(move |recipe| (recipe, model_of(arm, recipe)));
    arms.into_iter().flat_map(of).collect()
}

/// Makes the arms those of the baseline against itself.
pub(super) fn double(file: &mut File) {
    let chosen = file
        .compare
        .as_ref()
        .and_then(|c| c.value.baseline.as_ref());
    let chosen = chosen.map(|name| name.value.clone());
    let mut arms = sections(file);
    let baseline = match &chosen {
        Some(chosen) => arms.find(|(name, _)| name.value == *chosen),
        None => arms.next(),
    };
    let alone = (
        Spanned::new("a".to_owned(), 0..0),
        Spanned::new(ArmSection::default(), 0..0),
    );
    let baseline = baseline.map(|(name, arm)| (name.clone(), arm.clone()));
    drop(arms);
    let (name, section) = baseline.unwrap_or(alone);
    let again = Spanned::new(format!("{}-again", name.value), name.span.clone());
    let span = section.span.clone();
    let arms = vec![(name, section.clone()), (again, section)];
    file.arms = Some(Spanned::new(Ordered(arms), span));
}

impl Checker<'_> {
    /// The arms of a run: at least one, or a problem.
    pub(super) fn arms(
        &mut self,
        file: &File,
        places: &[(String, Option<Place>)],
        prices: Option<&PriceTable>,
    ) -> Option<Vec<Arm>> {
        let mix = file.mix.as_ref()?;
        let askings = self.askings(file);
        let of_run = target_of_run(file);
        let Some(arms) = &file.arms else {
            let target = of_run.and_then(|name| self.placed(name, file.target.as_ref(), places));
            let asking = askings
                .into_iter()
                .find(|asking| Some(asking.target.as_str()) == of_run);
            // Mistakes of the mix are told whatever is wrong with the target.
            let recipes = self.mix(mix, prices, &asking.unwrap_or_default(), None);
            let target = target?;
            let name = target.name.clone();
            return Some(vec![Arm {
                name,
                target,
                recipes,
            }]);
        };
        if arms.value.0.len() < 2 && !self.has_problem_within(&arms.span) {
            self.problem(
                arms.span.clone(),
                "there is nothing to compare: fewer than two arms",
                ARMS_HELP,
            );
        }
        let mut checked: Vec<Arm> = Vec::new();
        for (name, section) in &arms.value.0 {
            self.arm_name(name, &checked);
            self.arm_models(section, mix);
            let own = target_of(section);
            let Some(wanted) = own.map(|name| name.value.as_str()).or(of_run) else {
                continue;
            };
            let target = self.placed(wanted, own.or(file.target.as_ref()), places);
            let asking = askings.iter().find(|asking| asking.target == wanted);
            let asking = asking.cloned().unwrap_or_default();
            let asking = self.of_arm(name, section, &asking, file);
            let recipes = self.mix(mix, prices, &asking, Some(&section.value));
            checked.extend(target.map(|target| Arm {
                name: name.value.clone(),
                target,
                recipes,
            }));
        }
        self.dedup();
        (checked.len() == arms.value.0.len()).then_some(checked)
    }

    /// A comparison of a scenario that has no arms.
    pub(super) fn no_arms(&mut self) {
        self.problem(
            0..0,
            "there is nothing to compare: the scenario has no `arms`",
            ARMS_HELP,
        );
    }

    fn arm_name(&mut self, name: &Spanned<String>, others: &[Arm]) {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
            let message = format!("`{}` can't be the name of an arm", name.value);
            self.problem(
                name.span.clone(),
                message,
                "use up to 40 letters, digits, `-` and `_`",
            );
        }
        if others.iter().any(|other| other.name == name.value) {
            let message = format!("a second arm is named `{}`", name.value);
            self.problem(name.span.clone(), message, "give each a name of its own");
        }
    }

    /// Each model of an arm is of a recipe that is there.
    fn arm_models(&mut self, arm: &ArmSection, mix: &Spanned<Vec<Spanned<file::Recipe>>>) {
        let names: Vec<&str> = mix
            .value
            .iter()
            .map(|recipe| recipe.name.as_str())
            .collect();
        for (recipe, _) in arm.models.iter().flat_map(|models| &models.0) {
            if !names.contains(&recipe.value.as_str()) {
                let message = format!("there is no recipe `{}`", recipe.value);
                let help = format!("the mix has {}", names.join(", "));
                self.problem(recipe.span.clone(), message, &help);
            }
        }
    }

    /// How the arms are compared; `None` where there is nothing to compare.
    pub(super) fn compare(
        &mut self,
        file: &File,
        arms: &[Arm],
        phases: &[Phase],
    ) -> Option<Compare> {
        if file.arms.is_none() {
            if let Some(section) = &file.compare {
                let message = "`compare` needs arms, and the scenario has none";
                self.problem(section.span.clone(), message, ARMS_HELP);
            }
            return None;
        }
        let default = CompareSection::default();
        let section = file
            .compare
            .as_ref()
            .map_or(&default, |section| &section.value);
        let baseline = section
            .baseline
            .as_ref()
            .and_then(|name| self.baseline(name, arms));
        let mut share = |given: &Option<Spanned<Percent>>, or: f64, most: f64, what: &str| {
            let Some(given) = given else { return or };
            let share = given.value.fraction();
            if !(share > 0.0 && share <= most) {
                let message = format!("{} can't be {what}", given.value);
                let help = format!("give more than 0% and at most {}%", most * 100.0);
                self.problem(given.span.clone(), message, &help);
            }
            share
        };
        let margin = share(&section.margin, 0.1, 1.0, "a margin");
        let error_margin = share(&section.error_margin, 0.01, 1.0, "a margin");
        let alpha = share(&section.alpha, 0.05, 0.5, "a chance of a false verdict");
        let count = |checker: &mut Self,
                     given: &Option<Spanned<u16>>,
                     or: u16,
                     least: u16,
                     most: u16,
                     what: &str| {
            let Some(given) = given else { return or };
            if !(least..=most).contains(&given.value) {
                let message = format!("{} is no number of {what}", given.value);
                let help = format!("give {least} to {most}");
                checker.problem(given.span.clone(), message, &help);
            }
            given.value
        };
        let looks = count(self, &section.looks, 1, 1, 10, "looks");
        let slices = SLICES.max(looks.saturating_mul(OF_A_LOOK));
        let slices = count(self, &section.slices, slices, 10, 1_000, "slices");
        let design = section
            .design
            .as_ref()
            .map_or(Design::Duet, |design| design.value);
        self.looks(section, slices, looks);
        self.counted(section, phases, design, looks);
        let primary = section.primary.iter().flatten();
        let primary = primary.filter_map(|text| self.primary(text)).collect();
        Some(Compare {
            baseline: baseline.unwrap_or(0),
            design,
            slices,
            margin,
            error_margin,
            alpha,
            primary,
            looks,
        })
    }

    /// A look needs slices enough for a verdict.
    fn looks(&mut self, section: &CompareSection, slices: u16, looks: u16) {
        if let Some(given) = section.slices.as_ref().filter(|_| looks > 1)
            && slices < looks.saturating_mul(OF_A_LOOK)
        {
            let message =
                format!("{looks} looks at {slices} slices: the first has too few for a verdict");
            let help = format!("give at least {} slices", looks * OF_A_LOOK);
            self.problem(given.span.clone(), message, &help);
        }
    }

    /// What needs to know beforehand how many requests a phase has.
    fn counted(&mut self, section: &CompareSection, phases: &[Phase], design: Design, looks: u16) {
        let uncounted = |phase: &&Phase| !phase.warmup && phase.expected_requests().is_none();
        let Some(Phase { name, .. }) = phases.iter().find(uncounted) else {
            return;
        };
        let what = format!("nobody knows how many requests the phase `{name}` has");
        if let Some(given) = section.looks.as_ref().filter(|_| looks > 1) {
            let message = format!("{what}: the looks have no places");
            let help = "bound it by `requests`, or leave `looks` out";
            self.problem(given.span.clone(), message, help);
        }
        if let Some(given) = section.design.as_ref().filter(|_| design == Design::Slices) {
            let message = format!("{what}: it can't be cut into slices beforehand");
            let help = "bound it by `requests`, or use `design: duet`";
            self.problem(given.span.clone(), message, help);
        }
    }

    fn baseline(&mut self, name: &Spanned<String>, arms: &[Arm]) -> Option<u16> {
        let found = arms.iter().position(|arm| arm.name == name.value);
        if found.is_none() && !arms.is_empty() {
            let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
            let message = format!("there is no arm `{}`", name.value);
            self.problem(
                name.span.clone(),
                message,
                &format!("the arms are {}", names.join(", ")),
            );
        }
        found.map(|place| place as u16)
    }

    fn primary(&mut self, text: &Spanned<String>) -> Option<Primary> {
        let parts = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let time = parts.map(|(stat, metric)| (stat.trim(), metric.trim()));
        let known = |(stat, metric): &(&str, &str)| {
            COMPARED_STATS.contains(stat) && COMPARED_TIMES.contains(metric)
        };
        if let Some((stat, metric)) = time.filter(known) {
            return Some(Primary {
                stat: Some(stat.to_owned()),
                metric: metric.to_owned(),
            });
        }
        if COMPARED_FIGURES.contains(&text.trim()) {
            return Some(Primary {
                stat: None,
                metric: text.trim().to_owned(),
            });
        }
        let message = format!("`{}` is nothing that can be compared", text.value);
        let help = format!(
            "write p50(ttft): {} of {}; or {}",
            COMPARED_STATS.join(", "),
            COMPARED_TIMES.join(", "),
            COMPARED_FIGURES.join(", ")
        );
        self.problem(text.span.clone(), message, &help);
        None
    }
}

/// The times whose quantiles can decide a comparison.
pub const COMPARED_TIMES: [&str; 7] = [
    "ttft",
    "ttft_service",
    "ttfo",
    "tpot",
    "chunk_gap",
    "e2e",
    "service",
];
/// Their quantiles.
pub const COMPARED_STATS: [&str; 3] = ["p50", "p95", "p99"];
/// The figures that are one number.
pub const COMPARED_FIGURES: [&str; 3] = ["error_rate", "goodput", "cost_per_request"];
