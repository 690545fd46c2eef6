//! A document of options, read key by key: what nobody asked for is told at its place.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::Input;
use super::draft::Draft;
use crate::scenario::document::{self, Spanned};
use crate::scenario::file::Free;
use crate::scenario::{Problem, Source};

/// Keys of one mapping that are told one by one.
const MOST_KEYS: usize = 50;

/// A value and where it stands.
pub(super) type Node = Spanned<Free>;

/// Reads YAML or JSON of any shape.
pub(super) fn read(source: &Arc<Source>, input: &Input<'_>) -> Result<Node, Vec<Problem>> {
    let read = document::read::<Node>(source, input.env);
    match read.value {
        Some(root) if read.problems.is_empty() => Ok(root),
        _ => Err(read.problems),
    }
}

/// The mapping of a document, and which of its keys were asked for.
pub(super) struct Section<'a> {
    source: &'a Arc<Source>,
    /// Its path in the document.
    path: String,
    entries: &'a [(Spanned<String>, Node)],
    asked: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Section<'a> {
    /// The mapping of a value, or the problem that it is none.
    pub(super) fn of(
        source: &'a Arc<Source>,
        node: &'a Node,
        path: impl Into<String>,
    ) -> Result<Self, Problem> {
        let path = path.into();
        if let Free::Map(entries) = &node.value {
            return Ok(Self {
                source,
                path,
                entries: &entries.0,
                asked: RefCell::default(),
            });
        }
        let named = if path.is_empty() { "the file" } else { &path };
        let message = format!("`{named}` must be a mapping, and is {}", kind_of(node));
        Err(Problem::at(source, node.span.clone(), message))
    }

    /// The path of a key.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// All keys and values in their order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a Node)> + '_ {
        self.entries.iter().map(|(name, node)| {
            self.asked.borrow_mut().insert(name.value.as_str());
            (name.value.as_str(), node)
        })
    }

    /// The value of a key, unless it is null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        let (name, node) = self.entries.iter().find(|(name, _)| name.value == key)?;
        self.asked.borrow_mut().insert(name.value.as_str());
        (!is_null(node)).then_some(node)
    }

    /// A number that is zero or more.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, Problem> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let number = match &node.value {
            Free::Plain(Value::Number(number)) => number.as_f64(),
            Free::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number.filter(|n| n.is_finite() && (0.0..=1e15).contains(n)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, node, "a number from zero up")),
        }
    }

    /// A whole number that is at least one.
    pub(super) fn count(&self, key: &str) -> Result<Option<u64>, Problem> {
        match self.number(key)? {
            None => Ok(None),
            Some(n) if n.fract() == 0.0 && n >= 1.0 => Ok(Some(n as u64)),
            Some(_) => {
                let node = self.get(key).expect("it was read");
                Err(self.wrong(key, node, "a whole number from one up"))
            }
        }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Problem> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => match &node.value {
                Free::Text(text) => Ok(Some(text.clone())),
                Free::Plain(Value::Number(number)) => Ok(Some(number.to_string())),
                _ => Err(self.wrong(key, node, "a text")),
            },
        }
    }

    /// Whether a key is true.
    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>, Problem> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => match &node.value {
                Free::Plain(Value::Bool(truth)) => Ok(Some(*truth)),
                _ => Err(self.wrong(key, node, "`true` or `false`")),
            },
        }
    }

    /// A duration, by the words of the tool, in seconds.
    pub(super) fn seconds(
        &self,
        key: &str,
        read: impl Fn(&str) -> Option<f64>,
    ) -> Result<Option<f64>, Problem> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let found = read(&text)
            .filter(|seconds| *seconds >= 0.0 && !(1e9..f64::INFINITY).contains(seconds));
        if found.is_none() {
            let node = self.get(key).expect("it was read");
            return Err(self.wrong(key, node, "a duration such as `30s`"));
        }
        Ok(found)
    }

    /// A value that is read as it stands: the tool must not have to fill anything in.
    pub(super) fn filled(&self, key: &str) -> Result<Option<&'a Node>, Problem> {
        let found = self.get(key);
        match found.and_then(template_in) {
            Some(node) => Err(self.wrong(key, node, "written out")),
            None => Ok(found),
        }
    }

    /// A mapping below a key.
    pub(super) fn section(&self, key: &str) -> Result<Option<Section<'a>>, Problem> {
        self.get(key)
            .map(|node| Section::of(self.source, node, self.path_of(key)))
            .transpose()
    }

    /// The elements of a list below a key; anything else is a list of itself.
    pub(super) fn list(&self, key: &str) -> Vec<&'a Node> {
        match self.get(key) {
            None => Vec::new(),
            Some(node) => match &node.value {
                Free::List(items) => items.iter().collect(),
                _ => vec![node],
            },
        }
    }

    /// The problem of a value that is not what it should be. The value is not shown: it may be a key.
    pub(super) fn wrong(&self, key: &str, node: &Node, wanted: &str) -> Problem {
        let message = format!(
            "`{}` must be {wanted}, and is {}",
            self.path_of(key),
            kind_of(node)
        );
        Problem::at(self.source, node.span.clone(), message)
    }

    /// Where a value stands, and what it is called.
    pub(super) fn at(&self, key: &str) -> String {
        let node = self.entries.iter().find(|(name, _)| name.value == key);
        let start = node.map_or(0, |(name, _)| name.span.start);
        format!("{} {}", place(self.source, start), self.path_of(key))
    }

    /// Tells all keys that nobody asked for; `why` knows more of some.
    pub(super) fn rest(&self, draft: &mut Draft, why: impl Fn(&str) -> Option<&'static str>) {
        let mut unasked = 0;
        for (name, node) in self.entries {
            let asked = self.asked.borrow().contains(name.value.as_str());
            let says_nothing =
                is_null(node) || matches!(&node.value, Free::Map(map) if map.0.is_empty());
            if asked || says_nothing {
                continue;
            }
            unasked += 1;
            if unasked <= MOST_KEYS {
                let why = why(&name.value).unwrap_or("a scenario has nothing like it");
                draft.left(self.at(&name.value), why);
            }
        }
        if unasked > MOST_KEYS {
            let more = unasked - MOST_KEYS;
            let path = if self.path.is_empty() {
                "the file"
            } else {
                &self.path
            };
            draft.left(
                path,
                format!("{more} more keys of it: a scenario has nothing like them"),
            );
        }
    }
}

