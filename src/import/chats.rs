//! Requests as JSON lines: batches as `OpenAI` takes them, bare bodies, and chats; and bodies of chats from
//! wherever they come.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::draft::{Draft, Model, Prompt, Recipe};
use super::{Input, secrets, words};
use crate::dialect::Role;
use crate::scenario::{Problem, Source};

/// Kinds of request that get a recipe of their own.
const MOST_RECIPES: usize = 20;

/// A draft of a file.
pub(super) fn draft(text: &str, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    let mut draft = Draft::default();
    let mut asked = Vec::new();
    for (at, value) in lines(text, input)? {
        match request(value).and_then(|body| Asked::of(body, &at, &mut draft)) {
            Ok(found) => asked.push(found),
            Err(why) => draft.left(at, why),
        }
    }
    some(&asked, input)?;
    recipes(asked, &mut draft);
    draft.left(
        input.name,
        "the file says what is asked and not when: 10/s for 30s stand in for its load",
    );
    let shape = "poisson: { rate: 10/s, duration: 30s }".to_owned();
    draft.phase("steady", false, shape);
    Ok(draft)
}

/// The problem that nothing could be used.
pub(super) fn some<T>(found: &[T], input: &Input<'_>) -> Result<(), Vec<Problem>> {
    if found.is_empty() {
        let source = Source::new(input.name, "");
        let problem = Problem::whole(&source, "nothing in the file is a request for a chat");
        return Err(vec![
            problem.with_help("check the kind that is named before the file"),
        ]);
    }
    Ok(())
}

/// The values of JSON lines, or of one list, each with its place.
pub(super) fn lines(text: &str, input: &Input<'_>) -> Result<Vec<(String, Value)>, Vec<Problem>> {
    if text.trim_start().starts_with('[') {
        let rows: Vec<Value> = whole(text, input)?;
        let rows = rows.into_iter().enumerate();
        return Ok(rows
            .map(|(n, row)| (format!("row {}", n + 1), row))
            .collect());
    }
    let (mut values, mut problems, mut start) = (Vec::new(), Vec::new(), 0);
    for (n, line) in text.split_inclusive('\n').enumerate() {
        if !line.trim().is_empty() {
            match serde_json::from_str(line.trim_end()) {
                Ok(value) => values.push((format!("line {}", n + 1), value)),
                Err(error) if problems.len() < 5 => problems.push((start, line.len(), error)),
                Err(_) => {}
            }
        }
        start += line.len();
    }
    // A JSON value over several lines is one value.
    if !problems.is_empty() && values.is_empty() {
        let only: Value = whole(text, input)?;
        return Ok(vec![("row 1".to_owned(), only)]);
    }
    if problems.is_empty() {
        return Ok(values);
    }
    let source = Source::new(input.name, text);
    let told = problems.iter().map(|(start, len, error)| {
        let column = error.column().saturating_sub(1).min(*len);
        let message = format!("the line is no JSON: {}", in_words(error));
        Problem::at(&source, start + column..start + len, message)
    });
    Err(told.collect())
}

/// The whole text as JSON, or the place where it is none.
pub(super) fn whole<T: serde::de::DeserializeOwned>(
    text: &str,
    input: &Input<'_>,
) -> Result<T, Vec<Problem>> {
    serde_json::from_str(text).map_err(|error| {
        let source = Source::new(input.name, text);
        let before = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1));
        let start: usize = before.map(str::len).sum();
        let at = (start + error.column().saturating_sub(1)).min(text.len());
        let message = format!("this can't be read: {}", in_words(&error));
        vec![Problem::at(&source, at..at + 1, message)]
    })
}

fn in_words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    // What serde quotes of the file may be a key.
    let said = said.split(" at line ").next().unwrap_or(&said);
    let said = said.split([':', '`', '"']).next().unwrap_or(said);
    said.trim().to_owned()
}

