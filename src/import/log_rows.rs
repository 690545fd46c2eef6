//! Rows of a gateway's log: which models were asked how often, and with prompts of which length.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::draft::Draft;
use super::mix::{self, Seen};
use super::{Input, Kind, chats, words};
use crate::scenario::{Kind as GatewayKind, Problem, Source};

/// The longest name of a model that is one.
const LONGEST: usize = 256;

/// A draft of a log.
pub(super) fn draft(kind: Kind, text: &str, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    let rows = rows(kind, text, input)?;
    let mut draft = Draft::default();
    draft.gateway_kind = Some(gateway(kind));
    let total = rows.len();
    let (mut seen, mut nameless, mut others, mut broken) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, row) in rows {
        let Value::Object(row) = row else {
            broken.push(at);
            continue;
        };
        if !is_chat(&row) {
            others.push(at);
            continue;
        }
        match row_of(kind, &row, &at, &mut draft) {
            Some(found) => seen.push(found),
            None => nameless.push(at),
        }
    }
    if seen.is_empty() {
        let source = Source::new(input.name, "");
        let message = "no row of the file tells a model that was asked in a chat";
        let help = "check the kind that is named before the file";
        return Err(vec![Problem::whole(&source, message).with_help(help)]);
    }
    draft.left_many(&broken, "the row is no object");
    draft.left_many(&nameless, "the row names no model, or none that is one");
    draft.left_many(&others, "the row is of no chat");
    draft.left(
        input.name,
        "answers, users, keys, costs and tags of the rows: a scenario asks anew, and prices are a table of its own",
    );
    draft.notes.push(format!(
        "{} of {total} are in it.",
        words::count(seen.len(), "row")
    ));
    mix::observed(seen, &mut draft, input);
    Ok(draft)
}

/// The gateway that has such a log, and where it listens by default.
fn gateway(kind: Kind) -> (GatewayKind, &'static str) {
    match kind {
        Kind::Respan => (GatewayKind::Respan, "https://api.respan.ai/api"),
        Kind::Litellm => (GatewayKind::Litellm, "http://127.0.0.1:4000/v1"),
        _ => (GatewayKind::RespanOss, "http://127.0.0.1:8080/v1"),
    }
}

/// The rows of a log, each with its place.
fn rows(kind: Kind, text: &str, input: &Input<'_>) -> Result<Vec<(String, Value)>, Vec<Problem>> {
    let start = text.trim_start();
    if kind == Kind::RespanOss && !start.starts_with(['{', '[']) {
        return csv_rows(text, input);
    }
    if !start.starts_with('{') {
        return chats::lines(text, input);
    }
    // A page of a list, or a row in each line.
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut page)) => {
            let list = ["results", "data", "logs"]
                .iter()
                .find_map(|key| page.remove(*key));
            match list {
                Some(Value::Array(rows)) => {
                    let rows = rows.into_iter().enumerate();
                    Ok(rows
                        .map(|(n, row)| (format!("row {}", n + 1), row))
                        .collect())
                }
                _ => Ok(vec![("row 1".to_owned(), Value::Object(page))]),
            }
        }
        _ => chats::lines(text, input),
    }
}

/// Rows of CSV as objects.
fn csv_rows(text: &str, input: &Input<'_>) -> Result<Vec<(String, Value)>, Vec<Problem>> {
    let source = Source::new(input.name, text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let head = match reader.headers() {
        Ok(head) if head.iter().any(|name| name == "model") => head.clone(),
        _ => {
            let end = text.find('\n').unwrap_or(text.len());
            let problem = Problem::at(&source, 0..end, "the first line names no column `model`");
            let help = "export the log with its head";
            return Err(vec![problem.with_help(help)]);
        }
    };
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(Problem::whole(&source, format!("the CSV breaks: {error}")));
                break;
            }
        };
        let place = record.position();
        let line = place.map_or(0, csv::Position::line);
        if record.len() != head.len() {
            let at = place
                .map_or(0, |place| place.byte() as usize)
                .min(text.len());
            let len = text[at..].find('\n').unwrap_or(text.len() - at);
            let message = format!("{} cells under {} columns", record.len(), head.len());
            problems.push(Problem::at(&source, at..at + len, message));
            if problems.len() >= 5 {
                break;
            }
            continue;
        }
        let cells = head
            .iter()
            .zip(&record)
            .filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(name, cell)| (name.to_owned(), cell.into()));
        rows.push((format!("line {line}"), Value::Object(cells.collect())));
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems)
    }
}

