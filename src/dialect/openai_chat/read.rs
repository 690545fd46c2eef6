//! Answers, whole or in chunks, as the many implementations of the format write them.

use std::borrow::Cow;

use serde::Deserialize;
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
