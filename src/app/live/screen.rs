//! The terminal while the view has it: raw mode and the other screen, on stderr, given back whatever happens.

use std::io::{self, BufWriter, Stderr, Write, stderr};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};

/// Whether the terminal is ours. It is one for the process, as the terminal is.
static OPEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal, until this is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        OPEN.store(true, Ordering::SeqCst);
        let opened = execute!(stderr(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(stderr()))));
        match opened {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Draws a frame; at another size than before, too. After a panic elsewhere gave the terminal back,
    /// it draws no more.
    pub(super) fn draw(&mut self, frame: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if !is_open() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.terminal.draw(frame)?;
        if !is_open() {
            // It was given back while this frame was on its way.
            let _ = execute!(stderr(), LeaveAlternateScreen, Show);
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the view has the terminal.
pub(super) fn is_open() -> bool {
    OPEN.load(Ordering::SeqCst)
}

/// Waits for something to be read, so long at most. A terminal that is gone is an error: to read it once more
/// would give nothing, without end.
#[cfg(target_os = "linux")]
pub(super) fn listen(wait: Duration) -> io::Result<()> {
    use std::io::IsTerminal;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let (stdin, stderr) = (io::stdin(), stderr());
    let keys = if stdin.is_terminal() {
        PollFd::new(&stdin, PollFlags::IN)
    } else {
        PollFd::new(&stderr, PollFlags::IN)
    };
    let mut watched = [keys];
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    match poll(&mut watched, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    if watched[0]
        .revents()
        .intersects(PollFlags::HUP | PollFlags::ERR)
    {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// Waits for something to be read, so long at most.
#[cfg(not(target_os = "linux"))]
pub(super) fn listen(wait: Duration) -> io::Result<()> {
    ratatui::crossterm::event::poll(wait).map(|_| ())
}

/// Leaves the terminal to itself where it takes no output: but for its mode, which is no output.
pub(super) fn give_up() {
    if OPEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}

/// Gives the terminal back as it was; once.
pub(super) fn give_back() {
    if OPEN.swap(false, Ordering::SeqCst) {
        let mut stderr = stderr();
        let _ = execute!(stderr, LeaveAlternateScreen, Show);
        let _ = stderr.flush();
        let _ = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    /// Run by the test below, in a terminal of its own.
    #[test]
    #[ignore = "takes the terminal, and panics"]
    fn a_panic_with_the_terminal_taken() {
        let mut screen = Screen::open().unwrap();
        screen
            .draw(|frame| frame.render_widget("drawn", frame.area()))
            .unwrap();
        panic!("on purpose");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let tmux = |args: &[&str]| {
            let socket = folder.path().join("tmux");
            let mut command = Command::new("tmux");
            command.args(["-u", "-f", "/dev/null", "-S"]).arg(socket);
            command.args(args).output().ok()
        };
        let this = std::env::current_exe().unwrap();
        let name = "app::live::screen::tests::a_panic_with_the_terminal_taken";
        let script = format!(
            "{} --exact {name} --ignored --nocapture; stty -a; echo over; sleep 100",
            this.display()
        );
        let started = tmux(&["new-session", "-d", "-x", "100", "-y", "60", &script]);
        let Some(started) = started else {
            eprintln!("not tested: there is no tmux");
            return;
        };
        assert!(started.status.success(), "{started:?}");
        let mut seen = String::new();
        for _ in 0..600 {
            std::thread::sleep(Duration::from_millis(50));
            let screen = tmux(&["capture-pane", "-p", "-S", "-200"]).unwrap();
            seen = String::from_utf8(screen.stdout).unwrap();
            if seen.lines().any(|line| line == "over") {
                break;
            }
        }
        let other = tmux(&["display-message", "-p", "#{alternate_on}"]).unwrap();
        tmux(&["kill-server"]);
        assert_eq!(String::from_utf8_lossy(&other.stdout).trim(), "0", "{seen}");
        assert!(seen.contains("on purpose"), "{seen}");
        assert!(!seen.contains("drawn"), "{seen}");
        let cooked = |flag: &str| seen.split_whitespace().any(|word| word == flag);
        assert!(
            cooked("icanon") && cooked("echo") && cooked("isig"),
            "{seen}"
        );
    }
}