fn is_chat(row: &Map<String, Value>) -> bool {
    let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
    let call = text("call_type");
    let log = text("log_type");
    let path = text("path");
    (call.is_empty() || call.contains("completion"))
        && (log.is_empty() || matches!(log, "chat" | "completion" | "text" | "generation"))
        && (path.is_empty()
            || path.contains("completion")
            || path.contains("message")
            || path.contains("responses"))
}

fn row_of(kind: Kind, row: &Map<String, Value>, at: &str, draft: &mut Draft) -> Option<Seen> {
    let names: &[&str] = match kind {
        // The group is what the client asked; the model is where the proxy sent it.
        Kind::Litellm => &["model_group", "model"],
        _ => &["model", "model_name"],
    };
    let text = |keys: &[&str]| {
        let texts = keys.iter().filter_map(|key| row.get(*key)?.as_str());
        texts.map(str::trim).find(|text| !text.is_empty())
    };
    let model = text(names).filter(|name| name.len() <= LONGEST)?.to_owned();
    let started = instant(row, &["startTime", "start_time", "started_at", "timestamp"]);
    let ended = instant(row, &["endTime", "end_time"]);
    let first = instant(row, &["completionStartTime"]);
    let said = row.get("stream").or_else(|| row.get("streaming"));
    let said = said.and_then(|said| said.as_bool().or_else(|| Some(said.as_str()? == "true")));
    let by_times = first.zip(ended).map(|(first, ended)| first < ended);
    let asked = ["prompt_messages", "messages"]
        .iter()
        .find_map(|key| row.get(*key));
    let asked = asked.filter(|asked| holds_something(asked));
    let messages = asked.and_then(|asked| match chats::conversation(asked, at, draft) {
        Ok(messages) => Some(chats::row(&messages)),
        Err(why) => {
            draft.left(at, format!("its prompt is not carried: {why}"));
            None
        }
    });
    Some(Seen {
        model,
        started,
        stream: said.or(by_times).unwrap_or(true),
        input: count(row, &["prompt_tokens", "input_tokens"]),
        output: count(row, &["completion_tokens", "output_tokens"]),
        row: messages,
    })
}

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !matches!(text.trim(), "" | "{}" | "[]" | "null"),
        _ => false,
    }
}

fn count(row: &Map<String, Value>, keys: &[&str]) -> Option<u32> {
    let value = keys
        .iter()
        .find_map(|key| row.get(*key).filter(|value| !value.is_null()))?;
    let number = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    (number.is_finite() && (0.0..4e9).contains(&number)).then_some(number as u32)
}

/// An instant in seconds since 1970: a text, or a number of seconds or milliseconds.
fn instant(row: &Map<String, Value>, keys: &[&str]) -> Option<f64> {
    let value = keys
        .iter()
        .find_map(|key| row.get(*key).filter(|value| !value.is_null()))?;
    if let Some(number) = value.as_f64() {
        let seconds = if number > 1e11 { number / 1e3 } else { number };
        return (0.0..1e11).contains(&seconds).then_some(seconds);
    }
    let text = value.as_str()?.trim().replacen(' ', "T", 1);
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    // Some write no zone, which is UTC then.
    let at = read(&text).or_else(|| read(&format!("{text}Z")))?;
    Some(at.unix_timestamp_nanos() as f64 / 1e9)
}
