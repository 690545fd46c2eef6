//! Receivers that are dead, slow, picky or broken: the run takes no notice, and says what they did not get.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::log_server::{Answer, Server};
use crate::prometheus::free_port;
use crate::support::{QUICK_LAB, Ran, Sandbox, scenario};

const LOAD: &str = "load: [ { name: p, constant: { rate: 50/s, duration: 2s } } ]";

struct Run {
    ran: Ran,
    told: Value,
    took: Duration,
}

/// A run of two seconds that writes to a URL.
fn writing_to(url: &str, env: &[(&str, &str)]) -> Run {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let began = Instant::now();
    let args = format!("run scenario.yaml -o out --no-html --remote-write {url}");
    let ran = sandbox.run_with(env, &args).exits(0);
    let took = began.elapsed();
    let folder = sandbox.folder();
    assert_eq!(folder.rows().len(), 100);
    assert_eq!(folder.info()["complete"], true);
    let told = folder.info()["telemetry"]["remote_write"].clone();
    let count = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(
        count("looks"),
        count("delivered") + count("given_up") + count("dropped"),
        "{told}"
    );
    Run { ran, told, took }
}

#[test]
fn a_dead_receiver_neither_delays_nor_fails_the_run() {
    let dead = writing_to(
        &format!("http://127.0.0.1:{}/w?key=planted", free_port()),
        &[],
    );
    assert_eq!(dead.told["delivered"], 0);
    assert_eq!(dead.told["last_delivered"], false);
    assert!(
        dead.told["given_up_by"]["connect"].as_u64().unwrap() >= 2,
        "{}",
        dead.told
    );
    let said = &dead.ran.stderr;
    assert!(
        said.contains("remote write: 0 of 2 looks accepted"),
        "{said}"
    );
    assert!(said.contains("the final figures are not there"), "{said}");
    assert!(!said.contains("planted"), "{said}");
    assert!(!dead.told.to_string().contains("planted"), "{}", dead.told);
    // One that takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let hung = writing_to(&format!("http://{address}/w"), &[]);
    assert_eq!(hung.told["delivered"], 0);
    // Two seconds of load, and five at most for the end.
    for run in [dead, hung] {
        assert!(run.took < Duration::from_secs(12), "{:?}", run.took);
    }
}

#[test]
fn what_a_receiver_can_not_take_now_is_sent_again_and_what_it_refuses_is_not() {
    let server = Server::start(|number, _| match number {
        0 => Answer(
            503,
            "",
            "{\"error\": {\"message\": \"not yet\"}}".to_owned(),
        ),
        _ => Answer(204, "", String::new()),
    });
    let token = ("TOLLGATE_REMOTE_WRITE_TOKEN", "planted-token");
    let run = writing_to(&server.url(), &[token]);
    assert_eq!(run.told["delivered"], run.told["looks"], "{}", run.told);
    assert_eq!(run.told["last_delivered"], true);
    assert_eq!(run.told["last_error"], "status_503: not yet");
    let asked = server.asked();
    assert!(
        asked[0].body == asked[1].body,
        "the first was not sent again"
    );
    for asked in &asked {
        for header in [
            "post /api ",
            "content-type: application/x-protobuf\r",
            "content-encoding: snappy\r",
            "x-prometheus-remote-write-version: 0.1.0\r",
            "user-agent: tollgate/",
            "authorization: bearer planted-token\r",
        ] {
            assert!(asked.head.contains(header), "{header}: {}", asked.head);
        }
    }
    let refusing = Server::start(|_, _| Answer(400, "", "planted-pass: out of order\n".to_owned()));
    let basic = ("TOLLGATE_REMOTE_WRITE_BASIC", "me:planted-pass");
    let run = writing_to(&refusing.url(), &[basic]);
    let looks = run.told["looks"].as_u64().unwrap();
    assert_eq!(run.told["given_up_by"]["status_400"], looks, "{}", run.told);
    assert_eq!(
        refusing.asked().len() as u64,
        looks,
        "a refusal was sent again"
    );
    assert!(
        refusing.asked()[0]
            .head
            .contains("authorization: basic bwu6cgxhbnrlzc1wyxnz\r")
    );
    assert_eq!(run.told["last_error"], "status_400: ***: out of order");
    assert!(!run.ran.stderr.contains("planted"), "{}", run.ran.stderr);
}

#[test]
fn a_slow_receiver_makes_no_request_late() {
    let server = Server::start(|_, _| {
        sleep(Duration::from_millis(700));
        Answer(204, "", String::new())
    });
    let run = writing_to(&server.url(), &[]);
    assert_eq!(run.told["delivered"], run.told["looks"], "{}", run.told);
}

#[test]
fn what_can_not_be_is_told_before_anything_is_sent() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let run = |args: &str| sandbox.run(&format!("run scenario.yaml -o out {args}"));
    let ran = run(&format!("--prometheus {address}")).exits(5);
    assert!(ran.errors()[0].starts_with(&format!("--prometheus can't listen at {address}: ")));
    assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
    let both = [
        ("TOLLGATE_REMOTE_WRITE_TOKEN", "one"),
        ("TOLLGATE_REMOTE_WRITE_BASIC", "two"),
    ];
    let args = "run scenario.yaml -o out --remote-write http://127.0.0.1:1/w";
    let ran = sandbox.run_with(&both, args).exits(2);
    assert!(ran.errors()[0].contains("are both set"), "{}", ran.stderr);
    for (args, said) in [
        (
            "--remote-write ftp://host/w",
            "write it as http://HOST/PATH",
        ),
        (
            "--remote-write http://me:secret@host/w",
            "does not belong into a URL",
        ),
        ("--prometheus here", "--prometheus"),
        ("--prometheus-linger 3s", "--prometheus <ADDR>"),
    ] {
        let ran = run(args).exits(2);
        assert!(ran.stderr.contains(said), "{args}: {}", ran.stderr);
    }
    if cfg!(not(feature = "otlp")) {
        let ran = run("--otlp http://127.0.0.1:1").exits(2);
        assert!(ran.stderr.contains("--features otlp"), "{}", ran.stderr);
    }
    assert!(!sandbox.list().contains(&"out".to_owned()), "a run began");
}
