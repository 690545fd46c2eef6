//! The report of a run for a terminal.

use super::connections::connections;
use super::costs;
use super::table::Table;
use super::told::{gateway, share_lines, share_tables};
use crate::base::Money;
use crate::judge::{Level, Validity};
use crate::record::{MetricSummary, QuantileSummary, ScopeSummary, Summary};
use crate::results::{Interruption, RunInfo, Standing};
use crate::sample::Metric;
use crate::scenario::Slos;

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// ANSI colours.
    Colour,
}

impl Paint {
    fn level(self, level: Level, text: &str) -> String {
        let code = match level {
            Level::Valid => 32,
            Level::Warn => 33,
            Level::Invalid => 31,
        };
        self.code(code, text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.code(1, text)
    }

    pub(super) fn code(self, code: u8, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// The times that have a table of their own, and what they are called.
const TABLES: [(Metric, &str); 8] = [
    (Metric::Ttft, "time to first token (TTFT)"),
    (Metric::Tpot, "time per output token (TPOT)"),
    (Metric::ChunkGap, "gap between chunks"),
    (Metric::E2e, "response time (e2e)"),
    (Metric::Service, "service time"),
    (Metric::Lag, "dispatch lag"),
    (Metric::Connect, "opening a connection"),
    (
        Metric::OverheadClaimed,
        "overhead, as the gateway claims it",
    ),
];

/// The report of a run.
pub fn run(
    info: &RunInfo,
    summary: &Summary,
    validity: &Validity,
    notes: &[String],
    paint: Paint,
) -> String {
    let mut out = String::new();
    out += &head(info, paint);
    out += &validity_lines(validity, paint);
    out += &share_lines(&info.shares);
    for note in notes {
        out += &format!("note: {note}\n");
    }
    out.push('\n');
    if let Some(total) = summary.total() {
        out += &counts(info, summary, total);
    }
    out += &recipes(summary);
    out += &share_tables(&info.shares, paint);
    for (metric, title) in TABLES {
        out += &times(summary, metric, title, paint);
    }
    out += &costs::table(info, summary);
    out += FOOT;
    out
}

const FOOT: &str = "
[low - high] is the 95 % confidence interval, which takes requests as independent. With errors: the
quantile when a failed request counts as infinitely slow. A quantile that the sample can't carry says
how many values it needs.
";

fn head(info: &RunInfo, paint: Paint) -> String {
    let url = if info.target.kind == "lab" {
        "embedded"
    } else {
        &info.target.url
    };
    let title = paint.bold(&format!(
        "{} against {} ({url})",
        info.scenario, info.target.name
    ));
    let ended = match info.interrupted {
        None if info.complete => "",
        None => ", INCOMPLETE",
        Some(Interruption::Interrupt) => ", INTERRUPTED",
        Some(Interruption::Terminate) => ", TERMINATED",
        Some(Interruption::Budget) => ", STOPPED BY THE BUDGET",
        Some(Interruption::Threshold) => ", ENDED BY A THRESHOLD",
        Some(Interruption::Gateway) => ", CUT SHORT: THE GATEWAY ENDED BY ITSELF",
    };
    let held = info.held.map_or("", |_| ", HELD BY HAND");
    let selftest = info.selftest.as_ref().map(standing).unwrap_or_default();
    let connections = connections(info);
    let insecure = if info.connections.insecure {
        let loud = "TLS NOT VERIFIED (insecure): whoever answered was trusted";
        format!("{}\n", paint.level(Level::Warn, loud))
    } else {
        String::new()
    };
    format!(
        "{insecure}{title}\n{} · plan {} · seed {} · {} · {} worker{} · tollgate {}{ended}{held}\n{connections}{selftest}",
        info.started_utc,
        info.digest,
        info.seed.0,
        info.client,
        info.workers,
        if info.workers == 1 { "" } else { "s" },
        info.tollgate,
    )
}

/// The line of the self-test that the client's figures stand on.
pub(super) fn standing(selftest: &Standing) -> String {
    let (stat, value) = match selftest.ttft_error_p99_us {
        Some(p99) => ("p99", p99),
        None => ("max", selftest.ttft_error_max_us),
    };
    format!(
        "self-test of {}: first-token error {stat} {value:.0} us at {}\n",
        selftest.started_utc, selftest.round
    )
}

/// The verdict and, where it is not clean, each check that speaks against the figures.
fn validity_lines(validity: &Validity, paint: Paint) -> String {
    let verdict = match validity.verdict {
        Level::Valid => "VALID".to_owned(),
        Level::Warn => "VALID, WITH CARE".to_owned(),
        Level::Invalid => format!("INVALID: {}", validity.what_is_wrong()),
    };
    let said: Vec<String> = validity
        .checks
        .iter()
        .map(|check| format!("{} {}", check.name, check.value))
        .collect();
    let mut out = format!(
        "{} · {}\n",
        paint.level(validity.verdict, &verdict),
        said.join(" · ")
    );
    for check in validity
        .checks
        .iter()
        .filter(|check| check.level > Level::Valid)
    {
        let word = if check.level == Level::Warn {
            "care"
        } else {
            "invalid"
        };
        let line = format!(
            "  {word}: {} is {}, wanted {}. {}\n",
            check.name, check.value, check.limit, check.remedy
        );
        out += &paint.level(check.level, &line);
    }
    out
}

fn counts(info: &RunInfo, summary: &Summary, total: &ScopeSummary) -> String {
    let (count, totals) = (&total.count, &total.totals);
    let warmup = match summary.warmup.requests {
        0 => String::new(),
        n => format!("; {n} of the warm-up are kept apart"),
    };
    let mut out = format!(
        "requests    {} measured in {:.1} s: {} ok, {} failed ({:.2} %){warmup}\n",
        count.requests,
        summary.window_s,
        count.ok,
        count.failed,
        totals.error_rate * 100.0
    );
    out += &errors(summary, total);
    if totals.empty_answers > 0 {
        out += &format!(
            "empty       {} ok answers held no token\n",
            totals.empty_answers
        );
    }
    out += &format!(
        "goodput     {:.2}/s ok{}; throughput {:.2}/s ok\n",
        totals.goodput_per_s,
        slos_in_words(&info.slos),
        totals.throughput_per_s
    );
    let cached = match totals.cached_input_tokens {
        0 => String::new(),
        n => format!(" ({n} cached)"),
    };
    let estimated = match totals.estimated_tokens {
        0 => String::new(),
        n => format!(" (estimated for {n} requests without usage)"),
    };
    out += &format!(
        "tokens      {:.1} output/s; {} in{cached}, {} out{estimated}{}\n",
        totals.output_tokens_per_s,
        totals.input_tokens,
        totals.output_tokens,
        chunks_in_words(totals),
    );
    out += &format!("cost        {}\n", cost_in_words(info, totals));
    out += &costs::budget(info);
    out += &gateway(&total.told);
    if let Some(logged) = &info.logged {
        out += &format!("logged      {}\n", logged.in_words());
    }
    if totals.clamped > 0 {
        out += &format!(
            "clamped     {} times over an hour count as an hour\n",
            totals.clamped
        );
    }
    out
}

fn chunks_in_words(totals: &crate::record::Totals) -> String {
    let Some(per_chunk) = totals.tokens_per_chunk else {
        return String::new();
    };
    let coalesced = totals.coalesced_share.unwrap_or(0.0) * 100.0;
    format!("; {per_chunk:.2} tokens/chunk, {coalesced:.1} % of chunks came with another")
}

/// Failures by kind: how many, in which recipes where there are several, and what was said last.
fn errors(summary: &Summary, total: &ScopeSummary) -> String {
    let recipes: Vec<&ScopeSummary> = summary
        .scopes
        .iter()
        .filter(|scope| scope.recipe().is_some())
        .collect();
    let within = |outcome: &str| {
        let of = |scope: &&ScopeSummary| {
            let error = scope.errors.iter().find(|error| error.outcome == outcome)?;
            Some(format!("{} {}", scope.recipe()?, error.count))
        };
        let told: Vec<String> = recipes.iter().filter_map(of).collect();
        if recipes.len() > 1 {
            format!("  ({})", told.join(", "))
        } else {
            String::new()
        }
    };
    let line = |error: &crate::record::ErrorCount| {
        let said = error
            .last_message
            .as_deref()
            .map(|said| format!("  \"{said}\""));
        let (kind, count) = (&error.outcome, error.count);
        format!(
            "  {kind:<20}{count:>6}{}{}\n",
            within(kind),
            said.unwrap_or_default()
        )
    };
    total.errors.iter().map(line).collect()
}

pub(super) fn slos_in_words(slos: &Slos) -> String {
    let named = [("ttft", slos.ttft), ("tpot", slos.tpot), ("e2e", slos.e2e)];
    let set: Vec<String> = named
        .iter()
        .filter_map(|(name, limit)| limit.map(|limit| format!("{name} <= {limit}")))
        .collect();
    if set.is_empty() {
        " (no SLOs set)".to_owned()
    } else {
        format!(" within {}", set.join(", "))
    }
}

pub(super) fn cost_in_words(info: &RunInfo, totals: &crate::record::Totals) -> String {
    let claim = totals
        .cost_reported_usd
        .map(|claim| format!("; the server claims {claim}"))
        .unwrap_or_default();
    let Some(as_of) = &info.prices_as_of else {
        return format!("unknown: the scenario names no price table{claim}");
    };
    let unknown = match totals.cost.unknown {
        0 => String::new(),
        n => format!(", unknown for {n} requests"),
    };
    let each = totals
        .cost
        .per_request_usd
        .map_or_else(|| "unknown".to_owned(), |each: Money| each.to_string());
    format!(
        "{} ({each} a request{unknown}; prices of {as_of}){claim}",
        totals.cost.usd
    )
}

fn recipes(summary: &Summary) -> String {
    let head = [
        "recipe",
        "requests",
        "ok",
        "failed",
        "good/s",
        "tokens/s",
        "cost",
        "a request",
    ];
    let mut table = Table::new(1, &head);
    for scope in &summary.scopes {
        let totals = &scope.totals;
        let unknown = totals.cost.unknown > 0;
        table.row([
            scope.label().to_owned(),
            scope.count.requests.to_string(),
            scope.count.ok.to_string(),
            scope.count.failed.to_string(),
            format!("{:.2}", totals.goodput_per_s),
            format!("{:.1}", totals.output_tokens_per_s),
            if unknown {
                "unknown".to_owned()
            } else {
                totals.cost.usd.to_string()
            },
            totals
                .cost
                .per_request_usd
                .map_or_else(|| "unknown".to_owned(), |m| m.to_string()),
        ]);
    }
    format!("\n{}", table.render(0))
}

/// The table of one kind of time; empty where nothing has it.
fn times(summary: &Summary, metric: Metric, title: &str, paint: Paint) -> String {
    let scopes: Vec<(&ScopeSummary, &MetricSummary)> = summary
        .scopes
        .iter()
        .filter_map(|scope| scope.metric(metric).map(|found| (scope, found)))
        .collect();
    if scopes.is_empty() {
        return String::new();
    }
    let failures = scopes.iter().any(|(scope, _)| scope.count.failed > 0);
    let adjustable = !matches!(
        metric,
        Metric::Lag | Metric::Tpot | Metric::ChunkGap | Metric::Connect | Metric::OverheadClaimed
    );
    let with_errors = failures && adjustable;
    let mut head = vec![
        "",
        "n",
        "p50",
        "p90",
        "p95",
        "p99",
        "max",
        "p99 [low - high]",
    ];
    if with_errors {
        head.extend(["p95 with errors", "p99 with errors"]);
    }
    let mut table = Table::new(1, &head);
    for (scope, found) in scopes {
        let quantile = |stat: &str| found.quantile(stat);
        let mut cells = vec![scope.label().to_owned(), found.n.to_string()];
        cells.extend(["p50", "p90", "p95", "p99"].map(|stat| value(quantile(stat), found.n)));
        cells.push(format!("{:.2}", found.max_ms));
        cells.push(interval(quantile("p99")));
        if with_errors {
            cells.extend(["p95", "p99"].map(|stat| adjusted(quantile(stat))));
        }
        table.row(cells);
    }
    format!(
        "\n{} in ms = {}\n{}",
        paint.bold(title),
        metric.formula(),
        table.render(2)
    )
}

fn value(quantile: Option<&QuantileSummary>, n: u64) -> String {
    match quantile {
        Some(QuantileSummary {
            value_ms: Some(ms), ..
        }) => format!("{ms:.2}"),
        Some(QuantileSummary { needs, .. }) => format!("n/a (needs {needs}, has {n})"),
        None => "n/a".to_owned(),
    }
}

fn interval(quantile: Option<&QuantileSummary>) -> String {
    let ends = quantile.and_then(|q| q.ci_low_ms.zip(q.ci_high_ms));
    ends.map_or_else(
        || "n/a".to_owned(),
        |(low, high)| format!("[{low:.2} - {high:.2}]"),
    )
}

fn adjusted(quantile: Option<&QuantileSummary>) -> String {
    match quantile {
        Some(QuantileSummary {
            adjusted_infinite: true,
            ..
        }) => "infinite".to_owned(),
        Some(QuantileSummary {
            adjusted_ms: Some(ms),
            ..
        }) => format!("{ms:.2}"),
        _ => "n/a".to_owned(),
    }
}
