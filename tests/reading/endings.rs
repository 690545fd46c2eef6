//! How a stream may end, and which of the ends is a whole answer.

use tollgate::wire::{Failure, Outcome, TimeoutKind};

use crate::answer::{Answer, DONE, ROLE, STOP, USAGE, at, event, text};

fn whole_text() -> Answer {
    Answer::stream().events(&[ROLE, &text("a"), STOP])
}

#[test]
fn a_stream_ends_at_done_and_not_when_its_connection_does() {
    let exchange = whole_text().read(40, event(DONE)).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.marks.end, Some(at(40)));
}

#[test]
fn what_happens_to_a_connection_after_done_changes_nothing() {
    let answer = whole_text().read(40, event(DONE));
    for failure in [
        Failure::Lost("reset".to_owned()),
        Failure::Timeout(TimeoutKind::Idle),
        Failure::Cancelled,
    ] {
        assert_eq!(answer.fails(failure), answer.ends());
    }
}

#[test]
fn things_after_done_are_ignored() {
    let late = [&text("b"), r#"{"error":"late"}"#, "no json", USAGE, STOP];
    for late in late {
        let alone = whole_text().read(40, event(DONE)).ends();
        for answer in [
            whole_text().read(40, event(DONE)).read(50, event(late)),
            whole_text().read(40, event(DONE) + &event(late)),
        ] {
            let mut exchange = answer.ends();
            exchange.body_bytes = alone.body_bytes;
            assert_eq!(exchange, alone, "{late}");
        }
    }
}

#[test]
fn a_stream_with_a_finish_reason_and_no_done_is_whole_at_its_end() {
    let exchange = whole_text().ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.marks.end, Some(at(1_000)));
    assert_eq!(exchange.finish.as_deref(), Some("stop"));
}

#[test]
fn a_stream_with_done_and_no_finish_reason_is_whole() {
    let exchange = Answer::stream().events(&[&text("a"), DONE]).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
}

#[test]
fn a_stream_with_neither_is_truncated() {
    let streams: [&[&str]; 3] = [&[ROLE, &text("a")], &[USAGE], &[]];
    for chunks in streams {
        let exchange = Answer::stream().events(chunks).ends();
        assert_eq!(exchange.outcome, Outcome::Truncated, "{chunks:?}");
        assert!(exchange.error.is_some());
    }
}

#[test]
fn chunks_after_the_finish_reason_still_count() {
    let exchange = Answer::stream()
        .events(&[&text("a"), STOP, &text("b"), USAGE, DONE])
        .ends();
    assert_eq!(exchange.token_chunks, 2);
    assert_eq!(exchange.marks.last_token, Some(at(30)));
    assert!(exchange.usage.is_some());
}

#[test]
fn a_connection_that_is_lost_before_done_truncates_even_after_a_finish_reason() {
    let exchange = whole_text().fails(Failure::Lost("connection reset".to_owned()));
    assert_eq!(exchange.outcome, Outcome::Truncated);
    assert_eq!(exchange.error.as_deref(), Some("connection reset"));
    assert_eq!(exchange.marks.last_token, Some(at(20)));
}

#[test]
fn a_last_event_without_its_blank_line_counts_when_it_is_whole() {
    for (tail, outcome) in [
        ("data: [DONE]", Outcome::Ok),
        ("data: [DONE]\n", Outcome::Ok),
        ("data: [DONE]\r", Outcome::Ok),
        (r#"data: {"error":"over"}"#, Outcome::StreamError),
        ("event: error\ndata: over\n", Outcome::StreamError),
    ] {
        let exchange = Answer::stream()
            .events(&[&text("a")])
            .read(20, tail)
            .ends_at(30);
        assert_eq!(exchange.outcome, outcome, "{tail}");
        assert_eq!(exchange.marks.end, Some(at(30)), "{tail}");
    }
    let exchange = whole_text().read(40, format!("data: {USAGE}")).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert!(exchange.usage.is_some());
}

#[test]
fn an_event_that_breaks_off_truncates_even_after_a_finish_reason() {
    for tail in [
        "data: {\"choices\":[],\"usa",
        "data: {\n",
        "dat",
        "data: [DON",
    ] {
        let exchange = whole_text().read(40, tail).ends();
        assert_eq!(exchange.outcome, Outcome::Truncated, "{tail}");
        assert_eq!(exchange.token_chunks, 1, "{tail}");
    }
}

#[test]
fn a_comment_that_breaks_off_is_no_loss() {
    assert_eq!(
        whole_text().read(40, ": keepal").ends().outcome,
        Outcome::Ok
    );
}

#[test]
fn a_failure_keeps_the_name_of_what_ended() {
    let answer = Answer::stream().events(&[ROLE, &text("a")]);
    for (failure, outcome) in [
        (
            Failure::Timeout(TimeoutKind::Idle),
            Outcome::Timeout(TimeoutKind::Idle),
        ),
        (
            Failure::Timeout(TimeoutKind::Request),
            Outcome::Timeout(TimeoutKind::Request),
        ),
        (
            Failure::Malformed("bad chunk".to_owned()),
            Outcome::Malformed,
        ),
        (Failure::Lost("reset".to_owned()), Outcome::Truncated),
        (Failure::Cancelled, Outcome::Cancelled),
    ] {
        let exchange = answer.fails(failure);
        assert_eq!(exchange.outcome, outcome);
        assert_eq!(exchange.marks.end, Some(at(1_000)));
        assert_eq!(exchange.token_chunks, 1);
    }
}
