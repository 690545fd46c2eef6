//! What a comparison would need: requests of each arm, time and money, before anything is sent.

use serde::Serialize;

use super::table::Table;
use crate::base::Money;
use crate::judge::{Aim, Stat, detectable, requests_needed};
use crate::plan::Plan;
use crate::schedule::{Forecast, RecipeForecast};

/// How widely times are taken to spread: the standard deviation of their logarithm.
const LOG_SD: f64 = 0.5;
/// The chance to see a change that is there.
const POWER: f64 = 0.8;

/// What a quantile of a comparison would need.
#[derive(Clone, Debug, Serialize)]
pub struct Needed {
    /// The quantile: `p95`.
    pub stat: &'static str,
    /// Requests of each arm for a verdict on the margin, with a power of 80 %.
    pub requests: u64,
    /// About how long the arrivals of all arms would take at the plan's rate, in seconds; absent where the
    /// answers decide.
    pub seconds: Option<f64>,
    /// The most that they would cost, in US dollars, at the plan's cost of a request; absent where that is
    /// not known.
    pub usd: Option<Money>,
    /// Requests of each arm that the plan has; absent where the answers decide.
    pub has: Option<u64>,
    /// The smallest change that these would show, as a share; absent where the answers decide.
    pub sees: Option<f64>,
}

/// What each quantile of a plan's comparison would need; empty where it has one arm only.
pub fn needed(plan: &Plan, forecast: &Forecast) -> Vec<Needed> {
    let scenario = plan.scenario();
    let Some(compare) = &scenario.compare else {
        return Vec::new();
    };
    let aim = Aim {
        margin: compare.margin,
        alpha: compare.alpha,
        power: POWER,
        log_sd: LOG_SD,
    };
    let arms = scenario.arms.len() as u64;
    let measured = forecast.phases.iter().filter(|phase| !phase.warmup);
    let arrivals: Option<u64> = measured.clone().map(|phase| phase.arrivals).sum();
    let seconds: Option<f64> = measured.map(|phase| phase.seconds).sum();
    let each = arrivals.zip(seconds).map(|(n, s)| s / n.max(1) as f64);
    let most = |recipe: &RecipeForecast| recipe.max_cost_usd;
    let cost: Option<Money> = forecast.recipes.iter().map(most).sum();
    let all: u64 = forecast.recipes.iter().map(|recipe| recipe.requests).sum();
    let of = |stat: Stat| {
        let requests = requests_needed(&aim, stat.q());
        let has = arrivals.map(|arrivals| arrivals / arms);
        let total = requests * arms;
        Needed {
            stat: stat.name(),
            requests,
            seconds: each.map(|each| each * total as f64),
            usd: cost.and_then(|cost| scaled(cost, total, all)),
            has,
            sees: has.map(|has| detectable(&aim, stat.q(), has)),
        }
    };
    Stat::ALL.map(of).to_vec()
}

/// What `of` requests cost, where `all` cost so much.
fn scaled(cost: Money, of: u64, all: u64) -> Option<Money> {
    let nanos = i128::from(cost.nanos()) * i128::from(of);
    let nanos = nanos.checked_div(i128::from(all))?;
    i64::try_from(nanos).ok().map(Money::from_nanos)
}

/// The same as text; empty where there is nothing to compare.
pub(super) fn table(plan: &Plan, needed: &[Needed]) -> String {
    let Some(compare) = plan
        .scenario()
        .compare
        .as_ref()
        .filter(|_| !needed.is_empty())
    else {
        return String::new();
    };
    let head = [
        "compared",
        "needs of each arm",
        "all take",
        "cost at most",
        "has",
        "sees a change of",
    ];
    let mut table = Table::new(1, &head);
    let unknown = || "unknown".to_owned();
    for need in needed {
        table.row([
            need.stat.to_owned(),
            need.requests.to_string(),
            need.seconds
                .map_or_else(unknown, |s| format!("{:.1} min", s / 60.0)),
            need.usd.map_or_else(unknown, |usd| usd.to_string()),
            need.has.map_or_else(unknown, |has| has.to_string()),
            need.sees
                .map_or_else(unknown, |sees| format!("{:.1} %", sees * 100.0)),
        ]);
    }
    format!(
        "\n{}For a verdict on a margin of {} % with alpha {} % and a power of {} %, where the times' logarithms\nspread by {LOG_SD}, and requests are independent. Drift between slices takes more: compare --aa shows it.\n",
        table.render(0),
        compare.margin * 100.0,
        compare.alpha * 100.0,
        POWER * 100.0
    )
}
