//! What must not stand in a transcript: keys, cookies, and who the account belongs to.
//!
//! A byte that is taken out of a body is replaced by one, so that the places of its pieces stay true.

use crate::base::Secret;

/// Headers whose values are taken out: those that hold one of these words,
const HELD: [&str; 7] = [
    "authorization",
    "cookie",
    "organization",
    "organisation",
    "secret",
    "project",
    "-org-",
];
/// and those that end so.
const ENDINGS: [&str; 3] = ["api-key", "-token", "-org"];
/// Fields of JSON whose text is taken out.
const FIELDS: [&str; 10] = [
    "api_key",
    "organization",
    "organization_id",
    "organization_key_id",
    "unique_organization_id",
    "org_id",
    "project_id",
    "user_id",
    "email",
    "customer_email",
];
/// Beginnings of keys and of names of organisations, wherever they stand.
const BEGINNINGS: [&[u8]; 4] = [b"sk-", b"org-", b"org_", b"proj_"];
/// What follows such a beginning for it to be one.
const LEAST: usize = 8;

/// The value of a header as a transcript may hold it.
pub(super) fn header(name: &str, value: &str, secret: Option<&Secret>) -> String {
    let holds = HELD.iter().any(|word| name.contains(word));
    let ends = ENDINGS.iter().any(|ending| name.ends_with(ending));
    if holds || ends {
        return "***".to_owned();
    }
    let mut bytes = value.as_bytes().to_vec();
    text(&mut bytes, secret);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Takes out of a body what a transcript must not hold.
pub(super) fn text(bytes: &mut [u8], secret: Option<&Secret>) {
    let secret = secret.map(|secret| secret.expose().as_bytes());
    if let Some(secret) = secret.filter(|secret| secret.len() >= 4) {
        for at in places(bytes, secret) {
            bytes[at..at + secret.len()].fill(b'*');
        }
    }
    for beginning in BEGINNINGS {
        for at in places(bytes, beginning) {
            let from = at + beginning.len();
            let length = bytes[from..]
                .iter()
                .take_while(|byte| is_of_key(**byte))
                .count();
            let stands_alone = at == 0 || !is_of_key(bytes[at - 1]);
            if stands_alone && length >= LEAST {
                bytes[from..from + length].fill(b'*');
            }
        }
    }
    for field in FIELDS {
        let name = format!("\"{field}\"");
        for at in places(bytes, name.as_bytes()) {
            if let Some((from, to)) = value(bytes, at + name.len()) {
                bytes[from..to].fill(b'*');
            }
        }
    }
}

const fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(bytes, wanted).collect()
}

/// Where the text begins and ends that is the value of a field whose name ends at `at`.
fn value(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let skip = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let colon = skip(at);
    let open = skip(colon + 1);
    if bytes.get(colon) != Some(&b':') || bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(open + 1) {
        match (byte, escaped) {
            (b'"', false) => return Some((open + 1, index)),
            (b'\\', false) => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(said: &str, secret: &str) -> String {
        let mut bytes = said.as_bytes().to_vec();
        text(&mut bytes, Some(&Secret::new(secret)));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_key_is_taken_out_wherever_it_stands_and_lengths_stay() {
        let said = "no my-key-7, and no my-key-7";
        assert_eq!(hidden(said, "my-key-7"), "no ********, and no ********");
        let other = r#"{"error":"Incorrect API key provided: sk-proj-abc_DEF123."}"#;
        let kept = r#"{"error":"Incorrect API key provided: sk-***************."}"#;
        assert_eq!(hidden(other, "unused"), kept);
    }

    #[test]
    fn who_the_account_belongs_to_is_taken_out() {
        let said =
            r#"{"organization_id" : "acme \"x\" inc","email":"a@b.c","id":"x-1","n":{"org_id":7}}"#;
        let kept =
            r#"{"organization_id" : "**************","email":"*****","id":"x-1","n":{"org_id":7}}"#;
        assert_eq!(hidden(said, "unused"), kept);
        assert_eq!(hidden("in org-AbCd1234Ef", "unused"), "in org-**********");
    }

    #[test]
    fn what_is_no_secret_stays() {
        for said in [
            "a desk-lamp-1234567890",
            "sk-short",
            r#"{"email":null}"#,
            "the org-chart",
        ] {
            assert_eq!(hidden(said, "unused"), said);
        }
    }

    #[test]
    fn headers_of_secrets_lose_their_values_and_others_keep_them() {
        let secret = Secret::new("my-key-7");
        let value = |name: &str, value: &str| header(name, value, Some(&secret));
        assert_eq!(value("authorization", "Bearer x"), "***");
        assert_eq!(value("set-cookie", "a=b"), "***");
        assert_eq!(value("openai-organization", "acme"), "***");
        assert_eq!(value("x-api-key", "acme"), "***");
        assert_eq!(value("x-echo", "my-key-7!"), "********!");
        for name in [
            "x-ratelimit-remaining-tokens",
            "content-type",
            "x-respan-log-id",
        ] {
            assert_eq!(value(name, "kept-1"), "kept-1");
        }
    }
}
