//! What a command may meet on the network: a lab in the test's own process, and servers that do next
//! to nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use tokio::runtime::Runtime;
use tollgate::base::Seed;
use tollgate::lab::{Counts, Lab};

/// A lab on a thread of the test's process.
pub(crate) struct Stage {
    lab: Lab,
    _runtime: Runtime,
}

impl Stage {
    /// Starts it with a script in JSON.
    pub(crate) fn start(script: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let script = serde_json::from_str(script).unwrap();
        let lab = runtime
            .block_on(Lab::start(script, Seed(1), free, free))
            .unwrap();
        lab.provider.record(true);
        Self {
            lab,
            _runtime: runtime,
        }
    }

    /// The base URL of its provider.
    pub(crate) fn provider(&self) -> &str {
        &self.lab.provider_url
    }

    /// The base URL of its gateway, whose key is `sk-lab`.
    pub(crate) fn gateway(&self) -> &str {
        &self.lab.gateway_url
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lab.provider.counts()
    }

    /// The bodies that its provider got, in their order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let seen = self.lab.provider.seen();
        let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
        seen.iter().map(|seen| text(&seen.body)).collect()
    }
}

/// A port at which connections are counted, and never answered.
pub(crate) struct Ear {
    listener: TcpListener,
}

impl Ear {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.listener.local_addr().unwrap())
    }

    /// Whether nobody has come.
    pub(crate) fn heard_nothing(&self) -> bool {
        let came = self.listener.accept();
        matches!(came, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// A base URL at which nothing listens: the port is reserved for a service that nobody runs.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1/v1";

/// A server that answers everything with `status`, and an error that repeats the key that it was
/// given. Its base URL; it lives as long as the test's process.
pub(crate) fn repeater(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let asked = whole_request(&mut connection);
            let mut fields = asked
                .lines()
                .filter_map(|line| line.split_once(": Bearer "));
            let key = fields.next_back().map_or("none", |(_, key)| key);
            let body = format!(r#"{{"error":{{"message":"the key {key} is not known"}}}}"#);
            let answer = format!(
                "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}

/// Reads a request to its end: closing a connection with bytes unread would reset it.
pub(crate) fn whole_request(connection: &mut TcpStream) -> String {
    let mut asked = String::new();
    let mut bytes = [0; 8 << 10];
    loop {
        let len = connection.read(&mut bytes).unwrap_or(0);
        asked.push_str(&String::from_utf8_lossy(&bytes[..len]));
        let (head, body) = asked.split_once("\r\n\r\n").unwrap_or((&asked, ""));
        let wanted = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().unwrap());
        let complete = asked.contains("\r\n\r\n") && body.len() >= wanted;
        if len == 0 || complete {
            return asked;
        }
    }
}

/// A gateway that answers its `n`-th chat request, from 0, with the headers and the body that `say`
/// gives, and everything else with an empty list. Its base URL.
pub(crate) fn teller(say: impl Fn(u64) -> (String, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut asked = 0;
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let (head, body) = if whole_request(&mut connection).starts_with("POST") {
                asked += 1;
                say(asked - 1)
            } else {
                (String::new(), r#"{"data":[]}"#.to_owned())
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n{head}\r\n{body}",
                body.len()
            );
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    url
}
