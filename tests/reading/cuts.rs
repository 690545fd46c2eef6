//! The cuts of the network between the bytes of an answer change nothing but the instants.

use proptest::prelude::*;
use tollgate::wire::{Exchange, Failure, Marks, TimeoutKind};

use crate::answer::{Answer, DONE, STOP, event, text};
use crate::transcripts::{Transcript, all};

/// The transcript in the reads that `cuts` makes of it, all at the same instant or each at its own.
fn cut(transcript: &Transcript, cuts: &[prop::sample::Index], apart: u64) -> Exchange {
    let body = &transcript.body;
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let mut answer = transcript.head.clone();
    let mut from = 0;
    for (n, end) in (0..).zip(ends) {
        answer = answer.read(10 + n * apart, &body[from..end]);
        from = end;
    }
    answer.ends_at(10 + cuts.len() as u64 * apart)
}

/// What was said, whenever it came and together with what.
fn without_instants(exchange: Exchange) -> Exchange {
    Exchange {
        marks: Marks::default(),
        gaps: exchange.gaps.first_us().iter().map(|_| 0).collect(),
        coalesced_chunks: 0,
        ..exchange
    }
}

/// Whether the marks that were reached stand in the order of an answer.
fn in_order(marks: &Marks) -> bool {
    let order = [
        marks.sent,
        marks.headers,
        marks.first_byte,
        marks.first_event,
        marks.first_token,
        marks.first_output,
        marks.last_token,
        marks.end,
    ];
    order.iter().flatten().is_sorted()
}

fn transcript() -> impl Strategy<Value = Transcript> {
    prop::sample::select(all())
}

fn failures() -> impl Strategy<Value = Result<(), Failure>> {
    prop::sample::select(vec![
        Ok(()),
        Err(Failure::Lost("reset".to_owned())),
        Err(Failure::Timeout(TimeoutKind::Idle)),
        Err(Failure::Cancelled),
    ])
}

/// Bytes that are likelier than chance to be something of an answer.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        event(&text("é")),
        event(STOP),
        event(DONE),
        "event: error\n".to_owned(),
        ": hello\r\n".to_owned(),
        "data: {".to_owned(),
        "data:\n\n".to_owned(),
        "\r".to_owned(),
        "\n\n".to_owned(),
        "}".to_owned(),
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.to_vec()).prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cuts_of_a_transcript_give_the_same_exchange(
        transcript in transcript(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let whole = cut(&transcript, &[], 0);
        let together = cut(&transcript, &cuts, 0);
        prop_assert_eq!(&together, &whole);
        let apart = cut(&transcript, &cuts, 3);
        prop_assert!(in_order(&apart.marks), "{:?}", apart.marks);
        prop_assert_eq!(without_instants(apart), without_instants(whole));
    }

    #[test]
    fn any_cuts_of_an_answer_that_breaks_off_give_the_same_exchange(
        transcript in transcript(), at in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut transcript = transcript;
        transcript.body.truncate(at.index(transcript.body.len() + 1));
        let whole = cut(&transcript, &[], 0);
        let together = cut(&transcript, &cuts, 0);
        prop_assert_eq!(together, whole);
    }

    #[test]
    fn no_bytes_make_a_reading_panic_or_its_marks_disorderly(
        status in prop_oneof![Just(200_u16), 0_u16..=999], wants_stream: bool,
        kind in prop_oneof![Just("text/event-stream".to_owned()), ".{0,20}"],
        name in prop::sample::select(vec!["retry-after", "retry-after-ms", "date", "content-encoding"]),
        value in ".{0,20}", reads in prop::collection::vec(anything(), 0..8), result in failures(),
    ) {
        let mut answer = Answer::whole()
            .status(status)
            .header("content-type", &kind)
            .header(name, &value);
        answer.wants_stream = wants_stream;
        answer = (10..).zip(&reads).fold(answer, |answer, (ms, read)| answer.read(ms, read));
        let exchange = match result {
            Ok(()) => answer.ends(),
            Err(failure) => answer.fails(failure),
        };
        prop_assert!(in_order(&exchange.marks), "{:?}", exchange.marks);
        prop_assert!(exchange.coalesced_chunks <= exchange.token_chunks);
        prop_assert!(exchange.retry_after.is_none_or(|wait| wait.is_finite() && wait >= 0.0));
    }
}

#[test]
fn line_ends_of_every_kind_give_the_same_exchange() {
    for transcript in all().into_iter().filter(Transcript::is_stream) {
        let as_written = cut(&transcript, &[], 0);
        let text = String::from_utf8(transcript.body.clone()).unwrap();
        for line_end in ["\r\n", "\r"] {
            let body = text.replace('\n', line_end).into_bytes();
            let transcript = Transcript {
                body,
                ..transcript.clone()
            };
            let mut exchange = cut(&transcript, &[], 0);
            exchange.body_bytes = as_written.body_bytes;
            assert_eq!(exchange, as_written, "{}", transcript.name);
        }
    }
}
