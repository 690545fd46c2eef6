//! What is kept of an answer for its checks: all of its visible text, and no more than there is room for.

#![expect(clippy::unwrap_used, reason = "a helper may fail as its tests do")]

use tollgate::scenario::Wants;
use tollgate::wire::{Exchange, Kept};

use crate::answer::{Answer, DONE, ROLE, STOP, USAGE, delta, event, text};
use crate::transcripts;

const CONTENT: Wants = Wants {
    trail: false,
    content: true,
    answer: false,
};
const ANSWER: Wants = Wants {
    trail: false,
    content: false,
    answer: true,
};

fn keeping(wants: Wants, answer: &Answer) -> Exchange {
    let mut answer = answer.clone();
    answer.wants = wants;
    answer.ends()
}

fn content(answer: &Answer) -> String {
    keeping(CONTENT, answer).kept.unwrap().content
}

/// A stream whose every chunk has the same frame, so that the middle of it is not parsed.
fn stream(words: &[&str]) -> Answer {
    let chunks: Vec<String> = words.iter().map(|word| text(word)).collect();
    let chunks = chunks.iter().map(String::as_str);
    let all: Vec<&str> = [ROLE]
        .into_iter()
        .chain(chunks)
        .chain([STOP, USAGE, DONE])
        .collect();
    Answer::stream().events(&all)
}

#[test]
fn the_words_of_chunks_that_are_not_parsed_are_kept_as_a_parser_reads_them() {
    let words = [
        "The",
        " sky",
        " is\\n",
        "\\\"blue\\\"",
        " caf\u{e9}",
        " \\u00e9",
        "\\ud83d\\ude00",
        "{",
        "\\\\",
    ];
    let said = "The sky is\n\"blue\" caf\u{e9} \u{e9}\u{1F600}{\\";
    assert_eq!(content(&stream(&words)), said);
}

#[test]
fn hidden_reasoning_and_padding_are_no_content() {
    let chunk = |word: &str, thought: &str, padding: &str| {
        format!(
            r#"{{"id":"c","choices":[{{"delta":{{"content":"{word}","reasoning":"{thought}","refusal":"no"}}}}],"obfuscation":"{padding}"}}"#
        )
    };
    let chunks = [
        chunk("a", "x", ""),
        chunk("b", "yy", "ab"),
        chunk("c", "z", "abc"),
        DONE.to_owned(),
    ];
    assert_eq!(content(&Answer::stream().events(&chunks)), "abc");
}

#[test]
fn content_that_stands_in_no_string_is_kept_too() {
    let parts = |word: &str| {
        delta(&format!(
            r#"{{"content":[{{"type":"text","text":"{word}"}}],"reasoning":"hm"}}"#
        ))
    };
    let chunks = [parts("a"), parts("a"), parts("b"), DONE.to_owned()];
    assert_eq!(content(&Answer::stream().events(&chunks)), "aab");
    let choices = r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#;
    let chunks = [choices, choices, DONE];
    assert_eq!(content(&Answer::stream().events(&chunks)), "abab");
}

#[test]
fn the_content_of_an_answer_in_one_piece_is_kept() {
    let body = r#"{"choices":[{"message":{"content":"hi \"you\""},"finish_reason":"stop"}]}"#;
    let whole = Answer::whole().read(10, body);
    assert_eq!(content(&whole), "hi \"you\"");
    assert_eq!(keeping(CONTENT, &whole).kept.unwrap().answer, None);
    let kept = keeping(ANSWER, &whole).kept.unwrap();
    assert_eq!(kept.answer.as_deref(), Some(body.as_bytes()));
    assert_eq!(kept.content, "");
    assert_eq!(whole.ends().kept, None, "nobody wants it");
    assert_eq!(keeping(ANSWER, &stream(&["a"])).kept.unwrap().answer, None);
}

#[test]
fn no_more_is_kept_than_there_is_room_for_and_it_is_told() {
    let kilobyte = "x".repeat(1 << 10);
    let chunk = event(&text(&kilobyte));
    let answer = |chunks: u64| {
        let reads = (1..=chunks).fold(Answer::stream(), |answer, n| answer.read(n * 10, &chunk));
        keeping(CONTENT, &reads.read(20_000, event(DONE)))
            .kept
            .unwrap()
    };
    let fits = answer(1_024);
    assert_eq!((fits.content.len(), fits.is_cut), (Kept::CAP, false));
    let cut = answer(1_025);
    assert_eq!((cut.content.len(), cut.is_cut), (Kept::CAP, true));
}

#[test]
fn what_is_kept_changes_nothing_of_the_reading() {
    for transcript in transcripts::all() {
        let plain = transcript.head.clone().read(10, &transcript.body);
        let mut read = keeping(CONTENT, &plain);
        let kept = read.kept.take();
        assert_eq!(read, plain.ends(), "{}", transcript.name);
        assert!(kept.is_some());
    }
}
