//! Keys that stand in a text, so that no problem shows them: neither in the line that it quotes nor in
//! its words.
//!
//! The text may be broken, so it is looked at line by line and not as the tree that it might be.

use crate::base::Secret;

/// Words in a name that say that its value is a secret.
const TELLING: [&str; 9] = [
    "apikey",
    "token",
    "secret",
    "password",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "credentials",
];

/// Words that make a `key` one: others are those of a cache or a file.
const OF_KEYS: [&str; 7] = [
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "subscription",
    "virtual",
];

/// Whether a name, such as that of a header, says that its value is a secret: `x-api-key`,
/// `Helicone-Auth`.
pub(crate) fn guards(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let key = |pair: &[&str]| pair[1] == "key" && OF_KEYS.contains(&pair[0]);
    words.iter().any(|word| TELLING.contains(word)) || words.windows(2).any(key)
}

/// Whether a value as it is written is a secret itself, not a variable, a file or a dummy.
pub(in crate::scenario) fn is_written_out(written: &str) -> bool {
    !written.starts_with('*') && !literal(written).is_empty()
}

/// The sections in which every value is a secret.
fn is_section(name: &str) -> bool {
    matches!(name, "credentials" | "credential_override")
}

/// The secrets of a text that are written out, not taken from a variable or a file.
pub(super) fn written_out(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The column of the key whose section goes on, and of one whose value is still to come.
    let (mut section, mut awaited): (Option<usize>, Option<usize>) = (None, None);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let column = line.len() - line.trim_start_matches([' ', '-']).len();
        section = section.filter(|begun| column > *begun);
        let pairs = pairs(line);
        if let Some(begun) = awaited.take()
            && column > begun
            && pairs.is_empty()
        {
            found.extend(literal(line));
        }
        for (at, name, value) in pairs {
            if section.is_some() || guards(name) {
                found.extend(literal(value));
                awaited = value.is_empty().then_some(column);
            }
            // What is wrongly a mapping below `api_key` may hold the key.
            if is_section(name) || (guards(name) && value == "{}") {
                section.get_or_insert(at.min(column));
            }
        }
    }
    found.sort_by_key(|key| std::cmp::Reverse(key.len()));
    found.dedup();
    found
}

/// The `name: value`s of a line with the offset of each name; a value goes on to what ends it in a flow.
fn pairs(line: &str) -> Vec<(usize, &str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut pairs = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let before = line[..colon].trim_end_matches(['"', '\'']);
        let other = before.char_indices().rev().find(|(_, c)| !is_name(*c));
        let start = other.map_or(0, |(at, c)| at + c.len_utf8());
        let name = before[start..].trim_start_matches('-');
        let value = line[colon + 1..].trim_start();
        let value = value.trim_start_matches(['[', ' ']);
        // A file's name is no key; what is within braces is looked at by itself.
        if matches!(name, "" | "file") {
            continue;
        }
        if value.starts_with('{') {
            pairs.push((start, name, "{}"));
            continue;
        }
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |at| at + 2),
            _ => plain_end(value),
        };
        let value = value[..end].trim_end();
        pairs.push((start, name, value));
    }
    pairs
}

/// The secrets that a value is: nothing of a variable but its default, nothing of a file, no dummy.
fn literal(value: &str) -> Vec<String> {
    let mut text = value.trim().trim_matches(['"', '\'', '[', ']', ' ']);
    if text.starts_with("file:") {
        return Vec::new();
    }
    let mut parts = Vec::new();
    while let Some((before, rest)) = text.split_once("${") {
        let (inner, behind) = rest.split_once('}').unwrap_or((rest, ""));
        let default = inner.split_once(':').map_or("", |(_, default)| default);
        parts.extend([before, default]);
        text = behind;
    }
    parts.push(text);
    let is_secret = |part: &&str| part.len() >= Secret::SHORTEST;
    let parts = parts.into_iter().map(str::trim).filter(is_secret);
    parts.map(str::to_owned).collect()
}

/// Where a value that is not quoted ends in a flow; the braces of a variable are part of it.
fn plain_end(value: &str) -> usize {
    let mut open = false;
    for (at, c) in value.char_indices() {
        match c {
            '{' if value[..at].ends_with('$') => open = true,
            '}' if open => open = false,
            ',' | '}' | ']' if !open => return at,
            _ => {}
        }
    }
    value.len()
}

/// `text` without the keys.
pub(super) fn hide(text: &str, keys: &[String]) -> String {
    let hidden = |text: String, key: &String| text.replace(key.as_str(), "***");
    let hidden = keys.iter().fold(text.to_owned(), hidden);
    // Messages quote long values up to their fortieth character.
    let cut = |text: String, key: &String| match key.char_indices().nth(40) {
        Some((end, _)) => text.replace(&key[..end], "***"),
        None => text,
    };
    keys.iter().fold(hidden, cut)
}

/// A line with a `*` for each byte of the keys, so that what stands behind keeps its place.
pub(super) fn blot(line: &str, keys: &[String]) -> String {
    let blotted = |line: String, key: &String| line.replace(key.as_str(), &"*".repeat(key.len()));
    keys.iter().fold(line.to_owned(), blotted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_written_out_are_found_wherever_they_stand() {
        let cases = [
            "api_key: planted-1",
            "  { url: u, api_key: \"planted-1\", colour: red }",
            "\"api_key\": \"planted-1\",",
            "api_key: [ planted-1 ]",
            "api_key: { key: planted-1 }",
            "credentials: { openai: planted-1 }",
            "api_key:\n  planted-1",
            "credentials:\n  openai:\n    - { weight: 1, credentials: { any: planted-1 } }",
            "- credentials:\n    openai: planted-1",
            "x-portkey-api-key: planted-1",
            "Helicone-Auth: 'planted-1'",
            "api_key: ${NAME:planted-1}",
            "a: { api_key: ${NAME}planted-1, b: c }",
        ];
        for text in cases {
            assert_eq!(written_out(text), ["planted-1"], "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        let cases = [
            "api_key: ${OPENAI_API_KEY}",
            "api_key: \"${OPENAI_API_KEY:}\"",
            "api_key: file:secrets/openai.txt",
            "credentials: { a: { api_key: file:secrets/openai.txt } }",
            "api_key: sk-lab",
            "tls: { cert: client.pem, key: client.key }",
            "x-portkey-trace-id: abcdefghijk",
            "max_tokens: 1000000000",
            "prompt_cache_key: abcdefghijk",
            "Idempotency-Key: abcdefghijk",
            "credentials: { openai: { api_key: \"${OPENAI_API_KEY}\" } }\nmodel: openai/gpt-lab",
        ];
        for text in cases {
            assert_eq!(written_out(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_key_is_hidden_in_words_and_blotted_in_a_line() {
        let keys = [format!("planted-{}", "x".repeat(60))];
        let said = format!("found `{}...`, {}", &keys[0][..40], keys[0]);
        assert_eq!(hide(&said, &keys), "found `***...`, ***");
        assert_eq!(blot(&keys[0], &keys), "*".repeat(68));
    }
}
