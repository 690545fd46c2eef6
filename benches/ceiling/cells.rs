//! What is measured: which answers, by how many connections.

/// The prompt that all tools send.
pub(super) const PROMPT: &str = "What is a toll gate? Answer in one paragraph, for a child of ten.";
/// The model that all tools name.
pub(super) const MODEL: &str = "gpt-4o-mini";

/// One cell of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The first part of the path, which names the server's answer.
    pub(super) path: &'static str,
    pub(super) connections: u32,
    /// Chunks with a token in each answer; none: it comes whole.
    pub(super) chunks: Option<u64>,
    /// How many times as long as the others it takes. wrk, oha and h2load do not count the answers that
    /// are under way as their time runs out; where those are slow, that must not matter.
    pub(super) times: u64,
}

/// The cells in their order.
pub(super) const CELLS: [Cell; 5] = [
    Cell {
        name: "plain64",
        title: "1 KB of JSON, 64 connections",
        path: "plain",
        connections: 64,
        chunks: None,
        times: 1,
    },
    Cell {
        name: "plain1024",
        title: "1 KB of JSON, 1,024 connections",
        path: "plain",
        connections: 1_024,
        chunks: None,
        times: 1,
    },
    Cell {
        name: "stream32",
        title: "streams of 32 chunks at once, 64 connections",
        path: "stream32",
        connections: 64,
        chunks: Some(32),
        times: 1,
    },
    Cell {
        name: "stream256",
        title: "streams of 256 chunks at once, 64 connections",
        path: "stream256",
        connections: 64,
        chunks: Some(256),
        times: 1,
    },
    Cell {
        name: "paced",
        title: "streams of 32 chunks, one each 10 ms, 256 connections",
        path: "paced",
        connections: 256,
        chunks: Some(32),
        times: 4,
    },
];

impl Cell {
    /// The base URL that one would give an SDK.
    pub(super) fn base_url(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}/{}", self.path)
    }

    /// The very URL that is posted to.
    pub(super) fn url(&self, port: u16) -> String {
        format!("{}/chat/completions", self.base_url(port))
    }

    /// The body of a request, as tollgate writes it.
    pub(super) fn body(&self) -> String {
        let stream = match self.chunks {
            None => r#""stream":false"#,
            Some(_) => r#""stream":true,"stream_options":{"include_usage":true}"#,
        };
        format!(
            r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"{PROMPT}"}}],{stream},"max_tokens":96}}"#
        )
    }

    /// A scenario of the same requests, that ends as `bound` says.
    pub(super) fn scenario(&self, port: u16, client: &str, bound: &str) -> String {
        format!(
            r#"name: ceiling
targets: {{ server: {{ gateway: {{ url: "{url}" }} }} }}
mix: [ {{ name: chat, chat: {{ model: {MODEL}, stream: {stream}, prompt: {{ text: "{PROMPT}" }}, max_tokens: 96 }} }} ]
load: [ {{ name: users, closed: {{ concurrency: {connections}, {bound} }} }} ]
client: {client}
"#,
            url = self.base_url(port),
            stream = self.chunks.is_some(),
            connections = self.connections,
        )
    }
}
