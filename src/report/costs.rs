//! What a run cost, for a terminal.

use crate::results::RunInfo;

/// The line of the budget; empty where there is none.
pub(super) fn budget(info: &RunInfo) -> String {
    let Some(budget) = &info.budget else {
        return String::new();
    };
    let spent = budget.spent_usd.map_or_else(
        || "unknown".to_owned(),
        |spent| format!("{spent} spent, an unknown cost taken as the most that it could be"),
    );
    let unsent = match budget.unsent {
        0 => String::new(),
        1 => "; 1 request was due and not sent".to_owned(),
        n => format!("; {n} requests were due and not sent"),
    };
    let beyond = match budget.beyond_bound {
        0 => String::new(),
        n => {
            format!("; THE CAP DID NOT HOLD for {n} answers of more tokens or pages than asked for")
        }
    };
    format!("budget      {}: {spent}{unsent}{beyond}\n", budget.usd)
}
