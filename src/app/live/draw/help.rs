//! What the keys do, and what the figures are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use super::paint::{BOLD, top, write};

const WIDTH: u16 = 78;
const KEYS: [(&str, &str); 5] = [
    (
        "q, Ctrl-C",
        "drain and stop; again: cut what is in flight; again: exit",
    ),
    (
        "p",
        "hold arrivals, or let them go on: what comes due while they are",
    ),
    ("", "held is sent late, and the run is marked INVALID"),
    ("tab", "next arm: times, course and errors are of that one"),
    ("?, esc", "this help, and away with it"),
];
const FIGURES: [(&str, &str); 10] = [
    (
        "achieved",
        "arrivals a second in the last 10 s of the phase; target: what",
    ),
    ("", "the plan asks for in the same seconds"),
    ("last 10 s", "requests that ended in them, warm-up included"),
    (
        "overall",
        "measured requests only: what the summary will say",
    ),
    ("n/a", "too few requests to carry that percentile"),
    (
        "TTFT p50",
        "in the course, where no second has enough for a p95",
    ),
    ("lag", "our own lateness: it must stay small against TTFT"),
    ("budget", "spent, and reserved for what is in flight"),
    (
        "● ▲ ✖",
        "valid, with care, invalid: by the limits of the final verdict;",
    ),
    (
        "",
        "stalls and the number of arrivals are judged at the end",
    ),
];

/// The help, over the middle of the rest.
pub(super) fn help(buffer: &mut Buffer, area: Rect) {
    let rows = (KEYS.len() + FIGURES.len() + 3) as u16;
    let (width, height) = (WIDTH.min(area.width), rows.min(area.height));
    let at = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(at, buffer);
    let title = Span::styled(" help ", BOLD);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .title(title);
    let mut rest = block.inner(at);
    block.render(at, buffer);
    for (word, means) in KEYS.iter().chain(&[("", "")]).chain(&FIGURES) {
        let line = Line::from(vec![
            Span::styled(format!(" {word:10}"), BOLD),
            Span::raw(*means),
        ]);
        write(buffer, top(&mut rest, 1), line);
    }
}
