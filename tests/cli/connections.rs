//! How connections are opened and shared, through the built binary: what the target sees, and what the
//! run says of it.

use tollgate::wire::Outcome;

use crate::authority::{Clients, NAME, found};
use crate::server::Server;
use crate::support::*;

/// A scenario of one target with these settings.
fn scenario_of(target: &str, load: &str) -> String {
    scenario(&format!("{{ gateway: {{ {target} }} }}"), load)
}

const USERS: &str =
    "load: [ { name: users, closed: { concurrency: 3, requests: 12, think: { constant: 5ms } } } ]";

/// A runtime for the servers, which go on while the binary runs.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn with_new_every_row_has_a_connection_of_its_own_and_its_cost() {
    let runtime = runtime();
    let server = runtime.block_on(Server::tcp());
    let target = format!("url: \"{}\", connections: new", server.url());
    let sandbox = Sandbox::with(&scenario_of(&target, USERS));
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    let said = "connections: a new connection for each request\n";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(ran.stdout.contains("opening a connection in ms"));
    let folder = sandbox.folder();
    for row in folder.rows() {
        assert_eq!(row.outcome, Outcome::Ok);
        assert_eq!(row.reused, Some(false));
        assert!(row.connect_ms.is_some());
    }
    // The preflight's is one more.
    assert_eq!(server.seen.opened(), 13);
    assert_eq!(folder.info()["connections"]["sharing"], "new");
}

#[test]
fn each_user_keeps_its_connection_and_has_it_before_the_first_arrival_where_that_is_asked() {
    let runtime = runtime();
    for (preopen, fresh) in [(0, 3), (8, 0)] {
        let server = runtime.block_on(Server::tcp());
        let target = format!(
            "url: \"{}\", connections: per_user, preopen: {preopen}",
            server.url()
        );
        let sandbox = Sandbox::with(&scenario_of(&target, USERS));
        let folder = sandbox.results("--workers 2");
        let rows = folder.rows();
        let opened = rows.iter().filter(|row| row.reused == Some(false));
        assert_eq!(opened.count(), fresh);
        assert_eq!(server.seen.opened(), 3 + 1);
        let phase = &folder.info()["phases"][0];
        if preopen > 0 {
            // Of those asked for, a closed loop needs one for each user.
            assert_eq!(phase["preopened"]["wanted"], 3);
            assert_eq!(phase["preopened"]["idle"], 3);
            let took = phase["preopened"]["took_ms"].as_f64().unwrap();
            assert!(took > 0.0 && took <= phase["started_ms"].as_f64().unwrap());
        } else {
            assert!(phase.get("preopened").is_none());
        }
    }
}

#[test]
fn an_open_loop_has_what_it_asked_for_before_its_first_arrival() {
    let runtime = runtime();
    let server = runtime.block_on(Server::tcp());
    let target = format!("url: \"{}\", preopen: 5", server.url());
    let load = "load: [ { name: steady, constant: { rate: 100/s, requests: 10 } } ]";
    let sandbox = Sandbox::with(&scenario_of(&target, load));
    let ran = sandbox.run("run scenario.yaml -o out").exits(0);
    let said = "connections: opened ahead of steady: 5 of 5 in ";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(
        sandbox
            .folder()
            .rows()
            .iter()
            .all(|row| row.reused == Some(true))
    );
    assert_eq!(server.seen.opened(), 5 + 1);
}

#[test]
fn connect_to_reaches_a_server_that_the_url_does_not_name() {
    let runtime = runtime();
    for client in ["direct", "reqwest"] {
        let sandbox = Sandbox::new();
        let server = runtime.block_on(Server::tcp());
        let _runtime = runtime.enter();
        let socket = Server::unix(&sandbox.path("gateway.sock"));
        let places = [
            (format!("127.0.0.1:{}", server.port()), &server),
            ("unix:gateway.sock".to_owned(), &socket),
        ];
        for (place, server) in places {
            let target = format!("url: \"http://gateway.test/v1\", connect_to: \"{place}\"");
            let text = scenario_of(&target, &format!("{USERS}\nclient: {client}"));
            sandbox.write("scenario.yaml", text);
            let ran = sandbox.run("run scenario.yaml --json -o out").exits(0);
            let info: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(info["connections"]["connect_to"], place.as_str());
            let heads = server.seen.heads();
            assert_eq!(heads.len(), 13, "the preflight goes the same way");
            assert!(heads.iter().all(|head| head.contains("host: gateway.test")));
        }
    }
}

