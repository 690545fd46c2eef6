//! `run.json`: what the run was, what it stands on, and what came of it.

use serde::{Deserialize, Serialize};

use super::{ArmInfo, ConnectionInfo, LoggedInfo, PreopenInfo, TelemetryInfo};
use crate::base::{Money, Offset, Seed};
use crate::judge::{self, Held, SharesFound, Stalls, Validity};
use crate::plan::Plan;
use crate::record::{Names, PhaseRecord, Recorder, Summary};
use crate::scenario::{Compare, Shares, Slos, Threshold};
use crate::schedule::{planned_arrivals, planned_length};
use crate::wire::StampTally;

/// What a run was. No secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The version of the files' layout.
    pub schema: u32,
    /// Whether the run came to its end and all rows are there.
    pub complete: bool,
    /// Why it ended before its plan did.
    pub interrupted: Option<Interruption>,
    /// The scenario's name.
    pub scenario: String,
    /// A short name of everything that decides what is sent.
    pub digest: String,
    /// What the run is called in the tags of its requests.
    #[serde(default)]
    pub run_id: String,
    /// The seed.
    pub seed: Seed,
    /// When it started, in UTC.
    pub started_utc: String,
    /// The version of tollgate.
    pub tollgate: String,
    /// Operating system, architecture and cores of the client's machine.
    pub host: String,
    /// The HTTP client, its protocol, and who stamps its reads.
    pub client: String,
    /// How many reads were stamped which way; absent while the run goes on.
    #[serde(default)]
    pub stamps: Option<StampTally>,
    /// Worker threads.
    pub workers: u64,
    /// The self-test that the client's figures stand on, where this machine has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selftest: Option<Standing>,
    /// Where requests went; of the first arm, where there are several.
    pub target: TargetInfo,
    /// The arms of a comparison; absent where there is one target only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmInfo>,
    /// How the arms are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// How connections were opened and shared.
    #[serde(default)]
    pub connections: ConnectionInfo,
    /// The request mix.
    pub recipes: Vec<RecipeInfo>,
    /// The phases of load.
    pub phases: Vec<PhaseInfo>,
    /// What a good answer keeps to.
    pub slos: Slos,
    /// What it was to keep to, as the scenario says it, each with its line there.
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    /// The thresholds that ended it before its plan did, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aborted_by: Vec<String>,
    /// The declared look at the arms, from 1, whose verdict was clear and ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_look: Option<u32>,
    /// The day of the price table.
    pub prices_as_of: Option<String>,
    /// What became of the budget, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetInfo>,
    /// The highest share of a core that a worker used, where the platform tells.
    pub worker_cpu: Option<f64>,
    /// The share of all cores that the process used, where the platform tells; absent while the run goes
    /// on.
    #[serde(default)]
    pub process_cpu: Option<f64>,
    /// How long the workers were away; absent until the first of them is done.
    #[serde(default)]
    pub stalls: Option<Stalls>,
    /// How often and how long arrivals were held by hand; absent where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The most files and connections that the process may have open at once.
    #[serde(default)]
    pub open_files: Option<u64>,
    /// The most rows that waited for their file at one time; beyond 100,000 the run was ended for it.
    #[serde(default)]
    pub rows_waiting: u64,
    /// What became of the rows for `log_to`, where there is one; absent while the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<LoggedInfo>,
    /// What became of the figures that were told while it went on, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<TelemetryInfo>,
    /// Whether the figures are to be trusted; absent while the run goes on.
    pub validity: Option<Validity>,
    /// How the answers were shared out, where the scenario says how they should be; absent while the run
    /// goes on.
    #[serde(default)]
    pub shares: Vec<SharesFound>,
    /// The figures; absent while the run goes on.
    pub summary: Option<Summary>,
}

/// Why a run ended before its plan did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The next request could have cost more than was left of the budget.
    Budget,
    /// A threshold did not hold that was to end it then.
    Threshold,
    /// The gateway that tollgate started ended by itself.
    Gateway,
}

/// What became of a budget, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetInfo {
    /// The cap.
    pub usd: Money,
    /// What was spent; a cost that is unknown counts as the most that it could be. Absent while the run
    /// goes on.
    pub spent_usd: Option<Money>,
    /// Requests that were due and were not sent, for lack of money.
    pub unsent: u64,
    /// Answers that cost more than they could by their request: the cap did not hold for them.
    pub beyond_bound: u64,
}

/// The self-test that a run stands on: of the same machine, version and client. Its figures are those of
/// the round with the nearest load, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its file.
    pub file: String,
    /// When it started, in UTC.
    pub started_utc: String,
    /// The round.
    pub round: String,
    /// The median error of the first-token mark; absent where there were too few requests.
    pub ttft_error_p50_us: Option<f64>,
    /// The 99th percentile of it; absent where there were too few requests.
    pub ttft_error_p99_us: Option<f64>,
    /// The largest.
    pub ttft_error_max_us: f64,
}

/// Where requests went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// The name.
    pub name: String,
    /// The base URL.
    pub url: String,
    /// `lab`, or whose contract it keeps.
    pub kind: String,
}

