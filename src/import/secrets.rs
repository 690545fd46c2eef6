//! What must not be carried: keys, wherever a source has them.

use super::draft::Draft;
use crate::scenario::document::is_secret_name;

/// Headers that the client writes by itself.
const OWN: [&str; 11] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Whether a name says that its value is a secret.
pub(super) fn guards(name: &str) -> bool {
    let spaced = camel_apart(name);
    let mut words = spaced.split(['-', '_']);
    is_secret_name(name) || is_secret_name(&spaced) || words.any(|word| GUARDS.contains(&word))
}

/// Words of a name that a variable's value may well hide.
const GUARDS: [&str; 9] = [
    "access",
    "assertion",
    "bearer",
    "jwt",
    "pass",
    "session",
    "sid",
    "signature",
    "token",
];

/// `apiKey` as `api-key`.
fn camel_apart(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Whether a text looks like a key itself, under whatever name.
pub(super) fn looks_like_one(text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let begins = BEGINNINGS.iter().any(|start| lower.starts_with(start)) && lower.len() >= 12;
    begins || is_keyed_url(text) || is_keyed_json(text) || is_random(text)
}

const BEGINNINGS: [&str; 23] = [
    "sk-",
    "sk_",
    "rk_",
    "pk-lf-",
    "pk_",
    "bearer ",
    "basic ",
    "token ",
    "apikey ",
    "gsk_",
    "ghp_",
    "github_pat_",
    "glpat-",
    "hf_",
    "xoxb-",
    "xoxp-",
    "aiza",
    "eyj",
    "nvapi-",
    "xai-",
    "pplx-",
    "akia",
    "-----begin",
];

fn is_keyed_url(text: &str) -> bool {
    bare_url(text).is_some_and(|(_, keyed)| keyed)
}

/// Whether a JSON mapping has a secret's name in it.
fn is_keyed_json(text: &str) -> bool {
    fn keyed(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Object(fields) => fields
                .iter()
                .any(|(name, value)| guards(name) || keyed(value)),
            serde_json::Value::Array(items) => items.iter().any(keyed),
            serde_json::Value::String(text) => looks_like_one(text),
            _ => false,
        }
    }
    text.starts_with(['{', '[']) && serde_json::from_str(text).is_ok_and(|value| keyed(&value))
}

/// One long word of letters and digits, as keys are made.
fn is_random(text: &str) -> bool {
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    text.len() >= 24
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+/=".contains(c))
        && has(char::is_ascii_alphabetic)
        && has(char::is_ascii_digit)
}

/// A text to be told, without what URLs in it may hide.
pub(super) fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let mut before = rest[..at].char_indices().rev();
        let begins = before
            .find(|(_, c)| !c.is_ascii_alphanumeric())
            .map_or(0, |(place, c)| place + c.len_utf8());
        let ends = rest[at..]
            .find(|c: char| c.is_whitespace() || "}\"'`,;)>".contains(c))
            .map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..begins]);
        match bare_url(&rest[begins..ends]) {
            Some((url, true)) => out += &format!("{url}..."),
            _ => out.push_str(&rest[begins..ends]),
        }
        rest = &rest[ends..];
    }
    out + rest
}

/// Puts a header into a draft, and a variable in the place of a secret.
pub(super) fn header(draft: &mut Draft, at: &str, name: &str, value: &str) {
    let lower = name.trim().to_ascii_lowercase();
    if lower == "authorization" {
        draft.key_at(at, &format!("the header {lower}"));
        return;
    }
    if OWN.contains(&lower.as_str()) {
        if !matches!(lower.as_str(), "content-type" | "accept" | "content-length") {
            draft.left(
                at,
                format!("the header {lower} is written by tollgate itself"),
            );
        }
        return;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if lower.is_empty() || !lower.chars().all(fits) {
        draft.left(at, "a header whose name can't be sent");
        return;
    }
    let known = draft.headers.iter().find(|(known, _)| *known == lower);
    if let Some((_, known)) = known {
        if !known.contains("${") && *known != super::yaml::literal(value) {
            let what =
                format!("another value of the header {lower}: the first goes with all requests");
            draft.left_first(at, &what);
        }
        return;
    }
    if guards(&lower) || looks_like_one(value) {
        let variable: String = lower
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        draft.left(
            at,
            format!("the value of the header {lower} may be a secret: set {variable} instead"),
        );
        draft
            .headers
            .push((lower, format!("\"${{{variable}:unset}}\"")));
    } else if value.chars().any(char::is_control) {
        draft.left(at, format!("the header {lower} holds what can't be sent"));
    } else {
        draft.headers.push((lower, super::yaml::literal(value)));
    }
}

/// A URL without what may be a secret, and whether something was taken from it.
pub(super) fn bare_url(text: &str) -> Option<(String, bool)> {
    let mut url = url::Url::parse(text.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    let keyed = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some((url.to_string(), keyed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_are_keys_are_known() {
        for name in [
            "apiKey",
            "api_key",
            "X-API-Key",
            "authToken",
            "Helicone-Auth",
            "cookie",
        ] {
            assert!(guards(name), "{name}");
        }
        for name in ["max_tokens", "model", "temperature", "x-request-source"] {
            assert!(!guards(name), "{name}");
        }
        assert!(looks_like_one("sk-proj-0123456789"));
        for key in [
            "Token 0123456789",
            "nvapi-0123456789",
            "github_pat_0123456789",
            r#"{"api_key":"x"}"#,
            "https://u:p@h/?key=x",
            "0123456789abcdef0123456789",
        ] {
            assert!(looks_like_one(key), "{key}");
        }
        for plain in [
            "sketchy",
            "a sentence of some words 1",
            "https://h/v1",
            r#"{"a":1}"#,
        ] {
            assert!(!looks_like_one(plain), "{plain}");
        }
    }

    #[test]
    fn what_is_told_has_no_secret_of_a_url() {
        let told = masked("\u{e9}https://u:p@h/a?key=x} and http://h/b, x://");
        assert_eq!(told, "\u{e9}https://h/a...} and http://h/b, x://");
    }

    #[test]
    fn a_url_is_bared() {
        let bared = bare_url("https://u:p@h:8/v1/chat/completions?key=abc#x").unwrap();
        assert_eq!(bared, ("https://h:8/v1/chat/completions".to_owned(), true));
        assert_eq!(bare_url("ftp://h/"), None);
        assert_eq!(bare_url("/v1"), None);
    }
}
