//! Answers, whole or in chunks, as the many implementations of the format write them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::not_json;
use super::number::Number;
use super::skim::skim;
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
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    request_breakdown: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChoiceIn<'a> {
    #[serde(borrow, default)]
    delta: Option<TurnIn<'a>>,
    #[serde(borrow, default)]
    message: Option<TurnIn<'a>>,
    #[serde(borrow, default)]
    finish_reason: Text<'a>,
    #[serde(borrow, default)]
    request_breakdown: Option<&'a RawValue>,
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
    let skimmed = std::str::from_utf8(data).ok().and_then(skim);
    skimmed.map_or_else(|| decode_in_full(data), Ok)
}

/// An answer of whatever shape.
pub(super) fn decode_in_full(data: &[u8]) -> Result<Delta<'_>, DialectError> {
    // Looked at once as a whole, its many strings need not be one by one.
    let answer: AnswerIn<'_> = match std::str::from_utf8(data) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(data),
    }
    .map_err(not_json)?;
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
        delta.model = set_apart(answer.model.0);
        delta.id = set_apart(answer.id.0);
    }
    let cost;
    (delta.usage, cost) = accounts(answer.usage.map(RawValue::get));
    let claim = fields::<Claim>(breakdown.map(RawValue::get)).cost.0;
    delta.cost_reported = claim.and_then(Money::from_dollars).or(cost);
    Ok(delta)
}

/// Text that says something.
pub(super) fn set_apart(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
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

/// What a usage holds. A figure that is no count (some gateways send strings, floats or lists) is read
/// as far as it makes sense: it must not spoil the answer.
#[derive(Default, Deserialize)]
struct Accounts<'a> {
    #[serde(default)]
    prompt_tokens: Number,
    #[serde(default)]
    completion_tokens: Number,
    #[serde(default)]
    num_pages: Number,
    #[serde(borrow, default)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    completion_tokens_details: Option<&'a RawValue>,
    /// What the server claims that the answer cost, in US dollars.
    #[serde(default)]
    cost: Number,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Number,
    #[serde(default)]
    reasoning_tokens: Number,
}

/// What a gateway's breakdown claims that the answer cost, in US dollars.
#[derive(Default, Deserialize)]
struct Claim {
    #[serde(default)]
    cost: Number,
}

/// What a usage says was used, and what it claims that the answer cost.
pub(super) fn accounts(usage: Option<&str>) -> (Option<Usage>, Option<Money>) {
    let accounts: Accounts<'_> = fields(usage);
    (
        accounts.usage(),
        accounts.cost.0.and_then(Money::from_dollars),
    )
}

/// The fields of an object; none where it is something else.
fn fields<'a, T: Default + Deserialize<'a>>(json: Option<&'a str>) -> T {
    let object = json.filter(|json| json.starts_with('{'));
    let read = object.and_then(|object| serde_json::from_str(object).ok());
    read.unwrap_or_default()
}

impl Accounts<'_> {
    /// The usage, where the server counted anything at all.
    fn usage(&self) -> Option<Usage> {
        let (input, output) = (self.prompt_tokens.count(), self.completion_tokens.count());
        let pages = self.num_pages.count();
        if input.is_none() && output.is_none() && pages.is_none() {
            return None;
        }
        let of_input: Details = fields(self.prompt_tokens_details.map(RawValue::get));
        let of_output: Details = fields(self.completion_tokens_details.map(RawValue::get));
        Some(Usage {
            input_tokens: input.unwrap_or(0),
            cached_input_tokens: of_input.cached_tokens.count().unwrap_or(0),
            output_tokens: output.unwrap_or(0),
            reasoning_tokens: of_output.reasoning_tokens.count().unwrap_or(0),
            pages,
        })
    }
}
