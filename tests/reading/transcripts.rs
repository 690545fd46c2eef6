//! Whole answers in the shapes of real gateways, and what they have always been read as.
//!
//! `tests/transcripts/NAME.txt` holds one answer. Its first line says how it was asked for (`stream`
//! or `whole`) and its status; then come its headers, a blank line, and its body as it was sent, to
//! the last byte. `NAME.expected.json` holds what is read from it when each event comes in a read of
//! its own: the head at 5 ms, the first read at 10 ms, and each further one, the end as well, 10 ms
//! later.

#![expect(clippy::unwrap_used, reason = "it is only called by tests")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tollgate::wire::{Exchange, Marks};

use crate::answer::Answer;

/// One answer of a file.
#[derive(Clone)]
pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) head: Answer,
    pub(crate) body: Vec<u8>,
}

// The bytes are in the file that the name names.
impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Transcript {
    pub(crate) fn is_stream(&self) -> bool {
        let mut headers = self.head.headers.iter();
        headers.any(|(_, value)| value.starts_with("text/event-stream"))
    }

    fn parse(name: String, file: &[u8]) -> Self {
        let blank = file.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut lines = std::str::from_utf8(&file[..blank]).unwrap().lines();
        let (asked, status) = lines.next().unwrap().split_once(' ').unwrap();
        let head = match asked {
            "stream" => Answer::stream(),
            "whole" => Answer::whole(),
            other => panic!("{name}: neither `stream` nor `whole`, but `{other}`"),
        };
        let head = lines.fold(head.status(status.parse().unwrap()), |head, line| {
            let (header, value) = line.split_once(": ").unwrap();
            head.header(header, value)
        });
        Self {
            name,
            head,
            body: file[blank + 2..].to_vec(),
        }
    }

    /// What it is read as when each event comes in a read of its own.
    fn read(&self) -> Exchange {
        let (mut answer, mut rest, mut now) = (self.head.clone(), &self.body[..], 10);
        while !rest.is_empty() {
            let blank = rest.windows(2).position(|pair| pair == b"\n\n");
            let end = blank.map_or(rest.len(), |blank| blank + 2);
            answer = answer.read(now, &rest[..end]);
            (rest, now) = (&rest[end..], now + 10);
        }
        answer.ends_at(now)
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// All transcripts, by name.
pub(crate) fn all() -> Vec<Transcript> {
    let files = fs::read_dir(folder()).unwrap();
    let texts = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"));
    let mut found: Vec<Transcript> = texts
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            Transcript::parse(name.to_owned(), &fs::read(&path).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn marks(marks: &Marks) -> Value {
    let ms = |mark: Option<tollgate::base::Offset>| mark.map(|at| at.nanos() / 1_000_000);
    json!({
        "first_byte": ms(marks.first_byte),
        "first_event": ms(marks.first_event),
        "first_token": ms(marks.first_token),
        "first_output": ms(marks.first_output),
        "last_token": ms(marks.last_token),
        "end": ms(marks.end),
    })
}

/// An exchange as the expectations have it.
fn told(exchange: &Exchange) -> Value {
    json!({
        "outcome": exchange.outcome,
        "error": exchange.error,
        "status": exchange.status,
        "marks_ms": marks(&exchange.marks),
        "token_chunks": exchange.token_chunks,
        "coalesced_chunks": exchange.coalesced_chunks,
        "gaps_us": exchange.gaps.first_us(),
        "body_bytes": exchange.body_bytes,
        "usage": exchange.usage,
        "cost_reported_nanos": exchange.cost_reported.map(tollgate::base::Money::nanos),
        "finish": exchange.finish,
        "model": exchange.model,
        "request_id": exchange.request_id,
        "retry_after": exchange.retry_after,
    })
}

#[test]
fn recorded_transcripts_decode_as_before() {
    let transcripts = all();
    assert!(transcripts.len() >= 15, "{} transcripts", transcripts.len());
    for transcript in transcripts {
        let expected = folder().join(format!("{}.expected.json", transcript.name));
        let told = told(&transcript.read());
        let Ok(expected) = fs::read(&expected) else {
            panic!("{} is not there; read is {told:#}", expected.display());
        };
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        assert_eq!(told, expected, "{}: {told:#}", transcript.name);
    }
}
