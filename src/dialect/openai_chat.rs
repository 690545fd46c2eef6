//! The `OpenAI` chat completions format, and what its many implementations made of it.
//!
//! Reading is lenient wherever gateways differ (content as parts, null, or absent; choices without
//! delta; usage on every chunk) and strict about nothing but JSON itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Ask, Delta, DialectError, Message, Say, error_message};
use crate::base::{Money, Usage};

const FORMAT: &str = "chat completions";

fn not_json(source: serde_json::Error) -> DialectError {
    DialectError::Json {
        format: FORMAT,
        source,
    }
}

#[derive(Serialize)]
struct AskOut<'a> {
    model: &'a str,
    messages: &'a [Message],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

pub(super) fn encode_ask(ask: &Ask) -> Vec<u8> {
    let body = AskOut {
        model: &ask.model,
        messages: &ask.messages,
        stream: ask.stream,
        stream_options: (ask.stream && ask.include_usage).then_some(StreamOptions {
            include_usage: true,
        }),
        max_tokens: ask.max_tokens,
    };
    serde_json::to_vec(&body).expect("strings and numbers always encode")
}

#[derive(Deserialize)]
struct AskIn<'a> {
    model: String,
    #[serde(borrow, default)]
    messages: Vec<MessageIn<'a>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct MessageIn<'a> {
    role: String,
    #[serde(borrow, default)]
    content: Text<'a>,
}

pub(super) fn decode_ask(body: &[u8]) -> Result<Ask, DialectError> {
    let ask: AskIn<'_> = serde_json::from_slice(body).map_err(not_json)?;
    let message = |message: MessageIn<'_>| Message {
        role: match message.role.as_str() {
            "system" | "developer" => super::Role::System,
            "assistant" => super::Role::Assistant,
            _ => super::Role::User,
        },
        content: message.content.0.into_owned(),
    };
    let stream = ask.stream.unwrap_or(false);
    Ok(Ask {
        model: ask.model,
        messages: ask.messages.into_iter().map(message).collect(),
        stream,
        include_usage: !stream
            || ask
                .stream_options
                .is_some_and(|options| options.include_usage),
        max_tokens: ask.max_tokens.or(ask.max_completion_tokens),
    })
}

#[derive(Deserialize)]
struct AnswerIn<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    object: Text<'a>,
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default)]
    choices: Option<Vec<ChoiceIn<'a>>>,
    #[serde(default)]
    usage: Option<UsageIn>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    request_breakdown: Option<BreakdownIn>,
}

#[derive(Deserialize)]
struct ChoiceIn<'a> {
    #[serde(borrow, default)]
    delta: Option<TurnIn<'a>>,
    #[serde(borrow, default)]
    message: Option<TurnIn<'a>>,
    #[serde(borrow, default)]
    finish_reason: Text<'a>,
    #[serde(default)]
    request_breakdown: Option<BreakdownIn>,
}

#[derive(Deserialize)]
struct TurnIn<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    reasoning: Text<'a>,
    #[serde(borrow, default)]
    reasoning_details: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(default)]
    tool_calls: Filled,
    #[serde(default)]
    function_call: Filled,
}

#[derive(Deserialize, Default)]
struct UsageIn {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    #[serde(default)]
    num_pages: Option<u64>,
    /// What `OpenRouter` and a configured `LiteLLM` claim, in US dollars.
    #[serde(default)]
    cost: Option<f64>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct BreakdownIn {
    cost: Option<f64>,
}

pub(super) fn decode(data: &[u8]) -> Result<Delta<'_>, DialectError> {
    let answer: AnswerIn<'_> = serde_json::from_slice(data).map_err(not_json)?;
    let mut delta = Delta {
        error: error_in(&answer, data),
        ..Delta::default()
    };
    let mut breakdown = answer.request_breakdown;
    // The gateway's accounting chunk looks like an answer but is none: no token, no model, no end.
    let mut accounting = answer.id.0 == "request_breakdown";
    for choice in answer.choices.into_iter().flatten() {
        if let Some(found) = choice.request_breakdown {
            breakdown = Some(found);
            accounting = true;
            continue;
        }
        if let Some(turn) = choice.delta.or(choice.message) {
            add_turn(&mut delta, turn);
        }
        if delta.finish.is_none() && !choice.finish_reason.0.is_empty() {
            delta.finish = Some(choice.finish_reason.0);
        }
    }
    if delta.finish.as_deref() == Some("error") && delta.error.is_none() {
        delta.error = Some("the stream ended with finish_reason `error`".to_owned());
    }
    if !accounting {
        delta.model = some_text(answer.model.0);
        delta.id = some_text(answer.id.0);
    }
    let claimed = answer.usage.as_ref().and_then(|usage| usage.cost);
    let cost = breakdown.and_then(|breakdown| breakdown.cost).or(claimed);
    delta.cost_reported = cost.and_then(Money::from_dollars);
    delta.usage = answer.usage.and_then(UsageIn::counted);
    Ok(delta)
}

fn some_text(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(text)
}

/// An error in place of an answer: `{"error": ...}` in any shape, or `{"object": "error", ...}`.
fn error_in(answer: &AnswerIn<'_>, data: &[u8]) -> Option<String> {
    let unnamed = || "an error without a message".to_owned();
    match answer.error {
        Some(error) => Some(error_message(error.get().as_bytes()).unwrap_or_else(unnamed)),
        None if answer.object.0 == "error" => Some(error_message(data).unwrap_or_else(unnamed)),
        None => None,
    }
}

