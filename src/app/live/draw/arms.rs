//! The arms of a comparison beside each other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::paint::{BOLD, Colours, DIM, cut, money, ms, rate, section, top, write};
use crate::app::live::state::{Scope, View};
use crate::record::ScopeSummary;
use crate::sample::Metric;

/// Columns that a table with the overall figures and the cost needs.
const WIDE: u16 = 130;

/// The table. `scopes` are all requests, then each arm.
pub(super) fn arms(
    buffer: &mut Buffer,
    area: Rect,
    scopes: &[Scope],
    view: View,
    colours: Colours,
) {
    let wide = area.width >= WIDE;
    let mut rest = section(buffer, area, colours, "arms, the last 10 s", "");
    let name = if wide { 28 } else { 16 };
    let mut head = format!(
        "   {:name$}{:>8}{:>8}{:>7}{:>9}{:>8}{:>9}{:>8}",
        "", "ended/s", "ok", "failed", "TTFT p50", "p95", "e2e p50", "p95"
    );
    if wide {
        head += &format!(
            "{:>18}{:>9}{:>9}{:>17}{:>9}{:>16}",
            "overall TTFT p50", "p95", "p99", "overall e2e p50", "p95", "cost"
        );
    }
    write(buffer, top(&mut rest, 1), Span::styled(head, DIM));
    // The selected one is always among those that have room.
    let room = usize::from(rest.height);
    let first = view.selected.saturating_sub(room);
    for (place, scope) in scopes.iter().enumerate().skip(1).skip(first) {
        let selected = place == view.selected;
        let mark = if selected { "▸" } else { " " };
        let style = if selected {
            BOLD.patch(colours.accent())
        } else {
            Style::new()
        };
        let text = format!(" {mark} {}", row(scope, name, wide));
        write(buffer, top(&mut rest, 1), Span::styled(text, style));
    }
}

fn row(scope: &Scope, name: usize, wide: bool) -> String {
    let quantile = |of: &ScopeSummary, metric, stat: &str| {
        let found = of.metric(metric).and_then(|found| found.quantile(stat));
        ms(found.and_then(|quantile| quantile.value_ms))
    };
    let recent = |metric, stat| quantile(&scope.recent, metric, stat);
    let whole = |metric, stat| quantile(&scope.whole, metric, stat);
    let ended = scope.recent.count.requests as f64 / scope.recent_s.max(1) as f64;
    let mut row = format!(
        "{:name$}{:>8}{:>8}{:>7}{:>9}{:>8}{:>9}{:>8}",
        cut(&scope.name, name),
        rate(ended),
        scope.counts.0,
        scope.counts.1,
        recent(Metric::Ttft, "p50"),
        recent(Metric::Ttft, "p95"),
        recent(Metric::E2e, "p50"),
        recent(Metric::E2e, "p95"),
    );
    if wide {
        let cost = scope.cost;
        row += &format!(
            "{:>18}{:>9}{:>9}{:>17}{:>9}{:>16}",
            whole(Metric::Ttft, "p50"),
            whole(Metric::Ttft, "p95"),
            whole(Metric::Ttft, "p99"),
            whole(Metric::E2e, "p50"),
            whole(Metric::E2e, "p95"),
            cost.map_or("unknown".to_owned(), money),
        );
    }
    row
}
