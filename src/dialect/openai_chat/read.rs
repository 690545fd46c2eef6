//! Answers, whole or in chunks, as the many implementations of the format write them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::not_json;
use super::text::{Filled, Text, append};
use crate::base::{Money, Usage};
use crate::dialect::{Delta, DialectError, error_message};

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
    usage: Option<Value>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    request_breakdown: Option<Value>,
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
    request_breakdown: Option<Value>,
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

pub(in crate::dialect) fn decode(data: &[u8]) -> Result<Delta<'_>, DialectError> {
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
    delta.cost_reported = cost(breakdown.as_ref()).or_else(|| cost(answer.usage.as_ref()));
    delta.usage = answer.usage.as_ref().and_then(usage);
    Ok(delta)
}

fn some_text(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(text)
}

/// An error in place of an answer: `{"error": ...}` in any shape, or `{"object": "error", ...}`.
fn error_in(answer: &AnswerIn<'_>, data: &[u8]) -> Option<String> {
    let unnamed = || "an error without a message".to_owned();
    match answer.error {
        Some(error) if error.get() == "false" => None,
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

/// The usage, where the server counted anything at all. A figure that is no count (some gateways send
/// strings, floats or lists) is read as far as it makes sense: it must not spoil the answer.
fn usage(usage: &Value) -> Option<Usage> {
    let (input, output) = (
        count(usage, "/prompt_tokens"),
        count(usage, "/completion_tokens"),
    );
    let pages = count(usage, "/num_pages");
    if input.is_none() && output.is_none() && pages.is_none() {
        return None;
    }
    Some(Usage {
        input_tokens: input.unwrap_or(0),
        cached_input_tokens: count(usage, "/prompt_tokens_details/cached_tokens").unwrap_or(0),
        output_tokens: output.unwrap_or(0),
        reasoning_tokens: count(usage, "/completion_tokens_details/reasoning_tokens").unwrap_or(0),
        pages,
    })
}

/// A whole number that is not negative, also where it is written as a float or a string.
fn count(json: &Value, pointer: &str) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let found = json.pointer(pointer)?;
    let number = number(found).filter(|n| n.fract() == 0.0 && (0.0..=EXACT).contains(n));
    found.as_u64().or_else(|| number.map(|n| n as u64))
}

/// A number, also where it is written as a string.
fn number(json: &Value) -> Option<f64> {
    json.as_f64().or_else(|| json.as_str()?.trim().parse().ok())
}

/// What a server claims that the answer cost, in US dollars: `cost` of a usage or a breakdown.
fn cost(json: Option<&Value>) -> Option<Money> {
    number(json?.get("cost")?).and_then(Money::from_dollars)
}
