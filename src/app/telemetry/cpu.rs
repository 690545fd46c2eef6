//! What the worker threads use of their cores while they work, where the kernel tells.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::base::Offset;

/// The CPU time of each worker thread at the last look.
#[derive(Debug, Default)]
pub(super) struct WorkerCpu {
    at: Offset,
    used: BTreeMap<String, Duration>,
}

impl WorkerCpu {
    /// The share of a core that the busiest worker used since the last look.
    pub(super) fn busiest(&mut self, now: Offset) -> Option<f64> {
        let used = workers().unwrap_or_default();
        let since = now.since(self.at).as_secs_f64();
        let share = |(thread, used): (&String, &Duration)| {
            let before = self.used.get(thread).copied().unwrap_or_default();
            used.saturating_sub(before).as_secs_f64() / since.max(1e-9)
        };
        let busiest = used.iter().map(share).reduce(f64::max);
        (self.at, self.used) = (now, used);
        busiest
    }
}

/// The CPU time of each worker so far.
fn workers() -> Option<BTreeMap<String, Duration>> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let used = |task: &Path| {
        let name = fs::read_to_string(task.join("comm")).ok()?;
        name.starts_with("worker-").then_some(())?;
        let stat = fs::read_to_string(task.join("schedstat")).ok()?;
        let nanos = stat.split_whitespace().next()?.parse().ok()?;
        Some((name, Duration::from_nanos(nanos)))
    };
    Some(
        tasks
            .flatten()
            .filter_map(|task| used(&task.path()))
            .collect(),
    )
}