/// The body of a request, whichever way the line has it.
fn request(value: Value) -> Result<Map<String, Value>, &'static str> {
    let Value::Object(mut line) = value else {
        return Err("it is no object");
    };
    if let Some(Value::Object(body)) = line.remove("body") {
        let url = line
            .get("url")
            .and_then(Value::as_str)
            .unwrap_or("chat/completions");
        if !url.contains("chat/completions") {
            return Err("it is no request for a chat");
        }
        return Ok(body);
    }
    Ok(line)
}

/// A request for a chat.
#[derive(Debug)]
pub(super) struct Asked {
    /// The model, where it is said.
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) max_tokens: Option<u32>,
    /// Further fields of its body.
    pub(super) extra: Map<String, Value>,
    /// Its line of a prompt file.
    pub(super) row: String,
}

impl Asked {
    /// The request of a body.
    pub(super) fn of(
        mut body: Map<String, Value>,
        at: &str,
        draft: &mut Draft,
    ) -> Result<Self, &'static str> {
        let messages = match (body.remove("messages"), body.remove("prompt")) {
            (Some(messages), _) => conversation(&messages, at, draft)?,
            (None, Some(Value::String(text))) => vec![(Role::User, text)],
            _ => return Err("it has no `messages`"),
        };
        let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        let body_model_is_unfit = body.get("model").is_some_and(|model| !model.is_null());
        let model = text(body.remove("model")).filter(|model| (1..=256).contains(&model.len()));
        if model.is_none() && body_model_is_unfit {
            draft.left_first(at, "a model that can't be asked for");
        }
        let stream = match body.remove("stream") {
            Some(Value::Bool(stream)) => stream,
            Some(other) if !other.is_null() => {
                draft.left_first(at, "`stream` that is neither true nor false");
                model.is_none()
            }
            // An API streams where it is asked to; a chat of a data set says nothing of it.
            _ => model.is_none(),
        };
        let most = body.remove("max_tokens").filter(|most| !most.is_null());
        let max_tokens = most.as_ref().and_then(Value::as_u64);
        let max_tokens = max_tokens.and_then(|most| u32::try_from(most).ok());
        if most.is_some() && max_tokens.is_none() {
            draft.left_first(at, "`max_tokens` that is no count");
        }
        let options = body.remove("stream_options");
        if options.is_some_and(|options| options != json!({ "include_usage": true })) {
            draft.left_first(
                at,
                "`stream_options`: a streamed answer is always asked for its usage",
            );
        }
        let mut extra = Map::new();
        // A line that names no model is a chat of a data set, whose further fields are its own.
        if model.is_some() {
            for (name, value) in body {
                if secrets::guards(&name) {
                    draft.left(at, format!("the field {name} may hold a key"));
                } else if !value.is_null() {
                    extra.insert(name, hidden(value, at, draft));
                }
            }
        } else {
            for (name, _) in body.iter().filter(|(_, value)| !value.is_null()) {
                draft.left_first(at, &format!("the field {name} of a chat without a model"));
            }
        }
        Ok(Self {
            model,
            stream,
            max_tokens,
            extra,
            row: row(&messages),
        })
    }
}

/// A value without what may be a key, however deep.
pub(super) fn hidden(value: Value, at: &str, draft: &mut Draft) -> Value {
    match value {
        Value::String(text) if secrets::looks_like_one(&text) => {
            draft.left(at, "a text of the body that looks like a key");
            "***".into()
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| hidden(item, at, draft))
            .collect(),
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                if secrets::guards(&name) {
                    draft.left(at, format!("the field {name} may hold a key"));
                } else {
                    kept.insert(name, hidden(value, at, draft));
                }
            }
            Value::Object(kept)
        }
        plain => plain,
    }
}

/// A line of a prompt file.
pub(super) fn row(messages: &[(Role, String)]) -> String {
    let messages: Vec<String> = messages
        .iter()
        .map(|(role, content)| {
            let (role, content) = (json!(role), Value::from(content.as_str()));
            format!("{{\"role\":{role},\"content\":{content}}}")
        })
        .collect();
    format!("{{\"messages\":[{}]}}", messages.join(","))
}

