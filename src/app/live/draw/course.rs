//! The course of the last seconds, one column each: answers, time to first token, and errors.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::paint::{BOLD, Colours, DIM, left, ms, section, top, write, write_right};
use crate::app::live::state::{Scope, Second};

/// The width of a name, and of the figures beside a line.
const LABEL: u16 = 10;
const VALUES: u16 = 24;
/// Eighths of a row.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// One line: its name, its values, the unit where they are times, and its colour.
struct Course {
    name: &'static str,
    values: Vec<Option<f64>>,
    unit: &'static str,
    style: Style,
}

/// Three lines below each other, under one head.
pub(super) fn lines(
    buffer: &mut Buffer,
    area: Rect,
    scope: Option<&Scope>,
    of: &str,
    colours: Colours,
) {
    let columns = area.width.saturating_sub(LABEL + VALUES + 2);
    let courses = courses(scope, columns, colours);
    let name = format!("the last {} s", courses[0].values.len());
    let mut rest = section(buffer, area, colours, &name, of);
    let each = rest.height / 3;
    for course in courses {
        let mut area = top(&mut rest, each);
        left(&mut area, 1, 0);
        let label = left(&mut area, LABEL, 0);
        let named = Span::styled(course.name, DIM);
        write(buffer, last_row(label), named);
        bars(buffer, left(&mut area, columns, 1), &course);
        write(buffer, last_row(area), course.figures());
    }
}

/// Three charts beside each other, each with a head of its own.
pub(super) fn charts(
    buffer: &mut Buffer,
    mut area: Rect,
    scope: Option<&Scope>,
    of: &str,
    colours: Colours,
) {
    let columns = (area.width - 4) / 3;
    for course in courses(scope, columns - 2, colours) {
        let chart = left(&mut area, columns, 2);
        let mut rest = section(buffer, chart, colours, course.name, of);
        let head = top(&mut rest, 1);
        let seconds = format!(" the last {} s", course.values.len());
        write(buffer, head, Span::styled(seconds, DIM));
        write_right(buffer, head, course.figures());
        left(&mut rest, 1, 0);
        rest.width -= 1;
        bars(buffer, rest, &course);
    }
}

/// The lines of a scope, for so many columns.
fn courses(scope: Option<&Scope>, columns: u16, colours: Colours) -> [Course; 3] {
    let all = scope.map_or(&[][..], |scope| &scope.seconds);
    let seconds = &all[all.len().saturating_sub(columns.into())..];
    let of = |value: fn(&Second) -> Option<f64>| seconds.iter().map(value).collect::<Vec<_>>();
    // A second with too few answers for a p95 may have enough for a median.
    let carries = seconds.iter().any(|second| second.ttft_p95_ms.is_some());
    let (name, values) = if carries {
        ("TTFT p95", of(|second| second.ttft_p95_ms))
    } else {
        ("TTFT p50", of(|second| second.ttft_p50_ms))
    };
    let course = |name, values, unit, style| Course {
        name,
        values,
        unit,
        style,
    };
    let ended = of(|second| Some(second.ended as f64));
    let failed = of(|second| Some(second.failed as f64));
    [
        course("ended/s", ended, "", colours.accent()),
        course(name, values, " ms", colours.accent()),
        course("errors/s", failed, "", colours.bad()),
    ]
}

impl Course {
    fn highest(&self) -> f64 {
        self.values.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The newest value, and the highest.
    fn figures<'a>(&self) -> Line<'a> {
        let said = |value: Option<f64>| match value {
            Some(value) if self.unit.is_empty() => format!("{value:.0}"),
            value => ms(value),
        };
        let now = said(self.values.last().copied().flatten());
        let any = self.values.iter().flatten().next();
        let highest = said(any.map(|_| self.highest()));
        Line::from(vec![
            Span::styled("now ", DIM),
            Span::styled(format!("{now:<6}"), BOLD),
            Span::styled(format!(" max {highest}{} ", self.unit), DIM),
        ])
    }
}

fn last_row(area: Rect) -> Rect {
    Rect {
        y: area.y + area.height.saturating_sub(1),
        height: area.height.min(1),
        ..area
    }
}

/// The newest second stands at the right end. One that can't carry the value is left blank; zero is not.
fn bars(buffer: &mut Buffer, area: Rect, course: &Course) {
    let highest = course.highest();
    let steps = f64::from(area.height) * 8.0;
    let first = usize::from(area.width).saturating_sub(course.values.len());
    for (column, value) in course.values.iter().enumerate() {
        let Some(value) = value else { continue };
        let height = match *value {
            0.0 => 1.0,
            value => (value / highest.max(1e-12) * steps).round().max(2.0),
        };
        let style = if *value == 0.0 { DIM } else { course.style };
        for row in 0..area.height {
            let below = f64::from(area.height - 1 - row) * 8.0;
            let eighths = (height - below).clamp(0.0, 8.0) as usize;
            let x = area.x + (first + column) as u16;
            buffer.set_string(x, area.y + row, EIGHTHS[eighths], style);
        }
    }
}
