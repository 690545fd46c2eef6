//! What each figure of a page is called, and how it is worked out.

use serde::Serialize;

use crate::sample::Metric;

/// One figure.
#[derive(Serialize)]
pub(super) struct Entry {
    /// As `summary.csv` has it.
    name: &'static str,
    /// In words.
    label: &'static str,
    formula: &'static str,
    /// Whether it is a time.
    time: bool,
}

const fn of(name: &'static str, label: &'static str, formula: &'static str) -> Entry {
    Entry {
        name,
        label,
        formula,
        time: false,
    }
}

const FIGURES: [Entry; 23] = [
    of(
        "requests",
        "requests",
        "measured requests, failures included, warm-up left out",
    ),
    of("ok", "ok", "whole answers"),
    of("failed", "failed", "requests - ok"),
    of(
        "good",
        "good",
        "whole answers within every SLO of the scenario",
    ),
    of("error_rate", "error rate", "failed / requests"),
    of(
        "goodput",
        "goodput",
        "good answers that ended in the window / its seconds",
    ),
    of(
        "throughput",
        "throughput",
        "whole answers that ended in the window / its seconds",
    ),
    of(
        "output_tokens_rate",
        "output tokens/s",
        "output tokens of whole answers that ended in the window / its seconds",
    ),
    of(
        "input_tokens",
        "input tokens",
        "prompt tokens, as the server counted them",
    ),
    of(
        "cached_input_tokens",
        "cached input tokens",
        "of the input tokens, those read from the provider's cache",
    ),
    of(
        "output_tokens",
        "output tokens",
        "as the server counted them; chunks with a token where it reports none",
    ),
    of(
        "cost_reported",
        "cost claimed",
        "what the server claims that it cost",
    ),
    of(
        "cost",
        "cost",
        "usage as the server counted it x the price table; the known part",
    ),
    of(
        "cost_unknown",
        "cost unknown",
        "requests whose cost is unknown",
    ),
    of(
        "priced_by_asked",
        "priced as asked",
        "requests that have the price of the model that was asked, since the one that answered has none",
    ),
    of(
        "cost_per_request",
        "cost a request",
        "known cost / requests whose cost is known",
    ),
    of(
        "cost_per_1k_output",
        "cost of 1k output tokens",
        "1000 x known cost / the output tokens of the requests whose cost is known",
    ),
    of(
        "cost_per_good",
        "cost a good request",
        "cost / good requests; unknown where any cost is",
    ),
    of("errors", "errors", "failed requests of a kind"),
    of(
        "cache_hits",
        "cache hits",
        "answers of which the gateway says that they came from its cache",
    ),
    of(
        "retried_by_gateway",
        "retried by the gateway",
        "answers of which the gateway says that it took more than one attempt",
    ),
    of(
        "answers_by_model",
        "answers by model",
        "answers of a model, by the server's words",
    ),
    of(
        "answers_by_provider",
        "answers by provider",
        "answers of a provider, by the gateway's words",
    ),
];

/// All figures, times first.
pub(super) fn entries() -> Vec<Entry> {
    let times = Metric::ALL.into_iter().map(|metric| Entry {
        name: metric.name(),
        label: label(metric),
        formula: metric.formula(),
        time: true,
    });
    times.chain(FIGURES).collect()
}

const fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => "time to first token",
        Metric::TtftService => "time to first token, from sending",
        Metric::Ttfo => "time to first output",
        Metric::Tpot => "time per output token",
        Metric::ChunkGap => "gap between chunks",
        Metric::E2e => "response time",
        Metric::Service => "service time",
        Metric::Lag => "dispatch lag",
        Metric::Connect => "opening a connection",
        Metric::OverheadClaimed => "overhead, as claimed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cost, ModelCost, ScopeSummary, Summary};
    use crate::results::summary_rows;

    #[test]
    fn every_figure_of_a_summary_has_its_formula() {
        let model = ModelCost {
            cost: Cost::default(),
            ..ModelCost::default()
        };
        let summary = Summary {
            scopes: vec![ScopeSummary::default()],
            models: vec![model],
            ..Summary::default()
        };
        let rows = summary_rows(&summary);
        assert!(!rows.is_empty());
        let known: Vec<&str> = entries().iter().map(|entry| entry.name).collect();
        for row in rows {
            assert!(known.contains(&row.metric.as_str()), "{}", row.metric);
        }
    }
}
