//! What kind of file a text is, by what is in it.

use serde_json::Value;

use super::{Kind, aiperf_flags, k6};
use crate::scenario::document::{self, Source};
use crate::scenario::file::Free;

/// How much of a large file is looked at.
const LOOKED_AT: usize = 256 << 10;

/// The kind, if something tells it.
pub(super) fn kind(text: &str) -> Option<Kind> {
    let start = text.trim_start();
    if start.starts_with(['{', '[']) {
        return of_json(start);
    }
    let first = start
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let first = first.unwrap_or_default();
    let columns: Vec<&str> = first
        .split(',')
        .map(|cell| cell.trim_matches([' ', '"']))
        .collect();
    if columns.contains(&"model") && columns.contains(&"status") {
        return Some(Kind::RespanOss);
    }
    let word = first.split_whitespace().next().unwrap_or_default();
    let upper = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    if upper && first.contains("://") {
        return Some(Kind::Vegeta);
    }
    if aiperf_flags::is_one(text) {
        return Some(Kind::Aiperf);
    }
    if text
        .lines()
        .any(|line| line.contains("from 'k6") || line.contains("from \"k6"))
    {
        return Some(Kind::K6);
    }
    let keys = ["benchmark:", "schemaVersion:", "endpoint:"];
    let begins = |line: &str| keys.iter().any(|key| line.starts_with(key));
    text.lines().any(begins).then_some(Kind::Aiperf)
}

fn of_json(text: &str) -> Option<Kind> {
    // A large list is told by its first row, which a look at its beginning finds.
    let row = first_row(text)?;
    let has = |key: &str| row.get(key).is_some();
    if has("conversations") {
        return Some(Kind::Sharegpt);
    }
    if has("spend") || has("call_type") || has("completionStartTime") {
        return Some(Kind::Litellm);
    }
    if has("url") && has("method") && !row["body"].is_object() {
        return Some(Kind::Vegeta);
    }
    if has("prompt_tokens") || has("status_code") || has("prompt_messages") || has("unique_id") {
        return Some(Kind::Respan);
    }
    if has("messages") || row["body"]["messages"].is_array() || has("prompt") {
        return Some(Kind::Openai);
    }
    if has("benchmark") || has("schemaVersion") {
        return Some(Kind::Aiperf);
    }
    let source = Source::new("", text);
    if text.len() > LOOKED_AT {
        return None;
    }
    let root: Option<Free> = document::read(&source, &|_| None).value;
    root.filter(k6::is_one).map(|_| Kind::K6)
}

/// The first object of a list, of a page with `results`, or of lines, or the only one.
fn first_row(text: &str) -> Option<Value> {
    let within = |value: Value| match value {
        Value::Array(rows) => rows.into_iter().next(),
        Value::Object(mut page) => match page.remove("results") {
            Some(Value::Array(rows)) if !rows.is_empty() => rows.into_iter().next(),
            Some(other) => {
                page.insert("results".to_owned(), other);
                Some(Value::Object(page))
            }
            None => Some(Value::Object(page)),
        },
        _ => None,
    };
    let inner = match text.strip_prefix('[') {
        Some(inner) => inner,
        None => text,
    };
    // One value from the start, whatever follows it.
    let mut values = serde_json::Deserializer::from_str(inner).into_iter::<Value>();
    within(values.next()?.ok()?)
}
