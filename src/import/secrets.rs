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
    is_secret_name(name) || is_secret_name(&spaced)
}

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
    let lower = text.trim().to_ascii_lowercase();
    let begins = [
        "sk-", "bearer ", "basic ", "pk-lf-", "gsk_", "ghp_", "hf_", "xoxb-", "aiza", "eyj",
    ];
    begins.iter().any(|start| lower.starts_with(start)) && lower.len() >= 12
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
    if draft.headers.iter().any(|(known, _)| *known == lower) {
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
        assert!(!looks_like_one("sketchy"));
    }

    #[test]
    fn a_url_is_bared() {
        let bared = bare_url("https://u:p@h:8/v1/chat/completions?key=abc#x").unwrap();
        assert_eq!(bared, ("https://h:8/v1/chat/completions".to_owned(), true));
        assert_eq!(bare_url("ftp://h/"), None);
        assert_eq!(bare_url("/v1"), None);
    }
}
