//! Everything that can go wrong with a gateway's process is told in words, with what it said last.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tokio::time::Instant;

use crate::made_up::MadeUp;

#[test]
fn a_gateway_that_works_is_asked_and_ended_and_has_an_environment_of_its_own() {
    let gateway = MadeUp::changed(&["works"], |preset| {
        preset["files"] = json!({ "made-up.toml": "key = \"{client_key}\" # {open}client_key}\n" });
    });
    let tried = gateway.tried(&["--json"]);
    assert_eq!(tried.exit, Some(0), "{tried:?}");
    let json = &tried.json;
    let outcomes = [&json["asked"][0]["outcome"], &json["asked"][1]["outcome"]];
    assert_eq!(outcomes, ["ok", "ok"]);
    assert_eq!(json["asked"][1]["token_chunks"], 1);
    assert_eq!(json["ended"]["asked"], true);
    assert_eq!(json["ended"]["forced"], false);
    let log = gateway.log();
    let environment = log.lines().find(|line| line.starts_with("environment:"));
    let environment = environment.unwrap();
    let names: Vec<&str> = environment.split(' ').skip(1).collect();
    assert!(
        names.contains(&"TOLLGATE_TEST_MARK") && names.contains(&"PATH"),
        "{names:?}"
    );
    assert!(
        !names.contains(&"PLANTED_SECRET") && !names.contains(&"EMPTY"),
        "{names:?}"
    );
    // Its worker is part of what it uses.
    let usage = &json["usage"];
    assert!(usage["processes"].as_u64().unwrap() >= 2, "{usage}");
    assert!(usage["rss_bytes"].as_u64().unwrap() > 64 << 20, "{usage}");
    assert!(usage["cpu_ns"].as_u64().unwrap() > 0, "{usage}");
    // Its files are its owner's, and its key is gone with it.
    let config = gateway.kept().unwrap().join("made-up.toml");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&config), 0o600);
    assert_eq!(mode(&gateway.kept().unwrap().join("log.txt")), 0o600);
    let text = std::fs::read_to_string(config).unwrap();
    assert_eq!(text, "key = \"***\" # {client_key}\n");
}

#[test]
fn a_command_that_is_not_there_is_told_with_how_to_install_it() {
    let gateway = MadeUp::changed(&[], |preset| {
        preset["command"] = json!(["no-such-gateway", "{port}"]);
    });
    let words = [
        "`no-such-gateway` is not found",
        "install it: buy one",
        "--gateway-cmd",
    ];
    gateway.tried(&[]).tells(5, &words);
}

#[test]
fn a_command_of_ones_own_takes_the_place_of_the_presets() {
    let gateway = MadeUp::changed(&[], |preset| {
        preset["command"] = json!(["no-such-gateway", "{port}"]);
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateways/fake.py");
    let own = format!("python3 '{script}' {{port}}");
    assert_eq!(gateway.tried(&["--gateway-cmd", &own]).exit, Some(0));
    let wrong = gateway.tried(&["--gateway-cmd", "python3 {prot}"]);
    wrong.tells(5, &["`{prot}` is no placeholder, did you mean `{port}`?"]);
    let quote = gateway.tried(&["--gateway-cmd", "python3 'x"]);
    quote.tells(5, &["a quote (') is not closed"]);
    let config = gateway.tried(&["--gateway-cmd", "python3 {config}"]);
    config.tells(5, &["`{config}` needs a preset with exactly one file"]);
}

#[test]
fn a_gateway_that_ends_before_it_is_ready_is_told_with_its_status_and_its_last_words() {
    let gateway = MadeUp::changed(&[], |preset| {
        let script = "echo reading {client_key}; echo 'bad port {port}' >&2; exit 3";
        preset["command"] = json!(["sh", "-c", script]);
    });
    let words = [
        "made-up ended before it was ready, exit status: 3; it said at the end",
        "  | reading ***",
        "  | bad port ",
        "log.txt",
    ];
    gateway.tried(&[]).tells(5, &words);
}

#[test]
fn a_gateway_that_is_never_ready_is_told_with_the_limit_and_what_it_answered() {
    let unready = MadeUp::changed(&["unready"], |preset| {
        preset["ready"]["within"] = json!("3s");
    });
    let words = [
        "made-up was not ready within 3s: GET / answered status 503",
        "  | environment:",
    ];
    unready.tried(&[]).tells(5, &words);
    let deaf = MadeUp::changed(&[], |preset| {
        preset["command"] = json!(["sh", "-c", "exec sleep 100 # {port}"]);
        preset["ready"] = json!({ "within": "200ms" });
    });
    let words = [
        "not ready within 200ms: port ",
        "refused",
        "it said nothing",
    ];
    deaf.tried(&[]).tells(5, &words);
}

#[test]
fn a_port_that_somebody_else_has_is_told_before_anything_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let gateway = MadeUp::changed(&[], |preset| preset["port"] = json!(port));
    let words = [
        &*format!("port {port} of 127.0.0.1 can't be had for made-up"),
        "in use",
    ];
    gateway.tried(&[]).tells(5, &words);
    assert_eq!(gateway.log(), "");
}

#[test]
fn a_gateway_that_dies_while_it_is_asked_is_told_at_once() {
    let gateway = MadeUp::with(&["dies", "forks"]);
    let began = Instant::now();
    let words = [
        "made-up ended by itself, exit status: 7; it said at the end",
        "  | out of memory, with Bearer ***",
    ];
    gateway.tried(&[]).tells(5, &words);
    assert!(began.elapsed().as_secs() < 10);
}

#[test]
fn a_gateway_that_does_not_end_when_asked_is_killed() {
    let tried = MadeUp::with(&["stubborn", "forks"]).tried(&["--json"]);
    assert_eq!(tried.exit, Some(0), "{tried:?}");
    assert_eq!(tried.json["ended"]["forced"], true);
}

#[test]
fn an_endless_log_is_bounded_and_says_what_was_left_out() {
    let gateway = MadeUp::with(&["talks"]);
    let tried = gateway.tried(&["--json"]);
    let left_out = tried.json["ended"]["left_out"].as_u64().unwrap();
    let log = gateway.log();
    assert!(left_out > 0 && log.contains(&format!("[{left_out} bytes left out]")));
    assert!(log.len() < 3 << 20, "{}", log.len());
    assert!(log.ends_with("line 199999 of an endless log\n"));
}

#[test]
fn a_preset_with_problems_is_told_like_a_scenario() {
    let gateway = MadeUp::changed(&[], |preset| {
        preset["modle"] = json!("m");
    });
    let words = [
        "made-up.yaml:1:",
        "unknown key `modle`, did you mean `model`?",
    ];
    gateway.tried(&[]).tells(2, &words);
    let several = MadeUp::with(&[]);
    let words = [
        "can't fall back from one provider to the next",
        "it has no `several`",
    ];
    several.tried(&["--providers", "2"]).tells(5, &words);
}
