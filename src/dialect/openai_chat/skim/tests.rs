//! What is skimmed is what the full parse reads.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dialect::openai_chat::read::decode_in_full;

fn usual() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_758_800_000_u64,
        "model": "gpt-lab", "system_fingerprint": null,
        "choices": [{"index": 0, "message": {"role": "assistant", "refusal": null,
            "content": "a \"word\"\n\u{e9} \\ / and \u{1f600} \u{1} more", "annotations": []},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 150, "total_tokens": 162,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 0}, "cost": null},
        "service_tier": "default", "x": [true, false, -1.5, {"y": {}}]
    })
}

/// Skimmed, it is what the full parse reads; whether it was skimmed.
fn agrees(text: &str) -> bool {
    let skimmed = skim(text);
    if let Some(delta) = &skimmed {
        let full = decode_in_full(text.as_bytes());
        assert_eq!(full.as_ref().ok(), Some(delta), "{text}");
    }
    skimmed.is_some()
}

#[test]
fn the_usual_answer_is_skimmed_however_it_is_written() {
    let usual = usual();
    assert!(agrees(&usual.to_string()));
    assert!(agrees(&serde_json::to_string_pretty(&usual).unwrap()));
    assert!(agrees(&format!(" {usual}\r\n")));
    assert!(agrees(
        r#"{"choices":[{"message":{"content":"\u00e9\u000a"}}]}"#
    ));
    assert!(agrees("{}"));
    for usage in [
        "null",
        "{}",
        "[1]",
        "7",
        "{\"cost\":0.25}",
        "{\"prompt_tokens\":3.0}",
        "{\"prompt_tokens\":\"3\",\"prompt_tokens\":3}",
        "{\"num_pages\":2}",
        "{\"prompt_tokens_details\":7,\"completion_tokens\":2}",
        "{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":-1}}",
        "{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"reasoning_tokens\":[]}}",
        "{\"prompt_tokens\":99999999999999999}",
    ] {
        assert!(agrees(&format!("{{\"usage\":{usage}}}")), "{usage}");
    }
}

#[test]
fn what_is_not_expected_is_left_to_the_full_parse() {
    let text = usual().to_string();
    for (usual, odd) in [
        ("\"id\":\"chatcmpl-1\"", "\"id\":7"),
        ("\"id\":\"chatcmpl-1\"", "\"id\":\"request_breakdown\""),
        ("\"id\":\"chatcmpl-1\"", "\"id\":\"a\",\"id\":\"b\""),
        ("\"chat.completion\"", "\"error\""),
        ("\"refusal\":null", "\"tool_calls\":[{}]"),
        (
            "\"refusal\":null",
            "\"reasoning\":\"a\",\"reasoning_content\":\"b\"",
        ),
        ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"error\""),
        (
            "\"finish_reason\":\"stop\"",
            "\"request_breakdown\":{\"cost\":1}",
        ),
        ("\"service_tier\":", "\"error\":{},\"y\":"),
        (
            "\"service_tier\":",
            "\"request_breakdown\":{\"cost\":1},\"y\":",
        ),
        ("-1.5", "-1e999"),
        ("-1.5", "01"),
        ("-1.5", "1."),
        ("-1.5", "nul"),
        ("\"x\":", "\"x\" "),
        ("true,", "true,,"),
        ("[true", "[,true"),
        ("\\\\ /", "\\x /"),
        ("\\\\ /", "\\ud83d\\ude00"),
        ("\\\\ /", "\u{7}"),
    ] {
        assert!(text.contains(usual), "{usual}");
        assert!(!agrees(&text.replacen(usual, odd, 1)), "{odd}");
    }
    assert!(!agrees(&text[..text.len() - 1]));
    assert!(!agrees(&format!("{text}x")));
    assert!(!agrees(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
}

/// Values of any type, for any name.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\"\\\\\u{0}-\u{1f}\u{e9}\u{1f600}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let names = prop_oneof![
            Just("content".to_owned()),
            Just("message".to_owned()),
            Just("delta".to_owned()),
            Just("cost".to_owned()),
            "[a-z]{0,3}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The names of a value's values, as JSON pointers.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                places(value, &format!("{here}/{name}"), all);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                places(value, &format!("{here}/{index}"), all);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn an_answer_with_anything_anywhere_is_read_as_in_full(
        changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..3),
    ) {
        let mut answer = usual();
        for (place, value) in changes {
            let mut all = Vec::new();
            places(&answer, "", &mut all);
            let place: &String = place.get(&all);
            *answer.pointer_mut(place).unwrap() = value;
        }
        agrees(&answer.to_string());
    }

    #[test]
    fn an_answer_with_changed_bytes_is_read_as_in_full(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9a-f.eE+ -]"), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = usual().to_string();
        for (place, with) in changes {
            let at = place.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, &with);
            }
        }
        agrees(&text);
        let end = cut.index(text.len());
        agrees(text.get(..end).unwrap_or_default());
    }
}
