//! `${NAME}` and `${NAME:default}` in a value stand for what the environment says.

use std::collections::BTreeSet;

/// Where the values come from: the environment, and `-e` on the command line.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Bounds the search for the closing brace, so that reading stays linear in the text.
const LONGEST: usize = 4096;

const FORM: &str = "write `${NAME}` or `${NAME:default}` on one line; a literal `${` is `$${`";

/// A reference that can't be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Its byte offset in the text.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// A well-formed reference at the start of a text, or why it isn't one.
struct Reference<'a> {
    len: usize,
    body: Result<(&'a str, Option<&'a str>), String>,
}

/// Reads what follows a `${`, which `text` starts with.
fn reference(text: &str) -> Reference<'_> {
    let broken = |len, why| Reference {
        len,
        body: Err(why),
    };
    let inner = &text[2..];
    let name_len = inner
        .find(|c: char| c.is_whitespace() || "{}[]:,\"'$\0".contains(c))
        .unwrap_or(inner.len());
    let (name, rest) = inner.split_at(name_len);
    let default = match rest.chars().next() {
        Some('}') => None,
        Some(':') => match closing_brace(&rest[1..]) {
            Some(len) => Some(&rest[1..=len]),
            None => return broken(2, format!("`${{{name}:` is not closed by a `}}`")),
        },
        _ => return broken(2, "`${` is not followed by a name and a `}`".to_owned()),
    };
    let len = 2 + name_len + default.map_or(0, |default| default.len() + 1) + 1;
    if name.is_empty() {
        return broken(len, "`${` is not followed by a name".to_owned());
    }
    if !is_name(name) {
        return broken(
            len,
            format!(
                "`{name}` is no name for a variable: letters, digits and `_`, not first a digit"
            ),
        );
    }
    if default.is_some_and(|default| default.contains("${")) {
        return broken(len, "a default can't refer to another variable".to_owned());
    }
    Reference {
        len,
        body: Ok((name, default)),
    }
}

/// The offset of the brace that closes a default, past the pairs of braces inside it.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices().take_while(|&(at, _)| at < LONGEST) {
        match c {
            '\n' | '\r' | '\0' => return None,
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// How many bytes at the start of a text belong to a reference or an escaped one, as far as the
/// YAML around it is concerned: they are text, braces and all. 0 if it starts otherwise.
pub(super) fn extent(text: &str) -> usize {
    if text.starts_with("${") {
        reference(text).len
    } else if text.starts_with("$${") {
        1 + reference(&text[1..]).len
    } else {
        0
    }
}

/// The length of the reference that a text starts with, for its place in the source.
pub(super) fn reference_len(text: &str) -> usize {
    if text.starts_with("${") {
        reference(text).len
    } else {
        0
    }
}

/// Replaces the references of a text; the names that it refers to are added to `names`.
pub(super) fn interpolate(
    text: &str,
    lookup: Lookup<'_>,
    names: &mut BTreeSet<String>,
) -> Result<String, Vec<Trouble>> {
    let mut out = String::with_capacity(text.len());
    let mut troubles = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        out.push_str(&text[at..at + found]);
        at += found;
        if text[at..].starts_with("$${") {
            out.push_str("${");
            at += 3;
        } else if text[at..].starts_with("${") {
            let found = reference(&text[at..]);
            match found.body {
                Ok((name, default)) => {
                    names.insert(name.to_owned());
                    match lookup(name).or_else(|| default.map(str::to_owned)) {
                        Some(value) => out.push_str(&value),
                        None => troubles.push(unset(at, name)),
                    }
                }
                Err(message) => troubles.push(Trouble {
                    at,
                    message,
                    help: FORM.to_owned(),
                }),
            }
            at += found.len;
        } else {
            out.push('$');
            at += 1;
        }
    }
    out.push_str(&text[at..]);
    if troubles.is_empty() {
        Ok(out)
    } else {
        Err(troubles)
    }
}

fn unset(at: usize, name: &str) -> Trouble {
    Trouble {
        at,
        message: format!("the variable `{name}` is not set"),
        help: format!(
            "set it in the environment, with -e {name}=..., or give a default: ${{{name}:default}}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, Vec<String>> {
        let lookup = |name: &str| (name == "X").then(|| "ex${Y}".to_owned());
        interpolate(text, &lookup, &mut BTreeSet::new()).map_err(|troubles| {
            troubles
                .into_iter()
                .map(|trouble| trouble.message)
                .collect()
        })
    }

    #[test]
    fn a_reference_is_replaced_once_and_a_default_stands_in() {
        assert_eq!(with("a ${X} b").unwrap(), "a ex${Y} b");
        assert_eq!(with("${N:http://h:80/v1 #x}").unwrap(), "http://h:80/v1 #x");
        assert_eq!(with("${N:}").unwrap(), "");
        assert_eq!(with("${X:unused}").unwrap(), "ex${Y}");
        assert_eq!(with(r#"${N:{"a": {}}}!"#).unwrap(), r#"{"a": {}}!"#);
    }

    #[test]
    fn dollars_without_a_brace_and_escaped_ones_are_text() {
        assert_eq!(with("$5 $$ $").unwrap(), "$5 $$ $");
        assert_eq!(with("$${X} $$${X}").unwrap(), "${X} $${X}");
    }

    #[test]
    fn every_reference_that_fails_is_told() {
        assert_eq!(
            with("${A} ${X} ${B}").unwrap_err(),
            ["the variable `A` is not set", "the variable `B` is not set"]
        );
        for (text, why) in [
            ("${", "is not followed by a name and a `}`"),
            ("${}", "is not followed by a name"),
            ("${:x}", "is not followed by a name"),
            ("${X", "is not followed by a name and a `}`"),
            ("${X Y}", "is not followed by a name and a `}`"),
            ("${1X}", "`1X` is no name"),
            ("${A-B:c}", "`A-B` is no name"),
            ("${X:a", "`${X:` is not closed by a `}`"),
            ("${X:a\n}", "`${X:` is not closed by a `}`"),
            ("${N:${X}}", "a default can't refer to another variable"),
        ] {
            let messages = with(text).unwrap_err();
            assert!(messages[0].contains(why), "{text}: {messages:?}");
        }
    }

    #[test]
    fn names_are_collected_whether_set_or_not() {
        let mut names = BTreeSet::new();
        let _ = interpolate("${A} ${B:x} $${C}", &|_| None, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["A", "B"]);
    }
}
