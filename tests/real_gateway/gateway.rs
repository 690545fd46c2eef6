//! The gateway: a process with a configuration of its own, and what its log says.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

/// The key that the gateway asks of its clients.
pub(crate) const KEY: &str = "sk-for-the-real-gateway";
/// The prices of both models, in US dollars for a million tokens. Each is a whole number of
/// nano-dollars for a token.
pub(crate) const PRICES: [(&str, &str, &str, &str); 2] = [
    ("lab/gpt-lab", "2.0", "0.5", "8.0"),
    ("lab/mini-lab", "0.15", "0.075", "0.6"),
];
const NAP: Duration = Duration::from_millis(50);
/// Naps until it must answer, or its log must be whole: 20 s.
const NAPS: u32 = 400;

/// A gateway at work. It is killed when this is dropped.
pub(crate) struct Gateway {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// A request, as the gateway's own log has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Logged {
    pub(crate) model: String,
    pub(crate) status: u16,
    pub(crate) stream: bool,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) cost_usd: Option<f64>,
}

impl Gateway {
    /// Starts one in front of the provider at `upstream`, and waits until it answers.
    pub(crate) fn start(python: &Path, upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gateway.toml"), config(upstream)).unwrap();
        let said = folder.path().join("said");
        let out = File::create(&said).unwrap();
        // Nothing is inherited: keys in the environment would be providers, and a `.env` further up
        // would be read.
        let process = Command::new(python)
            .args(["-m", "respan_gateway", "-c", "gateway.toml"])
            .current_dir(&folder)
            .env_clear()
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .expect("the interpreter was seen to work");
        let mut gateway = Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            _folder: folder,
        };
        gateway.await_answer(&said);
        gateway
    }

    /// It takes a free port by itself, and says which.
    fn await_answer(&mut self, said: &Path) {
        for _ in 0..NAPS {
            let text = fs::read_to_string(said).unwrap();
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the gateway ended at once, {status}:\n{text}");
            }
            let listens = text
                .lines()
                .find_map(|line| line.split_once(" listening on "));
            if let Some(address) = listens.and_then(|(_, address)| address.parse().ok()) {
                self.address = address;
                if self.get("/healthz").is_ok() {
                    return;
                }
            }
            thread::sleep(NAP);
        }
        let text = fs::read_to_string(said).unwrap();
        panic!("the gateway did not answer in time:\n{text}");
    }

    /// The base URL whose requests `log` finds by `tag`: the gateway serves any path that ends as an
    /// API's, and keeps it.
    pub(crate) fn url(&self, tag: &str) -> String {
        format!("http://{}/{tag}/v1", self.address)
    }

    /// The chat requests below `tag` that its log has, as soon as there are `count`, or what there is
    /// after a while: it keeps a request when its answer is over.
    pub(crate) fn log(&self, tag: &str, count: usize) -> Vec<Logged> {
        let path = format!("/ui/api/requests/export?format=csv&q={tag}/v1/chat/");
        let mut logged = Vec::new();
        for _ in 0..NAPS {
            let text = self.get(&path).expect("the gateway tells its log");
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            logged = reader.deserialize().collect::<Result<_, _>>().unwrap();
            if logged.len() >= count {
                break;
            }
            thread::sleep(NAP);
        }
        logged
    }

    /// The body of an answer. HTTP 1.0, so that it comes in one piece and the end is the end.
    fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let address = self.address;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
            _ => Err(io::Error::other(answer)),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config(upstream: &str) -> String {
    let mut config = format!(
        r#"
listen = "127.0.0.1:0"
log = "off"
client_keys = [{{ name = "tollgate", key = "{KEY}" }}]
[providers.lab]
formats = ["openai-chat"]
base_url = "{upstream}"
key = "sk-upstream"
[plugins.routing]
listings = false
[plugins.request_log]
history = 100000
"#
    );
    for (model, input, cached, output) in PRICES {
        config += &format!(
            "[models.\"{model}\"]\npricing = {{ input = {input}, output = {output}, cached_input = {cached} }}\n"
        );
    }
    config
}
