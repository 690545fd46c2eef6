//! The command: the only room that prints, reads the environment and the wall clock, and decides exit
//! codes.

mod abort;
mod baseline;
mod ci;
mod cli;
mod collect;
mod commands;
mod compare;
mod ended;
mod examples;
mod exit;
mod gate;
mod gather;
mod import;
mod init;
#[cfg(unix)]
mod gateways;
mod hints;
mod lab;
mod limits;
mod live;
mod looks;
mod log_to;
mod machine;
#[cfg(unix)]
mod overhead;
mod manual;
mod page;
mod preflight;
mod prices;
mod probe;
mod progress;
mod reconcile;
mod run;
mod scenarios;
mod selftest;
mod sides;
mod signals;
mod templates;
mod stand_in;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use clap::FromArgMatches;

use cli::{BaselineCommand, Cli, Command, PricesCommand};
pub use exit::Exit;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&manual::command().get_matches());
    let exit = match cli.unwrap_or_else(|error| error.exit()).command {
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::compare(&args),
        #[cfg(unix)]
        Command::Overhead(args) => overhead::overhead(&args),
        Command::Validate(args) => Ok(commands::validate(&args)),
        Command::Plan(args) => commands::plan(&args),
        Command::Report(args) => commands::report(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::Baseline(BaselineCommand::Save(args)) => Ok(baseline::save(&args)),
        Command::Baseline(BaselineCommand::Show(args)) => Ok(baseline::show(&args)),
        Command::Lab(args) => lab::lab(&args),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::StandIn => stand_in::serve(),
        Command::Prices(PricesCommand::Pull(args)) => prices::pull(&args),
        Command::Reconcile(args) => reconcile::reconcile(&args),
        Command::Probe(args) => probe::probe(&args),
        Command::Init(args) => init::init(&args),
        Command::Scenarios(args) => scenarios::scenarios(&args),
        Command::Import(args) => import::import(&args),
        #[cfg(unix)]
        Command::Gateways(args) => match &args.command {
            Some(cli::GatewaysCommand::Try(args)) => gateways::try_out(args),
            None => gateways::list(&args),
        },
        #[cfg(unix)]
        Command::GatewaySupervisor => gateways::supervise(),
        Command::Schema(args) => commands::schema(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    let exit = exit.unwrap_or_else(|error| {
        terminal::error(&format!("{error:#}"));
        Exit::Internal
    });
    if exit == Exit::Fine && terminal::lost_data() {
        return Exit::Internal.into();
    }
    exit.into()
}