fn add_turn<'a>(delta: &mut Delta<'a>, turn: TurnIn<'a>) {
    append(&mut delta.content, turn.content.0);
    let reasoning = [
        turn.reasoning_content,
        turn.reasoning,
        turn.reasoning_details,
    ];
    // Some gateways send the same reasoning under two names: the first that is there counts.
    if let Some(first) = reasoning.into_iter().find(|text| !text.0.is_empty()) {
        append(&mut delta.reasoning, first.0);
    }
    append(&mut delta.refusal, turn.refusal.0);
    delta.tool_call |= turn.tool_calls.0 || turn.function_call.0;
}

fn append<'a>(to: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if to.is_empty() {
        *to = text;
    } else if !text.is_empty() {
        to.to_mut().push_str(&text);
    }
}

impl UsageIn {
    /// The usage, where the server counted anything at all.
    fn counted(self) -> Option<Usage> {
        if self.prompt_tokens.is_none() && self.completion_tokens.is_none() {
            return self.num_pages.map(|pages| Usage {
                pages: Some(pages),
                ..Usage::default()
            });
        }
        Some(Usage {
            input_tokens: self.prompt_tokens.unwrap_or(0),
            cached_input_tokens: self
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens)
                .unwrap_or(0),
            output_tokens: self.completion_tokens.unwrap_or(0),
            reasoning_tokens: self
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or(0),
            pages: self.num_pages,
        })
    }
}

/// Text that may be a string, a list of parts, an object that holds text, null, or anything else.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut all = Cow::Borrowed("");
        while let Some(Text(part)) = parts.next_element()? {
            append(&mut all, part);
        }
        Ok(all)
    }

    /// A content part: `{"type": "text", "text": "..."}`; reasoning details use `summary` or `data`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Cow::Borrowed("");
        while let Some(Text(key)) = map.next_key()? {
            if matches!(key.as_ref(), "text" | "summary" | "content" | "data") {
                append(&mut all, map.next_value::<Text<'de>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(all)
    }
}

/// Whether a value is there and holds something: not null, not an empty list or object.
#[derive(Default)]
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<RawValue> = Box::deserialize(deserializer)?;
        let compact: String = raw.get().split_whitespace().collect();
        Ok(Self(!matches!(
            compact.as_str(),
            "null" | "[]" | "{}" | "\"\""
        )))
    }
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChoiceOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOut>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<TurnOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<TurnOut<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct TurnOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
}

#[derive(Serialize)]
struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: CachedOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<ReasoningOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_pages: Option<u64>,
}

#[derive(Serialize)]
struct CachedOut {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct ReasoningOut {
    reasoning_tokens: u64,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens + usage.output_tokens,
            prompt_tokens_details: CachedOut {
                cached_tokens: usage.cached_input_tokens,
            },
            completion_tokens_details: (usage.reasoning_tokens > 0).then_some(ReasoningOut {
                reasoning_tokens: usage.reasoning_tokens,
            }),
            num_pages: usage.pages,
        }
    }
}

fn encode(say: &Say<'_>, object: &'static str, choices: Vec<ChoiceOut<'_>>) -> String {
    let answer = AnswerOut {
        id: say.id,
        object,
        created: say.created,
        model: say.model,
        choices,
        usage: say.usage.map(UsageOut::from),
    };
    serde_json::to_string(&answer).expect("strings and numbers always encode")
}

pub(super) fn encode_opening(say: &Say<'_>) -> String {
    let opening = TurnOut {
        role: Some("assistant"),
        content: Some(""),
        reasoning_content: None,
    };
    let choice = ChoiceOut {
        index: 0,
        delta: Some(opening),
        message: None,
        finish_reason: None,
    };
    encode(say, "chat.completion.chunk", vec![choice])
}

pub(super) fn encode_chunk(say: &Say<'_>) -> String {
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let choice = ChoiceOut {
        index: 0,
        delta: Some(TurnOut {
            role: None,
            content: some(say.content),
            reasoning_content: some(say.reasoning),
        }),
        message: None,
        finish_reason: say.finish,
    };
    // The accounting chunk of the format has no choices.
    let choices = if say.usage.is_some() {
        vec![]
    } else {
        vec![choice]
    };
    encode(say, "chat.completion.chunk", choices)
}

pub(super) fn encode_answer(say: &Say<'_>) -> String {
    let turn = TurnOut {
        role: Some("assistant"),
        content: Some(say.content),
        reasoning_content: Some(say.reasoning).filter(|text| !text.is_empty()),
    };
    let choice = ChoiceOut {
        index: 0,
        delta: None,
        message: Some(turn),
        finish_reason: say.finish,
    };
    encode(say, "chat.completion", vec![choice])
}

pub(super) fn encode_error(message: &str, kind: &str) -> String {
    serde_json::json!({
        "error": { "message": message, "type": kind, "param": null, "code": null }
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let json = r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#;
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
    fn an_ask_is_read_back_as_it_was_written() {
        let ask = Ask {
            model: "openai/gpt-lab".into(),
            messages: vec![Message {
                role: super::super::Role::User,
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
}
