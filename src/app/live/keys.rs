//! Keys to what they ask for.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::state::View;

/// What a key asks of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Key {
    /// Stop arrivals; the next time, cut what is in flight; then, end it all. As SIGINT does.
    Interrupt,
    /// Hold arrivals, or let them go on.
    Hold,
}

impl View {
    /// Heeds a key: changes what is looked at, or tells what is asked of the run. There are so many scopes.
    pub(super) fn heed(&mut self, event: &Event, scopes: usize) -> Option<Key> {
        let Event::Key(key) = event else { return None };
        if key.kind == KeyEventKind::Release {
            return None;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Some(Key::Interrupt);
            }
            KeyCode::Char('q') => return Some(Key::Interrupt),
            KeyCode::Char('p') => return Some(Key::Hold),
            _ => {}
        }
        self.look(key, scopes.max(1));
        None
    }

    fn look(&mut self, key: &KeyEvent, scopes: usize) {
        match key.code {
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Esc => self.help = false,
            KeyCode::Tab | KeyCode::Right | KeyCode::Down => {
                self.selected = (self.selected + 1) % scopes;
            }
            KeyCode::BackTab | KeyCode::Left | KeyCode::Up => {
                self.selected = (self.selected + scopes - 1) % scopes;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn q_and_ctrl_c_stop_p_holds_and_c_alone_does_nothing() {
        let mut view = View::default();
        let mut asks = |code, modifiers| view.heed(&press(code, modifiers), 3);
        let none = KeyModifiers::NONE;
        assert_eq!(asks(KeyCode::Char('q'), none), Some(Key::Interrupt));
        let ctrl_c = asks(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(ctrl_c, Some(Key::Interrupt));
        assert_eq!(asks(KeyCode::Char('c'), none), None);
        assert_eq!(asks(KeyCode::Char('p'), none), Some(Key::Hold));
    }

    #[test]
    fn tab_goes_round_the_arms_and_back_and_a_question_mark_opens_the_help() {
        let mut view = View::default();
        let mut after = |code| {
            view.heed(&press(code, KeyModifiers::NONE), 3);
            (view.selected, view.help)
        };
        assert_eq!(after(KeyCode::Tab), (1, false));
        assert_eq!(after(KeyCode::Tab), (2, false));
        assert_eq!(after(KeyCode::Tab), (0, false));
        assert_eq!(after(KeyCode::BackTab), (2, false));
        assert_eq!(after(KeyCode::Char('?')), (2, true));
        assert_eq!(after(KeyCode::Esc), (2, false));
    }
}
