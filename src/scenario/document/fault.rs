//! A fault is what stopped serde: what to tell of it, and which branch to cut to get further.

use std::fmt::{self, Display};
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Expected, Unexpected};

use super::node::{Kind, Node};
use super::problem::{Problem, Source};

/// Boxed, as every step of a deserialization returns one or the value.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    cause: Cause,
    /// Set once it is known which value is at fault.
    told: Option<Told>,
    /// Indices from the value at fault up to the root.
    path: Vec<usize>,
}

#[derive(Debug)]
struct Told {
    span: Range<usize>,
    message: String,
    help: Option<String>,
    /// It only follows from an earlier cut.
    silent: bool,
}

#[derive(Debug)]
enum Cause {
    Said(String),
    Mismatch {
        expected: String,
    },
    Missing(&'static str),
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownVariant {
        name: String,
        known: &'static [&'static str],
    },
}

impl Fault {
    fn new(cause: Cause) -> Self {
        Self(Box::new(Inner {
            cause,
            told: None,
            path: Vec::new(),
        }))
    }

    /// The value is not what was expected of it.
    pub(super) fn mismatch(node: &Node, expected: &dyn Expected) -> Self {
        Self::new(Cause::Mismatch {
            expected: in_words(&expected.to_string()),
        })
        .settle(node)
    }

    /// A fault of this value with a message, and after a line break in it, help.
    pub(super) fn said(node: &Node, message: impl Into<String>) -> Self {
        Self::new(Cause::Said(message.into())).settle(node)
    }

    /// A fault shown at another place than its value, such as one of its keys.
    pub(super) fn shown_at(mut self, span: Range<usize>) -> Self {
        if let Some(told) = &mut self.0.told {
            told.span = span;
        }
        self
    }

    /// Says what a fault that has no place yet means for this value.
    pub(super) fn settle(mut self, node: &Node) -> Self {
        if self.0.told.is_none() {
            let (message, help) = self.0.cause.words(node);
            let silent = self.0.cause.follows_from_a_cut(node);
            self.0.told = Some(Told {
                span: node.head(),
                message,
                help,
                silent,
            });
        }
        self
    }

    /// The fault seen from the collection that holds the value at an index.
    pub(super) fn below(mut self, index: usize) -> Self {
        self.0.path.push(index);
        self
    }

    /// The problem to tell, unless it follows from one that was told.
    pub(super) fn problem(&self, source: &Arc<Source>) -> Option<Problem> {
        let told = self.0.told.as_ref().filter(|told| !told.silent)?;
        let problem = Problem::at(source, told.span.clone(), told.message.as_str());
        Some(match &told.help {
            Some(help) => problem.with_help(help.as_str()),
            None => problem,
        })
    }

    /// Cuts the branch at fault. False if that is the whole tree.
    pub(super) fn cut_from(&self, root: &mut Node) -> bool {
        // A mistyped key stands for the key that was meant: that one isn't missing as well.
        let meant = match &self.0.cause {
            Cause::UnknownKey { key, known } => nearest(key, known),
            _ => None,
        };
        root.cut(&self.0.path, meant)
    }
}

impl Cause {
    fn words(&self, node: &Node) -> (String, Option<String>) {
        match self {
            Self::Said(text) => match text.split_once('\n') {
                Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                None => (text.clone(), None),
            },
            Self::Mismatch { expected } => (
                format!("expected {expected}, found {}", found(node)),
                way_out(node, expected),
            ),
            Self::Missing(key) => (
                format!("missing `{key}`"),
                Some(format!("add `{key}: ...` to this mapping")),
            ),
            Self::UnknownKey { key, known } => (
                format!("unknown key `{key}`{}", did_you_mean(key, known)),
                Some(match known {
                    [] => "no key is known here".to_owned(),
                    known => format!("known here: {}", list(known)),
                }),
            ),
            Self::UnknownVariant { name, known } => (
                format!(
                    "{} is not known here{}",
                    found(node),
                    did_you_mean(name, known)
                ),
                Some(format!("expected one of {}", list(known))),
            ),
        }
    }

