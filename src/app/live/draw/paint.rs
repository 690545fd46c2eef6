//! What every part of the view draws with: colours, rules, bars and numbers.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::base::Money;
use crate::judge::Level;

/// The colours, or none: then weight and signs must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app::live) struct Colours {
    on: bool,
}

impl Colours {
    pub(in crate::app::live) const fn new(on: bool) -> Self {
        Self { on }
    }

    const fn of(self, colour: Color) -> Style {
        if self.on {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    pub(super) const fn badge(self, colour: Color) -> Style {
        self.of(colour)
            .add_modifier(Modifier::REVERSED)
            .add_modifier(Modifier::BOLD)
    }

    pub(super) const fn accent(self) -> Style {
        self.of(Color::Cyan)
    }

    pub(super) const fn bad(self) -> Style {
        self.of(Color::Red)
    }

    pub(super) const fn care(self) -> Style {
        self.of(Color::Yellow)
    }

    pub(super) const fn level(self, level: Level) -> Style {
        self.of(match level {
            Level::Valid => Color::Green,
            Level::Warn => Color::Yellow,
            Level::Invalid => Color::Red,
        })
    }
}

/// What is to be seen first.
pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// What is there for those who look for it.
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// The light of a level: to be told apart without colours, too.
pub(super) const fn light(level: Level) -> &'static str {
    match level {
        Level::Valid => "●",
        Level::Warn => "▲",
        Level::Invalid => "✖",
    }
}

/// Takes rows off the top of an area.
pub(super) fn top(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let taken = Rect {
        height: rows,
        ..*area
    };
    area.y += rows;
    area.height -= rows;
    taken
}

/// Takes rows off the bottom of an area.
pub(super) fn bottom(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    area.height -= rows;
    Rect {
        y: area.y + area.height,
        height: rows,
        ..*area
    }
}

/// Takes columns off the left of an area, and leaves a gap.
pub(super) fn left(area: &mut Rect, columns: u16, gap: u16) -> Rect {
    let columns = columns.min(area.width);
    let taken = Rect {
        width: columns,
        ..*area
    };
    let both = (columns + gap).min(area.width);
    area.x += both;
    area.width -= both;
    taken
}

/// Writes a line into the first row of an area; what has no room is left out.
pub(super) fn write<'a>(buffer: &mut Buffer, area: Rect, line: impl Into<Line<'a>>) {
    if area.height > 0 && area.width > 0 {
        buffer.set_line(area.x, area.y, &line.into(), area.width);
    }
}

/// Writes a line at the right end of the first row of an area.
pub(super) fn write_right<'a>(buffer: &mut Buffer, area: Rect, line: impl Into<Line<'a>>) {
    let line = line.into();
    let width = (line.width() as u16).min(area.width);
    let end = Rect {
        x: area.x + area.width - width,
        width,
        ..area
    };
    write(buffer, end, line);
}

/// The head of a section, and what is below it.
pub(super) fn section(
    buffer: &mut Buffer,
    mut area: Rect,
    colours: Colours,
    name: &str,
    of: &str,
) -> Rect {
    let row = top(&mut area, 1);
    write(buffer, row, Span::styled("─".repeat(row.width.into()), DIM));
    let gap = |text: &str| format!(" {text} ");
    let mut named = row;
    left(&mut named, 1, 0);
    write(buffer, named, Span::styled(gap(name), BOLD));
    if !of.is_empty() && name.chars().count() + of.chars().count() + 8 <= usize::from(row.width) {
        named.width -= 1;
        write_right(buffer, named, Span::styled(gap(of), colours.accent()));
    }
    area
}

/// A bar of so many columns, filled to a share.
pub(super) fn bar<'a>(width: u16, share: f64, style: Style) -> Vec<Span<'a>> {
    let full = (f64::from(width) * share.clamp(0.0, 1.0)).round() as usize;
    vec![
        Span::styled("━".repeat(full), style),
        Span::styled("─".repeat(usize::from(width) - full), DIM),
    ]
}

/// Cut to so many columns, with a sign that it was.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let text = text.replace(char::is_control, " ");
    if Line::raw(text.as_str()).width() <= columns {
        return text;
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if Line::raw(kept.as_str()).width() >= columns {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// Minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Milliseconds in six columns at most; what the sample can't carry is not given.
pub(super) fn ms(value: Option<f64>) -> String {
    match value {
        None => "n/a".to_owned(),
        Some(ms) if ms < 9.995 => format!("{ms:.2}"),
        Some(ms) if ms < 999.95 => format!("{ms:.1}"),
        Some(ms) if ms < 999_999.5 => format!("{ms:.0}"),
        Some(ms) => format!("{:.0}s", ms / 1e3),
    }
}

/// An amount, with the digits that matter: nano-dollars are for the files.
pub(super) fn money(amount: Money) -> String {
    let dollars = amount.dollars();
    let digits = match dollars.abs() {
        small if small > 0.0 && small < 1.0 => (1.0 - small.log10()).ceil() as usize + 1,
        _ => 2,
    };
    let text = format!("{dollars:.*}", digits.clamp(2, 9));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("${whole}.{:0<2}", fraction.trim_end_matches('0'))
}

/// A rate, with the digits that matter.
pub(super) fn rate(value: f64) -> String {
    if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
