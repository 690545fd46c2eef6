//! The server of the ceiling: HTTP/1.1 on one core, with answers that stand ready.
//!
//! It knows just enough HTTP to find the end of a request. The path's first part says which answer:
//! `/plain/..`, `/stream32/..`, `/stream256/..`, `/paced/..`, `/slow/..`. `/count` says what was
//! answered so far, so that a client's own count can be checked.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use super::answers::{Answer, streamed, versions, whole};

/// Connections that may wait to be accepted: all of a client come at once.
const BACKLOG: u32 = 8_192;
/// The most bytes of a request.
const MOST: usize = 64 << 10;

/// The answers of one path.
struct Route {
    path: &'static str,
    /// From one part to the next; none: all at once.
    pace: Option<Duration>,
    answers: Vec<Answer>,
}

/// What was answered so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Count {
    /// Answers whose last byte was handed to the kernel.
    pub(super) answers: u64,
    /// Chunks with a token in them.
    pub(super) tokens: u64,
}

struct Server {
    routes: Vec<Route>,
    count: Cell<Count>,
    /// Which version is next.
    next: Cell<usize>,
}

/// `ceiling serve`: says its port, and serves until its stdin ends.
pub(super) fn serve() -> anyhow::Result<()> {
    let at_once = |path, answers| Route {
        path,
        pace: None,
        answers,
    };
    let paced = |path, ms, tokens| Route {
        path,
        pace: Some(Duration::from_millis(ms)),
        answers: versions(|version| streamed(tokens, version)),
    };
    let server = Rc::new(Server {
        routes: vec![
            at_once("/plain/", versions(whole)),
            at_once("/stream32/", versions(|version| streamed(32, version))),
            at_once("/stream256/", versions(|version| streamed(256, version))),
            paced("/paced/", 10, 32),
            paced("/slow/", 500, 20),
        ],
        count: Cell::default(),
        next: Cell::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        // Where stdin can't be read, the parent is gone as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = end.send(());
    });
    LocalSet::new().block_on(&runtime, async move {
        tokio::select! {
            result = server.accept() => result,
            _ = ended => Ok(()),
        }
    })
}

impl Server {
    async fn accept(self: Rc<Self>) -> anyhow::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(BACKLOG)?;
        super::say(&listener.local_addr()?.port().to_string());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let server = Rc::clone(&self);
            // A client that goes away in the middle is no concern of the server's.
            tokio::task::spawn_local(async move { server.connection(stream).await.ok() });
        }
    }

    async fn connection(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        let mut buffer = Vec::with_capacity(2 << 10);
        loop {
            let length = loop {
                if let Some(length) = request_length(&buffer)? {
                    break length;
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            self.answer(&mut stream, &buffer[..length]).await?;
            buffer.drain(..length);
        }
    }

    async fn answer(&self, stream: &mut TcpStream, request: &[u8]) -> anyhow::Result<()> {
        let mut words = request.split(|&byte| byte == b' ');
        let post = words.next() == Some(b"POST");
        let path = words.next().context("no path")?;
        let route = self
            .routes
            .iter()
            .find(|route| post && path.starts_with(route.path.as_bytes()));
        let Some(route) = route else {
            let body = serde_json::to_string(&self.count.get())?;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            return Ok(stream.write_all((head + &body).as_bytes()).await?);
        };
        let answer = &route.answers[self.next.get() % route.answers.len()];
        self.next.set(self.next.get() + 1);
        match route.pace {
            None => stream.write_all(&answer.bytes).await?,
            Some(pace) => parts(stream, answer, pace).await?,
        }
        let count = self.count.get();
        self.count.set(Count {
            answers: count.answers + 1,
            tokens: count.tokens + answer.tokens,
        });
        Ok(())
    }
}

/// Writes each part by itself, `pace` apart.
async fn parts(stream: &mut TcpStream, answer: &Answer, pace: Duration) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut from = 0;
    for (due, &end) in (0..).zip(&answer.ends) {
        sleep_until(start + pace * due).await;
        stream.write_all(&answer.bytes[from..end]).await?;
        from = end;
    }
    Ok(())
}

/// How long the first request is, where all of it has come.
fn request_length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        anyhow::ensure!(bytes.len() < MOST, "no end of a request");
        return Ok(None);
    };
    let lines = bytes[..end].split(|&byte| byte == b'\n').skip(1);
    let mut body = 0;
    for line in lines {
        const NAME: &[u8] = b"content-length:";
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            let value = std::str::from_utf8(&line[NAME.len()..])?;
            body = value.trim().parse().context("an odd content-length")?;
        }
    }
    let length = end + 4 + body;
    Ok((bytes.len() >= length).then_some(length))
}
