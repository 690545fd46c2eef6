//! One exchange to a file that the tests of the reading can replay.
//!
//! The first line says how the answer was asked for and its status; then come its headers, a blank
//! line, and its body to the last byte. What is known beyond that stands among the headers, as
//! `x-probe-...`.

use super::asks::Probing;
use super::redact;
use crate::base::{Offset, Secret};
use crate::wire::{Captured, Failure};

/// The text of a transcript; `None` where no answer came.
pub(super) fn transcript(
    probing: &Probing,
    captured: &Captured,
    secret: Option<&Secret>,
) -> Option<Vec<u8>> {
    let status = captured.status?;
    let asked = if probing.shot.stream {
        "stream"
    } else {
        "whole"
    };
    let mut head = format!("{asked} {status}\n");
    let mut line = |name: &str, value: &str| {
        let value = value.replace(['\r', '\n'], " ");
        head += &format!("{name}: {value}\n");
    };
    for (name, value) in &captured.headers {
        line(name, &redact::header(name, value, secret));
    }
    let mut request = captured.request_head.split("\r\n");
    line("x-probe-request", request.next().unwrap_or_default());
    for header in request.filter(|line| !line.is_empty()) {
        let (name, value) = header.split_once(": ").unwrap_or((header, ""));
        let value = redact::header(name, value, secret);
        line("x-probe-request-header", &format!("{name}: {value}"));
    }
    let mut asked = probing.shot.body.to_vec();
    redact::text(&mut asked, secret);
    line("x-probe-request-body", &String::from_utf8_lossy(&asked));
    line("x-probe-times", &times(captured));
    line("x-probe-pieces", &pieces(captured));
    line("x-probe-ended", &ended(captured.failure.as_ref()));
    let mut body = captured.body();
    redact::text(&mut body, secret);
    Some([head.as_bytes(), b"\n", &body].concat())
}

/// An instant in milliseconds since the request was sent.
pub(super) fn since_sent(captured: &Captured, at: Offset) -> f64 {
    at.since(captured.sent.unwrap_or(at)).as_secs_f64() * 1e3
}

fn times(captured: &Captured) -> String {
    let opened = captured
        .connecting
        .map_or(0.0, |phases| phases.total().as_secs_f64() * 1e3);
    let of = |at: Option<Offset>| at.map_or(0.0, |at| since_sent(captured, at));
    let (head, end) = (of(captured.headers_at), of(captured.ended));
    format!("connect {opened:.3} ms; since sending: head {head:.3} ms, end {end:.3} ms")
}

/// When each piece of the body came, in milliseconds since sending, and how many bytes it has.
fn pieces(captured: &Captured) -> String {
    let pieces = captured.pieces.iter();
    let each = |(at, piece): &(Offset, Vec<u8>)| {
        format!("{:.3}+{}", since_sent(captured, *at), piece.len())
    };
    pieces.map(each).collect::<Vec<_>>().join(" ")
}

fn ended(failure: Option<&Failure>) -> String {
    failure.map_or_else(|| "well".to_owned(), |failure| format!("{failure:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::asks::asks;
    use super::*;
    use crate::scenario::Kind;

    #[test]
    fn a_transcript_holds_request_answer_and_pieces_and_no_secret() {
        let probing = &asks(Kind::Openai, "m")[1];
        let at = |ms: u64| Offset::from_nanos(ms * 1_000_000);
        let captured = Captured {
            request_head: "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer my-key-7\r\n\r\n".to_owned(),
            sent: Some(at(10)),
            status: Some(200),
            headers: vec![("content-type".into(), "text/event-stream".into()), ("set-cookie".into(), "a=b".into())],
            headers_at: Some(at(12)),
            pieces: vec![(at(15), b"data: my-k".to_vec()), (at(20), b"ey-7\n\n".to_vec())],
            ended: Some(at(21)),
            ..Captured::default()
        };
        let bytes = transcript(probing, &captured, Some(&Secret::new("my-key-7"))).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("my-k") && !text.contains("a=b"), "{text}");
        assert!(text.starts_with("stream 200\ncontent-type: text/event-stream\nset-cookie: ***\n"));
        assert!(text.contains("x-probe-request: POST /v1/chat/completions HTTP/1.1\n"));
        assert!(text.contains("x-probe-request-header: authorization: ***\n"));
        assert!(text.contains("x-probe-pieces: 5.000+10 10.000+6\nx-probe-ended: well\n"));
        assert!(text.ends_with("\n\ndata: ********\n\n"), "{text}");
    }
}
