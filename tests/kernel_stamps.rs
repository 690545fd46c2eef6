//! Kernel receive stamps from outside: a busy client's marks are not late, and the run says whose they are.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tollgate::base::Offset;
use tollgate::dialect::Dialect;
use tollgate::plan::ArrivalId;
use tollgate::scenario::{Timeouts, Timestamps};
use tollgate::shot::{Headers, Shot};
use tollgate::wire::{Clock, DirectWire, Endpoint, Outcome, Reading, Stamping, Wire};

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    first_token: Duration::from_secs(10),
    idle: Duration::from_secs(10),
    request: Duration::from_secs(20),
};
const BLOCK: Duration = Duration::from_millis(50);

/// What the client and the server tell each other.
#[derive(Default)]
struct Signs {
    head_written: AtomicBool,
    blocked: AtomicBool,
    chunk_written: AtomicBool,
}

fn wait_for(sign: &AtomicBool) {
    while !sign.load(SeqCst) {
        thread::sleep(Duration::from_micros(200));
    }
}

/// Answers one request; its chunk is written while the client is blocked. When it was.
fn serve(listener: &TcpListener, clock: Clock, signs: &Signs) -> Offset {
    let (mut socket, _) = listener.accept().unwrap();
    socket.set_nodelay(true).unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"{}") {
        let mut buffer = [0; 1024];
        let read = socket.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
    }
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n\
                 data: [DONE]\n\n";
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
        chunk.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    signs.head_written.store(true, SeqCst);
    wait_for(&signs.blocked);
    let written = clock.now();
    socket.write_all(chunk.as_bytes()).unwrap();
    signs.chunk_written.store(true, SeqCst);
    written
}

/// How late the mark of the first byte is, where it arrived while the client's thread was blocked.
fn lag(wanted: Timestamps) -> (Duration, Stamping) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint {
        base_url: format!("http://{}/v1", listener.local_addr().unwrap()),
        ..Endpoint::default()
    };
    let (clock, stamping) = (Clock::start(), Stamping::new(wanted));
    let signs = Arc::new(Signs::default());
    let server = {
        let signs = Arc::clone(&signs);
        thread::spawn(move || serve(&listener, clock, &signs))
    };
    let shot = Shot {
        id: ArrivalId::default(),
        dialect: Dialect::OpenaiChat,
        headers: Headers::default(),
        path: Dialect::OpenaiChat.path().into(),
        body: Bytes::from_static(b"{}"),
        stream: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let exchange = runtime.block_on(async {
        let wire = DirectWire::new(&endpoint, PATIENT, clock).unwrap();
        let wire = wire.with_stamping(&stamping);
        let busy = tokio::spawn(async move {
            while !signs.head_written.load(SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            signs.blocked.store(true, SeqCst);
            wait_for(&signs.chunk_written);
            thread::sleep(BLOCK);
        });
        let mut reading = Reading::new(shot.dialect, shot.stream);
        let result = wire.send(&shot, None, &mut reading).await;
        busy.await.unwrap();
        reading.finish(result, clock.now())
    });
    assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
    let marks = exchange.marks;
    assert!(marks.sent <= marks.headers && marks.headers <= marks.first_byte);
    assert_eq!(marks.first_byte, marks.end);
    (
        marks.first_byte.unwrap().since(server.join().unwrap()),
        stamping,
    )
}

#[test]
fn a_client_that_is_blocked_while_a_chunk_arrives_does_not_make_its_mark_late() {
    let (user, stamping) = lag(Timestamps::User);
    assert!(user >= BLOCK, "{user:?}");
    assert_eq!(stamping.in_words(), "user stamps");
    let (kernel, stamping) = lag(Timestamps::Kernel);
    assert!(
        kernel * 5 < user,
        "{kernel:?} {user:?} {:?}",
        stamping.tally()
    );
    assert_eq!(stamping.tally().implausible, 0);
    assert!(stamping.in_words().starts_with("kernel receive stamps"));
}

/// What a small run against the lab prints, and its `run.json`.
fn run(timestamps: &str) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "name: stamps\n{timestamps}\ntargets: {{ lab: {{ lab: {{ via: provider }} }} }}\n\
         mix: [ {{ name: a, chat: {{ model: gpt-lab, prompt: {{ text: hi }}, max_tokens: 4 }} }} ]\n\
         load: [ {{ name: users, closed: {{ concurrency: 2, requests: 10 }} }} ]\n"
    );
    let path = folder.path().join("stamps.yaml");
    std::fs::write(&path, scenario).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.arg("run").arg(&path).arg("-o").arg(folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let run_folder = said.lines().find_map(|line| line.strip_prefix("files in "));
    let info = std::fs::read(std::path::Path::new(run_folder.unwrap()).join("run.json")).unwrap();
    (said, serde_json::from_slice(&info).unwrap())
}

#[test]
fn a_run_says_whose_stamps_its_marks_are() {
    let (said, info) = run("timestamps: user");
    assert_eq!(info["client"], "direct, HTTP/1.1, user stamps");
    assert!(said.contains("direct, HTTP/1.1, user stamps"), "{said}");
    assert_eq!(info["stamps"]["kernel"], 0);
    assert!(info["stamps"]["user"].as_u64().unwrap() >= 10);

    let (said, info) = run("");
    assert!(
        said.contains("direct, HTTP/1.1, kernel receive stamps"),
        "{said}"
    );
    assert!(info["stamps"]["kernel"].as_u64().unwrap() >= 10, "{info}");
    assert_eq!(info["stamps"]["implausible"], 0);
}
