//! The scenario of a sandwich: its file or the built-in one, with the loads that the flags ask for.

use super::OverheadArgs;
use crate::app::{Exit, commands};
use crate::scenario::{Pace, Phase, Scenario, Shape};

/// The scenario where none is named.
const BUILT_IN: &str = include_str!("../../../scenarios/overhead/streams.yaml");
/// How it is called in problems.
const NAME: &str = "scenarios/overhead/streams.yaml";
/// The most requests in flight of a load that a flag asks for.
const MAX_IN_FLIGHT: u32 = 4_096;

/// Loads it, or shows all its problems.
pub(super) fn scenario(args: &OverheadArgs) -> Result<Scenario, Exit> {
    let overrides = args.overrides();
    let loaded = match &args.scenario {
        Some(path) => commands::load_file(path, &args.env, &overrides),
        None => commands::load_text(NAME, BUILT_IN, &args.env, &overrides),
    };
    let problems = match &loaded {
        Ok(scenario) => &scenario.warnings,
        Err(problems) => problems,
    };
    commands::show(problems);
    let mut scenario = loaded.map_err(|_| Exit::Usage)?;
    let asked = loads(args);
    if !asked.is_empty() {
        let measured = scenario.phases.iter().find(|phase| !phase.warmup);
        let bound = measured.map(|phase| phase.bound).unwrap_or_default();
        scenario.phases.retain(|phase| phase.warmup);
        scenario
            .phases
            .extend(asked.into_iter().map(|(name, shape)| Phase {
                name,
                warmup: false,
                shape,
                bound,
            }));
    }
    if let Some(compare) = &mut scenario.compare {
        // What slices are for is done by pairs here, of each phase by itself.
        compare.slices = compare.slices.max(scenario.phases.len() as u16);
    }
    Ok(scenario)
}

/// The loads that the flags ask for, with their names.
fn loads(args: &OverheadArgs) -> Vec<(String, Shape)> {
    let rates = args.rates.iter().map(|rate| {
        let shape = Shape::Open {
            pace: Pace::Poisson {
                rate: 2.0 * rate.per_second(),
            },
            max_in_flight: MAX_IN_FLIGHT,
            shed_after: None,
        };
        (format!("{rate}"), shape)
    });
    let users = args.concurrency.iter().map(|users| {
        let shape = Shape::Closed {
            concurrency: *users,
            think: None,
        };
        (format!("{users}-users"), shape)
    });
    rates.chain(users).collect()
}
