//! How far a run is, on stderr: a bar where a terminal can draw one, else a line now and then.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::collect::{Collector, Counts};
use super::terminal;
use crate::base::Offset;
use crate::engine::Gauges;
use crate::record::Histogram;
use crate::results::PhaseInfo;

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    last_line: Offset,
    last: (Offset, u64),
}

impl Progress {
    /// Progress towards so many arrivals; `None` where the answers decide.
    pub(super) fn new(arrivals: Option<u64>) -> Self {
        let bar = terminal::stderr_draws().then(|| {
            let bar = ProgressBar::new(arrivals.unwrap_or(0));
            let template = match arrivals {
                Some(_) => "{spinner} {prefix} [{bar:16}] {msg}",
                None => "{spinner} {prefix} {msg}",
            };
            let style = ProgressStyle::with_template(template).expect("a constant that is tested");
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        Self {
            bar,
            last_line: Offset::ZERO,
            last: (Offset::ZERO, 0),
        }
    }

    /// Shows the state at `now`.
    pub(super) fn show(&mut self, now: Offset, collector: &Collector, gauges: &Gauges) {
        let (counts, phase) = (collector.counts, collector.counts.phase);
        let name = collector
            .info
            .phases
            .get(phase)
            .map_or("", |phase| phase.name.as_str());
        let done = counts.ok + counts.failed;
        let (before, had) = self.last;
        let seconds = now.since(before).as_secs_f64();
        if let Some(bar) = &self.bar {
            if seconds < 0.5 {
                return;
            }
            let rate = (done - had) as f64 / seconds;
            bar.set_position(gauges.arrived());
            bar.set_prefix(name.to_owned());
            bar.set_message(line(
                rate,
                counts,
                gauges,
                &collector.ttft,
                left(now, &collector.info.phases, phase),
            ));
            self.last = (now, done);
        } else if now.since(self.last_line) >= LINE_EVERY {
            let rate = (done - had) as f64 / seconds.max(1e-9);
            let text = line(
                rate,
                counts,
                gauges,
                &collector.ttft,
                left(now, &collector.info.phases, phase),
            );
            terminal::message(&format!("{:>6.1}s {name}: {text}", now.seconds()));
            (self.last_line, self.last) = (now, (now, done));
        }
    }

    /// A message that stays.
    pub(super) fn message(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => terminal::message(text),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How long the arrivals go on by the plan, from a phase on; `None` where the answers decide.
fn left(now: Offset, phases: &[PhaseInfo], current: usize) -> Option<Duration> {
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
