//! Reading a stream's usual pieces allocates nothing.

use std::sync::Arc;
use std::time::Duration;

use tollgate::base::Offset;
use tollgate::dialect::{Dialect, Say};
use tollgate::scenario::{Kind, Readings};
use tollgate::sse::{Newline, encode_event};
use tollgate::wire::Reading;

const DIALECT: Dialect = Dialect::OpenaiChat;

fn header(name: &str) -> Option<&'static str> {
    (name == "content-type").then_some("text/event-stream")
}

fn event(content: &str) -> Vec<u8> {
    let chunk = DIALECT.encode_chunk(&Say {
        id: "chatcmpl-lab-1",
        model: "gpt-lab",
        created: 1,
        content,
        ..Say::default()
    });
    let mut event = Vec::new();
    encode_event(&mut event, None, &chunk, Newline::Lf);
    event
}

/// What a gateway tells in its body is looked for in chunks that are parsed, and in no other.
#[test]
fn readings_allocate_nothing_where_nothing_is_told() {
    let chunk = event("a");
    let count = |kind: Option<Kind>| {
        let readings = kind
            .map(|kind| Arc::new(Readings::of(kind)))
            .unwrap_or_default();
        allocation_counter::measure(|| {
            let mut reading = Reading::new(DIALECT, true).telling(&readings);
            reading.head(200, header, Offset::ZERO);
            for k in 0..100 {
                assert!(reading.bytes(&chunk, Offset::from_nanos(k)).is_ok());
            }
            reading.finish(Ok(()), Offset::from_nanos(100));
        })
        .count_total
    };
    let nothing = count(None);
    for kind in [Kind::Openai, Kind::Respan, Kind::Litellm, Kind::Ferrogw] {
        assert_eq!(count(Some(kind)), nothing, "{kind:?}");
    }
}

#[test]
fn a_token_that_comes_whole_in_one_read_allocates_nothing_but_room_for_its_gap() {
    let words = [event("a"), event(" \"word\"\n"), event(" caf\u{e9}")];
    let mut reading = Reading::new(DIALECT, true);
    reading.sent(Offset::ZERO);
    reading.head(200, header, Offset::ZERO);
    let mut at = Offset::ZERO;
    let mut tokens = |count: usize| {
        for k in 0..count {
            at = at + Duration::from_millis(1);
            assert!(reading.bytes(&words[k % words.len()], at).is_ok());
        }
    };
    tokens(3);
    let allocated = allocation_counter::measure(|| tokens(1_021));
    // The first gaps are kept in a vector that doubles: 4, 8, ... 1024.
    assert!(allocated.count_total <= 9, "{allocated:?}");
    assert!(allocated.bytes_current < 5_000, "{allocated:?}");
    let exchange = reading.finish(Ok(()), at);
    assert_eq!(exchange.token_chunks, 1_024);
}