/// The turns of a conversation up to the last one that is asked.
pub(super) fn conversation(
    messages: &Value,
    at: &str,
    draft: &mut Draft,
) -> Result<Vec<(Role, String)>, &'static str> {
    let written: Value;
    let list = match messages {
        Value::Array(list) => list,
        Value::String(text) => {
            written = serde_json::from_str(text).map_err(|_| "its messages are no list")?;
            written.as_array().ok_or("its messages are no list")?
        }
        _ => return Err("its messages are no list"),
    };
    let mut turns = Vec::new();
    for message in list {
        let role = match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool" | "function") => {
                return Err("a tool's turn is in it, which a prompt can't have");
            }
            _ => return Err("a turn of it has no role that is known"),
        };
        let content = match message.get("content") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parted(parts, at, draft),
            None | Some(Value::Null) if role == Role::Assistant => String::new(),
            _ => return Err("a turn of it has no content"),
        };
        turns.push((role, content));
        let fields = message.as_object().into_iter().flatten();
        for (name, value) in fields {
            if !matches!(name.as_str(), "role" | "content") && !value.is_null() {
                draft.left_first(at, &format!("the field {name} of a turn"));
            }
        }
    }
    let whole = turns.len();
    while turns
        .last()
        .is_some_and(|(role, _)| *role == Role::Assistant)
    {
        turns.pop();
    }
    if turns.len() < whole {
        draft.left_first(at, "the answer after the last turn that asks");
    }
    if turns.is_empty() {
        return Err("nothing is asked in it");
    }
    Ok(turns)
}

/// The text of a content in parts.
fn parted(parts: &[Value], at: &str, draft: &mut Draft) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.get("text")?.as_str())
        .collect();
    if texts.len() < parts.len() {
        draft.left(at, "a part of a turn that is no text, such as a picture");
    }
    texts.join("\n")
}

/// What requests of one recipe have in common.
type Same = (Option<String>, bool, Option<u32>, String);

/// Recipes for all requests: one for each model, way to answer, bound and further fields.
pub(super) fn recipes(asked: Vec<Asked>, draft: &mut Draft) {
    let all = asked.len();
    let mut groups: BTreeMap<Same, (Map<String, Value>, Vec<String>)> = BTreeMap::new();
    for request in asked {
        let extra = Value::Object(request.extra.clone()).to_string();
        let same = (request.model, request.stream, request.max_tokens, extra);
        let group = groups
            .entry(same)
            .or_insert_with(|| (request.extra, Vec::new()));
        group.1.push(request.row);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, (_, rows))| std::cmp::Reverse(rows.len()));
    let beyond: usize = groups
        .iter()
        .skip(MOST_RECIPES)
        .map(|(_, (_, rows))| rows.len())
        .sum();
    if beyond > 0 {
        let kinds = groups.len() - MOST_RECIPES;
        let what = format!(
            "{} of {} that {MOST_RECIPES} recipes don't cover: requests differ in model, stream, max_tokens and further fields",
            words::count(beyond, "request"),
            words::count(kinds, "kind"),
        );
        draft.left(format!("{all} requests"), what);
    }
    if groups.iter().any(|((_, stream, ..), _)| !stream) {
        let what = "they don't ask for a stream, and get none: an answer in one piece has no time to first token";
        draft.left("requests", what);
    }
    let mut taken = Vec::new();
    for ((model, stream, max_tokens, _), (body, rows)) in groups.into_iter().take(MOST_RECIPES) {
        let name = words::unique(model.as_deref().unwrap_or("chat"), &mut taken);
        draft.recipes.push(Recipe {
            name,
            weight: rows.len() as f64,
            model: model.map_or(Model::Open, Model::Named),
            stream,
            max_tokens,
            body,
            note: words::count(rows.len(), "request"),
            prompt: Prompt::Rows(rows),
            ..Recipe::default()
        });
    }
    draft.notes.push(format!(
        "{}; each arrival draws one of a recipe's prompts at random.",
        words::count(all, "request")
    ));
}
