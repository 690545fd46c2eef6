//! What the format's many implementations send, read as it is meant.

use proptest::prelude::*;

use super::*;
use crate::base::{Money, Usage};
use crate::dialect::{Ask, Delta, Message, Say, error_message};

fn read(json: &str) -> Delta<'_> {
    decode(json.as_bytes()).unwrap()
}

#[test]
fn chunks_without_a_token_hold_none() {
    for json in [
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"index":0}]}"#,
        r#"{"choices":[{"delta":{"role":"assistant","content":null},"index":0}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#,
        r#"{"choices":null}"#,
        "{}",
    ] {
        assert!(!read(json).has_token(), "{json}");
    }
}

#[test]
fn every_kind_of_token_counts_and_only_visible_ones_are_output() {
    let cases = [
        (r#"{"choices":[{"delta":{"content":"a"}}]}"#, true),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}"#,
            true,
        ),
        (
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}"#,
            true,
        ),
        (
            r#"{"choices":[{"delta":{"reasoning_content":"a"}}]}"#,
            false,
        ),
        (r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#, false),
        (
            r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","text":"a"}]}}]}"#,
            false,
        ),
        (r#"{"choices":[{"delta":{"refusal":"no"}}]}"#, false),
    ];
    for (json, visible) in cases {
        assert!(read(json).has_token(), "{json}");
        assert_eq!(read(json).has_output(), visible, "{json}");
    }
}

#[test]
fn choices_that_are_interleaved_add_up() {
    let json =
        r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#;
    assert_eq!(read(json).content, "ba");
}

#[test]
fn the_accounting_chunk_of_a_gateway_is_no_token_no_end_and_no_model() {
    let json = r#"{"id":"request_breakdown","choices":[{"delta":{"content":null,"role":"assistant"},
        "finish_reason":"stop","request_breakdown":{"cost":0.0125,"routing_time":0.02},"index":0}],
        "model":"extra_parameter","object":"chat.completion.chunk","usage":{}}"#;
    let delta = read(json);
    assert!(!delta.has_token());
    assert_eq!(
        (delta.model, delta.id, delta.finish, delta.usage),
        (None, None, None, None)
    );
    assert_eq!(delta.cost_reported, Some(Money::from_nanos(12_500_000)));
}

#[test]
fn the_breakdown_of_an_answer_in_one_piece_gives_its_cost_and_leaves_the_rest() {
    let json = r#"{"id":"a","model":"gpt","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],
        "request_breakdown":{"cost":1e-6}}"#;
    let delta = read(json);
    assert_eq!(
        (delta.content.as_ref(), delta.model.as_deref()),
        ("hi", Some("gpt"))
    );
    assert_eq!(delta.cost_reported, Some(Money::from_nanos(1_000)));
}

#[test]
fn errors_in_place_of_an_answer_are_seen_in_every_shape() {
    for json in [
        r#"{"error":{"message":"overloaded"}}"#,
        r#"{"error":"overloaded"}"#,
        r#"{"object":"error","message":"overloaded"}"#,
    ] {
        assert_eq!(read(json).error.as_deref(), Some("overloaded"), "{json}");
    }
    assert!(
        read(r#"{"choices":[{"finish_reason":"error"}]}"#)
            .error
            .is_some()
    );
    assert_eq!(read(r#"{"error":null,"choices":[]}"#).error, None);
}

#[test]
fn usage_is_read_with_its_details() {
    let json = r#"{"usage":{"prompt_tokens":9,"completion_tokens":5,"cost":0.5,
        "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#;
    let delta = read(json);
    let usage = Usage {
        input_tokens: 9,
        cached_input_tokens: 4,
        output_tokens: 5,
        reasoning_tokens: 2,
        pages: None,
    };
    assert_eq!(delta.usage, Some(usage));
    assert_eq!(delta.cost_reported, Some(Money::from_nanos(500_000_000)));
    assert_eq!(
        read(r#"{"usage":{}}"#).usage,
        None,
        "an empty usage is no usage"
    );
}

#[test]
fn an_odd_figure_does_not_spoil_the_answer() {
    for (usage, input) in [
        (
            r#"{"prompt_tokens":12.0,"completion_tokens":"5"}"#,
            Some(12),
        ),
        (
            r#"{"prompt_tokens":-1,"completion_tokens":5,"prompt_tokens_details":[]}"#,
            Some(0),
        ),
        (
            r#"{"prompt_tokens":null,"completion_tokens":5,"cost":"0.01"}"#,
            Some(0),
        ),
        (r#""unknown""#, None),
        ("[1]", None),
    ] {
        let json = format!(r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"usage":{usage}}}"#);
        let delta = read(&json);
        assert_eq!(delta.content, "a");
        assert_eq!(
            delta.usage.map(|usage| usage.input_tokens),
            input,
            "{usage}"
        );
        assert_eq!(
            delta.usage.map(|usage| usage.output_tokens),
            input.and(Some(5))
        );
    }
    let claimed = read(r#"{"usage":{"prompt_tokens":1,"cost":"0.01"}}"#).cost_reported;
    assert_eq!(claimed, Some(Money::from_nanos(10_000_000)));
    assert_eq!(read(r#"{"error":false,"choices":[]}"#).error, None);
}

#[test]
fn an_ask_is_read_back_as_it_was_written() {
    let ask = Ask {
        model: "openai/gpt-lab".into(),
        messages: vec![Message {
            role: crate::dialect::Role::User,
            content: "hé\n\"".into(),
        }],
        stream: true,
        include_usage: true,
        max_tokens: Some(64),
    };
    let body = encode_ask(&ask);
    assert_eq!(decode_ask(&body).unwrap(), ask);
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains(r#""include_usage":true"#)
    );
}

#[test]
fn a_stream_reports_usage_only_where_it_was_asked_for() {
    let wants = |json: &str| decode_ask(json.as_bytes()).unwrap().include_usage;
    assert!(wants(
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#
    ));
    assert!(!wants(r#"{"model":"m","stream":true}"#));
    assert!(!wants(
        r#"{"model":"m","stream":true,"stream_options":null}"#
    ));
    assert!(wants(r#"{"model":"m"}"#));
}

proptest! {
    #[test]
    fn what_the_stand_in_encodes_the_client_decodes(
        content in ".+", input in 0_u64..1 << 40, cached in 0_u64..1000, reasoning in ".*", output in 0_u64..1 << 40,
        pages in proptest::option::of(0_u64..100),
    ) {
        let usage = Usage {
            input_tokens: input, cached_input_tokens: cached, output_tokens: output,
            reasoning_tokens: reasoning.len() as u64, pages,
        };
        let say = Say {
            id: "chatcmpl-1", model: "gpt-lab", created: 1, content: &content, reasoning: &reasoning,
            finish: Some("stop"), usage: Some(usage),
        };
        let answer = encode_answer(&say);
        let whole = decode(answer.as_bytes()).unwrap();
        prop_assert_eq!(whole.content.as_ref(), content.as_str());
        prop_assert_eq!(whole.reasoning.as_ref(), reasoning.as_str());
        prop_assert_eq!(whole.usage, Some(usage));
        prop_assert_eq!(whole.finish.as_deref(), Some("stop"));
        let chunk = encode_chunk(&Say { usage: None, ..say.clone() });
        let piece = decode(chunk.as_bytes()).unwrap();
        prop_assert_eq!(piece.content.as_ref(), content.as_str());
        prop_assert_eq!(piece.reasoning.as_ref(), reasoning.as_str());
        prop_assert!(!read(&encode_opening(&say)).has_token());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (decode(&bytes), decode_ask(&bytes), error_message(&bytes));
    }
}
