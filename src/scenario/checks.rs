//! What a scenario asks of a whole answer.

use std::ops::Range;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::Checker;
use super::document::Spanned;
use super::file::Recipe;
use super::one_or_more::OneOrMore;
use crate::dialect::Pointer;

/// What is asked of a whole answer. All of it must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// The status, or one of several: 200 to 299, since any other answer has failed already.
    pub status: Option<Spanned<OneOrMore<u16>>>,
    /// Why the answer ended, or one of several reasons: `stop`.
    pub finish_reason: Option<Spanned<OneOrMore<String>>>,
    /// The fewest output tokens.
    pub min_tokens: Option<Spanned<u64>>,
    /// The most output tokens.
    pub max_tokens: Option<Spanned<u64>>,
    /// A regular expression that must match somewhere in the content, or several.
    pub regex: Option<Spanned<OneOrMore<String>>>,
    /// What stands, or doesn't, at a place of the content read as JSON, or of the whole answer.
    pub json: Option<OneOrMore<JsonCheck>>,
    /// The JSON Schema of the content.
    pub content_schema: Option<Spanned<Value>>,
}

/// What stands at a place. Exactly one of `equals` and `exists`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonCheck {
    /// The place: a JSON pointer.
    pub pointer: Spanned<String>,
    /// What must stand there.
    #[serde(default, deserialize_with = "some")]
    pub equals: Option<Value>,
    /// Whether anything must stand there, be it null.
    pub exists: Option<bool>,
    /// What is looked into. `content` where absent.
    #[serde(default)]
    pub of: Whence,
}

/// A value that is given, be it null.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What a JSON check looks into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whence {
    /// The content, read as JSON.
    #[default]
    Content,
    /// The answer as it came, which must not be streamed.
    Answer,
}

/// One thing that is asked of a whole answer.
#[derive(Clone, Debug)]
pub enum Check {
    /// The status is one of these.
    Status(Vec<u16>),
    /// The answer ended for one of these reasons.
    FinishReason(Vec<String>),
    /// It has at least so many output tokens.
    MinTokens(u64),
    /// It has at most so many.
    MaxTokens(u64),
    /// The content has a match.
    Regex(Regex),
    /// Something stands at a place.
    Json {
        /// What is looked into.
        of: Whence,
        /// The place.
        pointer: Pointer,
        /// What must stand there.
        wanted: JsonWanted,
    },
    /// The content keeps to a JSON Schema.
    #[cfg(feature = "content-schema")]
    ContentSchema(std::sync::Arc<jsonschema::Validator>),
}

/// What must stand at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonWanted {
    /// This.
    Equals(Value),
    /// Anything, or nothing at all.
    Exists(bool),
}

/// What has to be kept of an answer for its checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The content.
    pub content: bool,
    /// The body of an answer in one piece.
    pub answer: bool,
    /// The numbers of its words, and when each came.
    pub trail: bool,
}

impl Wants {
    /// What these checks need.
    pub fn of(checks: &[Check]) -> Self {
        let mut wants = Self::default();
        for check in checks {
            match check {
                Check::Status(_)
                | Check::FinishReason(_)
                | Check::MinTokens(_)
                | Check::MaxTokens(_) => {}
                Check::Json {
                    of: Whence::Answer, ..
                } => wants.answer = true,
                Check::Json { .. } | Check::Regex(_) => wants.content = true,
                #[cfg(feature = "content-schema")]
                Check::ContentSchema(_) => wants.content = true,
            }
        }
        wants
    }
}

