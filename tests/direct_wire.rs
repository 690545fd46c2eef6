//! The direct wire against the lab: connections, phases, and the same readings as the other client.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tollgate::base::Seed;
use tollgate::dialect::{Ask, Dialect, Message, Role};
use tollgate::lab::{Lab, Script};
use tollgate::plan::ArrivalId;
use tollgate::scenario::Timeouts;
use tollgate::shot::{Headers, Shot};
use tollgate::wire::{Clock, DirectWire, Endpoint, Exchange, Outcome, Reading, ReqwestWire, Wire};

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    first_token: Duration::from_secs(10),
    idle: Duration::from_secs(10),
    request: Duration::from_secs(20),
};

fn shot(model: &str, stream: bool, text: &str) -> Shot {
    let said = Message {
        role: Role::User,
        content: text.to_owned(),
    };
    let ask = Ask {
        model: model.to_owned(),
        messages: vec![said],
        stream,
        max_tokens: Some(16),
        ..Ask::default()
    };
    Shot {
        id: ArrivalId::default(),
        dialect: Dialect::OpenaiChat,
        headers: Headers::default(),
        path: Dialect::OpenaiChat.path().into(),
        body: Bytes::from(Dialect::OpenaiChat.encode_ask(&ask)),
        stream,
    }
}

async fn send(wire: &impl Wire, clock: Clock, shot: &Shot) -> Exchange {
    let mut reading = Reading::new(shot.dialect, shot.stream);
    let result = wire.send(shot, None, &mut reading).await;
    reading.finish(result, clock.now())
}

async fn lab(script: Script) -> Lab {
    let free = "127.0.0.1:0".parse().unwrap();
    Lab::start(script, Seed(1), free, free).await.unwrap()
}

fn endpoint(lab: &Lab) -> Endpoint {
    Endpoint {
        base_url: lab.gateway_url.clone(),
        key: Some(lab.key.clone()),
        ..Endpoint::default()
    }
}

#[tokio::test]
async fn a_connection_is_opened_once_and_then_used_again() {
    let lab = lab(Script::default()).await;
    let clock = Clock::start();
    let wire = DirectWire::new(&endpoint(&lab), PATIENT, clock).unwrap();
    for number in 0..5 {
        let exchange = send(&wire, clock, &shot("openai/gpt-lab", number % 2 == 0, "hi")).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
        assert_eq!(exchange.reused, Some(number > 0));
        assert_eq!(exchange.connecting.is_some(), number == 0);
        let marks = exchange.marks;
        assert!(marks.sent <= marks.headers && marks.headers <= marks.first_byte);
        assert!(marks.first_byte <= marks.end && marks.sent.is_some());
    }
    lab.stop().await.unwrap();
}

/// A server that counts its connections and answers each request after a while; with `lives` it
/// closes a connection after so many answers.
async fn counting_server(lives: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let opened = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let body = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut buffer = vec![0; 64 * 1024];
                for _ in 0..lives {
                    // The requests of this test are small: each comes in one read.
                    let Ok(1..) = socket.read(&mut buffer).await else {
                        return;
                    };
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    if socket.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, opened)
}

#[tokio::test]
async fn never_more_connections_are_open_than_requests_are_in_flight() {
    let (url, opened) = counting_server(u64::MAX).await;
    let clock = Clock::start();
    let endpoint = Endpoint {
        base_url: url,
        ..Endpoint::default()
    };
    let wire = Arc::new(DirectWire::new(&endpoint, PATIENT, clock).unwrap());
    let mut users = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let wire = Arc::clone(&wire);
        users.spawn(async move {
            for _ in 0..10 {
                let exchange = send(&*wire, clock, &shot("gpt-lab", false, "hi")).await;
                assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
            }
        });
    }
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    assert_eq!(opened.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_a_failure() {
    let (url, opened) = counting_server(1).await;
    let clock = Clock::start();
    let endpoint = Endpoint {
        base_url: url,
        ..Endpoint::default()
    };
    let wire = DirectWire::new(&endpoint, PATIENT, clock).unwrap();
    for _ in 0..20 {
        let exchange = send(&wire, clock, &shot("gpt-lab", false, "hi")).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
        // The server's end of the connection is on its way, and needs a turn to arrive.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(opened.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn both_clients_read_the_same_answers_and_failures() {
    let script = r#"{"models":[{"model":"gpt-lab"}],"faults":[
        {"when":{"model":"cut"},"do":{"cut_after":3}},
        {"when":{"model":"ended"},"do":{"end_after":3}},
        {"when":{"model":"broken"},"do":{"error_after":3}},
        {"when":{"model":"garbage"},"do":"garbage"},
        {"when":{"model":"refused"},"do":"refuse"},
        {"when":{"model":"limited"},"do":{"status":{"code":429,"retry_after":"2s","message":"slow down"}}}]}"#;
    let mut script: Script = serde_json::from_str(script).unwrap();
    for name in ["cut", "ended", "broken", "garbage", "refused", "limited"] {
        let like = script.models[0].clone();
        script.models.push(tollgate::lab::Model {
            model: name.to_owned(),
            ..like
        });
    }
    let lab = lab(script).await;
    let clock = Clock::start();
    let endpoint = Endpoint {
        base_url: lab.provider_url.clone(),
        ..Endpoint::default()
    };
    let direct = DirectWire::new(&endpoint, PATIENT, clock).unwrap();
    let reqwest = ReqwestWire::new(endpoint, PATIENT, clock).unwrap();
    let models = [
        "gpt-lab", "cut", "ended", "broken", "garbage", "refused", "limited",
    ];
    for (model, stream) in models
        .iter()
        .flat_map(|model| [(model, true), (model, false)])
    {
        let shot = shot(model, stream, "tell me");
        let (ours, theirs) = (
            send(&direct, clock, &shot).await,
            send(&reqwest, clock, &shot).await,
        );
        assert_eq!(
            ours.outcome, theirs.outcome,
            "{model} {stream}: {:?}",
            ours.error
        );
        assert_eq!(ours.token_chunks, theirs.token_chunks, "{model} {stream}");
        assert_eq!(ours.body_bytes, theirs.body_bytes, "{model} {stream}");
        assert_eq!(ours.usage, theirs.usage, "{model} {stream}");
        assert_eq!(ours.finish, theirs.finish, "{model} {stream}");
        assert_eq!(ours.retry_after, theirs.retry_after, "{model} {stream}");
    }
    lab.stop().await.unwrap();
}
