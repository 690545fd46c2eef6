//! The document reader from outside: what a user's file says, and what is told of it.

#[path = "scenario_document/limits.rs"]
mod limits;
#[path = "scenario_document/problems.rs"]
mod problems;
#[path = "scenario_document/syntax.rs"]
mod syntax;
#[path = "scenario_document/variables.rs"]
mod variables;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use tollgate::scenario::document::{Document, Problem, Source, Spanned, read, render};

/// A duration such as `30s`, with an error in two parts.
#[derive(Debug, PartialEq)]
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text
            .strip_suffix('s')
            .and_then(|digits| digits.parse().ok());
        number.map(Seconds).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is no duration\nwrite it as in `30s`"))
        })
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    target: Target,
    #[serde(default)]
    stages: Vec<Stage>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    seed: Option<u64>,
    ratio: Option<f64>,
    verbose: Option<bool>,
    window: Option<(u8, u8)>,
    levels: Option<BTreeMap<u8, String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    url: Spanned<String>,
    api_key: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Stage {
    Pause,
    Constant {
        rate: Spanned<u32>,
        duration: Seconds,
    },
    Ramp(Ramp),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ramp {
    from: u32,
    to: u32,
}

/// Any value, with mappings and lists flattened.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Any {
    Null(()),
    Bool(#[expect(dead_code, reason = "it only has to be read")] bool),
    Number(#[expect(dead_code, reason = "it only has to be read")] f64),
    Text(String),
    List(Vec<Any>),
    Mapping(BTreeMap<String, Any>),
}

impl Any {
    fn find(&self, key: &str) -> Option<&str> {
        match self {
            Any::Mapping(entries) => match entries.get(key) {
                Some(Any::Text(text)) => Some(text),
                _ => entries.values().find_map(|value| value.find(key)),
            },
            Any::List(items) => items.iter().find_map(|item| item.find(key)),
            _ => None,
        }
    }
}

fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("sk-secret".to_owned()),
        "N" => Some("4".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn document<T: DeserializeOwned>(text: &str) -> Document<T> {
    read(&Source::new("load.yaml", text), &env)
}

fn value<T: DeserializeOwned + fmt::Debug>(text: &str) -> T {
    let document: Document<T> = document(text);
    assert!(
        document.problems.is_empty(),
        "{}",
        render(&document.problems, false)
    );
    document.value.expect("a value, as there is no problem")
}

fn places(problems: &[Problem]) -> Vec<(usize, usize, &str)> {
    problems
        .iter()
        .map(|p| (p.line(), p.column(), p.message()))
        .collect()
}

/// Asserts the problems of a text, read as a plan.
#[track_caller]
fn told(text: &str, expected: &[(usize, usize, &str)]) -> Document<Plan> {
    let document: Document<Plan> = document(text);
    assert_eq!(places(&document.problems), expected);
    document
}

/// A valid start of a plan, three lines long.
const HEAD: &str = "name: smoke\ntarget:\n  url: http://localhost\n";

#[track_caller]
fn told_after_head(rest: &str, expected: &[(usize, usize, &str)]) -> Document<Plan> {
    told(&format!("{HEAD}{rest}"), expected)
}

fn help(document: &Document<Plan>) -> &str {
    document.problems[0].help().unwrap_or_default()
}

fn places_of_any(text: &str) -> Vec<(usize, usize, String)> {
    let document: Document<Any> = document(text);
    document
        .problems
        .iter()
        .map(|p| (p.line(), p.column(), p.message().to_owned()))
        .collect()
}
