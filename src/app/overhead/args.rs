//! What `tollgate overhead` is told on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::app::ci::CiArgs;
use crate::app::cli::{self, AgainstArgs, RunArgs, ScenarioArgs};
use crate::app::progress::Show;
use crate::app::telemetry::TelemetryArgs;
use crate::base::{HumanDuration, Rate};
use crate::scenario::{Kind, Overrides};

#[derive(Debug, Args)]
pub(in crate::app) struct OverheadArgs {
    /// The scenario file, one with `overhead` [default: a built-in one, of streams at three rates]
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Option<PathBuf>,
    /// The gateway to start: a preset by its name (`tollgate gateways` lists them), or a template file
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "target")]
    pub(super) gateway: Option<String>,
    /// The command that starts it, in the place of the preset's, with the same placeholders
    #[arg(long, value_name = "CMD", conflicts_with = "target")]
    pub(super) gateway_cmd: Option<String>,
    /// The base URL of a gateway that runs already. Its key is read from `RESPAN_API_KEY` for the kind
    /// `respan`, and else from `OPENAI_API_KEY`
    #[arg(long, value_name = "URL", requires = "direct")]
    pub(super) target: Option<String>,
    /// What is behind that gateway: `lab`, tollgate's own provider at `--provider`, or the base URL of the real
    /// one, whose key is read from `DIRECT_API_KEY`
    #[arg(long, value_name = "lab|URL")]
    pub(super) direct: Option<String>,
    /// Whose contract that gateway keeps [default: respan for its hosts, else openai]
    #[arg(long, value_name = "K", value_parser = cli::kind, requires = "target")]
    pub(super) kind: Option<Kind>,
    /// The model to ask that gateway for [default: that of the scenario]
    #[arg(long, value_name = "M", requires = "target")]
    pub(super) model: Option<String>,
    /// Where the lab's provider listens that a running gateway has behind it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub(super) provider: SocketAddr,
    /// Rates through the gateway, one phase each; as many requests go past it: 20/s,100/s
    #[arg(long, value_name = "RATES", value_delimiter = ',', value_parser = cli::rate, conflicts_with = "concurrency")]
    pub(super) rates: Vec<Rate>,
    /// Users of closed loops, one phase each, who go through the gateway and past it by turns: 1,64,512
    #[arg(long, value_name = "USERS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) concurrency: Vec<u32>,
    /// Duration of each measured phase: 20s, 5m
    #[arg(short = 'd', long, value_name = "TIME", value_parser = cli::duration)]
    pub(super) duration: Option<HumanDuration>,
    /// Requests of each measured phase, both ways together
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: Option<u64>,
    /// The seed of every random choice
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// What the run is called [default: made up for each run]
    #[arg(long, value_name = "ID")]
    pub(super) run_id: Option<String>,
    /// Set a variable of the scenario; wins over the environment
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = cli::key_value)]
    pub(super) env: Vec<(String, String)>,
    /// The folder for results
    #[arg(short = 'o', long, value_name = "DIR", default_value = "results")]
    pub(super) output: PathBuf,
    /// Worker threads [default: all cores but one, at least one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(super) workers: Option<u64>,
    /// Print what was found as JSON on stdout, not as text
    #[arg(long)]
    pub(super) json: bool,
    /// Exit with 4 where the run is invalid, too: the client, not the gateway, made its numbers
    #[arg(long)]
    pub(super) gate: bool,
    /// Write no report.html
    #[arg(long)]
    pub(super) no_html: bool,
    /// How the run is shown while it goes on
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(super) progress: Show,
    #[command(flatten)]
    pub(super) ci: CiArgs,
    #[command(flatten)]
    pub(super) telemetry: TelemetryArgs,
}

impl OverheadArgs {
    /// What the flags change in a scenario.
    pub(super) fn overrides(&self) -> Overrides {
        // A phase that is made from a flag has the bounds of the scenario's first one.
        Overrides {
            seed: self.seed,
            run_id: self.run_id.clone(),
            duration: self.duration,
            requests: self.requests,
            overhead: Some(true),
            ..Overrides::default()
        }
    }

    /// The same as `run` takes them.
    pub(super) fn run_args(&self) -> RunArgs {
        let scenario = ScenarioArgs {
            scenario: self.scenario.clone().unwrap_or_default(),
            target: None,
            seed: self.seed,
            run_id: self.run_id.clone(),
            env: self.env.clone(),
            concurrency: None,
            rate: None,
            duration: self.duration,
            requests: self.requests,
        };
        RunArgs {
            scenario,
            output: self.output.clone(),
            workers: self.workers,
            json: self.json,
            reconcile: false,
            gate: self.gate,
            no_html: self.no_html,
            progress: self.progress,
            tui: false,
            against: AgainstArgs {
                baseline: None,
                allow_unlike: false,
                on_inconclusive: None,
            },
            compares: false,
            aa: false,
            ci: self.ci.clone(),
            telemetry: self.telemetry.clone(),
        }
    }
}
