//! The scanner against the parser.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tollgate::base::Offset;
use tollgate::dialect::{Delta, Dialect, Piece};
use tollgate::wire::{Exchange, Reading};

use crate::pieces::stream;

const DIALECT: Dialect = Dialect::OpenaiChat;

/// A piece without its words: of them, only whether there are any.
fn said(delta: &Delta<'_>) -> Delta<'static> {
    let any = |text: &str| if text.is_empty() { "" } else { "some" }.into();
    Delta {
        content: any(&delta.content),
        reasoning: any(&delta.reasoning),
        refusal: any(&delta.refusal),
        tool_call: delta.tool_call,
        finish: delta.finish.clone().map(|text| text.into_owned().into()),
        usage: delta.usage,
        model: delta.model.clone().map(|text| text.into_owned().into()),
        id: delta.id.clone().map(|text| text.into_owned().into()),
        cost_reported: delta.cost_reported,
        error: delta.error.clone(),
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    })
}

#[test]
fn the_scanner_says_of_any_stream_what_the_parser_says() {
    let (pieces, again) = (Cell::new(0_u32), Cell::new(0_u32));
    let check = |chunks: Vec<Vec<u8>>| {
        let mut scanner = DIALECT.scanner();
        scanner.keep_content();
        let mut before = None;
        for chunk in &chunks {
            pieces.set(pieces.get() + 1);
            let parsed = DIALECT.decode(chunk).map_err(|error| error.to_string());
            match scanner.read(chunk).map_err(|error| error.to_string()) {
                Ok(Piece::Again) => {
                    again.set(again.get() + 1);
                    prop_assert!(parsed.as_ref().is_ok_and(Delta::has_token));
                    let kept = scanner.content(chunk);
                    let content = parsed.as_ref().ok().map(|delta| delta.content.as_ref());
                    prop_assert_eq!(Some(kept.as_ref()), content);
                    prop_assert_eq!(parsed.ok().as_ref().map(said), before.clone());
                }
                Ok(Piece::New(delta)) => {
                    before = Some(said(&delta));
                    prop_assert_eq!(parsed, Ok(delta));
                }
                Err(error) => {
                    before = None;
                    prop_assert_eq!(parsed, Err(error));
                }
            }
        }
        Ok(())
    };
    runner(2_000).run(&stream(), check).unwrap();
    let (pieces, again) = (pieces.get(), again.get());
    assert!(again > pieces / 10, "{again} of {pieces} were known");
}

/// Reads a stream, a read per chunk. `between` comes after each chunk in the same read.
fn read(chunks: &[Vec<u8>], named_error: Option<usize>, between: &[u8]) -> Exchange {
    let mut reading = Reading::new(DIALECT, true);
    let header = |name: &str| (name == "content-type").then_some("text/event-stream");
    reading.sent(Offset::ZERO);
    reading.head(200, header, Offset::ZERO);
    let mut at = Offset::ZERO;
    let mut result = Ok(());
    for (k, chunk) in chunks.iter().enumerate() {
        at = at + Duration::from_millis(7);
        let name: &[u8] = if named_error == Some(k) {
            b"event: error\n"
        } else {
            b""
        };
        let bytes = [name, b"data: ", chunk, b"\n\n", between].concat();
        result = result.and_then(|()| reading.bytes(&bytes, at));
    }
    result = result.and_then(|()| reading.bytes(b"data: [DONE]\n\n", at));
    Exchange {
        body_bytes: 0,
        ..reading.finish(result, at)
    }
}

#[test]
fn a_reading_is_the_same_if_every_chunk_is_parsed() {
    // Between any two chunks comes one that says nothing, so that none is like the one before.
    let check = |(chunks, named_error): (Vec<Vec<u8>>, Option<usize>)| {
        let scanned = read(&chunks, named_error, b"");
        let parsed = read(&chunks, named_error, b"data: {}\n\n");
        prop_assert_eq!(scanned, parsed);
        Ok(())
    };
    let named_error = proptest::option::weighted(0.2, 0..12_usize);
    runner(1_000).run(&(stream(), named_error), check).unwrap();
}

#[test]
fn after_anything_else_a_chunk_is_parsed_again() {
    let chunk = |word: &str| {
        format!(r#"{{"model":"m","choices":[{{"delta":{{"content":"{word}"}}}}]}}"#).into_bytes()
    };
    for other in [&b"{}"[..], b"{", br#"{"model":"n","choices":[]}"#, b"\xFF"] {
        let mut scanner = DIALECT.scanner();
        let is_new = |data: &[u8]| !matches!(scanner.read(data), Ok(Piece::Again));
        let chunks = [&chunk("a"), &chunk("b"), other, &chunk("c"), &chunk("d")];
        assert_eq!(chunks.map(is_new), [true, false, true, true, false]);
    }
}
