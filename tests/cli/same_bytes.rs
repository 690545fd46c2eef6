//! One seed, one sequence of bytes.

use crate::stage::Stage;
use crate::support::*;

const QUICK: &str = r#"{"models":[{"ttft":{"constant":"1ms"},"pace":{"constant":"0ms"},
    "output_tokens":{"constant":2}}]}"#;

/// The bodies that reach the provider, in their order.
fn sent(load: &str, args: &str) -> Vec<String> {
    let stage = Stage::start(QUICK);
    let sandbox = Sandbox::with(&scenario(&gateway(stage.provider()), load));
    sandbox.results(args);
    stage.bodies()
}

#[test]
fn a_closed_loop_of_one_user_sends_the_same_bytes_in_the_same_order_each_time() {
    let load = "load: [ { name: user, closed: { concurrency: 1, requests: 30 } } ]";
    let first = sent(load, "");
    assert_eq!(first.len(), 30);
    assert_eq!(first, sent(load, ""));
    assert_eq!(first, sent(load, "--seed 7"), "the scenario's own seed");
    assert_ne!(first, sent(load, "--seed 8"));
}

#[test]
fn an_open_loop_sends_the_same_bytes_in_the_same_order_each_time() {
    let load = "load: [ { name: steady, constant: { rate: 15/s, requests: 20 } } ]";
    let first = sent(load, "");
    assert_eq!(first.len(), 20);
    assert_eq!(first, sent(load, ""));
    assert_ne!(first, sent(load, "--seed 8"));
}

#[test]
fn the_number_of_workers_and_of_users_changes_no_byte_of_what_is_asked() {
    let load = "load: [ { name: users, closed: { concurrency: 1, requests: 30 } } ]";
    let sorted = |args: &str| {
        let mut bodies = sent(load, args);
        bodies.sort_unstable();
        bodies
    };
    let one = sorted("");
    assert_eq!(one, sorted("-c 5 --workers 3"));
}
