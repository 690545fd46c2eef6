//! Marks are the instants of the reads, and nothing else.

use tollgate::dialect::Dialect;
use tollgate::wire::{Failure, Marks, Outcome, Reading};

use crate::answer::{Answer, DONE, ROLE, STOP, USAGE, at, event, text};

#[test]
fn every_mark_is_the_instant_of_its_read() {
    let thought = crate::answer::delta(r#"{"reasoning":"hm"}"#);
    let exchange = Answer::stream()
        .read(7, ": keepalive\n\n")
        .read(10, event(ROLE))
        .read(21, event(&thought))
        .read(33, event(&text("a")))
        .read(46, event(&text("b")))
        .read(60, event(STOP) + &event(USAGE))
        .read(75, event(DONE))
        .ends();
    let marks = Marks {
        sent: Some(at(0)),
        headers: Some(at(5)),
        first_byte: Some(at(7)),
        first_event: Some(at(10)),
        first_token: Some(at(21)),
        first_output: Some(at(33)),
        last_token: Some(at(46)),
        end: Some(at(75)),
    };
    assert_eq!(exchange.marks, marks);
    assert_eq!(exchange.gaps.first_us(), [12_000, 13_000]);
    assert_eq!(exchange.coalesced_chunks, 0);
}

#[test]
fn an_event_over_many_reads_came_with_the_read_that_ended_it() {
    let chunk = event(&text("é"));
    let (head, tail) = chunk.as_bytes().split_at(chunk.find('é').unwrap() + 1);
    let exchange = Answer::stream()
        .read(10, head)
        .read(20, &tail[..tail.len() - 1])
        .read(30, "\n")
        .read(40, event(DONE))
        .ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.marks.first_byte, Some(at(10)));
    assert_eq!(exchange.marks.first_event, Some(at(30)));
    assert_eq!(exchange.marks.first_token, Some(at(30)));
}

#[test]
fn chunks_that_come_in_one_read_are_coalesced_and_their_gaps_are_zero() {
    let three = event(&text("a")) + &event(&text("b")) + &event(&text("c"));
    let two = event(&text("d")) + &event(&text("e"));
    let exchange = Answer::stream()
        .read(10, event(ROLE) + &three)
        .read(30, two)
        .read(50, event(&text("f")) + &event(STOP) + &event(DONE))
        .ends();
    assert_eq!(exchange.token_chunks, 6);
    assert_eq!(exchange.coalesced_chunks, 3);
    assert_eq!(exchange.gaps.first_us(), [0, 0, 20_000, 0, 20_000]);
}

#[test]
fn pieces_of_one_read_bear_its_one_stamp_and_are_coalesced_too() {
    let answer = Answer::stream().read(10, event(&text("a")));
    let exchange = answer.read(10, event(&text("b"))).ends();
    assert_eq!((exchange.token_chunks, exchange.coalesced_chunks), (2, 1));
    assert_eq!(exchange.gaps.first_us(), [0]);
}

#[test]
fn comments_are_first_bytes_and_no_first_events() {
    for comment in [
        ": OPENROUTER PROCESSING\n\n",
        ":\n\n",
        "\n",
        ": keepalive\n",
    ] {
        let exchange = Answer::stream()
            .read(10, comment)
            .read(20, comment)
            .read(30, event(&text("a")))
            .read(40, event(DONE))
            .ends();
        assert_eq!(exchange.marks.first_byte, Some(at(10)), "{comment:?}");
        assert_eq!(exchange.marks.first_event, Some(at(30)), "{comment:?}");
        assert_eq!(exchange.outcome, Outcome::Ok);
    }
}

#[test]
fn the_gap_across_chunks_without_a_token_runs_from_token_to_token() {
    let exchange = Answer::stream()
        .read(10, event(&text("a")))
        .read(20, event(USAGE))
        .read(35, event(&text("b")))
        .ends();
    assert_eq!(exchange.gaps.first_us(), [25_000]);
}

#[test]
fn an_empty_read_is_no_first_byte() {
    let exchange = Answer::stream().read(10, "").read(20, event(DONE)).ends();
    assert_eq!(exchange.marks.first_byte, Some(at(20)));
}

#[test]
fn a_reading_that_never_saw_a_head_has_no_marks_but_its_own() {
    for (failure, outcome) in [
        (Failure::Dns("unknown".to_owned()), Outcome::Dns),
        (Failure::Connect("refused".to_owned()), Outcome::Connect),
        (
            Failure::ClientLimit("too many open files".to_owned()),
            Outcome::ClientLimit,
        ),
        (Failure::Tls("expired".to_owned()), Outcome::Tls),
        (Failure::Lost("reset".to_owned()), Outcome::Reset),
        (Failure::Cancelled, Outcome::Cancelled),
    ] {
        let mut reading = Reading::new(Dialect::OpenaiChat, true);
        reading.sent(at(1));
        let exchange = reading.finish(Err(failure), at(9));
        assert_eq!(exchange.outcome, outcome);
        let marks = Marks {
            sent: Some(at(1)),
            end: Some(at(9)),
            ..Marks::default()
        };
        assert_eq!((exchange.marks, exchange.status), (marks, None));
    }
    let shed = Reading::new(Dialect::OpenaiChat, true).finish(Err(Failure::Shed), at(9));
    assert_eq!((shed.outcome, shed.marks.sent), (Outcome::Shed, None));
}