#[test]
fn a_server_that_nobody_vouches_for_is_measured_on_request_only_and_that_is_told_loudly() {
    let runtime = runtime();
    for client in ["direct", "reqwest"] {
        let sandbox = Sandbox::new();
        let config = found(&sandbox.path(""), Clients::Anybody);
        let server = runtime.block_on(Server::tls(config));
        let run = |name: &str, tls: &str| {
            let address = server.address;
            let target = format!("url: \"https://{name}/v1\", connect_to: \"{address}\"{tls}");
            let text = scenario_of(&target, &format!("{USERS}\nclient: {client}"));
            sandbox.write("scenario.yaml", text);
            sandbox.run("run scenario.yaml -o out")
        };
        let refused = run(NAME, "").exits(5);
        assert!(
            refused
                .stderr
                .contains("can't be reached: invalid peer certificate")
        );
        assert!(
            refused.stderr.contains("tls: { ca: file.pem }"),
            "{}",
            refused.stderr
        );
        let refused = run("other.test", ", tls: { ca: ca.pem }").exits(5);
        assert!(
            refused.stderr.contains("for another name"),
            "{}",
            refused.stderr
        );

        let ran = run("other.test", ", tls: { insecure: true }").exits(0);
        let loud = "TLS NOT VERIFIED (insecure): whoever answered was trusted\n";
        assert!(ran.stdout.starts_with(loud), "{}", ran.stdout);
        assert!(ran.stdout.contains("VALID, WITH CARE") || ran.stdout.contains("INVALID"));
        let folder = sandbox.folder();
        assert_eq!(folder.info()["connections"]["insecure"], true);
        let checks = folder.info()["validity"]["checks"].clone();
        let tls = checks
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["name"] == "TLS");
        assert_eq!(tls.unwrap()["level"], "warn");
        let again = sandbox.run(&format!("report {}", folder.path.display()));
        assert!(again.stdout.starts_with(loud), "the folder tells the same");
    }
}

#[test]
fn a_preflight_that_fails_names_the_next_step() {
    let runtime = runtime();
    let sandbox = Sandbox::new();
    let config = found(&sandbox.path(""), Clients::Known);
    let server = runtime.block_on(Server::tls(config));
    let address = server.address;
    let secured = format!("url: \"https://{NAME}/v1\", connect_to: \"{address}\"");
    let cases = [
        (
            format!("{secured}, tls: {{ ca: ca.pem }}"),
            "tls: { cert: client.pem, key: client.key }",
        ),
        (
            format!("{secured}, tls: {{ ca: client.pem }}"),
            "only the authorities in the file of `ca` are trusted",
        ),
        (
            "url: \"http://a.test\", connect_to: \"127.0.0.1:1\"".to_owned(),
            "check `connect_to`",
        ),
        (
            "url: \"http://a.test\", connect_to: \"unix:none.sock\"".to_owned(),
            "check the path",
        ),
        (
            "url: \"http://a.test\", connect_to: \"nobody.invalid:80\"".to_owned(),
            "check the name of the host in `connect_to`",
        ),
    ];
    for (target, step) in cases {
        sandbox.write("scenario.yaml", scenario_of(&target, USERS));
        let ran = sandbox.run("run scenario.yaml -o out").exits(5);
        assert!(ran.stderr.contains(step), "{target}: {}", ran.stderr);
    }
    let known = format!("{secured}, tls: {{ ca: ca.pem, cert: client.pem, key: client.key }}");
    sandbox.write("scenario.yaml", scenario_of(&known, USERS));
    let folder = sandbox.results("");
    assert_eq!(folder.info()["connections"]["cert"], "client.pem");
    let written = std::fs::read_to_string(folder.path.join("run.json")).unwrap();
    assert!(!written.contains("PRIVATE KEY"));
}
