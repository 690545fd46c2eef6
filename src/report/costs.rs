//! What a run cost, for a terminal.

use super::table::Table;
use crate::base::Money;
use crate::record::{Cost, Summary};
use crate::results::RunInfo;

/// The costs of each scope, of each model as it answered and of each provider; empty where there are no prices.
pub(super) fn table(info: &RunInfo, summary: &Summary) -> String {
    let Some(as_of) = &info.prices_as_of else {
        return String::new();
    };
    let head = [
        "",
        "requests",
        "good",
        "output tokens",
        "cost",
        "a request",
        "1k output tokens",
        "a good request",
    ];
    let mut table = Table::new(1, &head);
    let mut row = |name: &str, requests: u64, good: u64, tokens: u64, cost: &Cost| {
        let money = |amount: Option<Money>| amount.map_or("unknown".to_owned(), |m| m.to_string());
        table.row([
            name.to_owned(),
            requests.to_string(),
            good.to_string(),
            tokens.to_string(),
            money((cost.unknown == 0).then_some(cost.usd)),
            money(cost.per_request_usd),
            money(cost.per_1k_output_usd),
            money(cost.per_good_usd),
        ]);
    };
    for scope in &summary.scopes {
        let (name, totals) = (scope.label(), &scope.totals);
        let (n, tokens) = (scope.count.requests, totals.output_tokens);
        row(name, n, totals.good, tokens, &totals.cost);
    }
    for model in &summary.models {
        let name = format!("answered by {}", model.model);
        let (n, tokens) = (model.requests, model.output_tokens);
        row(&name, n, model.good, tokens, &model.cost);
    }
    for provider in &summary.providers {
        let name = format!("provider {}", provider.provider);
        let (n, tokens) = (provider.requests, provider.output_tokens);
        row(&name, n, provider.good, tokens, &provider.cost);
    }
    let of_asked = summary
        .total()
        .map_or(0, |total| total.totals.cost.priced_by_asked);
    let of_asked = match of_asked {
        0 => String::new(),
        1 => format!("  1 request{NO_PRICE}"),
        n => format!("  {n} requests{NO_PRICE}"),
    };
    format!(
        "\ncost in US dollars = usage as the server counted it x the prices of {as_of}\n{}{of_asked}{FORMULAS}",
        table.render(2)
    )
}

const NO_PRICE: &str = " priced as the model that was asked: the prices know no other that answered
";

const FORMULAS: &str = "  \
a request = known cost / requests whose cost is known; 1k output tokens = 1000 x known cost / the output
  tokens of these; a good request = cost / good requests, and unknown where any cost is
";

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
            format!(
                "; THE CAP DID NOT HOLD for {n} answers that cost more than their requests could"
            )
        }
    };
    format!("budget      {}: {spent}{unsent}{beyond}\n", budget.usd)
}
