//! How far a run is, on stderr: a bar where a terminal can draw one, else a line now and then.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::collect::{Collector, Counts};
use super::terminal;
use crate::base::Offset;
use crate::engine::Gauges;
use crate::record::Histogram;

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// The length by the plan; `None` where the answers decide.
    length: Option<Duration>,
    last_line: Offset,
    last: (Offset, u64),
}

impl Progress {
    pub(super) fn new(length: Option<Duration>) -> Self {
        let bar = terminal::stderr_draws().then(|| {
            let bar = ProgressBar::new(length.map_or(0, |length| length.as_millis() as u64));
            let template = match length {
                Some(_) => "{spinner} {prefix} [{bar:24}] {msg}",
                None => "{spinner} {prefix} {msg}",
            };
            let style = ProgressStyle::with_template(template).expect("a constant that is tested");
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        Self {
            bar,
            length,
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
            bar.set_position(now.elapsed().as_millis() as u64);
            bar.set_prefix(name.to_owned());
            bar.set_message(line(rate, counts, gauges, &collector.ttft, self.left(now)));
            self.last = (now, done);
        } else if now.since(self.last_line) >= LINE_EVERY {
            let rate = (done - had) as f64 / seconds.max(1e-9);
            let text = line(rate, counts, gauges, &collector.ttft, self.left(now));
            terminal::message(&format!("{:>6.1}s {name}: {text}", now.seconds()));
            (self.last_line, self.last) = (now, (now, done));
        }
    }

    fn left(&self, now: Offset) -> Option<Duration> {
        self.length
            .map(|length| length.saturating_sub(now.elapsed()))
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
    let eta = left.map_or(String::new(), |left| format!(" · {}s left", left.as_secs()));
    format!(
        "{rate:.0}/s · {} in flight · {} ok, {} failed · TTFT p50/p95 {}/{} ms · {}{eta}",
        gauges.in_flight(),
        counts.ok,
        counts.failed,
        quantile(0.5),
        quantile(0.95),
        counts.cost
    )
}
