//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::ci::CiArgs;
#[cfg(unix)]
use super::gateways::Routing;
use super::import::ImportArgs;
use super::init::InitArgs;
use super::lab::LabArgs;
use super::manual::{CompletionsArgs, ManArgs};
#[cfg(unix)]
use super::overhead::OverheadArgs;
use super::progress::ProgressArgs;
use super::scenarios::ScenariosArgs;
use super::telemetry::TelemetryArgs;
use crate::base::{HumanDuration, Rate};
use crate::scenario::{Kind, LogKind, Overrides};

/// Load-test and latency-benchmark an LLM gateway: an instrument whose numbers say how far to trust
/// them.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tollgate run scenarios/smoke.yaml
  tollgate plan scenarios/smoke.yaml -r 100/s -d 1m
  RESPAN_API_KEY=... tollgate run scenarios/smoke.yaml --target https://api.respan.ai/api \\
    -e SHORT_MODEL=openai/gpt-5-mini -e LONG_MODEL=openai/gpt-5-mini \\
    -e PARSE_MODEL=openai/gpt-5-mini -e PRICES=

Exit codes:
  0 fine   1 gate failed, or a limit is not kept   2 usage or invalid scenario   3 gate inconclusive
  4 no data, or what is gated is invalid
  5 preflight failed   6 stopped by the budget, results flagged incomplete
  70 internal error, or a self-test that failed   130/143 interrupted, results flagged incomplete";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario and report what was measured
    Run(RunArgs),
    /// Hold a scenario's arms against each other, or two runs that are stored
    Compare(CompareArgs),
    /// Measure what a gateway adds, and what it makes of streams, with the lab's provider behind it
    #[cfg(unix)]
    Overhead(Box<OverheadArgs>),
    /// Check scenarios and show every problem at its place; sends nothing
    Validate(ValidateArgs),
    /// Show what a run would send, how long it would take and cost; sends nothing
    Plan(PlanArgs),
    /// Print the report of a run again, from its files
    Report(ReportArgs),
    /// Judge a run by its thresholds, from its files; needs no network
    Gate(GateArgs),
    /// Keep what later runs are held against
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Run the stand-ins: a scripted provider, and a gateway in front of it
    Lab(LabArgs),
    /// Prove the client's own error on this machine, against a provider that knows the truth
    Selftest(SelftestArgs),
    /// Stand-ins for another command; they speak over stdin and stdout, and end with their stdin
    #[command(hide = true)]
    StandIn,
    /// Make a price table from a gateway's own list
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Hold a run against the gateway's log of its requests: cost, tokens, times, missing rows
    Reconcile(ReconcileArgs),
    /// Send a few of the smallest requests to a gateway, show its contract, and keep the transcripts
    Probe(ProbeArgs),
    /// Write a scenario to begin with, and all that it needs; without a name list them
    Init(InitArgs),
    /// List the scenarios of a folder and the templates, with what each answers
    Scenarios(ScenariosArgs),
    /// Make a scenario and prompt files of what another tool or a gateway's log says
    Import(ImportArgs),
    /// List the gateways that tollgate can start by itself, or try one
    #[cfg(unix)]
    Gateways(GatewaysArgs),
    /// The process that holds a gateway; it speaks over stdin and stdout, and ends with its stdin
    #[cfg(unix)]
    #[command(hide = true)]
    GatewaySupervisor,
    /// Print the JSON Schema of a scenario file
    Schema(SchemaArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page of a command, or write them all
    Man(ManArgs),
}

/// A scenario and what is changed in it.
#[derive(Clone, Debug, Args)]
pub(super) struct ScenarioArgs {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// Where to send: a target of the scenario by its name, or a base URL. A URL's key is read from
    /// `RESPAN_API_KEY` for Respan's hosts, and else from `OPENAI_API_KEY`
    #[arg(long, value_name = "NAME|URL")]
    pub(super) target: Option<String>,
    /// The seed of every random choice
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// What tags and `{{ run.id }}` call the run [default: made up for each run]
    #[arg(long, value_name = "ID")]
    pub(super) run_id: Option<String>,
    /// Set a variable of the scenario; wins over the environment
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) env: Vec<(String, String)>,
    /// Users of the measured closed loops
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) concurrency: Option<u32>,
    /// Rate of the measured open loops: 50/s, 0.5/s, 30/m
    #[arg(short = 'r', long, value_name = "RATE", value_parser = rate)]
    pub(super) rate: Option<Rate>,
    /// Duration of the measured phases: 20s, 5m
    #[arg(short = 'd', long, value_name = "TIME", value_parser = duration)]
    pub(super) duration: Option<HumanDuration>,
    /// Requests of the measured phases
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: Option<u64>,
}