/// A place as line and column.
pub(super) fn place(source: &Source, offset: usize) -> String {
    let (line, column) = source.position(offset);
    format!("{line}:{column}")
}

fn is_null(node: &Node) -> bool {
    matches!(node.value, Free::Plain(Value::Null))
}

/// The first text with a template in a value.
fn template_in(node: &Node) -> Option<&Node> {
    match &node.value {
        Free::Plain(_) => None,
        Free::Text(text) => text.contains("{{").then_some(node),
        Free::List(items) => items.iter().find_map(template_in),
        Free::Map(entries) => entries.0.iter().find_map(|(_, node)| template_in(node)),
    }
}

/// What a value is, in words, without what it says.
fn kind_of(node: &Node) -> &'static str {
    match &node.value {
        Free::Plain(Value::Null) => "nothing",
        Free::Plain(Value::Bool(_)) => "a truth value",
        Free::Plain(_) => "another number",
        Free::Text(text) if text.contains("{{") => {
            "a text with a template, which only the tool can fill in"
        }
        Free::Text(_) => "a text",
        Free::List(_) => "a list",
        Free::Map(_) => "a mapping",
    }
}

/// A value as JSON.
pub(super) fn json(node: &Node) -> Value {
    match &node.value {
        Free::Plain(plain) => plain.clone(),
        Free::Text(text) => text.as_str().into(),
        Free::List(items) => items.iter().map(json).collect(),
        Free::Map(map) => {
            let fields = map.0.iter();
            Value::Object(
                fields
                    .map(|(name, node)| (name.value.clone(), json(node)))
                    .collect(),
            )
        }
    }
}
