//! What the platform tells of this process, and lets it have.

use std::time::Duration;

/// Takes as many files as the platform lets this process have, and returns how many.
#[cfg(target_os = "linux")]
pub(super) fn raise_files() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What can't be had is seen below: the limit is read again.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// As many files as the platform lets this process have, where nothing tells.
#[cfg(not(target_os = "linux"))]
pub(super) const fn raise_files() -> u64 {
    256
}

/// CPU time of this process so far, user and system.
#[cfg(target_os = "linux")]
pub(super) fn cpu() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok()
}

/// CPU time of this process so far, user and system.
#[cfg(not(target_os = "linux"))]
pub(super) const fn cpu() -> Option<Duration> {
    None
}

/// CPU time of each of the engine's threads so far, where the platform tells.
pub(super) fn workers_cpu() -> Vec<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let used = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        let name = std::fs::read_to_string(task.join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.join("schedstat")).ok()?;
        let nanos = stat.split(' ').next()?.parse().ok()?;
        name.starts_with("worker-")
            .then(|| Duration::from_nanos(nanos))
    });
    used.collect()
}

/// Lets the peak of memory begin anew, where the kernel does; else it is the peak since the start.
pub(super) fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process held, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
