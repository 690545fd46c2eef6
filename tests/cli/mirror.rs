//! A target that keeps what it is asked and says it back in every way there is.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::stage::whole_request;

/// It listens for as long as the test's process lives.
pub(crate) struct Mirror {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(n, _)| *n == name).map(|(_, v)| v).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Mirror {
    /// Whole answers; what `said` finds in a request is its model, its id and its reason to end.
    pub(crate) fn start(said: fn(&str) -> String) -> Self {
        Self::answering(move |_, asked| stream(&said(asked), None))
    }

    /// Answers of all kinds in turn, errors among them.
    pub(crate) fn of_all_kinds(said: fn(&str) -> String) -> Self {
        Self::answering(move |number, asked| {
            let said = said(asked);
            let error = json!({ "error": { "message": said } }).to_string();
            match number % 6 {
                0 => ("200 Ok", "text/event-stream", stream(&said, None).2),
                1 => ("400 No", "application/json", error),
                2 => ("500 No", "text/plain", said),
                3 => stream("", Some(&error)),
                4 => (
                    "422 No",
                    "application/json",
                    json!({ "detail": asked }).to_string(),
                ),
                _ => {
                    // The text is cut within what is said.
                    let long = format!("{}{said}", "x".repeat(280 + number % 19));
                    (
                        "429 No",
                        "application/json",
                        json!({ "detail": long }).to_string(),
                    )
                }
            }
        })
    }

    fn answering(
        answer: impl Fn(usize, &str) -> (&'static str, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (keep, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let (keep, answer) = (Arc::clone(&keep), Arc::clone(&answer));
                thread::spawn(move || {
                    let text = whole_request(&mut connection);
                    let number = {
                        let mut kept = keep.lock().unwrap();
                        if text.starts_with("POST") {
                            kept.push(text.clone());
                        }
                        kept.len()
                    };
                    let (status, kind, body) = answer(number, &text);
                    let answer = format!(
                        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
                         connection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = connection.write_all(answer.as_bytes());
                });
            }
        });
        Self { url, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The requests so far, sorted by their bodies.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        let split = |text: &String| {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let (head, body) = (head.to_owned(), body.to_owned());
            Asked { head, body }
        };
        let mut asked: Vec<Asked> = asked.iter().map(split).collect();
        asked.sort_by(|a, b| a.body.cmp(&b.body));
        asked
    }
}

fn stream(said: &str, error: Option<&str>) -> (&'static str, &'static str, String) {
    let token =
        json!({ "id": said, "model": said, "choices": [ { "delta": { "content": "hi" } } ] });
    let stop =
        json!({ "id": said, "model": said, "choices": [ { "delta": {}, "finish_reason": said } ] });
    let last = error.map_or_else(|| stop.to_string(), str::to_owned);
    let body = format!("data: {token}\n\ndata: {last}\n\ndata: [DONE]\n\n");
    ("200 Ok", "text/event-stream", body)
}
