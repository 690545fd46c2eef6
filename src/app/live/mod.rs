//! The live view: a run on the whole terminal while it goes on, with keys.
//!
//! It has a thread of its own, which draws what the run's own loop last put there, so that neither waits for
//! the other. What is drawn is plain data ([`state`]) made by [`see`] from what the run gathers anyway; the
//! figures are those of the summary, worked out anew once a second.

mod draw;
mod keys;
mod screen;
mod see;
mod state;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratatui::crossterm::event;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::terminal;
use crate::plan::Plan;
use crate::results::RunInfo;
use draw::Colours;
pub(super) use keys::Key;
use screen::Screen;
pub(super) use see::Scene;
use see::Seer;
use state::{State, View};
pub(super) use watch::Watch;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(250);
/// How soon the end of the run is noticed.
const NOTICED: Duration = Duration::from_millis(50);
/// How long a run waits at its end for a terminal that takes no output.
const PATIENCE: Duration = Duration::from_secs(2);

/// The view, and the terminal with it, until this is dropped.
pub(super) struct Live {
    shared: Arc<Shared>,
    keys: mpsc::UnboundedReceiver<Key>,
    thread: Option<JoinHandle<()>>,
    seer: Seer,
    messages: Vec<String>,
}

/// What the run's loop and the view's thread share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Arc<State>>,
    over: AtomicBool,
}

impl Live {
    /// Takes the terminal, and draws from now on.
    pub(super) fn open(plan: &Arc<Plan>, info: &RunInfo) -> std::io::Result<Self> {
        let screen = Screen::open()?;
        let shared = Arc::new(Shared::default());
        let (sender, keys) = mpsc::unbounded_channel();
        let theirs = Arc::clone(&shared);
        let colours = Colours::new(terminal::stderr_colour());
        let thread = thread::Builder::new()
            .name("live".to_owned())
            .spawn(move || {
                // A terminal that is gone ends the view, and not the run.
                let _ = work(screen, &theirs, &sender, colours);
            })?;
        Ok(Self {
            shared,
            keys,
            thread: Some(thread),
            seer: Seer::new(plan, info),
            messages: Vec::new(),
        })
    }

    /// Puts there what the run looks like now.
    pub(super) fn show(&mut self, mut scene: Scene<'_>) {
        if screen::is_open() {
            let state = Arc::new(self.seer.see(&mut scene, &self.messages));
            *self.shared.state() = state;
        }
    }

    /// The next key that asks something of the run. Waits for ever once the view is closed.
    pub(super) async fn key(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// A message that stays: in the view, and on stderr after it.
    pub(super) fn message(&mut self, text: &str) {
        if screen::is_open() {
            self.messages.push(text.to_owned());
        } else {
            terminal::message(text);
        }
    }

    /// Gives the terminal back, and says there what was said.
    pub(super) fn close(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else {
            return;
        };
        let patience = Instant::now() + PATIENCE;
        while !thread.is_finished() {
            if Instant::now() >= patience {
                // It is stuck in a write, and whoever writes there waits with it. The results don't.
                screen::give_up();
                terminal::give_up();
                self.messages.clear();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // A view that panicked has said so, and the run goes on.
        let _ = thread.join();
        screen::give_back();
        for message in self.messages.drain(..) {
            terminal::message(&message);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, Arc<State>> {
        self.state
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// Draws, and listens to keys, until the run is over.
fn work(
    mut screen: Screen,
    shared: &Shared,
    keys: &mpsc::UnboundedSender<Key>,
    colours: Colours,
) -> std::io::Result<()> {
    let mut view = View::default();
    let mut next = Instant::now();
    while !shared.over.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= next {
            let state = Arc::clone(&shared.state());
            screen.draw(|frame| draw::frame(frame, &state, view, colours))?;
            next = now + FRAME;
        }
        let wait = next.saturating_duration_since(Instant::now());
        screen::listen(wait.min(NOTICED))?;
        while event::poll(Duration::ZERO)? {
            let scopes = shared.state().figures.scopes.len();
            if let Some(key) = view.heed(&event::read()?, scopes) {
                // Nobody listens any more only when the run is over.
                let _ = keys.send(key);
            }
        }
    }
    Ok(())
}