/// A recipe of the mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecipeInfo {
    /// The name.
    pub name: String,
    /// The model that was asked for.
    pub model: String,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Its weight in the mix.
    pub weight: f64,
    /// How its answers should be shared out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_shares: Option<Shares>,
}

/// A phase of load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseInfo {
    /// The name.
    pub name: String,
    /// Whether its requests are kept apart from every figure.
    pub warmup: bool,
    /// The shape in words.
    pub shape: String,
    /// Whether its load is the same throughout.
    #[serde(default)]
    pub even: bool,
    /// The length by the plan, in milliseconds; absent where the answers decide.
    pub planned_ms: Option<Offset>,
    /// When it began, in milliseconds since the run's start.
    pub started_ms: Option<Offset>,
    /// When its last arrival was over with.
    pub ended_ms: Option<Offset>,
    /// Arrivals by the plan; absent where the answers decide.
    pub planned_arrivals: Option<u64>,
    /// The connections that were opened before it, where the scenario asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preopened: Option<PreopenInfo>,
}

impl RunInfo {
    /// What is known of a run before it starts. The caller fills in what only it knows.
    pub fn new(plan: &Plan, urls: &[String]) -> Self {
        let scenario = plan.scenario();
        let phases = plan
            .phases()
            .map(|(id, phase)| PhaseInfo {
                name: phase.name.clone(),
                warmup: phase.warmup,
                shape: phase.in_words(),
                even: phase.is_even(),
                planned_ms: planned_length(plan, id).map(Offset::from),
                started_ms: None,
                ended_ms: None,
                planned_arrivals: planned_arrivals(plan, id),
                preopened: None,
            })
            .collect();
        Self {
            schema: super::SCHEMA,
            complete: false,
            interrupted: None,
            scenario: scenario.name.clone(),
            digest: plan.digest().to_owned(),
            run_id: plan.run_id().to_owned(),
            seed: scenario.seed,
            started_utc: String::new(),
            tollgate: env!("CARGO_PKG_VERSION").to_owned(),
            host: String::new(),
            client: String::new(),
            stamps: None,
            workers: 0,
            selftest: None,
            target: TargetInfo::new(scenario.target(), urls.first().map_or("", String::as_str)),
            arms: ArmInfo::all(plan, urls),
            compare: scenario.compare.clone(),
            connections: ConnectionInfo::new(&scenario.target().policy()),
            recipes: scenario
                .recipes()
                .iter()
                .map(|recipe| RecipeInfo {
                    name: recipe.name.clone(),
                    model: recipe.model.clone(),
                    stream: recipe.stream,
                    weight: recipe.weight,
                    expect_shares: recipe.expect_shares.clone(),
                })
                .collect(),
            phases,
            slos: scenario.slos,
            thresholds: scenario.thresholds.clone(),
            aborted_by: Vec::new(),
            ended_at_look: None,
            prices_as_of: scenario.prices.as_ref().map(|table| table.as_of.clone()),
            budget: scenario.budget.map(|budget| BudgetInfo {
                usd: budget.usd,
                ..BudgetInfo::default()
            }),
            worker_cpu: None,
            process_cpu: None,
            stalls: None,
            held: None,
            open_files: None,
            rows_waiting: 0,
            logged: None,
            telemetry: None,
            validity: None,
            shares: Vec::new(),
            summary: None,
        }
    }

    /// Judges how the answers of a summary were shared out, where the scenario says how they should be.
    pub fn judge_shares(&self, summary: &Summary) -> Vec<SharesFound> {
        let expected = self.recipes.iter();
        let expected = expected.filter_map(|r| Some((r.name.as_str(), r.expect_shares.as_ref()?)));
        judge::shares(summary, expected)
    }

    /// The names of its arms and recipes.
    pub fn names(&self) -> Names {
        let arms = match self.arms.as_slice() {
            [] => vec![self.target.name.clone()],
            arms => arms.iter().map(|arm| arm.name.clone()).collect(),
        };
        let recipes = self.recipes.iter().map(|recipe| recipe.name.clone());
        Names {
            arms,
            recipes: recipes.collect(),
        }
    }

    /// An empty record of the run.
    pub fn recorder(&self) -> Recorder {
        let arms = self.arms.len().max(1);
        Recorder::new(arms, self.recipes.len(), self.phase_records())
    }

    /// Whether any of its targets was trusted unseen.
    pub fn is_insecure(&self) -> bool {
        let arms = self.arms.iter().map(|arm| &arm.connections);
        arms.chain([&self.connections]).any(|of| of.insecure)
    }

    /// The phases as a recorder takes them.
    pub fn phase_records(&self) -> Vec<PhaseRecord> {
        self.phases
            .iter()
            .map(|phase| PhaseRecord {
                name: phase.name.clone(),
                warmup: phase.warmup,
                planned: phase.planned_ms.map(Offset::elapsed),
                started: phase.started_ms,
                ended: phase.ended_ms,
                ..PhaseRecord::default()
            })
            .collect()
    }

    /// Takes over when the phases really began and ended.
    pub fn take_phases(&mut self, records: &[PhaseRecord]) {
        for (info, record) in self.phases.iter_mut().zip(records) {
            info.started_ms = record.started;
            info.ended_ms = record.ended;
        }
    }
}
