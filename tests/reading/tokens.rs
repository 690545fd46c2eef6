//! What counts as a token of a stream, and what an answer says of itself.

use tollgate::base::{Money, Usage};
use tollgate::wire::Outcome;

use crate::answer::{Answer, BREAKDOWN, DONE, ROLE, STOP, USAGE, at, delta, text};

/// The usage of `USAGE`.
const USED: Usage = Usage {
    input_tokens: 9,
    cached_input_tokens: 0,
    output_tokens: 2,
    reasoning_tokens: 0,
    pages: None,
};

#[test]
fn a_chunk_that_holds_no_token_is_a_first_event_and_no_first_token() {
    let no_tokens = [
        ROLE.to_owned(),
        delta(r#"{"role":"assistant","content":null}"#),
        delta("{}"),
        delta(r#"{"tool_calls":[]}"#),
        r#"{"choices":[{"index":0,"finish_reason":null}]}"#.to_owned(),
        r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#.to_owned(),
        r#"{"choices":null}"#.to_owned(),
        USAGE.to_owned(),
        BREAKDOWN.to_owned(),
    ];
    for chunk in no_tokens {
        let exchange = Answer::stream()
            .events(&[&chunk, &text("a"), STOP, DONE])
            .ends();
        assert_eq!(exchange.outcome, Outcome::Ok, "{chunk}");
        assert_eq!(exchange.marks.first_event, Some(at(10)), "{chunk}");
        assert_eq!(exchange.marks.first_token, Some(at(20)), "{chunk}");
        assert_eq!(exchange.marks.first_output, Some(at(20)), "{chunk}");
        assert_eq!(exchange.token_chunks, 1, "{chunk}");
    }
}

#[test]
fn reasoning_is_a_first_token_before_the_first_output() {
    for name in ["reasoning_content", "reasoning", "reasoning_details"] {
        let value = if name == "reasoning_details" {
            r#"[{"type":"reasoning.text","text":"hm"}]"#
        } else {
            r#""hm""#
        };
        let thought = delta(&format!(r#"{{"content":"","{name}":{value}}}"#));
        let exchange = Answer::stream()
            .events(&[ROLE, &thought, &thought, &text("a"), STOP, DONE])
            .ends();
        assert_eq!(exchange.marks.first_token, Some(at(20)), "{name}");
        assert_eq!(exchange.marks.first_output, Some(at(40)), "{name}");
        assert_eq!(exchange.marks.last_token, Some(at(40)), "{name}");
        assert_eq!(exchange.token_chunks, 3, "{name}");
    }
}

#[test]
fn an_answer_that_is_all_reasoning_has_no_first_output() {
    let thought = delta(r#"{"reasoning_content":"hm"}"#);
    let exchange = Answer::stream().events(&[&thought, STOP, DONE]).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.marks.first_token, Some(at(10)));
    assert_eq!(exchange.marks.first_output, None);
}

#[test]
fn fragments_of_tool_calls_are_tokens_and_output() {
    let call =
        delta(r#"{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":""}}]}"#);
    let more = delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#);
    let exchange = Answer::stream()
        .events(&[ROLE, &call, &more, STOP, DONE])
        .ends();
    assert_eq!(exchange.token_chunks, 2);
    assert_eq!(exchange.marks.first_output, Some(at(20)));
    assert_eq!(exchange.gaps.first_us(), [10_000]);
}

#[test]
fn a_refusal_is_a_token_and_no_output() {
    let refusal = delta(r#"{"content":null,"refusal":"no"}"#);
    let exchange = Answer::stream().events(&[&refusal, STOP, DONE]).ends();
    assert_eq!(exchange.token_chunks, 1);
    assert_eq!(exchange.marks.first_output, None);
}

#[test]
fn several_tokens_or_parts_in_a_chunk_are_one_chunk() {
    let parts = delta(r#"{"content":[{"type":"text","text":"a b c"},{"type":"text","text":"d"}]}"#);
    let exchange = Answer::stream().events(&[&parts, STOP, DONE]).ends();
    assert_eq!(exchange.token_chunks, 1);
}

#[test]
fn choices_that_are_interleaved_count_chunk_by_chunk() {
    let one = r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#;
    let both =
        r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#;
    let first_ends = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#;
    let exchange = Answer::stream()
        .events(&[one, &text("a"), both, first_ends, &text("a"), STOP, DONE])
        .ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.token_chunks, 4);
    assert_eq!(exchange.marks.last_token, Some(at(50)));
    assert_eq!(exchange.finish.as_deref(), Some("stop"));
}

#[test]
fn the_last_of_many_usages_holds() {
    let used = |tokens: u64| {
        format!(
            r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{tokens},"cost":{tokens}e-6}}}}"#
        )
    };
    let exchange = Answer::stream()
        .events(&[&used(1), &used(2), STOP, DONE])
        .ends();
    assert_eq!(exchange.usage, Some(USED));
    assert_eq!(exchange.cost_reported, Some(Money::from_nanos(2_000)));
}

#[test]
fn a_usage_chunk_with_a_choice_in_it_is_no_token() {
    let usage = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":2,"cost":0.5}}"#;
    let exchange = Answer::stream()
        .events(&[&text("a"), STOP, usage, DONE])
        .ends();
    assert_eq!(exchange.token_chunks, 1);
    assert_eq!(exchange.marks.last_token, Some(at(10)));
    assert_eq!(exchange.usage, Some(USED));
    assert_eq!(exchange.finish.as_deref(), Some("stop"));
    assert_eq!(exchange.cost_reported, Some(Money::from_nanos(500_000_000)));
}

#[test]
fn the_accounting_chunk_before_the_end_gives_a_cost_and_nothing_else() {
    let with = [ROLE, &text("a"), &text("b"), STOP, USAGE, BREAKDOWN, DONE];
    let with = Answer::stream().events(&with).ends();
    let without = [ROLE, &text("a"), &text("b"), STOP, USAGE, DONE];
    let mut without = Answer::stream().events(&without).ends();
    assert_eq!(with.cost_reported, Some(Money::from_nanos(12_500_000)));
    without.cost_reported = with.cost_reported;
    without.body_bytes = with.body_bytes;
    without.marks.end = with.marks.end;
    assert_eq!(with, without);
    assert_eq!(with.model.as_deref(), Some("gpt-a"));
    assert_eq!(with.request_id.as_deref(), Some("c-1"));
}

#[test]
fn the_accounting_chunk_after_the_end_is_no_token_no_usage_and_no_model() {
    let chunks = [ROLE, &text("a"), STOP, USAGE, DONE, BREAKDOWN];
    let exchange = Answer::stream().events(&chunks).ends();
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(exchange.token_chunks, 1);
    assert_eq!(exchange.usage, Some(USED));
    assert_eq!(exchange.model.as_deref(), Some("gpt-a"));
    assert_eq!(exchange.marks.end, Some(at(50)));
}

#[test]
fn the_accounting_chunk_is_no_end_of_an_answer() {
    let exchange = Answer::stream().events(&[&text("a"), BREAKDOWN]).ends();
    assert_eq!(exchange.outcome, Outcome::Truncated);
    assert_eq!(exchange.finish, None);
}

#[test]
fn an_answer_is_named_by_its_header_or_else_by_its_chunks() {
    let chunks = [ROLE, STOP, DONE];
    let named = Answer::stream()
        .header("x-request-id", "req-7")
        .events(&chunks);
    assert_eq!(named.ends().request_id.as_deref(), Some("req-7"));
    let unnamed = Answer::stream().events(&chunks);
    assert_eq!(unnamed.ends().request_id.as_deref(), Some("c-1"));
}
