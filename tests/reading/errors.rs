//! Errors, wherever a server may put them, and how long it asks to wait.

use tollgate::wire::{Failure, Outcome};

use crate::answer::{Answer, DONE, ROLE, STOP, USAGE, at, event, text};

/// Headers, and the seconds that they ask to wait.
type Wait = (&'static [(&'static str, &'static str)], Option<f64>);

const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
const LATER: &str = "Sun, 06 Nov 1994 12:01:30 GMT";

#[test]
fn an_error_in_a_stream_is_told_by_its_message_in_every_shape() {
    for error in [
        event(r#"{"error":{"message":"overloaded","type":"server_error","code":502}}"#),
        event(r#"{"error":"overloaded"}"#),
        event(r#"{"object":"error","message":"overloaded","code":500}"#),
        event(
            r#"{"id":"c","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"overloaded"}}"#,
        ),
        "event: error\ndata: {\"message\":\"overloaded\"}\n\n".to_owned(),
        "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n".to_owned(),
        "event: error\ndata: overloaded\n\n".to_owned(),
    ] {
        let exchange = Answer::stream()
            .events(&[ROLE, &text("a")])
            .read(30, &error)
            .ends();
        assert_eq!(exchange.outcome, Outcome::StreamError, "{error}");
        assert_eq!(exchange.error.as_deref(), Some("overloaded"), "{error}");
        assert_eq!(exchange.status, Some(200));
        assert_eq!(exchange.token_chunks, 1, "{error}");
    }
}

#[test]
fn an_error_without_a_message_is_an_error() {
    for error in [
        event(r#"{"error":""}"#),
        event(r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#),
        "event: error\ndata:\n\n".to_owned(),
        "event: error\ndata: {}\n\n".to_owned(),
    ] {
        let exchange = Answer::stream().events(&[STOP]).read(20, &error).ends();
        assert_eq!(exchange.outcome, Outcome::StreamError, "{error}");
        assert!(
            exchange.error.is_some_and(|said| !said.is_empty()),
            "{error}"
        );
    }
}

#[test]
fn an_error_ends_an_answer_at_its_instant_and_later_words_do_not_mend_it() {
    let error = r#"{"error":"overloaded"}"#;
    let later = "event: error\ndata: something else\n\n";
    let answer = Answer::stream()
        .events(&[&text("a"), error, STOP, USAGE, DONE])
        .read(60, later);
    for exchange in [
        answer.ends(),
        answer.fails(Failure::Lost("reset".to_owned())),
    ] {
        assert_eq!(exchange.outcome, Outcome::StreamError);
        assert_eq!(exchange.error.as_deref(), Some("overloaded"));
        assert_eq!(exchange.marks.end, Some(at(20)));
        assert!(exchange.usage.is_some(), "what was used is still told");
    }
    let second = Answer::stream().events(&[error]).read(20, later).ends();
    assert_eq!(second.error.as_deref(), Some("overloaded"));
}

#[test]
fn an_error_with_a_status_of_success_is_an_error_in_one_piece_too() {
    for answer in [
        Answer::whole(),
        Answer::stream().header("content-type", "application/json"),
    ] {
        let body = r#"{"error":{"message":"overloaded"}}"#;
        let exchange = answer.read(10, body).ends();
        assert_eq!(exchange.outcome, Outcome::StreamError);
        assert_eq!(exchange.error.as_deref(), Some("overloaded"));
    }
}

#[test]
fn the_message_of_a_refusal_is_found_in_json_text_and_events() {
    for (kind, body) in [
        ("application/json", r#"{"error":{"message":"no key"}}"#),
        ("application/json", r#"{"detail":"no key"}"#),
        (
            "application/json",
            r#"{"status":"failure","message":"no key"}"#,
        ),
        ("application/json", r#"{"error":"no key"}"#),
        ("application/json", r#"{"errors":["no key"]}"#),
        ("application/json", r#"{"errors":[{"message":"no key"}]}"#),
        ("application/json", r#"{"errors":{"message":"no key"}}"#),
        (
            "application/json",
            r#"{"detail":[{"loc":["body"],"msg":"no key"}]}"#,
        ),
        ("application/json", r#"{"detail":{"error":"no key"}}"#),
        (
            "application/json",
            r#"{"detail":{"message":"no key"},"errors":[]}"#,
        ),
        (
            "application/json",
            r#"{"error":{"code":"429","message":"no key"}}"#,
        ),
        ("application/json", r#"{"error":null,"message":"no key"}"#),
        ("application/json", r#""no key""#),
        ("text/plain", r#"{"detail":"no key"}"#),
        ("text/plain", "no key"),
        ("text/plain; charset=utf-8", "no\n key\n"),
        (
            "text/event-stream",
            "data: {\"error\":{\"message\":\"no key\"}}\n\n",
        ),
        (
            "text/event-stream",
            "event: error\ndata: no key\n\ndata: [DONE]\n\n",
        ),
        (
            "text/event-stream",
            ": hello\n\ndata: {\"error\":\"no key\"}",
        ),
    ] {
        let refused = Answer::stream().status(401).header("content-type", kind);
        let exchange = refused.read(10, body).ends();
        assert_eq!(exchange.outcome, Outcome::Status(401), "{body}");
        assert_eq!(exchange.error.as_deref(), Some("no key"), "{body}");
        assert_eq!(exchange.token_chunks, 0, "{body}");
        assert_eq!(exchange.marks.first_event, None, "{body}");
    }
    let silent = Answer::stream().status(503).ends();
    assert_eq!((silent.outcome, silent.error), (Outcome::Status(503), None));
}

#[test]
fn a_refusal_stays_one_when_its_body_fails() {
    let refused = Answer::whole().status(500).read(10, r#"{"detail":"#);
    let exchange = refused.fails(Failure::Lost("reset".to_owned()));
    assert_eq!(exchange.outcome, Outcome::Status(500));
    let coded = Answer::whole()
        .status(500)
        .header("content-encoding", "gzip");
    let exchange = coded.read(10, [0x1f, 0x8b, 8, 0]).ends();
    assert_eq!(
        (exchange.outcome, exchange.error),
        (Outcome::Status(500), None)
    );
}

#[test]
fn the_wait_that_a_server_asks_for_is_read_from_its_headers() {
    let cases: [Wait; 12] = [
        (&[("retry-after", "12")], Some(12.0)),
        (&[("retry-after", " 0.5 ")], Some(0.5)),
        (&[("retry-after-ms", "1500")], Some(1.5)),
        (
            &[("retry-after-ms", "1500"), ("retry-after", "12")],
            Some(1.5),
        ),
        (
            &[("retry-after-ms", "soon"), ("retry-after", "12")],
            Some(12.0),
        ),
        (
            &[("retry-after-ms", "-1"), ("retry-after", "12")],
            Some(12.0),
        ),
        (&[("retry-after", LATER), ("date", NOON)], Some(90.0)),
        (&[("retry-after", NOON), ("date", LATER)], Some(0.0)),
        (&[("retry-after", LATER)], None),
        (&[("retry-after", "-3")], None),
        (&[("retry-after", "inf")], None),
        (&[("date", NOON)], None),
    ];
    for (headers, seconds) in cases {
        let refused = Answer::whole().status(429).read(10, "slow down");
        let refused = headers
            .iter()
            .fold(refused, |answer, (name, value)| answer.header(name, value));
        assert_eq!(refused.ends().retry_after, seconds, "{headers:?}");
    }
}

#[test]
fn the_wait_that_a_server_asks_for_is_read_from_the_body_where_no_header_says_it() {
    for (body, seconds) in [
        (r#"{"detail":"slow down","retry_after":12}"#, Some(12.0)),
        (r#"{"detail":"slow down","retry_after":1.5}"#, Some(1.5)),
        (r#"{"detail":"slow down","retry_after":"7"}"#, Some(7.0)),
        (r#"{"detail":"slow down","retry_after":-7}"#, None),
        (r#"{"detail":"slow down","retry_after":null}"#, None),
        (r#"{"detail":"slow down"}"#, None),
        (r#"["retry_after"]"#, None),
        (r#"{"error":{"message":"slow","retry_after":4}}"#, Some(4.0)),
        (r#"{"detail":{"retry_after":"2.5"}}"#, Some(2.5)),
        (
            r#"{"retry_after":"soon","error":{"retry_after":5}}"#,
            Some(5.0),
        ),
        (r#"{"error":"slow down"}"#, None),
        ("slow down", None),
    ] {
        let refused = Answer::whole().status(429).read(10, body);
        assert_eq!(refused.ends().retry_after, seconds, "{body}");
        let header = refused.header("retry-after", "3").ends();
        assert_eq!(header.retry_after, Some(3.0), "{body}");
    }
    let success = r#"{"retry_after":12,"choices":[{"message":{"content":"a"}}]}"#;
    assert_eq!(Answer::whole().read(10, success).ends().retry_after, None);
}