impl ScenarioArgs {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            target: self.target.clone(),
            seed: self.seed,
            run_id: self.run_id.clone(),
            concurrency: self.concurrency,
            rate: self.rate,
            duration: self.duration,
            requests: self.requests,
            reconcile: false,
            ..Overrides::default()
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// The folder for results
    #[arg(short = 'o', long, value_name = "DIR", default_value = "results")]
    pub(super) output: PathBuf,
    /// Worker threads [default: all cores but one, at least one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(super) workers: Option<u64>,
    /// Print the run as JSON on stdout, not as text
    #[arg(long)]
    pub(super) json: bool,
    /// Hold the run against the gateway's log of it, once it is over
    #[arg(long)]
    pub(super) reconcile: bool,
    /// Exit with 4 where the run is invalid, too: the client, not the server, made its numbers
    #[arg(long)]
    pub(super) gate: bool,
    #[command(flatten)]
    pub(super) progress: ProgressArgs,
    /// Write no report.html
    #[arg(long)]
    pub(super) no_html: bool,
    #[command(flatten)]
    pub(super) against: AgainstArgs,
    /// Whether the arms decide the exit code: `compare`.
    #[arg(skip)]
    pub(super) compares: bool,
    /// Whether A is compared with A: `compare --aa`.
    #[arg(skip)]
    pub(super) aa: bool,
    #[command(flatten)]
    pub(super) telemetry: TelemetryArgs,
    #[command(flatten)]
    pub(super) ci: CiArgs,
}

/// What a gate holds a run against, and what becomes of a verdict.
#[derive(Clone, Debug, Args)]
pub(super) struct AgainstArgs {
    /// What thresholds with `baseline` are held against: a run's folder, a saved baseline, or `last` for
    /// the newest earlier complete run of the scenario
    #[arg(long, value_name = "RUN|DIR|last")]
    pub(super) baseline: Option<PathBuf>,
    /// Hold runs against each other that are unlike in more than what they measured
    #[arg(long)]
    pub(super) allow_unlike: bool,
    /// The exit code of an inconclusive gate: that of a pass or of a failure [default: its own, 3]
    #[arg(long, value_name = "POLICY")]
    pub(super) on_inconclusive: Option<Policy>,
}

/// What an inconclusive gate counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Policy {
    /// Exit with 0
    Pass,
    /// Exit with 1
    Fail,
}

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// The folder of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    #[command(flatten)]
    pub(super) against: AgainstArgs,
    #[command(flatten)]
    pub(super) ci: CiArgs,
    /// Take the thresholds of this scenario, not those that the run was made with
    #[arg(long, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,
    /// Set a variable of that scenario; wins over the environment
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) env: Vec<(String, String)>,
    /// Print what was found as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Save what is compared of a run: its figures and histograms, and no rows
    Save(BaselineSaveArgs),
    /// Show the baselines of a folder
    Show(BaselineShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct BaselineSaveArgs {
    /// The folder of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// What the baseline is called [default: the scenario's name]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The folder for baselines
    #[arg(long, value_name = "DIR", default_value = "baselines")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct BaselineShowArgs {
    /// The folder of baselines, or of one
    #[arg(value_name = "DIR", default_value = "baselines")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// The folder of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// The base URL of the log's gateway, or `respan` for Respan's hosted one [default: that of the run]. The
    /// key is read from `RESPAN_API_KEY` for the kind `respan`, and else from `OPENAI_API_KEY`
    #[arg(long, value_name = "URL|NAME")]
    pub(super) target: Option<String>,
    /// Whose log it is: `respan`, `respan_oss` or `litellm` [default: that of the run's gateway]
    #[arg(long, value_name = "K", value_parser = log_kind)]
    pub(super) kind: Option<LogKind>,
    /// The one arm whose log it is, where each arm has a gateway of its own
    #[arg(long, value_name = "NAME")]
    pub(super) arm: Option<String>,
    /// How long to wait for rows that are still to come [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = any_duration)]
    pub(super) wait: Option<HumanDuration>,
    /// Exit with 1 where the logged cost is further from ours than this: 1%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) max_cost_drift: Option<f64>,
    /// Exit with 1 where more requests than this are missing in the log
    #[arg(long, value_name = "N")]
    pub(super) max_missing: Option<u64>,
    /// Print the result as JSON on stdout, not as text
    #[arg(long)]
    pub(super) json: bool,
    /// The folder for reconcile.json and reconcile.csv [default: that of the run]
    #[arg(short = 'o', long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// A second run: SCENARIO is then the folder of the run that it is held against
    #[arg(value_name = "RUN")]
    pub(super) other: Option<PathBuf>,
    /// Compare the baseline with itself: how often that errs, and how much it takes for change
    #[arg(long, conflicts_with = "other")]
    pub(super) aa: bool,
}

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// The scenario files
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) scenarios: Vec<PathBuf>,
    /// Set a variable of the scenarios; wins over the environment
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) env: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Print the plan as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The folder of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Print the run as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write the report as a page for a browser instead [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    #[expect(clippy::option_option, reason = "a flag with a file or without")]
    pub(super) html: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Print it for reading: a table of the keys of each type, as Markdown
    #[arg(long)]
    pub(super) markdown: bool,
}

