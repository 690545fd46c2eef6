//! A server whose first connection is served by hand, byte by byte, and all others well.

#![expect(clippy::unwrap_used, reason = "it is only called by tests")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tollgate::dialect::Dialect;
use tollgate::plan::ArrivalId;
use tollgate::scenario::Timeouts;
use tollgate::shot::{Headers, Shot};
use tollgate::wire::{Clock, DirectWire, Endpoint, Exchange, Outcome, Reading, ReqwestWire, Wire};

/// No request may take longer, whatever its server does.
const LONGEST: Duration = Duration::from_secs(5);

/// The head of a stream that ends with its connection.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
/// The head of a stream in chunks.
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
pub(crate) const TOKEN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
pub(crate) const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// A whole answer of one token.
pub(crate) fn good_body() -> String {
    [ROLE, TOKEN, STOP, DONE].concat()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A whole good answer, after which its connection can be used again.
pub(crate) fn good_answer() -> String {
    format!("{CHUNKED}{}0\r\n\r\n", chunk(&good_body()))
}

/// A connection that is served by hand.
pub(crate) struct Connection(TcpStream);

impl Connection {
    /// Reads one whole request; `None` where the client has left.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase();
                let length = length.split("content-length: ").nth(1);
                let length = length.and_then(|rest| rest.lines().next());
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return Some(text);
                }
            }
            match self.0.read_buf(&mut read).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Reads a few bytes and no more.
    pub(crate) async fn some(&mut self) {
        let _ = self.0.read(&mut [0; 16]).await;
    }

    /// Sends bytes; false where the client has left.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends the same bytes again and again until the client leaves.
    pub(crate) async fn repeat(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) {
        while self.say(&bytes).await {
            tokio::time::sleep(pause).await;
        }
    }

    /// Answers well until the client leaves.
    pub(crate) async fn behave(mut self) {
        while self.request().await.is_some() && self.say(good_answer()).await {}
    }

    /// Says nothing until the client leaves.
    pub(crate) async fn hold(mut self) {
        while self.0.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    }

    /// Breaks the connection, where dropping it would end it in peace.
    pub(crate) async fn reset(self) {
        // What was sent is to arrive: a reset may overtake it in the receiver's buffer.
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.0.set_zero_linger().unwrap();
    }
}

/// A server that is up for as long as this lives.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves the first connection with `bad` and all others well.
    pub(crate) async fn start<F, S>(bad: F) -> Self
    where
        F: FnOnce(Connection) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0".parse().unwrap(), bad).await
    }

    pub(crate) async fn start_at<F, S>(address: SocketAddr, bad: F) -> Self
    where
        F: FnOnce(Connection) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut bad = Some(bad);
            while let Ok((socket, _)) = listener.accept().await {
                match bad.take() {
                    Some(bad) => tokio::spawn(bad(Connection(socket))),
                    None => tokio::spawn(Connection(socket).behave()),
                };
            }
        });
        Self { address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Timeouts that no test here reaches, to change the one that it is about.
pub(crate) fn patient() -> Timeouts {
    Timeouts {
        connect: LONGEST,
        first_token: LONGEST,
        idle: LONGEST,
        request: LONGEST,
    }
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The wires, each of which must survive the same.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Connections of its own.
    Direct,
    /// The client that applications use.
    Reqwest,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::Direct, Self::Reqwest];
}

enum AnyWire {
    Direct(Box<DirectWire>),
    Reqwest(Box<ReqwestWire>),
}

/// A wire and its clock.
pub(crate) struct Client {
    wire: AnyWire,
    clock: Clock,
}

impl Client {
    pub(crate) fn new(kind: Kind, base_url: String, timeouts: Timeouts) -> Self {
        let clock = Clock::start();
        let endpoint = Endpoint {
            base_url,
            ..Endpoint::default()
        };
        let wire = match kind {
            Kind::Direct => {
                let wire = DirectWire::new(&endpoint, timeouts, clock).unwrap();
                AnyWire::Direct(Box::new(wire))
            }
            Kind::Reqwest => AnyWire::Reqwest(Box::new(
                ReqwestWire::new(endpoint, timeouts, clock).unwrap(),
            )),
        };
        Self { wire, clock }
    }

    /// A wire of each kind, to the same place.
    pub(crate) fn both(base_url: &str, timeouts: Timeouts) -> [Self; 2] {
        Kind::BOTH.map(|kind| Self::new(kind, base_url.to_owned(), timeouts))
    }

    /// What becomes of one request, with a body of so many bytes.
    pub(crate) async fn send(&self, stream: bool, body: usize) -> Exchange {
        let shot = Shot {
            id: ArrivalId::default(),
            dialect: Dialect::OpenaiChat,
            headers: Headers::default(),
            path: "/chat/completions".into(),
            body: Bytes::from(vec![b'x'; body]),
            stream,
        };
        let mut reading = Reading::new(shot.dialect, stream);
        let sent = async {
            match &self.wire {
                AnyWire::Direct(wire) => wire.send(&shot, None, &mut reading).await,
                AnyWire::Reqwest(wire) => wire.send(&shot, None, &mut reading).await,
            }
        };
        let result = tokio::time::timeout(LONGEST * 2, sent).await;
        let exchange = reading.finish(result.expect("no request hangs"), self.clock.now());
        let marks = exchange.marks;
        assert!(marks.end.is_some() && marks.end >= marks.sent, "{marks:?}");
        exchange
    }

    pub(crate) async fn stream(&self) -> Exchange {
        self.send(true, 100).await
    }
}

/// What a stream comes to on each wire, at a server of its own whose first connection is `bad`.
/// Whatever it is, the same wire gets a good answer after it.
pub(crate) async fn met<F, S>(timeouts: Timeouts, bad: F) -> [Exchange; 2]
where
    F: FnOnce(Connection) -> S + Clone + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let [direct, reqwest] = Kind::BOTH.map(|kind| {
        let bad = bad.clone();
        async move {
            let server = Server::start(bad).await;
            let client = Client::new(kind, server.url(), timeouts);
            let exchange = client.stream().await;
            let next = client.stream().await;
            assert_eq!(
                next.outcome,
                Outcome::Ok,
                "{kind:?}: {next:?} after {exchange:?}"
            );
            exchange
        }
    });
    tokio::join!(direct, reqwest).into()
}

/// What it comes to when the first connection gets its request and answers these bytes, and then
/// goes on well.
pub(crate) async fn answered(bytes: impl Into<Vec<u8>>) -> [Exchange; 2] {
    let bytes = bytes.into();
    met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say(bytes).await;
        connection.behave().await;
    })
    .await
}

/// What it comes to when the first connection gets its request, answers these bytes, and ends.
pub(crate) async fn answered_last(bytes: impl Into<Vec<u8>>) -> [Exchange; 2] {
    let bytes = bytes.into();
    met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say(bytes).await;
    })
    .await
}
