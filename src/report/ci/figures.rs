//! The figures of a summary that are worth following from run to run.

use crate::judge::{Level, Validity};
use crate::record::{ScopeSummary, Summary};
use crate::sample::Metric;

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Down: times, errors, costs.
    Smaller,
    /// Up: goodput.
    Bigger,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure<'a> {
    /// `total`, `recipe:chat`.
    pub(super) scope: &'a str,
    /// `ttft p95`, `error_rate`.
    pub(super) name: String,
    /// `ms`, `%`, `1/s`, `USD`.
    pub(super) unit: &'static str,
    /// The value.
    pub(super) value: f64,
    /// Its 95 % confidence interval.
    pub(super) interval: Option<(f64, f64)>,
    /// The values that it is made of.
    pub(super) n: u64,
    /// Which way it should go.
    pub(super) better: Better,
}

/// The times that are followed.
const TIMES: [Metric; 4] = [Metric::Ttft, Metric::E2e, Metric::Tpot, Metric::ChunkGap];

/// All figures that there are. What the sample can't carry and what is unknown is left out, never zero;
/// of an invalid run nothing is left, since its figures would stand in the history of good ones.
pub(super) fn figures<'a>(summary: &'a Summary, validity: &Validity) -> Vec<Figure<'a>> {
    if validity.verdict == Level::Invalid {
        return Vec::new();
    }
    summary.scopes.iter().flat_map(of_scope).collect()
}

fn of_scope(scope: &ScopeSummary) -> Vec<Figure<'_>> {
    let mut figures: Vec<Figure> = TIMES
        .into_iter()
        .filter_map(|metric| scope.metric(metric))
        .flat_map(|times| {
            times.quantiles.iter().filter_map(|quantile| {
                Some(Figure {
                    scope: &scope.scope,
                    name: format!("{} {}", times.metric.name(), quantile.stat),
                    unit: "ms",
                    value: quantile.value_ms?,
                    interval: quantile.ci_low_ms.zip(quantile.ci_high_ms),
                    n: times.n,
                    better: Better::Smaller,
                })
            })
        })
        .collect();
    let totals = &scope.totals;
    let figure = |name: &str, unit, value, better| Figure {
        scope: &scope.scope,
        name: name.to_owned(),
        unit,
        value,
        interval: None,
        n: scope.count.requests,
        better,
    };
    if scope.count.requests > 0 {
        let percent = totals.error_rate * 100.0;
        figures.push(figure("error_rate", "%", percent, Better::Smaller));
        figures.push(figure(
            "goodput",
            "1/s",
            totals.goodput_per_s,
            Better::Bigger,
        ));
    }
    // A mean without the rows whose cost is unknown is another figure than one with all of them.
    let known = totals
        .cost
        .per_request_usd
        .filter(|_| totals.cost.unknown == 0);
    if let Some(cost) = known {
        figures.push(figure(
            "cost_per_request",
            "USD",
            cost.dollars(),
            Better::Smaller,
        ));
    }
    figures
}
