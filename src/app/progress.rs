//! How far a run is, on stderr: the live view or a bar where a terminal can draw them, else a line now and
//! then.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::collect::{Collector, Counts};
use super::live::{Key, Live, Scene};
use super::terminal;
use crate::base::Offset;
use crate::engine::Gauges;
use crate::plan::Plan;
use crate::record::Histogram;
use crate::results::{PhaseInfo, RunInfo};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A run that is longer by its plan is worth the live view. One that may be has a bar for so long.
const A_FEW_SECONDS: Duration = Duration::from_secs(5);

/// How progress is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Show {
    /// The live view on a terminal, a bar there where the run is short, else lines
    Auto,
    /// The live view
    Tui,
    /// A bar
    Bar,
    /// A line every five seconds
    Plain,
    /// Messages only
    None,
}

/// Shows how far a run is.
pub(super) struct Progress {
    shown: Shown,
    /// The plan, where the live view takes over once the run turns out to be longer than a few seconds.
    later: Option<Arc<Plan>>,
    last_line: Offset,
    last: (Offset, u64),
}

enum Shown {
    Live(Box<Live>),
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// Progress of a run that is about to start.
    pub(super) fn new(show: Show, plan: &Arc<Plan>, collector: &mut Collector) -> Self {
        let phases = collector.info.phases.iter();
        let length: Option<Duration> = phases.map(|phase| Some(phase.planned_ms?.elapsed())).sum();
        let long = length.map(|length| length > A_FEW_SECONDS);
        let takes_over = terminal::stderr_can_be_taken();
        let live = match show {
            Show::Auto => takes_over && terminal::stderr_draws() && long == Some(true),
            Show::Tui if !takes_over => {
                terminal::message("stderr is no terminal for the live view: plain lines instead");
                false
            }
            Show::Tui => true,
            Show::Bar | Show::Plain | Show::None => false,
        };
        let later = show == Show::Auto && takes_over && long.is_none();
        if live || later {
            collector.watched();
        }
        let bar = match show {
            Show::Auto => terminal::stderr_draws(),
            Show::Bar => terminal::stderr_is_one(),
            Show::Tui | Show::Plain | Show::None => false,
        };
        let shown = match show {
            _ if live => live_or_lines(plan, &collector.info),
            _ if bar => Shown::Bar(a_bar(&collector.info)),
            Show::None => Shown::Nothing,
            _ => Shown::Lines,
        };
        Self {
            shown,
            later: later.then(|| Arc::clone(plan)),
            last_line: Offset::ZERO,
            last: (Offset::ZERO, 0),
        }
    }

    /// Shows the state of the run.
    pub(super) fn show(&mut self, scene: Scene<'_>) {
        if scene.now.elapsed() > A_FEW_SECONDS
            && let Some(plan) = self.later.take()
            && let Shown::Bar(bar) = &self.shown
        {
            bar.finish_and_clear();
            self.shown = live_or_lines(&plan, &scene.collector.info);
        }
        if let Shown::Live(live) = &mut self.shown {
            live.show(scene);
        } else {
            self.show_line(scene.now, scene.collector, scene.gauges);
        }
    }

    fn show_line(&mut self, now: Offset, collector: &Collector, gauges: &Gauges) {
        let (counts, phase) = (collector.counts, collector.counts.phase);
        let name = collector
            .info
            .phases
            .get(phase)
            .map_or("", |phase| phase.name.as_str());
        let done = counts.ok + counts.failed;
        let (before, had) = self.last;
        let seconds = now.since(before).as_secs_f64();
        let due = match self.shown {
            Shown::Bar(_) => seconds >= 0.5,
            Shown::Lines => now.since(self.last_line) >= LINE_EVERY,
            Shown::Live(_) | Shown::Nothing => false,
        };
        if !due {
            return;
        }
        let rate = (done - had) as f64 / seconds.max(1e-9);
        let left = left(now, &collector.info.phases, phase);
        let text = line(rate, counts, gauges, &collector.ttft, left);
        if let Shown::Bar(bar) = &self.shown {
            bar.set_position(gauges.arrived());
            bar.set_prefix(name.to_owned());
            bar.set_message(text);
        } else {
            terminal::message(&format!("{:>6.1}s {name}: {text}", now.seconds()));
            self.last_line = now;
        }
        self.last = (now, done);
    }

