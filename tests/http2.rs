//! The direct wire over HTTP/2, against servers that keep its rules and servers that don't.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, SendStream};
use http::{HeaderName, HeaderValue, Request, Response};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tollgate::dialect::{Ask, Dialect};
use tollgate::plan::ArrivalId;
use tollgate::scenario::{Http, Policy, Timeouts};
use tollgate::shot::{Headers, Shot};
use tollgate::wire::{Clock, DirectWire, Endpoint, Exchange, Outcome, Reading, TimeoutKind, Wire};

const TOKEN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

type Incoming = (Request<h2::RecvStream>, SendResponse<Bytes>);

/// A server whose every connection is served by `serve`; its URL, and how many connections it had.
async fn server<S, F>(serve: S) -> (String, Arc<AtomicU64>)
where
    S: Fn(TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let opened = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(socket));
        }
    });
    (url, opened)
}

/// A server that answers each request by `answer`, each in a task of its own.
async fn answering<A, F>(answer: A) -> (String, Arc<AtomicU64>)
where
    A: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    server(move |socket| {
        let answer = answer.clone();
        async move {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok(request)) = connection.accept().await {
                tokio::spawn(answer(request));
            }
        }
    })
    .await
}

/// Begins a stream with so many tokens, a little apart.
async fn begin((_, mut respond): Incoming, tokens: u32) -> SendStream<Bytes> {
    let head = Response::builder().header("content-type", "text/event-stream");
    let mut body = respond
        .send_response(head.body(()).unwrap(), false)
        .unwrap();
    for _ in 0..tokens {
        body.send_data(Bytes::from_static(TOKEN.as_bytes()), false)
            .unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    body
}

async fn whole(request: Incoming) {
    let mut body = begin(request, 3).await;
    body.send_data(Bytes::from_static(STOP.as_bytes()), true)
        .unwrap();
}

fn patient() -> Timeouts {
    let ten = Duration::from_secs(10);
    Timeouts {
        connect: ten,
        first_token: ten,
        idle: ten,
        request: ten,
    }
}

struct Client {
    wire: DirectWire,
    clock: Clock,
}

impl Client {
    fn new(url: String, timeouts: Timeouts) -> Self {
        let policy = Policy {
            http: Http::Two,
            ..Policy::default()
        };
        let endpoint = Endpoint {
            base_url: url,
            policy,
            ..Endpoint::default()
        };
        let clock = Clock::start();
        let wire = DirectWire::new(&endpoint, timeouts, clock).unwrap();
        Self { wire, clock }
    }

    async fn ask(&self) -> Exchange {
        self.ask_with(Headers::default()).await
    }

    async fn ask_with(&self, headers: Headers) -> Exchange {
        let ask = Ask {
            stream: true,
            ..Ask::default()
        };
        let shot = Shot {
            id: ArrivalId::default(),
            dialect: Dialect::OpenaiChat,
            headers,
            path: Dialect::OpenaiChat.path().into(),
            body: Bytes::from(Dialect::OpenaiChat.encode_ask(&ask)),
            stream: true,
        };
        let mut reading = Reading::new(shot.dialect, true);
        let sending = self.wire.send(&shot, None, &mut reading);
        let result = tokio::time::timeout(Duration::from_secs(20), sending).await;
        reading.finish(result.expect("no request hangs"), self.clock.now())
    }
}

#[tokio::test]
async fn all_requests_share_one_connection_and_each_reads_its_own_answer() {
    let (url, opened) = answering(whole).await;
    let client = Arc::new(Client::new(url, patient()));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let client = Arc::clone(&client);
        asking.spawn(async move { client.ask().await });
    }
    let mut new = 0;
    for exchange in asking.join_all().await {
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        assert_eq!(exchange.token_chunks, 3);
        let marks = exchange.marks;
        assert!(marks.sent < marks.headers && marks.headers <= marks.first_token);
        // Three tokens, 10 ms apart: a mark may be later than the truth, and never earlier.
        let length = marks.end.zip(marks.sent).unwrap();
        assert!(
            length.0.since(length.1) >= Duration::from_millis(30),
            "{marks:?}"
        );
        new += u32::from(exchange.connecting.is_some());
    }
    assert_eq!((opened.load(Ordering::Relaxed), new), (1, 1));
}

#[tokio::test]
async fn headers_of_a_scenario_are_sent() {
    let (url, _) = answering(|request: Incoming| async {
        let given = request.0.headers().get("x-team").map(HeaderValue::as_bytes);
        let tokens = if given == Some(b"red") { 2 } else { 1 };
        let mut body = begin(request, tokens).await;
        body.send_data(Bytes::from_static(STOP.as_bytes()), true)
            .unwrap();
    })
    .await;
    let client = Client::new(url, patient());
    let team = (
        HeaderName::from_static("x-team"),
        HeaderValue::from_static("red"),
    );
    assert_eq!(client.ask().await.token_chunks, 1);
    let exchange = client.ask_with(Headers::from_iter([team])).await;
    assert_eq!(exchange.token_chunks, 2, "{exchange:?}");
}

