//! Everything that is decided before the first byte: a scenario, its digest, and what each arrival
//! asks.
//!
//! Mix and prompt are functions of the arrival's id alone, so a plan can be printed, hashed, split
//! over workers and machines, and sent twice with the same bytes.

mod order;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{Distribution, HumanDuration, Lane, Marker, tokens};
use crate::dialect::{Ask, Message, Role};
use crate::scenario::{Arm, Phase, Prompt, Recipe, Scenario};
use order::Order;

/// A recipe, by its place in the mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipeId(pub u16);

/// A phase, by its place in the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhaseId(pub u16);

/// An arm of a comparison, by its place. A run of one target has one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(pub u16);

/// One arrival of a plan: its phase and its number within it. Written `1-42`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrivalId {
    /// The phase.
    pub phase: PhaseId,
    /// The number within the phase, from 0.
    pub number: u64,
}

impl ArrivalId {
    /// Bits that the number within a phase may use: a phase has at most 2^48 arrivals.
    const NUMBER_BITS: u32 = 48;

    /// The id as one number, for random draws.
    const fn index(self) -> u64 {
        ((self.phase.0 as u64) << Self::NUMBER_BITS) | self.number
    }
}

impl fmt::Display for ArrivalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.phase.0, self.number)
    }
}

/// The text is not the id of an arrival.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no arrival id: it is written PHASE-NUMBER, like 1-42")]
pub struct NoArrivalId(String);

impl FromStr for ArrivalId {
    type Err = NoArrivalId;

    fn from_str(text: &str) -> Result<Self, NoArrivalId> {
        let parse = || {
            let (phase, number) = text.split_once('-')?;
            Some(Self {
                phase: PhaseId(phase.parse().ok()?),
                number: number.parse().ok()?,
            })
        };
        parse().ok_or_else(|| NoArrivalId(text.to_owned()))
    }
}

impl Serialize for ArrivalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ArrivalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A scenario that is ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    scenario: Scenario,
    digest: String,
    /// Running totals of the weights, for drawing a recipe.
    weights: Vec<f64>,
    order: Order,
    run_id: String,
}

/// The id of a run where nobody has given it one: nothing is sent by it.
const NO_RUN: &str = "no-run";

impl Plan {
    /// Decides everything that `scenario` leaves to the seed.
    pub fn new(scenario: Scenario) -> Self {
        let canonical = serde_json::to_vec(&scenario).expect("a scenario is plain data");
        let digest = blake3::hash(&canonical).to_hex()[..12].to_owned();
        let weights = scenario
            .recipes()
            .iter()
            .scan(0.0, |total, recipe| {
                *total += recipe.weight;
                Some(*total)
            })
            .collect();
        let run_id = scenario.run_id.clone();
        Self {
            order: Order::new(&scenario),
            scenario,
            digest,
            weights,
            run_id: run_id.unwrap_or_else(|| NO_RUN.to_owned()),
        }
    }

    /// The same plan for a run of this name, unless the scenario has one. Nothing else of what is sent
    /// differs from run to run.
    #[must_use]
    pub fn of_run(self, made_up: impl FnOnce() -> String) -> Self {
        Self {
            run_id: self.scenario.run_id.clone().unwrap_or_else(made_up),
            ..self
        }
    }

    /// What the run is called.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The scenario.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// A short name of everything that decides what is sent, prompts included, secrets and the run's id
    /// excluded: runs with one digest ask the same.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A recipe of the mix, as an arm asks it.
    pub fn recipe(&self, arm: ArmId, id: RecipeId) -> &Recipe {
        &self.arm(arm).recipes[usize::from(id.0)]
    }

    /// An arm.
    pub fn arm(&self, id: ArmId) -> &Arm {
        &self.scenario.arms[usize::from(id.0)]
    }

    /// The arms, with their ids.
    pub fn arms(&self) -> impl Iterator<Item = (ArmId, &Arm)> {
        (0..).map(ArmId).zip(&self.scenario.arms)
    }

    /// The arm of an arrival, and the arrival whose draws decide what it asks: arms ask the same.
    pub fn assign(&self, arrival: ArrivalId) -> (ArmId, ArrivalId) {
        self.order.of(arrival)
    }

