//! A target file of vegeta: requests as text, each with its headers and the file of its body, or as JSON
//! lines with the body in base 64.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::chats::{self, Asked};
use super::draft::Draft;
use super::{Input, secrets};
use crate::scenario::{Problem, Source};

/// The endpoint that is below every base URL.
const PATH: &str = "/chat/completions";
const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE",
];

/// A request of the file.
#[derive(Default)]
struct Target {
    at: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    /// Why there is no body that could be read.
    unread: Option<String>,
}

/// A draft of a file.
pub(super) fn draft(text: &str, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    let targets = if text.trim_start().starts_with(['{', '[']) {
        by_json(text, input)?
    } else {
        by_text(text, input)?
    };
    let mut draft = Draft::default();
    let base = base_url(&targets);
    draft.url.clone_from(&base);
    let mut asked = Vec::new();
    let mut elsewhere = Vec::new();
    for target in targets {
        let at = target.at.clone();
        if target.method != "POST" {
            draft.left(at, "it is no POST, and so no chat");
            continue;
        }
        let (url, keyed) = match secrets::bare_url(&target.url) {
            Some((url, keyed)) if url.trim_end_matches('/').ends_with(PATH) => (url, keyed),
            _ => {
                draft.left(at, "its URL is not that of an endpoint for chats, which ends with /chat/completions");
                continue;
            }
        };
        if keyed {
            draft.left(
                &at,
                "the URL's user, query or fragment, which may hold a key",
            );
        }
        if base_of(&url) != base {
            elsewhere.push(at);
            continue;
        }
        match body(&target).and_then(|body| Asked::of(body, &at, &mut draft).map_err(str::to_owned))
        {
            Ok(found) => {
                for (name, value) in &target.headers {
                    secrets::header(&mut draft, &at, name, value);
                }
                asked.push(found);
            }
            Err(why) => draft.left(at, why),
        }
    }
    draft.left_many(
        &elsewhere,
        "it goes to another base URL: make a target and an arm of it",
    );
    chats::some(&asked, input)?;
    chats::recipes(asked, &mut draft);
    let what = "rate and duration are flags of vegeta's command, not of its targets: its 50/s for 10s stand in for them";
    draft.left(input.name, what);
    draft.left(
        input.name,
        "vegeta sends the targets in turn; here each arrival draws one at random",
    );
    draft.phase(
        "steady",
        false,
        "constant: { rate: 50/s, duration: 10s }".to_owned(),
    );
    Ok(draft)
}

/// The base URL that most of the chats go to.
fn base_url(targets: &[Target]) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let urls = targets
        .iter()
        .filter_map(|target| secrets::bare_url(&target.url));
    for base in urls.filter_map(|(url, _)| base_of(&url)) {
        *counts.entry(base).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(base, _)| base)
}

fn base_of(url: &str) -> Option<String> {
    url.trim_end_matches('/')
        .strip_suffix(PATH)
        .map(str::to_owned)
}

fn body(target: &Target) -> Result<serde_json::Map<String, Value>, String> {
    if let Some(why) = &target.unread {
        return Err(why.clone());
    }
    let body = target.body.as_deref().ok_or("it has no body")?;
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err("its body is no JSON object".to_owned()),
    }
}

/// Targets as JSON: `{"method": "POST", "url": "...", "header": {"A": ["b"]}, "body": "base64"}`.
fn by_json(text: &str, input: &Input<'_>) -> Result<Vec<Target>, Vec<Problem>> {
    let mut targets = Vec::new();
    for (at, value) in chats::lines(text, input)? {
        let text_of = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let mut target = Target {
            at,
            method: text_of("method").to_ascii_uppercase(),
            url: text_of("url"),
            ..Target::default()
        };
        if let Some(Value::Object(headers)) = value.get("header") {
            for (name, values) in headers {
                let all = values
                    .as_array()
                    .map_or(std::slice::from_ref(values), Vec::as_slice);
                for value in all {
                    let text = value.as_str().map(str::to_owned);
                    let text = text.unwrap_or_else(|| value.to_string());
                    target.headers.push((name.clone(), text));
                }
            }
        }
        match value.get("body") {
            None | Some(Value::Null) => {}
            Some(Value::String(body)) => match STANDARD.decode(body) {
                Ok(bytes) => target.body = Some(bytes),
                Err(_) => target.unread = Some("its body is not in base 64".to_owned()),
            },
            Some(_) => target.unread = Some("its body is not in base 64".to_owned()),
        }
        targets.push(target);
    }
    Ok(targets)
}

/// Targets as text: a line with method and URL, headers, and the file of the body behind an `@`.
fn by_text(text: &str, input: &Input<'_>) -> Result<Vec<Target>, Vec<Problem>> {
    let source = Source::new(input.name, text);
    let (mut targets, mut problems): (Vec<Target>, Vec<Problem>) = (Vec::new(), Vec::new());
    let (mut open, mut start) = (false, 0);
    for (n, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.trim();
        let at = start..start + whole.trim_end().len();
        start += whole.len();
        let first = line.split_whitespace().next().unwrap_or_default();
        if line.is_empty() {
            open = false;
        } else if line.starts_with('#') {
            // A comment.
        } else if METHODS.contains(&first) {
            targets.push(Target {
                at: format!("line {}", n + 1),
                method: first.to_owned(),
                url: line[first.len()..].trim().to_owned(),
                ..Target::default()
            });
            open = true;
        } else if let Some(target) = targets.last_mut().filter(|_| open) {
            if let Some(path) = line.strip_prefix('@') {
                if target.body.is_some() {
                    let message = "it has a body already";
                    problems.push(Problem::at(&source, at.clone(), message));
                }
                match (input.open)(path.trim()) {
                    Ok(bytes) => target.body = Some(bytes),
                    Err(why) => {
                        let message = format!("the body's file can't be read: {why}");
                        problems.push(Problem::at(&source, at, message));
                    }
                }
            } else if let Some((name, value)) = line.split_once(':') {
                target
                    .headers
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            } else {
                problems.push(Problem::at(
                    &source,
                    at,
                    "neither a header nor the file of a body",
                ));
            }
        } else {
            problems.push(
                Problem::at(&source, at, "no request begins with this")
                    .with_help("write a method and a URL: POST http://host/v1/chat/completions"),
            );
        }
        if problems.len() >= 5 {
            break;
        }
    }
    if problems.is_empty() {
        Ok(targets)
    } else {
        Err(problems)
    }
}
