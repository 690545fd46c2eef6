//! Prompt files: JSON Lines, each line a prompt or a conversation.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Problem, Source};
use crate::dialect::{Message, Role};

/// Broken lines that are shown of one file; the rest is counted.
const SHOWN: usize = 5;

/// A line of a prompt file. Further fields are allowed: files carry ids and labels of their own.
#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
}

/// The conversations of a prompt file, or every problem of its lines.
pub(super) fn read(source: &Arc<Source>) -> Result<Vec<Vec<Message>>, Vec<Problem>> {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if !text.trim().is_empty() {
            match row(text) {
                Ok(row) => rows.push(row),
                Err((column, message)) => {
                    let at = start + column.min(text.len());
                    problems
                        .push(Problem::at(source, at..start + text.len(), message).with_help(HELP));
                }
            }
        }
        start += line.len();
    }
    if rows.is_empty() && problems.is_empty() {
        problems.push(Problem::whole(source, "the file holds no prompts").with_help(HELP));
    }
    shorten(source, &mut problems);
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems)
    }
}

/// A further field of each line of a prompt file that has no problems.
pub(super) fn column(source: &Arc<Source>, field: &str) -> Result<Vec<Value>, Vec<Problem>> {
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if !text.trim().is_empty() {
            let row: Option<Map<String, Value>> = serde_json::from_str(text).ok();
            match row.and_then(|mut row| row.remove(field)) {
                Some(value) => values.push(value),
                None => problems.push(Problem::at(
                    source,
                    start..start + text.len(),
                    format!("the row has no `{field}`, which `{{{{ row.{field} }}}}` asks for"),
                )),
            }
        }
        start += line.len();
    }
    shorten(source, &mut problems);
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

/// Keeps the first problems of many.
fn shorten(source: &Arc<Source>, problems: &mut Vec<Problem>) {
    let more = problems.len().saturating_sub(SHOWN);
    problems.truncate(SHOWN);
    if more > 0 {
        problems.push(Problem::whole(
            source,
            format!("{more} more lines are broken"),
        ));
    }
}

const HELP: &str =
    r#"write {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]} on each line"#;

/// One conversation, or the byte at which the line breaks and why.
fn row(text: &str) -> Result<Vec<Message>, (usize, String)> {
    let line: Line = serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let what = said.split(" at line ").next().unwrap_or(&said).to_owned();
        (
            floor_boundary(text, error.column().saturating_sub(1)),
            format!("not a prompt: {what}"),
        )
    })?;
    let whole = |message: &str| Err((0, message.to_owned()));
    match (line.prompt, line.messages) {
        (Some(content), None) => Ok(vec![Message {
            role: Role::User,
            content,
        }]),
        (None, Some(messages)) if messages.is_empty() => whole("the conversation is empty"),
        (None, Some(messages)) => Ok(messages),
        (Some(_), Some(_)) => whole("the line has both `prompt` and `messages`"),
        (None, None) => whole("the line has neither `prompt` nor `messages`"),
    }
}

/// The character boundary at or before a byte of `text`.
fn floor_boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_and_conversations_are_read() {
        let text = "{\"prompt\":\"hi\"}\n\n{\"id\":7,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"}]}\n";
        let rows = read(&Source::new("p.jsonl", text)).unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn every_broken_line_is_shown_at_its_place() {
        let text = "{\"prompt\":\"ok\"}\n{\"prompt\":oops}\n{\"id\":1}\n{\"messages\":[]}\n";
        let problems = read(&Source::new("p.jsonl", text)).unwrap_err();
        let places: Vec<_> = problems.iter().map(|p| (p.line(), p.column())).collect();
        assert_eq!(places, [(2, 11), (3, 1), (4, 1)]);
    }

    #[test]
    fn many_broken_lines_are_counted() {
        let problems = read(&Source::new("p.jsonl", "x\n".repeat(100))).unwrap_err();
        assert_eq!(problems.len(), SHOWN + 1);
        assert!(problems[SHOWN].message().contains("95 more"));
    }

    #[test]
    fn an_empty_file_is_a_problem() {
        assert!(read(&Source::new("p.jsonl", "\n")).is_err());
    }
}
