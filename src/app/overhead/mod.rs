//! `tollgate overhead`: what a gateway adds, and what it makes of streams, with the lab behind it.

mod args;
mod behind;
mod load;

use std::sync::Arc;

pub(super) use args::OverheadArgs;

use super::Exit;
use super::gather::Gatherer;
use super::run::{self, Session};
use super::sides::{self, Side};
use crate::plan::Plan;
use behind::Behind;

/// The folder of a run in which the gateway's configuration and log are kept.
const KEPT: &str = "gateway";

pub(super) fn overhead(args: &OverheadArgs) -> anyhow::Result<Exit> {
    let run_args = args.run_args();
    run_args.ci.clear();
    let telemetry = match args.telemetry.prepare() {
        Ok(telemetry) => telemetry,
        Err(exit) => return Ok(exit),
    };
    let scenario = match load::scenario(args) {
        Ok(scenario) => scenario,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut behind = match runtime.block_on(Behind::start(args, &scenario))? {
        Ok(behind) => behind,
        Err(exit) => return Ok(exit),
    };
    let scenario = behind.complete(scenario, args);
    let plan = Arc::new(Plan::new(scenario).of_run(run::made_up_id));
    let opened = sides::open_with(&plan, &run_args, |arm| behind.endpoint(arm));
    let sides: Vec<Side> = match runtime.block_on(opened) {
        Ok(sides) => sides?,
        Err(refused) => return Ok(behind.refused(&refused)),
    };
    let mut session = match Session::begin(&plan, &sides, None, telemetry, &run_args)? {
        Ok(session) => session,
        Err(exit) => return Ok(exit),
    };
    session.gather(Gatherer::new(&plan)?);
    session.watch(behind.watch());
    behind.begin()?;
    let mut ended = runtime.block_on(session.go())?;
    let found = behind.judge(ended.take_gathered(), &runtime)?;
    behind.keep_log(&ended.folder.join(KEPT));
    ended.found(found)?;
    ended.report(&run_args)
}
