//! The command and the step of a run: which log, what is shown, and how it ends.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::runtime::Runtime;

use super::{Failed, Found, Source, run};
use crate::app::cli::ReconcileArgs;
use crate::app::prices::base_url;
use crate::app::signals::Signals;
use crate::app::{Exit, terminal};
use crate::base::Secret;
use crate::judge::Reconciled;
use crate::report;
use crate::results::{self, Interruption, RunInfo, TargetInfo};
use crate::scenario::{LOG_WAIT, LogKind, Scenario};
use crate::wire::Endpoint;

/// `tollgate reconcile`.
pub(in crate::app) fn reconcile(args: &ReconcileArgs) -> anyhow::Result<Exit> {
    let info = match results::read_info(&args.run) {
        Ok(info) => info,
        Err(error) => {
            terminal::error(&error.to_string());
            return Ok(Exit::Usage);
        }
    };
    let source = match source(args, &info) {
        Ok(source) => source,
        Err(wrong) => {
            terminal::error(&wrong);
            return Ok(Exit::Usage);
        }
    };
    let output = args.output.as_deref().unwrap_or(&args.run);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let found = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        anyhow::Ok(run(&args.run, output, &source, &mut signals).await)
    })?;
    let found = match found {
        Ok(found) => found,
        Err(failed) => return told(failed),
    };
    let reconciled = &found.reconciled;
    if args.json {
        let json = serde_json::to_string_pretty(reconciled)?;
        terminal::data(&format!("{json}\n"));
    } else {
        let text = report::reconciled(reconciled, terminal::stdout_paint());
        terminal::data(&format!("{text}\nfiles in {}\n", output.display()));
    }
    let beyond = beyond(args, reconciled);
    for said in &beyond {
        terminal::error(said);
    }
    Ok(exit(&found, !beyond.is_empty()))
}

/// The last step of a run: its files lie beside the run's. What goes wrong is said, and takes nothing
/// from the run.
#[derive(Default)]
pub(in crate::app) struct Step {
    found: Option<Reconciled>,
    exit: Option<Exit>,
}

impl Step {
    /// Reads the log at `endpoint`, where the scenario wants that.
    pub(in crate::app) fn of(
        scenario: &Scenario,
        endpoint: &Endpoint,
        folder: &Path,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let Some(wanted) = scenario.reconcile else {
            return Ok(Self::default());
        };
        let source = Source {
            kind: wanted.kind,
            endpoint: endpoint.clone(),
            secrets: scenario.secrets.clone(),
            wait: wanted.wait,
            arm: None,
        };
        terminal::message("reading the gateway's log of the run");
        let found = runtime.block_on(async {
            let mut signals = Signals::listen()?;
            anyhow::Ok(run(folder, folder, &source, &mut signals).await)
        })?;
        Ok(match found {
            Ok(found) => Self {
                exit: Some(exit(&found, false)),
                found: Some(found.reconciled),
            },
            Err(failed) => Self {
                exit: Some(told(failed)?),
                found: None,
            },
        })
    }

    /// Shows what came of it behind the run's report, and how the process ends where the run was fine.
    pub(in crate::app) fn show(&self, json: bool, run: Exit) -> Exit {
        if let (Some(found), false) = (&self.found, json) {
            let text = report::reconciled(found, terminal::stdout_paint());
            terminal::data(&format!("\n{text}"));
        }
        match run {
            Exit::Fine => self.exit.unwrap_or(Exit::Fine),
            exit => exit,
        }
    }
}

/// Says why there is nothing.
fn told(failed: Failed) -> anyhow::Result<Exit> {
    let (said, exit) = match failed {
        Failed::Refused(said) => (said, Exit::Preflight),
        Failed::Nothing(said) => (said, Exit::NoData),
        Failed::Files(error) => return Err(error),
    };
    terminal::error(&said);
    Ok(exit)
}

