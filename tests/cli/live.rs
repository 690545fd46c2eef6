//! The live view of the built binary, looked at in a real terminal: tmux plays it.

use std::io::Write;
use std::process::{Command, Output};

use crate::support::*;

/// Two arms, 40 arrivals a second for longer than any test looks on.
const ARMS: &str = "name: small
seed: 7
targets:
  quick: { lab: { script: { models: [ { ttft: { constant: 10ms }, pace: { constant: 1ms } } ] } } }
  slow: { lab: { script: { models: [ { ttft: { constant: 30ms }, pace: { constant: 1ms } } ] } } }
mix: [ { name: chat, chat: { model: openai/gpt-lab, prompt: { text: hello }, max_tokens: 4 } } ]
arms: { direct: { target: quick }, gateway: { target: slow } }
load: [ { name: steady, constant: { rate: 40/s, duration: 300s } } ]
";

/// A terminal, in which a shell runs the binary and then says how it ended.
struct Terminal {
    sandbox: Sandbox,
}

impl Terminal {
    /// `None` where there is no tmux.
    fn start(sandbox: Sandbox, width: u32, height: u32, args: &str) -> Option<Self> {
        Self::start_after("true", sandbox, width, height, args)
    }

    /// The same, once the shell ran this.
    fn start_after(
        first: &str,
        sandbox: Sandbox,
        width: u32,
        height: u32,
        args: &str,
    ) -> Option<Self> {
        let terminal = Self { sandbox };
        let binary = env!("CARGO_BIN_EXE_tollgate");
        let folder = terminal.sandbox.path("");
        let script = format!(
            "{first}; cd {} && env -u CI -u NO_COLOR {binary} {args} >report.txt; \
             echo \"ended with $?\"; stty -a; echo the shell is done; sleep 1000",
            folder.display()
        );
        let [width, height] = [width, height].map(|n| n.to_string());
        let size = ["-x", &width, "-y", &height];
        let started = terminal.tmux(&[&["new-session", "-d"], &size[..], &[&script]].concat());
        let Some(started) = started else {
            let _ = writeln!(std::io::stderr(), "not tested: there is no tmux");
            return None;
        };
        assert!(started.status.success(), "{started:?}");
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> Option<Output> {
        let mut command = Command::new("tmux");
        let socket = self.sandbox.path("tmux");
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(socket);
        command.args(args).output().ok()
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).unwrap().status.success());
    }

    fn resize(&self, width: u32, height: u32) {
        let [width, height] = [width, height].map(|n| n.to_string());
        let resized = self.tmux(&["resize-window", "-x", &width, "-y", &height]);
        assert!(resized.unwrap().status.success());
    }

    fn screen(&self) -> String {
        let screen = self.tmux(&["capture-pane", "-p"]).unwrap();
        String::from_utf8(screen.stdout).unwrap()
    }

    /// Waits until the screen holds all of this, and gives it.
    fn shows(&self, texts: &[&str]) -> String {
        let mut screen = String::new();
        until(&format!("{texts:?}"), || {
            screen = self.screen();
            let shown = texts.iter().all(|text| screen.contains(text));
            let ended = screen.contains("the shell is done");
            assert!(shown || !ended, "it never showed {texts:?}, but:\n{screen}");
            shown
        });
        screen
    }

    /// Waits for the end of the run: the terminal is as it was, and holds this.
    fn is_given_back(&self, texts: &[&str]) {
        let screen = self.shows(&[texts, &["ended with 130", "icanon"]].concat());
        let other = self.tmux(&["display-message", "-p", "#{alternate_on}"]);
        assert_eq!(String::from_utf8(other.unwrap().stdout).unwrap(), "0\n");
        let cooked = |flag: &str| screen.split_whitespace().any(|word| word == flag);
        assert!(
            cooked("icanon") && cooked("echo") && cooked("isig"),
            "{screen}"
        );
        assert!(!screen.contains("times in ms"), "{screen}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn the_view_heeds_its_keys_and_any_size_and_marks_a_run_that_was_held() {
    let args = "run scenario.yaml -o out --no-html";
    let sandbox = Sandbox::with(ARMS);
    let Some(terminal) = Terminal::start(sandbox, 80, 24, args) else {
        return;
    };
    let first = terminal.shows(&["RUNNING", " so far ", "all arms", "target     40.0/s"]);
    let lines: Vec<&str> = first.lines().collect();
    assert!(
        lines[0].starts_with(" small: direct against gateway"),
        "{first}"
    );
    assert!(lines[1].starts_with(" steady 1/1") && lines[1].ends_with(" left"));
    let keys = "q drain and stop    p hold arrivals    tab next arm    ? help";
    assert!(lines[23].starts_with(&format!(" {keys}")), "{first}");
    terminal.press("Tab");
    terminal.shows(&["▸ direct"]);
    terminal.press("Tab");
    terminal.shows(&["▸ gateway"]);
    terminal.press("?");
    terminal.shows(&["╭ help", "too few requests to carry that percentile"]);
    terminal.press("Escape");
    until("the help to go", || !terminal.screen().contains("╭ help"));

    terminal.press("p");
    let held = terminal.shows(&["  HELD", "p go on", "✖ held by hand", "in flight  0 "]);
    assert!(
        held.contains("arrivals are held by hand: the run is marked"),
        "{held}"
    );
    terminal.press("p");
    terminal.shows(&[
        "  RUNNING",
        "what came due while they were held is sent now, late",
    ]);

    terminal.resize(50, 10);
    terminal.shows(&["needs 80x20, has 50x10; q stops the run"]);
    terminal.resize(200, 50);
    let wide = terminal.shows(&["is it to be trusted?", "overall TTFT p50", "─ messages"]);
    assert_eq!(wide.lines().count(), 50, "{wide}");
    terminal.press("q");
    terminal.is_given_back(&[
        "arrivals are held by hand: the run is marked, and no longer valid",
        "stopping: no further arrivals; what is in flight goes on. Once more cuts it",
    ]);

    let folder = terminal.sandbox.folder();
    let info = folder.info();
    assert_eq!(info["interrupted"], "interrupt");
    assert_eq!(info["held"]["times"], 1);
    let held_ms = info["held"]["ms"].as_f64().unwrap();
    assert!(held_ms > 200.0, "{held_ms}");
    let late = |row: &tollgate::results::Row| row.sent_ms.map(|sent| sent.since(row.due_ms));
    let longest = folder.rows().iter().filter_map(late).max().unwrap();
    let longest = longest.as_secs_f64() * 1e3;
    assert!(
        longest >= held_ms - 100.0,
        "{longest} of {held_ms}: it counts as lag"
    );
    assert_eq!(info["validity"]["verdict"], "invalid");
    let report = String::from_utf8(std::fs::read(terminal.sandbox.path("report.txt")).unwrap());
    let report = report.unwrap();
    assert!(report.contains(", INTERRUPTED, HELD BY HAND\n"), "{report}");
    assert!(
        report.contains("invalid: held by hand is once, "),
        "{report}"
    );
}

#[test]
fn ctrl_c_stops_then_cuts_as_the_signal_does_and_so_does_the_signal() {
    let silent = "{ lab: { script: { faults: [ { do: hang } ] } } }";
    let load = "load: [ { name: users, closed: { concurrency: 4, duration: 300s } } ]";
    let sandbox = Sandbox::with(&scenario(silent, load));
    let Some(terminal) = Terminal::start(sandbox, 200, 50, "run scenario.yaml -o out --tui") else {
        return;
    };
    terminal.shows(&["in flight  4 ", "target     4 users"]);
    terminal.press("C-c");
    terminal.shows(&["  STOPPING", "q cut what is in flight"]);
    // From outside, as a CI system or a person at another terminal sends it.
    let pane = terminal
        .tmux(&["display-message", "-p", "#{pane_pid}"])
        .unwrap();
    let shell = String::from_utf8(pane.stdout).unwrap();
    let shell = shell.trim();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
    let run = children.unwrap().trim().parse().unwrap();
    let run = rustix::process::Pid::from_raw(run).unwrap();
    rustix::process::kill_process(run, rustix::process::Signal::TERM).unwrap();
    terminal.is_given_back(&["cutting what is in flight; once more exits at once"]);
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_as_sigterm_does() {
    let sandbox = Sandbox::with(ARMS);
    let args = "run scenario.yaml -o out --tui";
    let Some(terminal) = Terminal::start(sandbox, 100, 40, args) else {
        return;
    };
    terminal.shows(&["RUNNING", "target     40.0/s"]);
    terminal.tmux(&["kill-server"]);
    until("the files of an end by a signal", || {
        let folder = terminal.sandbox.folder();
        folder.info()["interrupted"] == "terminate" && folder.path.join("summary.csv").exists()
    });
}

#[test]
fn a_run_whose_terminal_is_gone_goes_on_where_it_was_asked_to() {
    let load = "load: [ { name: users, closed: { concurrency: 2, duration: 6s } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let args = "run scenario.yaml -o out --tui";
    let Some(terminal) = Terminal::start_after("trap '' HUP", sandbox, 100, 40, args) else {
        return;
    };
    terminal.shows(&["RUNNING", "target     2 users"]);
    terminal.tmux(&["kill-server"]);
    until("the files of a whole run", || {
        terminal.sandbox.folder().info()["complete"] == true
    });
}

#[test]
fn without_a_terminal_the_view_gives_way_to_lines_and_progress_can_be_none() {
    let load = "load: [ { name: users, closed: { concurrency: 2, requests: 8 } } ]";
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, load));
    let ran = sandbox.run("run scenario.yaml -o out --tui").exits(0);
    assert!(
        ran.stderr
            .starts_with("stderr is no terminal for the live view")
    );
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
    for how in ["none", "plain", "bar", "auto"] {
        let ran = sandbox.run(&format!("run scenario.yaml -o out --progress {how}"));
        assert_eq!(ran.exits(0).stderr, "");
    }
    let both = sandbox.run("run scenario.yaml --tui --progress bar");
    assert!(both.exits(2).stderr.contains("cannot be used with"));
}