    /// The slice of the run in which an arrival counts, that was due so long after its phase began;
    /// `None` in a phase that is not measured.
    pub fn slice(&self, arrival: ArrivalId, due: Duration) -> Option<u16> {
        self.order.slice(arrival, due)
    }

    /// The phases, with their ids.
    pub fn phases(&self) -> impl Iterator<Item = (PhaseId, &Phase)> {
        (0..).map(PhaseId).zip(&self.scenario.phases)
    }

    /// The slices of the run, with how many requests each has; `None` where nobody knows beforehand.
    pub fn slice_sizes(&self) -> Vec<Option<u64>> {
        self.order.slice_sizes()
    }

    /// The recipe that an arrival uses: drawn by weight. As all draws, by what it asks.
    pub fn draw_recipe(&self, arrival: ArrivalId) -> RecipeId {
        let total = self.weights.last().copied().unwrap_or(0.0);
        let point = self
            .scenario
            .seed
            .rng(Lane::Mix, arrival.index())
            .random::<f64>()
            * total;
        let last = self.weights.len().saturating_sub(1);
        RecipeId(
            self.weights
                .partition_point(|upto| *upto <= point)
                .min(last) as u16,
        )
    }

    /// What an arm asks for an arrival.
    pub fn ask(&self, arm: ArmId, id: RecipeId, arrival: ArrivalId) -> Ask {
        let recipe = self.recipe(arm, id);
        let system = recipe
            .system
            .iter()
            .map(|text| message(Role::System, text.clone()));
        Ask {
            model: recipe.model.clone(),
            messages: system.chain(self.draw_prompt(id, arrival)).collect(),
            stream: recipe.stream,
            include_usage: !recipe.extra.own_stream_options,
            max_tokens: recipe.max_tokens,
        }
    }

    /// The row of a prompt file that an arrival asks: arrivals of a recipe with the same row ask the
    /// same. `None` where prompts are made up.
    pub fn draw_row(&self, recipe: RecipeId, arrival: ArrivalId) -> Option<usize> {
        match &self.scenario.recipes()[usize::from(recipe.0)].prompt {
            Prompt::Rows(rows) => {
                let mut rng = self.scenario.seed.rng(Lane::Prompt, arrival.index());
                Some(rng.random_range(0..rows.len()))
            }
            Prompt::Synthetic(_) => None,
        }
    }

    fn draw_prompt(&self, recipe: RecipeId, arrival: ArrivalId) -> Vec<Message> {
        match &self.scenario.recipes()[usize::from(recipe.0)].prompt {
            Prompt::Rows(rows) => {
                let row = self.draw_row(recipe, arrival);
                rows[row.expect("it has rows")].clone()
            }
            Prompt::Synthetic(length) => {
                let mut rng = self.scenario.seed.rng(Lane::Prompt, arrival.index());
                let words = length.draw(&mut rng).max(1);
                let first = rng.random::<u64>();
                // A stride through the word list that is drawn too: prompts differ from their first
                // word on, so that no provider can answer one from the cache of another.
                let stride = u64::from(rng.random::<u8>() | 1);
                let text: Vec<&str> = (0..u64::from(words))
                    .map(|k| tokens::word(first.wrapping_add(k.wrapping_mul(stride))))
                    .collect();
                vec![message(Role::User, text.join(" "))]
            }
        }
    }

    /// The marker of an arrival, where requests are marked: no two requests of any two runs share one.
    pub fn marker(&self, arrival: ArrivalId) -> Option<Marker> {
        let name = || {
            let mut name = self.run_id.as_bytes().to_vec();
            name.extend_from_slice(&arrival.index().to_le_bytes());
            let digest = blake3::hash(&name);
            let first = digest.as_bytes().first_chunk();
            Marker(first.map_or(0, |bytes| u64::from_le_bytes(*bytes)))
        };
        self.scenario.marked.then(name)
    }

    /// How long a user of a closed loop thinks before an arrival.
    pub fn draw_think(&self, arrival: ArrivalId, think: &Distribution<HumanDuration>) -> Duration {
        think
            .draw(&mut self.scenario.seed.rng(Lane::Think, arrival.index()))
            .0
    }
}

const fn message(role: Role, content: String) -> Message {
    Message { role, content }
}