    /// The next key that asks something of the run; none where there is no live view.
    pub(super) async fn key(&mut self) -> Key {
        match &mut self.shown {
            Shown::Live(live) => live.key().await,
            Shown::Bar(_) | Shown::Lines | Shown::Nothing => std::future::pending().await,
        }
    }

    /// A message that stays.
    pub(super) fn message(&mut self, text: &str) {
        match &mut self.shown {
            Shown::Live(live) => live.message(text),
            Shown::Bar(bar) => bar.println(text),
            Shown::Lines | Shown::Nothing => terminal::message(text),
        }
    }

    /// Takes the bar or the view away.
    pub(super) fn finish(&mut self) {
        match &mut self.shown {
            Shown::Live(live) => live.close(),
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines | Shown::Nothing => {}
        }
    }
}

/// The live view, where the terminal can be had.
fn live_or_lines(plan: &Arc<Plan>, info: &RunInfo) -> Shown {
    match Live::open(plan, info) {
        Ok(live) => Shown::Live(Box::new(live)),
        Err(error) => {
            terminal::message(&format!("the live view can't be opened: {error}"));
            Shown::Lines
        }
    }
}

/// A bar towards the planned arrivals; without an end where the answers decide.
fn a_bar(info: &RunInfo) -> ProgressBar {
    let arrivals = info.phases.iter().map(|phase| phase.planned_arrivals);
    let arrivals: Option<u64> = arrivals.sum();
    let bar = ProgressBar::new(arrivals.unwrap_or(0));
    let template = match arrivals {
        Some(_) => "{spinner} {prefix} [{bar:16}] {msg}",
        None => "{spinner} {prefix} {msg}",
    };
    let style = ProgressStyle::with_template(template).expect("a constant that is tested");
    bar.set_style(style.progress_chars("=> "));
    bar
}

/// How long the arrivals go on by the plan, from a phase on; `None` where the answers decide.
pub(super) fn left(now: Offset, phases: &[PhaseInfo], current: usize) -> Option<Duration> {
    let phase = phases.get(current)?;
    let end = phase.started_ms? + phase.planned_ms?.elapsed();
    let later: Option<Duration> = phases[current + 1..]
        .iter()
        .map(|phase| Some(phase.planned_ms?.elapsed()))
        .sum();
    Some(end.since(now) + later?)
}

fn line(
    rate: f64,
    counts: Counts,
    gauges: &Gauges,
    ttft: &Histogram,
    left: Option<Duration>,
) -> String {
    let quantile = |q| {
        let found = ttft.quantile(q);
        found.map_or("-".to_owned(), |q| {
            format!("{:.0}", q.value.as_secs_f64() * 1e3)
        })
    };
    let cost = counts
        .cost
        .map_or("cost unknown".to_owned(), |cost| cost.to_string());
    let eta = left.map_or(String::new(), |left| format!(" · {}s left", left.as_secs()));
    format!(
        "{rate:.0}/s · {} in flight · {} ok, {} failed · TTFT p50/p95 {}/{} ms · {}{eta}",
        gauges.in_flight(),
        counts.ok,
        counts.failed,
        quantile(0.5),
        quantile(0.95),
        cost
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(started: Option<u64>, planned: Option<u64>) -> PhaseInfo {
        let seconds = |s: u64| Offset::from_nanos(s * 1_000_000_000);
        PhaseInfo {
            name: "p".to_owned(),
            warmup: false,
            shape: String::new(),
            even: true,
            planned_ms: planned.map(seconds),
            started_ms: started.map(seconds),
            ended_ms: None,
            planned_arrivals: None,
            preopened: None,
        }
    }

    #[test]
    fn what_is_left_is_of_this_phase_and_those_after_it() {
        let now = Offset::from_nanos(5_000_000_000);
        let phases = [
            phase(Some(0), None),
            phase(Some(3), Some(10)),
            phase(None, Some(7)),
        ];
        assert_eq!(
            left(now, &phases, 0),
            None,
            "the answers decide when the first one ends"
        );
        assert_eq!(left(now, &phases, 1), Some(Duration::from_secs(15)));
    }

    #[test]
    fn the_templates_of_the_bar_are_understood() {
        for template in [
            "{spinner} {prefix} [{bar:16}] {msg}",
            "{spinner} {prefix} {msg}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
