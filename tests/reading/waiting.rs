//! What a wire must know while it waits: whether a first token is still to come, and whether all is
//! over.

use tollgate::dialect::Dialect;
use tollgate::wire::Reading;

use crate::answer::{Answer, DONE, ROLE, at, delta, event, text};

#[test]
fn a_stream_waits_for_its_first_token_from_the_start_to_the_token() {
    let reading = Reading::new(Dialect::OpenaiChat, true);
    assert!(reading.awaits_first_token());
    for quiet in [event(ROLE), ": keepalive\n\n".to_owned(), String::new()] {
        let (reading, _) = Answer::stream().read(10, &quiet).begin();
        assert!(reading.awaits_first_token(), "{quiet}");
    }
    for chunk in [text("a"), delta(r#"{"reasoning":"hm"}"#)] {
        let (reading, _) = Answer::stream().read(10, event(&chunk)).begin();
        assert!(!reading.awaits_first_token(), "{chunk}");
    }
}

#[test]
fn what_is_no_stream_has_no_first_token_to_wait_for() {
    assert!(!Reading::new(Dialect::OpenaiChat, false).awaits_first_token());
    let (refused, _) = Answer::stream().status(500).begin();
    assert!(!refused.awaits_first_token());
    let json = Answer::stream().header("content-type", "application/json");
    assert!(!json.begin().0.awaits_first_token());
}

#[test]
fn a_reading_is_done_at_done_and_not_before() {
    let answer = Answer::stream().events(&[ROLE, &text("a")]);
    assert!(!answer.begin().0.is_done());
    assert!(answer.read(40, event(DONE)).begin().0.is_done());
}

#[test]
fn a_body_before_its_head_is_a_failure_and_no_panic() {
    let mut reading = Reading::new(Dialect::OpenaiChat, true);
    assert!(reading.bytes(b"data: {}\n\n", at(1)).is_err());
}
