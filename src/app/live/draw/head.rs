//! The first two rows, and the last ones: what runs, how far it is, what was said, and the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::{Line, Span};

use super::paint::{
    BOLD, Colours, DIM, bar, clock, cut, left, light, section, top, write, write_right,
};
use crate::app::live::state::{Mode, Phase, State};
use crate::judge::{Level, Validity};

/// What runs against what, what it does, and whether it is to be trusted so far.
pub(super) fn title(buffer: &mut Buffer, area: Rect, state: &State, colours: Colours) {
    let (word, colour) = match state.mode {
        Mode::Running => ("RUNNING", Color::Green),
        Mode::Held => ("HELD", Color::Red),
        Mode::Draining => ("DRAINING", Color::Cyan),
        Mode::Stopping => ("STOPPING", Color::Yellow),
        Mode::Cutting => ("CUTTING", Color::Red),
    };
    let validity = state.figures.validity.as_ref();
    let verdict = verdict(validity, colours);
    let end = Line::from(vec![
        verdict,
        Span::raw("  "),
        Span::styled(format!(" {word} "), colours.badge(colour)),
        Span::raw(" "),
    ]);
    let room = usize::from(area.width).saturating_sub(end.width() + 3);
    let title = format!(" {}", cut(&state.title, room));
    write(buffer, area, Span::styled(title, BOLD));
    write_right(buffer, area, end);
}

fn verdict<'a>(validity: Option<&Validity>, colours: Colours) -> Span<'a> {
    let Some(validity) = validity else {
        return Span::styled("no verdict yet", DIM);
    };
    let word = match validity.verdict {
        Level::Valid => "valid so far",
        Level::Warn => "valid so far, with care",
        Level::Invalid => "INVALID so far",
    };
    let said = format!("{} {word}", light(validity.verdict));
    Span::styled(said, colours.level(validity.verdict))
}

/// The phase, and how far it is.
pub(super) fn phase(buffer: &mut Buffer, mut area: Rect, state: &State, colours: Colours) {
    left(&mut area, 1, 0);
    let Some(phase) = &state.phase else {
        write(buffer, area, Span::styled("opening connections", DIM));
        return;
    };
    let name = Line::from(vec![
        Span::styled(cut(&phase.name, 24), BOLD),
        Span::raw(format!(" {}/{}", phase.place.0, phase.place.1)),
        Span::styled(if phase.warmup { " warm-up" } else { "" }, colours.care()),
        Span::raw("  "),
    ]);
    let shape = if area.width < 120 || phase.share.is_none() {
        Span::raw("")
    } else {
        Span::styled(format!("{}  ", cut(&phase.shape, 40)), DIM)
    };
    let name: Line<'_> = name.into_iter().chain([shape]).collect();
    let times = times(phase);
    let width = name.width() as u16;
    let named = left(&mut area, width, 0);
    write(buffer, named, name);
    let room = area.width.saturating_sub(times.chars().count() as u16 + 3);
    match phase.share {
        Some(done) => {
            let spans = bar(room, done, colours.accent());
            write(buffer, area, Line::from(spans));
        }
        None => write(
            buffer,
            area,
            Span::styled(cut(&phase.shape, room.into()), DIM),
        ),
    }
    area.width -= 1;
    write_right(buffer, area, Span::raw(times));
}

fn times(phase: &Phase) -> String {
    let elapsed = clock(phase.elapsed);
    let of = phase
        .planned
        .map(|planned| format!(" of {}", clock(planned)));
    let left = phase.left.map(|left| {
        // Rounded up: the last second is not over before its end.
        let left = left + std::time::Duration::from_millis(999);
        format!(", {} left", clock(left))
    });
    format!(
        "{elapsed}{}{}",
        of.unwrap_or_default(),
        left.unwrap_or_default()
    )
}

/// What was said last; where there is room, under a head of its own.
pub(super) fn messages(buffer: &mut Buffer, area: Rect, state: &State, colours: Colours) {
    let mut rest = area;
    if area.height > 2 {
        rest = section(buffer, area, colours, "messages", "");
    }
    let room = usize::from(rest.height);
    let skipped = state.messages.len().saturating_sub(room);
    if state.messages.is_empty() && area.height > 2 {
        write(buffer, rest, Span::styled(" none", DIM));
    }
    for message in &state.messages[skipped..] {
        let row = top(&mut rest, 1);
        let text = format!(
            " {}",
            cut(message, usize::from(row.width).saturating_sub(2))
        );
        write(buffer, row, Span::styled(text, colours.care()));
    }
}

/// The keys, by what they do now.
pub(super) fn keys(buffer: &mut Buffer, area: Rect, state: &State, colours: Colours) {
    let several = state.figures.scopes.len() > 1;
    let stop = match state.mode {
        Mode::Running | Mode::Held => "drain and stop",
        Mode::Draining | Mode::Stopping => "cut what is in flight",
        Mode::Cutting => "exit at once",
    };
    // Before the first q a run that drains by itself is told to stop, too.
    let stop = if state.mode == Mode::Draining {
        "stop"
    } else {
        stop
    };
    let hold = match state.mode {
        Mode::Running | Mode::Draining => Some("hold arrivals"),
        Mode::Held => Some("go on"),
        Mode::Stopping | Mode::Cutting => None,
    };
    let keys = [
        Some(("q", stop)),
        hold.filter(|_| state.mode != Mode::Draining)
            .map(|hold| ("p", hold)),
        several.then_some(("tab", "next arm")),
        Some(("?", "help")),
    ];
    let mut spans = vec![Span::raw(" ")];
    for (key, does) in keys.into_iter().flatten() {
        spans.push(Span::styled(key, BOLD));
        spans.push(Span::styled(format!(" {does}    "), DIM));
    }
    write(buffer, area, Line::from(spans));
    if let Some(marked) = &state.load.held {
        let said = Span::styled(format!("held {marked} "), colours.bad());
        write_right(buffer, area, said);
    }
}
