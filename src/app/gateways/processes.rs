//! A gateway's processes: what they use, and how they are ended, all of them.
//!
//! The supervisor takes in what its descendants leave behind (it is their "subreaper"), so that no process
//! gets away from it, whatever its group or session. That, and what is used, is known on Linux only; on
//! other systems there is the process group.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::time::Instant;

use super::job::Usage;
use crate::base::Monotonic;

/// How long killed processes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);
const NAP: Duration = Duration::from_millis(10);

/// Asks a process group to end.
pub(super) fn ask(group: u32) {
    signal(group, Signal::TERM);
}

/// Kills a process group, and whatever else descends from this process; waits until all are gone.
pub(super) fn kill(group: u32) {
    let patience = Instant::now() + GONE_WITHIN;
    loop {
        signal(group, Signal::KILL);
        let others = tree::kill_descendants();
        let gone = others.unwrap_or_else(|| !exists(group));
        if gone || Instant::now() > patience {
            return;
        }
        std::thread::sleep(NAP);
    }
}

/// Kills a process group of a supervisor that is gone.
pub(super) fn kill_group(group: u32) {
    signal(group, Signal::KILL);
}

fn signal(group: u32, signal: Signal) {
    if let Some(group) = pid(group) {
        // What is gone can't be signalled.
        let _ = kill_process_group(group, signal);
    }
}

fn exists(group: u32) -> bool {
    pid(group).is_some_and(|group| test_kill_process_group(group).is_ok())
}

fn pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Takes in the processes that descendants leave behind.
pub(super) fn adopt() {
    tree::adopt();
}

/// Reads what the descendants of this process use.
#[derive(Debug, Default)]
pub(super) struct Meter {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "read on Linux only")
    )]
    known: Vec<u32>,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "read on Linux only")
    )]
    readings: u32,
    clock: Option<Monotonic>,
    most: u64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            clock: Monotonic::map(),
            ..Self::default()
        }
    }

    /// What is used by now; `None` where the platform does not tell. Which processes there are is looked
    /// up where that is wanted, and now and then.
    pub(super) fn read(&mut self, look_up: bool) -> Option<Usage> {
        let mut usage = tree::usage(self, look_up)?;
        usage.at_ns = self.clock?.nanos(Instant::now());
        // A process that ended unseen takes its time with it.
        self.most = self.most.max(usage.cpu_ns);
        usage.cpu_ns = self.most;
        Some(usage)
    }
}

#[cfg(target_os = "linux")]
mod tree {
    use std::collections::BTreeMap;

    use rustix::param::{clock_ticks_per_second, page_size};
    use rustix::process::{Signal, getpid, kill_process, set_child_subreaper};

    use super::{Meter, Usage, pid};

    /// Between two looks at all processes of the machine, those that are known are read so many times;
    const KNOWN_READS: u32 = 4;
    /// but not yet while a gateway comes up, which is when it starts others.
    const FIRST_READS: u32 = 8;

    pub(super) fn adopt() {
        // Where the kernel can't, the process group is what is left.
        let _ = set_child_subreaper(Some(getpid()));
    }

    /// What the kernel tells of a process.
    struct Stat {
        parent: u32,
        is_zombie: bool,
        ticks: u64,
        pages: u64,
    }

    fn stat(pid: u32) -> Option<Stat> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may hold anything, also blanks and brackets.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // Its own time and that of the children that it has waited for, user and system.
        let ticks = (11..=14).map(number).sum::<Option<u64>>()?;
        Some(Stat {
            parent: u32::try_from(number(1)?).ok()?,
            is_zombie: fields.first() == Some(&"Z"),
            ticks,
            pages: number(21)?,
        })
    }

    /// All processes that descend from this one.
    fn descendants() -> Vec<u32> {
        let mut children = BTreeMap::<u32, Vec<u32>>::new();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        for entry in entries {
            let pid = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if let Some(pid) = pid
                && let Some(stat) = stat(pid)
            {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut found = children.remove(&std::process::id()).unwrap_or_default();
        let mut at = 0;
        while let Some(pid) = found.get(at) {
            found.extend(children.remove(pid).into_iter().flatten());
            at += 1;
        }
        found
    }

    /// Kills them; whether none is left.
    #[expect(clippy::unnecessary_wraps, reason = "other systems can't tell")]
    pub(super) fn kill_descendants() -> Option<bool> {
        let lives = |pid: &u32| stat(*pid).is_some_and(|stat| !stat.is_zombie);
        let alive: Vec<u32> = descendants().into_iter().filter(lives).collect();
        for process in alive.iter().filter_map(|process| pid(*process)) {
            let _ = kill_process(process, Signal::KILL);
        }
        Some(alive.is_empty())
    }

    pub(super) fn usage(meter: &mut Meter, look_up: bool) -> Option<Usage> {
        let due = meter.readings < FIRST_READS || meter.readings.is_multiple_of(KNOWN_READS);
        if look_up || due {
            meter.known = descendants();
        }
        meter.readings = meter.readings.wrapping_add(1);
        let stats: Vec<Stat> = meter.known.iter().filter_map(|pid| stat(*pid)).collect();
        if stats.is_empty() {
            return None;
        }
        let ticks: u64 = stats.iter().map(|stat| stat.ticks).sum();
        let pages: u64 = stats.iter().map(|stat| stat.pages).sum();
        let alive = stats.iter().filter(|stat| !stat.is_zombie).count();
        Some(Usage {
            at_ns: 0,
            cpu_ns: ticks * (1_000_000_000 / clock_ticks_per_second().max(1)),
            rss_bytes: pages * page_size() as u64,
            processes: alive as u32,
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod tree {
    use super::{Meter, Usage};

    pub(super) const fn adopt() {}

    pub(super) const fn kill_descendants() -> Option<bool> {
        None
    }

    pub(super) const fn usage(_: &mut Meter, _: bool) -> Option<Usage> {
        None
    }
}