#[tokio::test]
async fn a_stream_that_is_reset_fails_alone() {
    let (url, opened) = answering(|request: Incoming| async {
        let reset = request.0.headers().contains_key("never");
        let mut body = begin(request, 2).await;
        assert!(!reset);
        body.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let client = Client::new(url, patient());
    for _ in 0..2 {
        let exchange = client.ask().await;
        assert_eq!(exchange.outcome, Outcome::Truncated, "{exchange:?}");
        assert_eq!((exchange.status, exchange.token_chunks), (Some(200), 2));
        assert!(exchange.error.unwrap().contains("internal error"));
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_request_that_is_refused_before_its_head_is_a_reset() {
    let (url, _) = answering(|(_, mut respond): Incoming| async move {
        respond.send_reset(Reason::REFUSED_STREAM);
    })
    .await;
    let exchange = Client::new(url, patient()).ask().await;
    assert_eq!(exchange.outcome, Outcome::Reset, "{exchange:?}");
    assert_eq!((exchange.status, exchange.marks.headers), (None, None));
    assert!(exchange.error.unwrap().contains("refused"));
}

/// Serves one request as far as two tokens, and then ends the connection by `end`.
async fn served_until(
    socket: TcpStream,
    end: impl FnOnce(&mut Connection<TcpStream, Bytes>) + Send,
) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let request = connection.accept().await.unwrap().unwrap();
    let body = tokio::spawn(begin(request, 2));
    // The connection moves only while somebody asks it for more.
    let more = tokio::time::timeout(Duration::from_millis(100), connection.accept());
    assert!(more.await.is_err());
    end(&mut connection);
    let _ = tokio::time::timeout(Duration::from_millis(500), connection.accept()).await;
    drop(body);
}

#[tokio::test]
async fn an_abrupt_goaway_truncates_what_was_under_way_and_the_next_opens_another() {
    let (url, opened) = server(|socket| {
        served_until(socket, |connection| {
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        })
    })
    .await;
    let client = Client::new(url, patient());
    for round in 1..=2 {
        let exchange = client.ask().await;
        assert_eq!(exchange.outcome, Outcome::Truncated, "{exchange:?}");
        assert_eq!(exchange.token_chunks, 2);
        assert!(exchange.error.is_some());
        assert!(exchange.connecting.is_some());
        assert_eq!(opened.load(Ordering::Relaxed), round);
    }
}

#[tokio::test]
async fn a_graceful_goaway_lets_the_answer_end_and_the_next_request_opens_another() {
    let (url, opened) = server(|socket| async {
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let request = connection.accept().await.unwrap().unwrap();
        connection.graceful_shutdown();
        tokio::spawn(whole(request));
        while connection.accept().await.is_some() {}
    })
    .await;
    let client = Client::new(url, patient());
    for round in 1..=3 {
        let exchange = client.ask().await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(opened.load(Ordering::Relaxed), round);
    }
}

#[tokio::test]
async fn a_connection_lost_in_a_stream_truncates_it() {
    let (url, _) = server(|socket| async {
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let request = connection.accept().await.unwrap().unwrap();
        let body = tokio::spawn(begin(request, 2));
        let _ = tokio::time::timeout(Duration::from_millis(100), connection.accept()).await;
        drop((connection, body));
    })
    .await;
    let exchange = Client::new(url, patient()).ask().await;
    assert_eq!(exchange.outcome, Outcome::Truncated, "{exchange:?}");
    assert_eq!(exchange.token_chunks, 2);
}

#[tokio::test]
async fn a_server_of_another_protocol_is_malformed() {
    let (url, _) = server(|mut socket: TcpStream| async move {
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(answer).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await;
    let exchange = Client::new(url, patient()).ask().await;
    assert_eq!(exchange.outcome, Outcome::Malformed, "{exchange:?}");
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_with_its_own_patience_while_others_talk() {
    let first = Arc::new(AtomicU64::new(0));
    let (url, _) = answering(move |request: Incoming| {
        let number = first.fetch_add(1, Ordering::Relaxed);
        async move {
            let mut body = begin(request, 2).await;
            while number > 0
                && body
                    .send_data(Bytes::from_static(TOKEN.as_bytes()), false)
                    .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    })
    .await;
    let timeouts = Timeouts {
        idle: Duration::from_millis(300),
        request: Duration::from_secs(2),
        ..patient()
    };
    let client = Client::new(url, timeouts);
    let (silent, talking) = tokio::join!(client.ask(), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.ask().await
    });
    assert_eq!(
        silent.outcome,
        Outcome::Timeout(TimeoutKind::Idle),
        "{silent:?}"
    );
    let request = Outcome::Timeout(TimeoutKind::Request);
    assert_eq!(talking.outcome, request, "{talking:?}");
}
