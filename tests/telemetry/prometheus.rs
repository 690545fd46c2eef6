//! A real Prometheus on a free port, which scrapes one address and takes remote writes.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use url::form_urlencoded::byte_serialize;

use crate::support::until;

const PROGRAM: &str = "prometheus";
const GUARD: &str = r#""$0" "$@" <&- & read -r _; kill $!; wait $!"#;

/// It ends with this value.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// A series at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) labels: Value,
    pub(crate) value: f64,
}

impl Point {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or("")
    }
}

/// A port that was free just now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The body of an answer that is a success, without its head.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    // By HTTP/1.0 the body is in one piece, and ends with the connection.
    let asked = format!("GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n");
    stream.write_all(asked.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let ok = head.split(' ').nth(1) == Some("200");
    ok.then(|| body.to_owned())
}

impl Prometheus {
    /// One that scrapes this port as the job `scraped`, once a second.
    pub(crate) fn start(scraped: u16) -> Self {
        let found = Command::new(PROGRAM).arg("--version").output();
        assert!(
            found.is_ok_and(|found| found.status.success()),
            "Prometheus is needed to read what a run tells: install it (Debian: prometheus), or leave these \
             tests out with TOLLGATE_SKIP_REAL=1"
        );
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: scraped\n    \
             static_configs: [ {{ targets: [ \"127.0.0.1:{scraped}\" ] }} ]\n"
        );
        fs::write(&config, text).unwrap();
        let port = free_port();
        // A shell between ends it with these tests, however they end: its input is closed then.
        let child = Command::new("sh")
            .args(["-c", GUARD, PROGRAM])
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--web.enable-remote-write-receiver", "--log.level=error"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Self {
            child,
            port,
            _folder: folder,
        };
        until("Prometheus", || get(port, "/-/ready").is_some());
        // It takes some seconds to come to what its configuration names.
        until("a scrape", || !prometheus.ask("up", None).is_empty());
        prometheus
    }

    /// Where it takes remote writes.
    pub(crate) fn write_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1/write", self.port)
    }

    /// What a query gives at an instant, in seconds since 1970.
    pub(crate) fn ask(&self, query: &str, at: Option<f64>) -> Vec<Point> {
        let query: String = byte_serialize(query.as_bytes()).collect();
        let at = at.map_or_else(String::new, |at| format!("&time={at:.3}"));
        let answer = get(self.port, &format!("/api/v1/query?query={query}{at}"));
        let answer = answer.unwrap_or_else(|| panic!("it refuses {query}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["data"]["resultType"], "vector", "{answer}");
        let found = answer["data"]["result"].as_array().unwrap().iter();
        found
            .map(|point| Point {
                labels: point["metric"].clone(),
                value: point["value"][1].as_str().unwrap().parse().unwrap(),
            })
            .collect()
    }

    /// The one figure that a query gives at an instant.
    pub(crate) fn figure(&self, query: &str, at: f64) -> f64 {
        let found = self.ask(query, Some(at));
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found[0].value
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
