//! However tollgate ends, no process of a gateway is left: neither a child, nor one that has left its
//! session and lost its parent.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::made_up::{MadeUp, Tried};

/// A gateway that is being asked, with three processes.
fn under_way() -> (MadeUp, Child) {
    let gateway = MadeUp::with(&["hangs", "forks"]);
    let tollgate = gateway.started("asked");
    assert_eq!(gateway.processes().len(), 3);
    (gateway, tollgate)
}

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

#[test]
fn no_process_is_left_two_seconds_after_tollgate_was_killed() {
    let (gateway, mut tollgate) = under_way();
    let killed = Instant::now();
    send(tollgate.id(), Signal::SIGKILL);
    gateway.assert_gone(killed);
    tollgate.wait().unwrap();
    gateway.wait(|| !gateway.log().is_empty());
}

#[test]
fn an_interrupt_and_a_termination_end_the_gateway_too() {
    for (signal, exit) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let (gateway, tollgate) = under_way();
        send(tollgate.id(), signal);
        let tried = Tried::of(&tollgate.wait_with_output().unwrap());
        assert_eq!(tried.exit, Some(exit), "{tried:?}");
        assert_eq!(gateway.processes(), [] as [u32; 0]);
    }
}

#[test]
fn a_supervisor_that_was_killed_leaves_no_group_behind_and_is_told() {
    let gateway = MadeUp::with(&["hangs"]);
    let tollgate = gateway.started("asked");
    let supervisor = supervisor_of(tollgate.id());
    send(supervisor, Signal::SIGKILL);
    let tried = Tried::of(&tollgate.wait_with_output().unwrap());
    tried.tells(
        5,
        &["ended by itself, killed, since its supervisor was gone"],
    );
    gateway.assert_gone(Instant::now());
}

/// The child of a process that is a supervisor.
fn supervisor_of(parent: u32) -> u32 {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.find(|pid| {
        let read =
            |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let stat = read("stat");
        let of_parent = stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(parent.to_string().as_str()));
        of_parent && read("cmdline").contains("gateway-supervisor")
    });
    found.unwrap()
}
