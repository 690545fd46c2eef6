//! The load right now, and the times: of the last seconds, and of all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::paint::{BOLD, Colours, DIM, bar, left, money, ms, rate, section, top, write};
use crate::app::live::state::{Scope, State, Target};
use crate::record::ScopeSummary;
use crate::sample::Metric;

/// The width of what stands before a value.
const LABEL: u16 = 11;
/// The quantiles, and how many columns each has.
const QUANTILES: [&str; 4] = ["p50", "p90", "p95", "p99"];
const COLUMN: usize = 7;

/// Target against achieved rate, what is in flight, what became of the others, and the money.
pub(super) fn load(buffer: &mut Buffer, area: Rect, state: &State, colours: Colours) {
    let mut rest = section(buffer, area, colours, "load", "");
    let load = &state.load;
    let mut row = |label: &'static str, value: Line<'_>| {
        let mut row = top(&mut rest, 1);
        left(&mut row, 1, 0);
        let label_at = left(&mut row, LABEL, 0);
        write(buffer, label_at, Span::styled(label, DIM));
        write(buffer, row, value);
    };
    let (target, share) = match load.target {
        Target::None => ("none to come".to_owned(), None),
        Target::Users(1) => ("1 user".to_owned(), None),
        Target::Users(users) => (format!("{users} users"), None),
        Target::Rate(wanted) => {
            let share = load.achieved.filter(|_| wanted > 0.0);
            let share = share.map(|achieved| achieved / wanted);
            (format!("{}/s", rate(wanted)), share)
        }
    };
    row("target", Line::raw(target));
    let achieved = load.achieved;
    let achieved = achieved.map_or("...".to_owned(), |achieved| format!("{}/s", rate(achieved)));
    let share = share.map_or(String::new(), |share| format!("  {:.1} %", share * 100.0));
    row(
        "achieved",
        Line::from(vec![Span::styled(achieved, BOLD), Span::styled(share, DIM)]),
    );
    row("in flight", Line::raw(load.in_flight.to_string()));
    row("ok", Line::raw(load.ok.to_string()));
    row("failed", failed(load.ok, load.failed, colours));
    let of = state.money.budget;
    let of = of.map_or(String::new(), |(_, budget)| {
        format!(" of {}", money(budget))
    });
    let cost = state.money.known.map_or("unknown".to_owned(), money);
    let cost = vec![Span::raw(cost), Span::styled(of, DIM)];
    row("cost", Line::from(cost));
    if let Some((committed, budget)) = state.money.budget {
        let share = committed.dollars() / budget.dollars().max(1e-12);
        let style = if share < 0.9 {
            colours.accent()
        } else {
            colours.bad()
        };
        let mut spans = bar(10, share, style);
        spans.push(Span::raw(format!(" {:.0} %", share * 100.0)));
        row("budget", Line::from(spans));
    }
}

fn failed<'a>(ok: u64, failed: u64, colours: Colours) -> Line<'a> {
    if failed == 0 {
        return Line::raw("0");
    }
    let share = failed as f64 / (ok + failed) as f64 * 100.0;
    Line::styled(format!("{failed}  {share:.2} %"), colours.bad())
}

/// Quantiles of the last seconds and of all that is measured.
pub(super) fn times(
    buffer: &mut Buffer,
    area: Rect,
    scope: Option<&Scope>,
    of: &str,
    colours: Colours,
) {
    let mut rest = section(buffer, area, colours, "times in ms", of);
    let head = QUANTILES.map(|name| format!("{name:>COLUMN$}"));
    let head = format!("{:15}{:>COLUMN$}{}", "", "n", head.concat());
    write(buffer, top(&mut rest, 1), Span::styled(head, DIM));
    let blank = Scope::default();
    let scope = scope.unwrap_or(&blank);
    let recent = format!("last {} s", scope.recent_s.max(1));
    let shown = [
        (Metric::Ttft, "TTFT"),
        (Metric::E2e, "e2e"),
        (Metric::Lag, "lag"),
    ];
    for (metric, name) in shown {
        let row = top(&mut rest, 1);
        write(
            buffer,
            row,
            quantiles(name, &recent, &scope.recent, metric, BOLD),
        );
        let row = top(&mut rest, 1);
        write(
            buffer,
            row,
            quantiles("", "overall", &scope.whole, metric, Style::new()),
        );
    }
}

fn quantiles<'a>(
    name: &str,
    of: &str,
    summary: &ScopeSummary,
    metric: Metric,
    style: Style,
) -> Line<'a> {
    let found = summary.metric(metric);
    let n = found.map_or(0, |found| found.n);
    let mut spans = vec![
        Span::styled(format!(" {name:5}"), BOLD),
        Span::styled(format!("{of:9}{n:>COLUMN$}"), DIM),
    ];
    spans.extend(QUANTILES.map(|stat| {
        let quantile = found.and_then(|found| found.quantile(stat));
        let value = quantile.and_then(|quantile| quantile.value_ms);
        let style = if value.is_some() { style } else { DIM };
        Span::styled(format!("{:>COLUMN$}", ms(value)), style)
    }));
    Line::from(spans)
}
