//! A run against a gateway's log of it, for a terminal.

use super::Paint;
use super::table::Table;
use crate::judge::{CostDifference, Reconciled, Spread, TokenDifference};

/// The text of a reconciliation.
pub fn reconciled(found: &Reconciled, paint: Paint) -> String {
    let log = &found.log;
    let mut out = format!(
        "{}\n",
        paint.bold(&format!(
            "{} against the log of {} at {}",
            found.scenario, log.kind, log.url
        ))
    );
    let pages = if log.pages == 1 { "page" } else { "pages" };
    out += &format!(
        "run {} · {} {pages} in {:.1} s",
        found.run_id, log.pages, log.took_s
    );
    out += &match log.foreign {
        0 => "\n".to_owned(),
        n => format!(" · {n} rows are of other runs\n"),
    };
    if !log.complete {
        out += "PARTIAL: the log was not read as a whole; what follows is of what could be read\n";
    }
    for problem in &log.problems {
        out += &format!("  {problem}\n");
    }
    out.push('\n');
    out += &rows(found);
    out += &costs(found);
    out += &format!("tokens      {}\n", tokens("input", &found.input_tokens));
    out += &format!("            {}\n", tokens("output", &found.output_tokens));
    let cache = &found.cache;
    if cache.hits > 0 {
        out += &format!(
            "cache       {} of {} answers came from it: logged {}, and {} without it by the price table\n",
            cache.hits, cache.told, cache.logged_usd, cache.computed_usd
        );
    }
    out += &skew(found);
    out += &times(found);
    out
}

fn rows(found: &Reconciled) -> String {
    let unsent = match found.requests - found.sent {
        0 => String::new(),
        n => format!(" ({n} more were never sent)"),
    };
    let mut out = format!(
        "requests    {} sent{unsent}, warm-up included; {} log rows; {} joined\n",
        found.sent, found.log.rows, found.joined
    );
    let failed = match found.missing_failed {
        0 => String::new(),
        n => format!(", {n} of which failed"),
    };
    out += &format!(
        "missing     {} requests are not in the log{failed}; {} log rows are of no request\n",
        found.missing_logs, found.missing_requests
    );
    if found.duplicates > 0 {
        out += &format!(
            "duplicates  {} further log rows of a request that has one\n",
            found.duplicates
        );
    }
    let off = &found.disagree;
    let kinds = [
        ("status", off.status),
        ("input tokens", off.input_tokens),
        ("output tokens", off.output_tokens),
        ("computed cost", off.cost_computed),
        ("claimed cost", off.cost_in_band),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(kind, n)| format!("{kind} {n}"))
        .collect();
    out += &match off.rows {
        0 => "disagree    no request\n".to_owned(),
        n => format!("disagree    {n} requests: {}\n", kinds.join(", ")),
    };
    out
}

fn costs(found: &Reconciled) -> String {
    let logged = found
        .logged_usd
        .map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
    let unknown = match found.logged_unknown {
        0 => String::new(),
        n => format!(", unknown for {n} rows"),
    };
    let mut out = format!("cost        {logged} by all log rows of the run{unknown}\n");
    for (what, difference) in [
        ("the price table", &found.computed),
        ("the answers' claims", &found.in_band),
    ] {
        out += &format!("            {}\n", cost(what, difference));
    }
    let drift = match (found.cost_drift, found.cost_drift_against) {
        (Some(drift), Some(against)) if drift.is_finite() => {
            let net = found.net_drift().unwrap_or_default() * 100.0;
            let against = against.in_words();
            format!(
                "{:.3} % apart from {against} (net {net:+.3} %)",
                drift * 100.0
            )
        }
        (_, Some(against)) => format!("infinite: {} says nothing", against.in_words()),
        _ => "unknown: no request has two costs".to_owned(),
    };
    out += &format!("cost drift  {drift}\n");
    out
}

fn cost(what: &str, difference: &CostDifference) -> String {
    if difference.n == 0 {
        return format!("against {what}: unknown");
    }
    format!(
        "against {what}, {} requests: logged {}, {} there; at most {} apart",
        difference.n, difference.logged_usd, difference.client_usd, difference.largest_usd
    )
}

fn tokens(what: &str, difference: &TokenDifference) -> String {
    let TokenDifference { n, client, logged } = difference;
    if *n == 0 {
        return format!("{what}: unknown");
    }
    format!("{what}, {n} requests: {logged} logged, {client} counted by the client")
}

/// Clocks that are further apart than our own start is known.
fn skew(found: &Reconciled) -> String {
    const TOLD: f64 = 1.5;
    match found.clock_skew_s {
        Some(skew) if skew.abs() > TOLD => {
            let (apart, word) = (skew.abs(), if skew > 0.0 { "ahead of" } else { "behind" });
            format!("clocks      the log's is about {apart:.1} s {word} ours\n")
        }
        _ => String::new(),
    }
}

fn times(found: &Reconciled) -> String {
    let rows = [
        ("routing_time", &found.routing_time),
        ("ttft beyond the gateway's", &found.ttft_beyond_gateway),
        (
            "latency beyond the gateway's",
            &found.latency_beyond_gateway,
        ),
    ];
    let head = ["", "n", "p50", "p90", "p95", "p99", "least", "max"];
    let mut table = Table::new(1, &head);
    for (name, spread) in rows {
        let mut cells = vec![name.to_owned()];
        match spread {
            None => cells.extend(["0".to_owned(), "unknown".to_owned()]),
            Some(spread) => cells.extend(values(spread)),
        }
        table.row(cells);
    }
    format!(
        "\ntimes in ms, without the warm-up; beyond the gateway's = the client's, from sending, less the log's\n{}",
        table.render(2)
    )
}

fn values(spread: &Spread) -> Vec<String> {
    let mut cells = vec![spread.n.to_string()];
    cells.extend(spread.quantiles.iter().map(|quantile| {
        quantile.value_ms.map_or_else(
            || format!("n/a (needs {})", quantile.needs),
            |ms| format!("{ms:.3}"),
        )
    }));
    cells.extend([spread.min_ms, spread.max_ms].map(|ms| format!("{ms:.3}")));
    cells
}
