//! Reading a stream's usual pieces allocates nothing.

use std::time::Duration;

use tollgate::base::Offset;
use tollgate::dialect::{Dialect, Say};
use tollgate::sse::{Newline, encode_event};
use tollgate::wire::Reading;

const DIALECT: Dialect = Dialect::OpenaiChat;

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

#[test]
fn a_token_that_comes_whole_in_one_read_allocates_nothing_but_room_for_its_gap() {
    let words = [event("a"), event(" \"word\"\n"), event(" caf\u{e9}")];
    let header = |name: &str| (name == "content-type").then_some("text/event-stream");
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