#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// The folder for results; runs that go to the same one name the self-test that they stand on
    #[arg(short = 'o', long, value_name = "DIR", default_value = "results")]
    pub(super) output: PathBuf,
    /// Small loads only, in about three seconds
    #[arg(long)]
    pub(super) quick: bool,
    /// Print the certificate as JSON on stdout, not as text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum PricesCommand {
    /// Read the public list of a Respan gateway; needs no key, and costs nothing
    Pull(PullArgs),
}

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// The base URL, or `respan` for Respan's hosted gateway
    #[arg(long, value_name = "URL|NAME")]
    pub(super) target: String,
    /// The file to write; stdout where absent
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// The base URL, or `respan` for Respan's hosted gateway. The key is read from `RESPAN_API_KEY` for
    /// the kind `respan`, and else from `OPENAI_API_KEY`
    #[arg(long, value_name = "URL|NAME")]
    pub(super) target: String,
    /// The model to ask [default: the cheapest that a Respan gateway lists]
    #[arg(long, value_name = "M")]
    pub(super) model: Option<String>,
    /// Whose contract it keeps [default: respan for its hosts, else openai]
    #[arg(long, value_name = "K", value_parser = kind)]
    pub(super) kind: Option<Kind>,
    /// A price table, for the most that it can cost [default: a Respan gateway's own list]
    #[arg(long, value_name = "FILE")]
    pub(super) prices: Option<PathBuf>,
    /// The folder for transcripts
    #[arg(short = 'o', long, value_name = "DIR", default_value = "results")]
    pub(super) output: PathBuf,
    /// Send without asking first
    #[arg(long)]
    pub(super) yes: bool,
}

#[cfg(unix)]
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct GatewaysArgs {
    #[command(subcommand)]
    pub(super) command: Option<GatewaysCommand>,
    /// Presets: names, or files of your own [default: all that come with tollgate]
    #[arg(value_name = "NAME|FILE")]
    pub(super) presets: Vec<String>,
}

#[cfg(unix)]
#[derive(Debug, Subcommand)]
pub(super) enum GatewaysCommand {
    /// Start a gateway in front of the lab, ask it for a plain and a streamed answer, and end it
    Try(TryArgs),
}

#[cfg(unix)]
#[derive(Debug, Args)]
pub(super) struct TryArgs {
    /// A preset: a name, or a file of your own
    #[arg(value_name = "NAME|FILE")]
    pub(super) preset: String,
    /// How to start it, in the place of the preset's command and with the same placeholders:
    /// "venv/bin/respan-gateway -c {config}"
    #[arg(long, value_name = "CMD")]
    pub(super) gateway_cmd: Option<String>,
    /// Providers behind it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) providers: u32,
    /// How it chooses among several. Of ranked ones the first fails here; of weighted ones the first has 3
    /// shares, and each other 1
    #[arg(long, value_name = "HOW", default_value = "ranked")]
    pub(super) routing: Routing,
    /// The folder for results; its configuration and log go below it, to `gateways`
    #[arg(short = 'o', long, value_name = "DIR", default_value = "results")]
    pub(super) output: PathBuf,
    /// Print what came of it as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn kind(text: &str) -> Result<Kind, String> {
    let named = serde_json::from_value(text.into());
    named.map_err(|error| error.to_string())
}

fn log_kind(text: &str) -> Result<LogKind, String> {
    let named = serde_json::from_value(text.into());
    named.map_err(|error: serde_json::Error| error.to_string())
}

/// A share as `1%` or `0.01`.
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |n| (n, 100.0));
    let share = number.trim().parse::<f64>().map(|number| number / whole);
    let share = share
        .ok()
        .filter(|share| share.is_finite() && *share >= 0.0);
    share.ok_or_else(|| "write it as a share from zero up: 1% or 0.01".to_owned())
}

fn any_duration(text: &str) -> Result<HumanDuration, String> {
    text.parse().map_err(|error| in_a_line(&error))
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let rate: Rate = text.parse().map_err(|error| in_a_line(&error))?;
    if rate.per_second() > 0.0 {
        Ok(rate)
    } else {
        Err("give a rate above zero".to_owned())
    }
}

pub(super) fn duration(text: &str) -> Result<HumanDuration, String> {
    let duration: HumanDuration = text.parse().map_err(|error| in_a_line(&error))?;
    if duration.0.is_zero() {
        Err("give a duration above zero".to_owned())
    } else {
        Ok(duration)
    }
}

fn in_a_line(error: &crate::base::UnitError) -> String {
    error.to_string().replace('\n', "; ")
}
