//! Answers as the stand-ins write them.

use serde::Serialize;

use crate::base::Usage;
use crate::dialect::Say;

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

pub(in crate::dialect) fn encode_opening(say: &Say<'_>) -> String {
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

pub(in crate::dialect) fn encode_chunk(say: &Say<'_>) -> String {
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

pub(in crate::dialect) fn encode_answer(say: &Say<'_>) -> String {
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

pub(in crate::dialect) fn encode_error(message: &str, kind: &str) -> String {
    serde_json::json!({
        "error": { "message": message, "type": kind, "param": null, "code": null }
    })
    .to_string()
}