    fn follows_from_a_cut(&self, node: &Node) -> bool {
        match (&node.kind, self) {
            (Kind::Mapping(mapping), Self::Missing(key)) => {
                mapping.incomplete || mapping.cut.iter().any(|cut| cut == key)
            }
            _ => node.has_cuts(),
        }
    }
}

/// What is there, as the user wrote it: never the value of a variable, which may be secret.
fn found(node: &Node) -> String {
    let short = |text: &str| match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    };
    match &node.kind {
        Kind::Sequence(_) => "a list".to_owned(),
        Kind::Mapping(_) => "a mapping".to_owned(),
        Kind::Faulty => "what can't be read".to_owned(),
        Kind::Scalar(scalar) => match &scalar.written {
            Some(written) if scalar.text.is_empty() => format!("nothing in `{}`", short(written)),
            Some(written) => format!("the value of `{}`", short(written)),
            None if scalar.plain && scalar.text.is_empty() => "nothing".to_owned(),
            None if scalar.plain => format!("`{}`", short(&scalar.text)),
            None => format!("the text `\"{}\"`", short(&scalar.text)),
        },
    }
}

/// Help for the usual slips.
fn way_out(node: &Node, expected: &str) -> Option<String> {
    let Kind::Scalar(scalar) = &node.kind else {
        return None;
    };
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    if scalar.is_null() && expected == "text" && !scalar.text.is_empty() {
        return Some(format!(
            "quote it if the word is meant: \"{}\"",
            scalar.text
        ));
    }
    if scalar.plain && expected == "a mapping" && scalar.text.contains(':') {
        return Some("write `key: value`, with a space after the `:`".to_owned());
    }
    if !expected.contains("number") || scalar.written.is_some() {
        return None;
    }
    if !scalar.plain && is_number(&scalar.text) {
        return Some("remove the quotes: in quotes it is text".to_owned());
    }
    let digits = scalar.text.replace(['_', ','], "");
    (scalar.plain && digits != scalar.text && is_number(&digits))
        .then(|| format!("write `{digits}`"))
}

/// Serde's words for what it expects, in those of the user.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128"
        | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" => "text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "unit" => "nothing",
        _ if expected.starts_with("struct ") => "a mapping",
        _ if expected.starts_with("a nonzero ") => "a whole number other than 0",
        _ => expected,
    };
    words.to_owned()
}

/// Names as a sentence has them: "`a`, `b` and `c`" without the "and", as the list may be long.
pub(in crate::scenario) fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn did_you_mean(name: &str, known: &[&'static str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

/// The known name that a mistyped one is likely meant to be.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let most = match name.chars().count() {
        0..=1 => 0,
        2..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    known
        .iter()
        .map(|known| (distance(name, known), *known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many characters must be typed differently, regardless of case (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.told {
            Some(told) => f.write_str(&told.message),
            None => write!(f, "{:?}", self.0.cause),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Cause::Said(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Cause::Mismatch {
            expected: in_words(&expected.to_string()),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        Self::new(Cause::Said(format!(
            "expected {expected}, found {len} elements"
        )))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Cause::UnknownVariant {
            name: name.to_owned(),
            known,
        })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Cause::UnknownKey {
            key: key.to_owned(),
            known,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Cause::Missing(key))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::new(Cause::Said(format!(
            "`{key}` is given twice, under two of its names"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_recognised_and_another_word_is_not() {
        let known = &["rate", "duration", "max_tokens"];
        assert_eq!(nearest("rat", known), Some("rate"));
        assert_eq!(nearest("Rate", known), Some("rate"));
        assert_eq!(nearest("duratoin", known), Some("duration"));
        assert_eq!(nearest("maxtokens", known), Some("max_tokens"));
        assert_eq!(nearest("model", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("größe", "grosse"), 3);
    }
}
