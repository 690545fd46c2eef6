//! What reaches the terminal, and how: data on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};

use crate::report::Paint;

/// Data, on stdout. A reader that went away early, as `head` does, is no error.
pub(super) fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A message, on stderr.
pub(super) fn message(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
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