impl Checker<'_> {
    /// What a recipe asks of its answers.
    pub(super) fn checks(&mut self, recipe: &Recipe) -> Vec<Check> {
        let Some(Spanned { value: asked, span }) = &recipe.checks else {
            return Vec::new();
        };
        let stream = recipe.chat.stream.unwrap_or(true);
        let mut checks: Vec<Check> = self.figures(asked, span);
        if let Some(list) = &asked.regex {
            let regexes = list.value.0.iter();
            checks.extend(regexes.filter_map(|regex| self.regex(regex, &list.span)));
        }
        if let Some(list) = &asked.json {
            checks.extend(list.0.iter().filter_map(|json| self.json(json, stream)));
        }
        if let Some(schema) = &asked.content_schema {
            checks.extend(self.content_schema(schema));
        }
        checks
    }

    /// The checks that need nothing but what is in a row anyway.
    fn figures(&mut self, asked: &Checks, span: &Range<usize>) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some(status) = &asked.status {
            if let Some(other) = status.value.0.iter().find(|s| !(200..300).contains(*s)) {
                let message = format!("no answer with the status {other} is ever checked");
                let help = "any status but 2xx is a failure of its own: it is counted as such";
                self.problem(status.span.clone(), message, help);
            }
            checks.push(Check::Status(status.value.0.clone()));
        }
        if let Some(reasons) = &asked.finish_reason {
            checks.push(Check::FinishReason(reasons.value.0.clone()));
        }
        let (min, max) = (&asked.min_tokens, &asked.max_tokens);
        if let (Some(min), Some(max)) = (min, max)
            && min.value > max.value
        {
            let message = format!(
                "no answer has at least {} and at most {} tokens",
                min.value, max.value
            );
            self.problem(min.span.clone(), message, "swap them");
        }
        checks.extend(min.iter().map(|min| Check::MinTokens(min.value)));
        checks.extend(max.iter().map(|max| Check::MaxTokens(max.value)));
        let empty = |list: usize| list == 0;
        let lists = [
            asked.status.as_ref().map(|list| list.value.0.len()),
            asked.finish_reason.as_ref().map(|list| list.value.0.len()),
        ];
        if lists.into_iter().flatten().any(empty) {
            let message = "no answer is one of none";
            self.problem(span.clone(), message, "give at least one, or leave it out");
        }
        checks
    }

    fn regex(&mut self, regex: &str, span: &Range<usize>) -> Option<Check> {
        match Regex::new(regex) {
            Ok(regex) => Some(Check::Regex(regex)),
            Err(error) => {
                let said = error.to_string();
                let last = said.lines().last().unwrap_or_default();
                let why = last.strip_prefix("error: ").unwrap_or(last);
                let message = format!("`{regex}` is no regular expression: {why}");
                let help =
                    "the syntax is that of Rust's regex crate: no look-around, no back-references";
                self.problem(span.clone(), message, help);
                None
            }
        }
    }

    fn json(&mut self, json: &JsonCheck, stream: bool) -> Option<Check> {
        let span = json.pointer.span.clone();
        if json.of == Whence::Answer && stream {
            let message = "a streamed answer is many pieces, and none is the whole";
            let help = "ask of its `content`, or write `stream: false`";
            self.problem(span.clone(), message, help);
        }
        let wanted = match (&json.equals, json.exists) {
            (Some(value), None) => JsonWanted::Equals(value.clone()),
            (None, Some(exists)) => JsonWanted::Exists(exists),
            _ => {
                let message = "a JSON check asks for one thing: `equals` or `exists`";
                self.problem(span, message, "such as { pointer: /total, exists: true }");
                return None;
            }
        };
        Some(Check::Json {
            of: json.of,
            pointer: self.pointer(&json.pointer)?,
            wanted,
        })
    }

    #[cfg(feature = "content-schema")]
    fn content_schema(&mut self, schema: &Spanned<Value>) -> Option<Check> {
        match jsonschema::validator_for(&schema.value) {
            Ok(validator) => Some(Check::ContentSchema(validator.into())),
            Err(error) => {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    ""
                } else {
                    &format!(" at {place}")
                };
                let message = format!("this is no JSON Schema{place}: {error}");
                let help = "schemas of other files and of the network are not read";
                self.problem(schema.span.clone(), message, help);
                None
            }
        }
    }

    #[cfg(not(feature = "content-schema"))]
    fn content_schema(&mut self, schema: &Spanned<Value>) -> Option<Check> {
        let message = "this tollgate was built without JSON Schema";
        let help = "build it with the feature `content-schema`";
        self.problem(schema.span.clone(), message, help);
        None
    }
}
