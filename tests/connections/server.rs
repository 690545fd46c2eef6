//! A server that counts its connections and keeps what was asked on them: over TCP, TLS or a Unix
//! socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What the server saw; it is up for as long as this lives.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
pub(crate) struct Seen {
    opened: AtomicUsize,
    heads: Mutex<Vec<String>>,
    /// Of each connection that was secured: the HTTP that was agreed on, and whether the client said
    /// who it is.
    pub(crate) secured: Mutex<Vec<(String, bool)>>,
    /// Ends every connection that is open and not secured.
    pub(crate) hang_up: Notify,
}

impl Seen {
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// The heads of the requests, in small letters.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn tcp() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn tls(config: rustls::ServerConfig) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                noted.opened.fetch_add(1, Ordering::SeqCst);
                let (seen, tls) = (Arc::clone(&noted), tls.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        tokio::select! {
                            () = serve(socket, &seen) => {}
                            () = seen.hang_up.notified() => {}
                        }
                        return;
                    };
                    if let Ok(secured) = tls.accept(socket).await {
                        let (_, session) = secured.get_ref();
                        let http = session.alpn_protocol().unwrap_or_default();
                        let http = String::from_utf8(http.to_vec()).unwrap();
                        let known = session.peer_certificates().is_some();
                        seen.secured.lock().unwrap().push((http, known));
                        serve(secured, &seen).await;
                    }
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let seen = Arc::new(Seen::default());
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                noted.opened.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&noted);
                tokio::spawn(async move { serve(socket, &seen).await });
            }
        });
        Self {
            address: "0.0.0.0:0".parse().unwrap(),
            seen,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Answers requests, each after a while, until the client leaves.
async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, seen: &Seen) {
    let body = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else {
            match socket.read_buf(&mut read).await {
                Ok(1..) => continue,
                _ => return,
            }
        };
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.lines().next());
        if rest.len() < length.map_or(0, |length| length.parse().unwrap()) {
            match socket.read_buf(&mut read).await {
                Ok(1..) => continue,
                _ => return,
            }
        }
        seen.heads.lock().unwrap().push(head.to_owned());
        read.clear();
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
