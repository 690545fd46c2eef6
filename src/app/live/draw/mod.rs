//! A state to a frame: a function of what it is given, and of the size of the terminal.

mod arms;
mod course;
mod head;
mod help;
mod load;
mod paint;
mod trust;

#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::state::{Scope, State, View};
pub(super) use paint::Colours;
use paint::{bottom, left, top, write};

/// The smallest terminal that is worth it.
const LEAST: (u16, u16) = (80, 20);
/// From so many columns on three sections stand beside each other.
const WIDE: u16 = 140;
/// Rows of load and times, their head included.
const NUMBERS: u16 = 8;
/// Columns of load on the smallest terminal: what the times leave.
const LOAD: u16 = 28;
/// Rows that errors have at the least, their head included.
const ERRORS: u16 = 3;

/// Draws a frame.
pub(super) fn frame(frame: &mut Frame<'_>, state: &State, view: View, colours: Colours) {
    let area = frame.area();
    draw(frame.buffer_mut(), area, state, view, colours);
}

fn draw(buffer: &mut Buffer, area: Rect, state: &State, view: View, colours: Colours) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let (wide, high) = LEAST;
        let (has_wide, has_high) = (area.width, area.height);
        let said = format!("needs {wide}x{high}, has {has_wide}x{has_high}; q stops the run");
        write(buffer, area, Span::raw(said));
        return;
    }
    let mut rest = area;
    head::title(buffer, top(&mut rest, 1), state, colours);
    head::phase(buffer, top(&mut rest, 1), state, colours);
    head::keys(buffer, bottom(&mut rest, 1), state, colours);
    let said = if area.height < 36 { 1 } else { 5 };
    head::messages(buffer, bottom(&mut rest, said), state, colours);
    let body = rest;
    let picture = Picture {
        state,
        view,
        colours,
    };
    if area.width < WIDE {
        picture.narrow(buffer, rest);
    } else {
        picture.wide(buffer, rest);
    }
    if view.help {
        help::help(buffer, body);
    }
}

/// What is drawn, and how.
struct Picture<'a> {
    state: &'a State,
    view: View,
    colours: Colours,
}

impl Picture<'_> {
    fn scopes(&self) -> &[Scope] {
        &self.state.figures.scopes
    }

    /// What is looked at.
    fn scope(&self) -> Option<&Scope> {
        self.scopes()
            .get(self.view.selected)
            .or(self.scopes().first())
    }

    /// What that is called, where there is a choice.
    fn of(&self) -> &str {
        match self.scope() {
            Some(scope) if self.view.selected > 0 => &scope.name,
            _ if self.scopes().len() > 1 => "all arms",
            _ => "",
        }
    }

    /// Rows of the arms, where there are several: so that so many are left for the rest.
    fn arm_rows(&self, rows: u16, rest: u16) -> u16 {
        let arms = self.scopes().len().saturating_sub(1) as u16;
        let wanted = if arms > 1 { arms + 2 } else { 0 };
        let rows = wanted.min(rows.saturating_sub(rest));
        if rows < 3 { 0 } else { rows }
    }

    fn narrow(&self, buffer: &mut Buffer, mut rest: Rect) {
        let mut numbers = top(&mut rest, NUMBERS);
        let width = (rest.width - LEAST.0 + LOAD).min(36);
        let load = left(&mut numbers, width, 1);
        load::load(buffer, load, self.state, self.colours);
        load::times(buffer, numbers, self.scope(), self.of(), self.colours);
        let arms = self.arm_rows(rest.height, 4 + ERRORS);
        let spare = rest.height.saturating_sub(4 + arms + 10);
        let each = 1 + (spare / 3).min(3);
        let lines = top(&mut rest, 1 + 3 * each);
        course::lines(buffer, lines, self.scope(), self.of(), self.colours);
        self.arms(buffer, top(&mut rest, arms));
        let half = rest.width / 2;
        let errors = left(&mut rest, half, 1);
        self.errors(buffer, errors);
        self.trust(buffer, rest);
    }

    fn wide(&self, buffer: &mut Buffer, mut rest: Rect) {
        let checks = self.state.figures.validity.as_ref();
        let checks = checks.map_or(7, |validity| validity.checks.len() as u16);
        let rows = (checks + 1).clamp(NUMBERS, u16::max(NUMBERS, rest.height / 3));
        let mut numbers = top(&mut rest, rows);
        let load = left(&mut numbers, 36, 2);
        load::load(buffer, load, self.state, self.colours);
        let times = left(&mut numbers, 54, 2);
        load::times(buffer, times, self.scope(), self.of(), self.colours);
        self.trust(buffer, numbers);
        let arms = self.arm_rows(rest.height, 4 + ERRORS);
        let spare = rest.height.saturating_sub(arms + 2 * ERRORS + 2);
        let charts = top(&mut rest, spare.clamp(4, 20));
        course::charts(buffer, charts, self.scope(), self.of(), self.colours);
        self.arms(buffer, top(&mut rest, arms));
        self.errors(buffer, rest);
    }

    fn arms(&self, buffer: &mut Buffer, area: Rect) {
        if area.height > 0 {
            arms::arms(buffer, area, self.scopes(), self.view, self.colours);
        }
    }

    fn errors(&self, buffer: &mut Buffer, area: Rect) {
        trust::errors(buffer, area, self.scope(), self.of(), self.colours);
    }

    fn trust(&self, buffer: &mut Buffer, area: Rect) {
        let validity = self.state.figures.validity.as_ref();
        trust::trust(buffer, area, validity, self.colours);
    }
}
