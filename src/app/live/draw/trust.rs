//! What went wrong at the target, and what speaks against the client.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{Colours, DIM, cut, light, section, top, write};
use crate::app::live::state::Scope;
use crate::judge::{Check, Level, Validity};

/// Failures by kind, each with what was said last.
pub(super) fn errors(
    buffer: &mut Buffer,
    area: Rect,
    scope: Option<&Scope>,
    of: &str,
    colours: Colours,
) {
    let mut rest = section(buffer, area, colours, "errors", of);
    let errors = scope.map_or(&[][..], |scope| &scope.errors);
    if errors.is_empty() {
        write(buffer, rest, Span::styled(" none", DIM));
        return;
    }
    let shown = shown(errors.len(), rest.height);
    for error in &errors[..shown] {
        let row = top(&mut rest, 1);
        let kind = format!(" {:>6}  {:14}", error.count, cut(&error.outcome, 14));
        let room = usize::from(row.width).saturating_sub(kind.chars().count() + 1);
        let said = error.last_message.as_deref().unwrap_or("");
        let line = Line::from(vec![
            Span::styled(kind, colours.bad()),
            Span::raw(format!(" {}", cut(said, room))),
        ]);
        write(buffer, row, line);
    }
    more(buffer, rest, errors.len() - shown, "more kinds");
}

/// A light for each check of the judge, the worst first.
pub(super) fn trust(
    buffer: &mut Buffer,
    area: Rect,
    validity: Option<&Validity>,
    colours: Colours,
) {
    let mut rest = section(buffer, area, colours, "is it to be trusted?", "");
    let Some(validity) = validity else {
        let early = " the first second is not over";
        write(buffer, rest, Span::styled(early, DIM));
        return;
    };
    let mut checks: Vec<&Check> = validity.checks.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.level));
    let shown = shown(checks.len(), rest.height);
    for check in &checks[..shown] {
        let row = top(&mut rest, 1);
        let level = check.level;
        let wanted = match level {
            Level::Valid => String::new(),
            Level::Warn | Level::Invalid => format!(", wanted {}", check.limit),
        };
        let room = usize::from(row.width).saturating_sub(19);
        let whole = format!("{}{wanted}", check.value);
        let fits = whole.chars().count() <= room;
        let said = cut(if fits { &whole } else { &check.value }, room);
        let line = Line::from(vec![
            Span::styled(format!(" {} ", light(level)), colours.level(level)),
            Span::styled(format!("{:14} ", cut(&check.name, 14)), DIM),
            Span::raw(said),
        ]);
        write(buffer, row, line);
    }
    let left = &checks[shown..];
    let valid = left.iter().all(|check| check.level == Level::Valid);
    let what = if valid { "more, all valid" } else { "more" };
    more(buffer, rest, left.len(), what);
}

/// How many of so many have room, with a row for how many more there are.
fn shown(all: usize, rows: u16) -> usize {
    let rows = usize::from(rows);
    if all <= rows {
        all
    } else {
        rows.saturating_sub(1)
    }
}

fn more(buffer: &mut Buffer, row: Rect, more: usize, what: &str) {
    if more > 0 {
        let text = format!(" + {more} {what}");
        write(buffer, row, Span::styled(text, DIM));
    }
}