fn exit(found: &Found, beyond: bool) -> Exit {
    if let Some(signal) = found.interrupted {
        match signal {
            Interruption::Interrupt => Exit::Interrupted,
            Interruption::Terminate => Exit::Terminated,
            Interruption::Budget => Exit::Budget,
            Interruption::Threshold => Exit::Fail,
            Interruption::Gateway => Exit::NoData,
        }
    } else if found.reconciled.is_empty() {
        Exit::NoData
    } else if beyond {
        Exit::Fail
    } else {
        Exit::Fine
    }
}

/// Which of the limits on the command line are not kept, in sentences. What is unknown keeps none.
fn beyond(args: &ReconcileArgs, found: &Reconciled) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(most) = args.max_cost_drift {
        match found.cost_drift {
            Some(drift) if drift <= most => {}
            Some(drift) => said.push(format!(
                "the cost drift is {:.3} %, and may be {:.3} %",
                drift * 100.0,
                most * 100.0
            )),
            None => said.push("the cost drift is unknown: no request has both costs".to_owned()),
        }
    }
    if let Some(most) = args.max_missing
        && found.missing_logs > most
    {
        let missing = found.missing_logs;
        said.push(format!(
            "{missing} requests are not in the log, and {most} may be"
        ));
    }
    said
}

/// Where to read the log of a run, and with which key.
fn source(args: &ReconcileArgs, info: &RunInfo) -> Result<Source, String> {
    let (at, arm) = side(args, info)?;
    let of_target = match at.kind.as_str() {
        "lab" => Some(LogKind::Respan),
        kind => LogKind::of_name(kind),
    };
    let (url, kind) = match (&args.target, &info.logged) {
        (Some(target), _) => (base_url(target)?, of_target),
        (None, Some(logged)) => (logged.url.clone(), Some(LogKind::Respan)),
        (None, None) if at.kind == "lab" => {
            return Err("the embedded lab of this run, and its log, ended with the run\nhelp: reconcile as a step of it: tollgate run SCENARIO --reconcile; or name another log: --target URL".to_owned());
        }
        (None, None) => (at.url.clone(), of_target),
    };
    let kind = args.kind.or(kind).ok_or_else(|| {
        let kind = &at.kind;
        format!("how a gateway of the kind `{kind}` tells its log is not known\nhelp: say whose log it is: --kind respan, respan_oss or litellm")
    })?;
    let variable = kind.key_variable();
    let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
    if kind == LogKind::Respan && key.is_none() {
        let said = "there is no key for Respan's log";
        return Err(format!("{said}\nhelp: set {variable}"));
    }
    Ok(Source {
        kind,
        endpoint: Endpoint {
            base_url: url,
            key: key.map(Secret::new),
            ..Endpoint::default()
        },
        secrets: Vec::new(),
        wait: args.wait.map_or(LOG_WAIT, |wait| wait.0),
        arm,
    })
}

/// The target whose log it is, and the arm where it is not that of all.
fn side<'i>(
    args: &ReconcileArgs,
    info: &'i RunInfo,
) -> Result<(&'i TargetInfo, Option<String>), String> {
    let names: Vec<&str> = info.arms.iter().map(|arm| arm.name.as_str()).collect();
    let help = format!("help: name one: --arm {}", names.join(", --arm "));
    match &args.arm {
        Some(_) if names.is_empty() => Err("the run has no arms: leave out --arm".to_owned()),
        Some(name) => match info.arms.iter().find(|arm| arm.name == *name) {
            Some(arm) => Ok((&arm.target, Some(name.clone()))),
            None => Err(format!("the run has no arm `{name}`\n{help}")),
        },
        None => {
            let urls = info.arms.iter().map(|arm| &arm.target.url);
            if info.logged.is_none() && urls.collect::<BTreeSet<_>>().len() > 1 {
                return Err(format!("each arm of the run has a log of its own\n{help}"));
            }
            Ok((&info.target, None))
        }
    }
}
