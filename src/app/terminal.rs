//! What reaches the terminal, and how: data on stdout, everything else on stderr.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::Paint;

/// Whether data could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Data, on stdout. A reader that went away early, as `head` does, is no error.
pub(super) fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(harmless(text).as_bytes());
    if let Err(why) = written.and_then(|()| out.flush())
        && why.kind() != ErrorKind::BrokenPipe
    {
        LOST.store(true, Ordering::Relaxed);
        error(&format!("stdout can't be written: {why}"));
    }
}

/// Whether data could not be written.
pub(super) fn lost_data() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Whether stderr takes no output any more.
static STUCK: AtomicBool = AtomicBool::new(false);

/// From here on nothing is said on stderr: whoever writes there would wait without end.
pub(super) fn give_up() {
    STUCK.store(true, Ordering::Relaxed);
}

/// A message, on stderr.
pub(super) fn message(text: &str) {
    if STUCK.load(Ordering::Relaxed) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
}

/// A text without what would command a terminal, such as what a server said: lines, tabs and colours stay.
fn harmless(text: &str) -> Cow<'_, str> {
    let commands = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(commands) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let width = colour(rest).unwrap_or(0);
        if width > 0 {
            out.push_str(&rest[..width]);
        } else {
            out.push(if commands(c) { '\u{fffd}' } else { c });
        }
        rest = &rest[width.max(c.len_utf8())..];
    }
    Cow::Owned(out)
}

/// The length of the colour that a text begins with: nothing that hides.
fn colour(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\x1b[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let hides = inner[..end].split(';').any(|code| code == "8");
    (inner[end..].starts_with('m') && end < 20 && !hides).then_some(2 + end + 1)
}

/// An error, on stderr.
pub(super) fn error(text: &str) {
    message(&format!("error: {text}"));
}

/// Whether stdout takes colours.
pub(super) fn stdout_paint() -> Paint {
    if std::io::stdout().is_terminal() && !no_colour() {
        Paint::Colour
    } else {
        Paint::Plain
    }
}

/// Whether stderr takes colours.
pub(super) fn stderr_colour() -> bool {
    std::io::stderr().is_terminal() && !no_colour()
}

/// Whether stderr takes a bar that is drawn over: it is a terminal, and not that of a CI job.
pub(super) fn stderr_draws() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("CI").is_none_or(|ci| ci.is_empty())
}

/// Whether stderr is a terminal.
pub(super) fn stderr_is_one() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether the terminal at stderr can be taken over as a whole: it knows how, and this is the job that it
/// listens to. One in the background would be stopped for it.
pub(super) fn stderr_can_be_taken() -> bool {
    let knows = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    stderr_is_one() && knows && is_foreground()
}

#[cfg(target_os = "linux")]
fn is_foreground() -> bool {
    let listens_to = rustix::termios::tcgetpgrp(std::io::stderr());
    listens_to.is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(target_os = "linux"))]
const fn is_foreground() -> bool {
    true
}

/// The convention of no-color.org: set and not empty.
fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_commands_no_terminal() {
        let said = "\x1b]0;mine\x07\x1b[2J\u{9b}31m\u{202e}\0\x7f\r";
        let shown = harmless(said);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
        assert!(shown.contains("]0;mine"), "the rest can be read");
    }

    #[test]
    fn lines_tabs_and_our_own_colours_stay() {
        for text in ["a\n\tb \u{e9}\u{200f}", "\x1b[1;31mFAIL\x1b[0m \x1b[mand\n"] {
            assert_eq!(harmless(text), text);
        }
        assert!(!harmless("\x1b[8mhidden").contains('\x1b'));
    }
}
