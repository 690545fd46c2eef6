//! Bodies that are not what was asked for, or that can't be read.

use tollgate::sse::DEFAULT_LINE_CAP;
use tollgate::wire::{Exchange, Outcome};

use crate::answer::{Answer, DONE, STOP, at, event, text};

const ANSWER: &str = r#"{"id":"c-1","model":"gpt-a","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
const HTML: &str = "<!doctype html>\n<html><body>Sign in</body></html>";

fn is_malformed(exchange: &Exchange, what: &str) {
    assert_eq!(exchange.outcome, Outcome::Malformed, "{what}");
    assert!(exchange.error.is_some(), "{what}");
}

#[test]
fn an_answer_in_one_piece_has_no_token_marks() {
    let exchange = Answer::whole().read(10, ANSWER).ends_at(20);
    assert_eq!(exchange.outcome, Outcome::Ok);
    let marks = exchange.marks;
    assert_eq!(marks.first_byte, Some(at(10)));
    assert_eq!(marks.end, Some(at(20)));
    assert_eq!((marks.first_event, marks.first_token), (None, None));
    assert_eq!((marks.first_output, marks.last_token), (None, None));
    assert_eq!(exchange.token_chunks, 0);
    assert_eq!(exchange.finish.as_deref(), Some("stop"));
    assert_eq!(exchange.model.as_deref(), Some("gpt-a"));
    assert_eq!(exchange.usage.map(|usage| usage.output_tokens), Some(2));
    assert_eq!(exchange.body_bytes, ANSWER.len() as u64);
}

#[test]
fn a_stream_that_is_answered_in_one_piece_has_its_first_token_at_its_end() {
    let json = Answer::stream().header("content-type", "application/json");
    let exchange = json
        .read(10, &ANSWER[..50])
        .read(40, &ANSWER[50..])
        .ends_at(45);
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.marks.first_byte, Some(at(10)));
    assert_eq!(exchange.marks.first_token, Some(at(45)));
    assert_eq!(exchange.marks.first_output, Some(at(45)));
    assert_eq!(exchange.marks.last_token, Some(at(45)));
    assert_eq!(exchange.token_chunks, 1);
    assert!(exchange.gaps.is_empty());
}

#[test]
fn an_answer_that_nobody_asked_to_be_streamed_is_read_as_what_it_is() {
    let stream = Answer::whole().header("content-type", "text/event-stream");
    let exchange = stream.events(&[&text("a"), STOP, DONE]).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.token_chunks, 1);
}

#[test]
fn the_name_of_an_event_stream_is_read_whatever_its_case_and_parameters() {
    for kind in [
        "text/event-stream",
        "Text/Event-Stream",
        " text/event-stream;charset=UTF-8",
    ] {
        let answer = Answer::stream().header("content-type", kind);
        let exchange = answer.events(&[&text("a"), DONE]).ends();
        assert_eq!(exchange.outcome, Outcome::Ok, "{kind}");
    }
}

#[test]
fn a_coding_that_nobody_asked_for_is_malformed_at_its_first_byte() {
    for coding in ["gzip", "br", "GZIP"] {
        for answer in [Answer::stream(), Answer::whole()] {
            let coded = answer.header("content-encoding", coding);
            let exchange = coded
                .clone()
                .read(10, [0x1f, 0x8b, 8, 0])
                .read(20, "more")
                .ends();
            is_malformed(&exchange, coding);
            assert!(exchange.error.unwrap().contains(coding), "it is named");
            assert_eq!(exchange.body_bytes, 4, "the rest is not waited for");
            is_malformed(&coded.ends(), coding);
        }
    }
    for coding in ["identity", "Identity", " identity ", ""] {
        let plain = Answer::stream().header("content-encoding", coding);
        let exchange = plain.events(&[&text("a"), DONE]).ends();
        assert_eq!(exchange.outcome, Outcome::Ok, "{coding}");
    }
}

#[test]
fn what_is_not_json_is_malformed() {
    for body in [HTML, "null", "true", "7", "{not json", "\u{0}\u{1}"] {
        is_malformed(&Answer::whole().read(10, body).ends(), body);
        let json = Answer::stream().header("content-type", "text/html");
        is_malformed(&json.read(10, body).ends(), body);
        let stream = Answer::stream().read(10, event(&body.replace('\n', " ")));
        is_malformed(&stream.read(20, event(DONE)).ends(), body);
    }
    is_malformed(
        &Answer::whole().read(10, b"\xff\xfe".repeat(9)).ends(),
        "no UTF-8",
    );
}

#[test]
fn json_that_holds_no_answer_is_malformed() {
    for body in ["{}", r#"{"status":"ok"}"#, r#"{"choices":[]}"#] {
        is_malformed(&Answer::whole().read(10, body).ends(), body);
    }
}

#[test]
fn an_answer_that_breaks_off_is_truncated_where_nothing_but_its_end_is_missing() {
    for body in ["", &ANSWER[..50], &ANSWER[..ANSWER.len() - 1]] {
        let exchange = Answer::whole().read(10, body).ends();
        assert_eq!(exchange.outcome, Outcome::Truncated, "{body}");
        assert!(exchange.error.is_some());
    }
}

#[test]
fn a_stream_stops_being_read_at_what_can_not_be_read() {
    let answer = Answer::stream().events(&[&text("a"), "no json", &text("b"), DONE]);
    let exchange = answer.ends();
    is_malformed(&exchange, "no json");
    assert_eq!(exchange.token_chunks, 1);
    assert_eq!(exchange.marks.end, Some(at(20)), "the instant of failure");
    assert!(answer.begin().1.is_err(), "the rest is not waited for");
}

#[test]
fn a_line_longer_than_the_cap_is_malformed_and_one_as_long_is_read() {
    let frame = text("").len() + "data: ".len();
    let longest = "x".repeat(DEFAULT_LINE_CAP - frame);
    let answer = |content: &str| Answer::stream().events(&[&text(content), DONE]);
    let fits = answer(&longest).ends();
    assert_eq!((fits.outcome, fits.token_chunks), (Outcome::Ok, 1));
    let exchange = answer(&format!("{longest}x")).ends();
    is_malformed(&exchange, "a line over the cap");
    assert_eq!(exchange.token_chunks, 0);
    let endless = Answer::stream().read(10, b"x".repeat(DEFAULT_LINE_CAP + 1));
    is_malformed(&endless.ends(), "a line without an end");
}

#[test]
fn a_body_in_one_piece_larger_than_the_cap_is_malformed_and_its_bytes_count() {
    let megabyte = vec![b' '; 1 << 20];
    let answer = (0..17).fold(Answer::whole(), |answer, n| answer.read(n + 10, &megabyte));
    let exchange = answer.ends();
    is_malformed(&exchange, "17 MiB");
    assert_eq!(exchange.body_bytes, 17 << 20);
}
