//! Whether a whole answer is what the scenario asks for. It is looked at once it has ended: no mark has
//! the time for it in it.

use std::cell::OnceCell;

use serde_json::Value;

use super::Sample;
use crate::base::Secret;
use crate::dialect::Pointer;
use crate::scenario::{Check, JsonWanted, Whence};
use crate::wire::{Exchange, Kept, Outcome};

/// The longest part of an answer that a message shows.
const SHOWN: usize = 80;

impl Sample {
    /// Asks of a whole answer what the scenario asks; the first check that fails is told. What was kept
    /// of the answer is dropped.
    pub(super) fn check(&mut self, checks: &[Check], secrets: &[Secret]) {
        let kept = self.exchange.kept.take().unwrap_or_default();
        if !self.is_ok() {
            return;
        }
        let tokens = self.output_tokens().map(|(tokens, _)| tokens);
        let answer = Answer {
            exchange: &self.exchange,
            kept: &kept,
            tokens,
            secrets,
            content: OnceCell::new(),
            whole: OnceCell::new(),
        };
        if let Some(failed) = checks.iter().find_map(|check| answer.fails(check)) {
            self.exchange.outcome = Outcome::CheckFailed;
            self.exchange.error = Some(failed);
        }
    }
}

/// A whole answer, and what was kept of it.
struct Answer<'a> {
    exchange: &'a Exchange,
    kept: &'a Kept,
    tokens: Option<u64>,
    secrets: &'a [Secret],
    /// The content as JSON, once a check asked for it.
    content: OnceCell<Result<Value, String>>,
    /// The body as JSON, likewise.
    whole: OnceCell<Result<Value, String>>,
}

impl Answer<'_> {
    /// What to say of an answer that fails a check.
    fn fails(&self, check: &Check) -> Option<String> {
        match check {
            Check::Status(wanted) => {
                let status = self.exchange.status.unwrap_or(0);
                let fails = !wanted.contains(&status);
                fails.then(|| said("status", &one_of(wanted), &status.to_string()))
            }
            Check::FinishReason(wanted) => {
                let reason = self.exchange.finish.as_deref();
                let fails = !reason.is_some_and(|r| wanted.iter().any(|wanted| wanted == r));
                let found = reason.map_or_else(|| "none".to_owned(), |reason| self.shown(reason));
                fails.then(|| said("finish_reason", &one_of(wanted), &found))
            }
            Check::MinTokens(least) => {
                let fails = self.tokens.is_none_or(|tokens| tokens < *least);
                fails.then(|| said("min_tokens", &format!("at least {least}"), &self.count()))
            }
            Check::MaxTokens(most) => {
                let fails = self.tokens.is_none_or(|tokens| tokens > *most);
                fails.then(|| said("max_tokens", &format!("at most {most}"), &self.count()))
            }
            Check::Regex(regex) => {
                let name = "regex";
                if self.kept.is_cut {
                    return Some(too_long(name));
                }
                let fails = !regex.is_match(&self.kept.content);
                fails.then(|| {
                    let wanted = format!("a match of `{regex}`");
                    said(name, &wanted, &self.shown(&self.kept.content))
                })
            }
            Check::Json {
                of,
                pointer,
                wanted,
            } => self.json(*of, pointer, wanted),
            #[cfg(feature = "content-schema")]
            Check::ContentSchema(schema) => self.schema(schema),
        }
    }

    fn count(&self) -> String {
        let tokens = self.tokens;
        tokens.map_or_else(|| "no count".to_owned(), |tokens| tokens.to_string())
    }

    fn json(&self, of: Whence, pointer: &Pointer, wanted: &JsonWanted) -> Option<String> {
        let name = format!("json {pointer}");
        let value = match self.value(of, &name) {
            Ok(value) => value.pointer(pointer.as_str()),
            Err(failed) => return Some(failed),
        };
        let (fails, wanted) = match wanted {
            JsonWanted::Equals(wanted) => {
                let equals = value.is_some_and(|value| same(value, wanted));
                (!equals, shortened(&wanted.to_string()))
            }
            JsonWanted::Exists(true) => (value.is_none(), "anything there".to_owned()),
            JsonWanted::Exists(false) => (value.is_some(), "nothing there".to_owned()),
        };
        let found = || match value {
            Some(value) => self.shown(&value.to_string()),
            None => "nothing there".to_owned(),
        };
        fails.then(|| said(&name, &wanted, &found()))
    }

    /// The content or the answer as JSON, or what to say of a check that finds none.
    fn value(&self, of: Whence, name: &str) -> Result<&Value, String> {
        let parse = |json: &[u8]| serde_json::from_slice(json).map_err(|error| error.to_string());
        let value = match of {
            Whence::Content if self.kept.is_cut => return Err(too_long(name)),
            Whence::Content => self
                .content
                .get_or_init(|| parse(self.kept.content.as_bytes())),
            Whence::Answer => {
                let Some(answer) = &self.kept.answer else {
                    return Err(said(name, "an answer in one piece", "a stream"));
                };
                self.whole.get_or_init(|| parse(answer))
            }
        };
        value.as_ref().map_err(|error| {
            let found = match of {
                Whence::Content => self.shown(&self.kept.content),
                Whence::Answer => "another body".to_owned(),
            };
            said(name, "JSON", &format!("{found}: {error}"))
        })
    }

    #[cfg(feature = "content-schema")]
    fn schema(&self, schema: &jsonschema::Validator) -> Option<String> {
        let name = "content_schema";
        let value = match self.value(Whence::Content, name) {
            Ok(value) => value,
            Err(failed) => return Some(failed),
        };
        let error = schema.validate(value).err()?;
        let place = error.instance_path().to_string();
        let place = if place.is_empty() {
            String::new()
        } else {
            format!(" at {}", self.shown(&place))
        };
        // Its words may hold all of the content.
        Some(format!(
            "check {name}{place}: {}",
            self.shown(&error.to_string())
        ))
    }

    /// A part of what the answer says, short and without the keys, which a target may repeat.
    fn shown(&self, text: &str) -> String {
        shortened(&Secret::hide_all(self.secrets, text))
    }
}

fn said(check: &str, wanted: &str, found: &str) -> String {
    format!("check {check}: wanted {wanted}, found {found}")
}

fn too_long(check: &str) -> String {
    let found = format!("more than {} MiB", Kept::CAP >> 20);
    said(check, "content that can be kept", &found)
}

fn one_of<T: ToString>(wanted: &[T]) -> String {
    let wanted: Vec<String> = wanted.iter().map(T::to_string).collect();
    wanted.join(" or ")
}

/// The beginning of a text, in one line.
fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = String::new();
    while line.len() <= 4 * SHOWN
        && let Some(word) = words.next()
    {
        let gap = if line.is_empty() { "" } else { " " };
        line.push_str(gap);
        line.extend(word.chars().take(SHOWN + 1));
    }
    if line.is_empty() {
        return "nothing".to_owned();
    }
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Whether two values are the same, a number being one however it is written: 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let found = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(found)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(checks: &[Check], kept: Kept, secrets: &[Secret]) -> Option<String> {
        let exchange = Exchange {
            outcome: Outcome::Ok,
            status: Some(200),
            finish: Some("stop".to_owned()),
            kept: Some(Box::new(kept)),
            token_chunks: 7,
            ..Exchange::default()
        };
        let mut sample = Sample::of(exchange);
        sample.check(checks, secrets);
        assert!(sample.exchange.kept.is_none(), "it is not kept any longer");
        assert_eq!(sample.is_ok(), sample.exchange.error.is_none());
        sample.exchange.error
    }

    fn content(content: &str) -> Kept {
        Kept {
            content: content.to_owned(),
            ..Kept::default()
        }
    }

    fn json_at(pointer: &str, wanted: JsonWanted) -> Check {
        Check::Json {
            of: Whence::Content,
            pointer: pointer.parse().unwrap(),
            wanted,
        }
    }

    fn regex(regex: &str) -> Check {
        Check::Regex(regex::Regex::new(regex).unwrap())
    }

    #[test]
    fn a_check_that_fails_says_what_was_wanted_and_found() {
        let cases = [
            (
                Check::Status(vec![201, 202]),
                "check status: wanted 201 or 202, found 200",
            ),
            (
                Check::FinishReason(vec!["length".to_owned()]),
                "check finish_reason: wanted length, found stop",
            ),
            (
                Check::MinTokens(8),
                "check min_tokens: wanted at least 8, found 7",
            ),
            (
                Check::MaxTokens(6),
                "check max_tokens: wanted at most 6, found 7",
            ),
            (
                regex("^b"),
                "check regex: wanted a match of `^b`, found {\"a\":[1,null]}",
            ),
            (
                json_at("/a/0", JsonWanted::Equals(json!(2))),
                "check json /a/0: wanted 2, found 1",
            ),
            (
                json_at("/a/2", JsonWanted::Exists(true)),
                "check json /a/2: wanted anything there, found nothing there",
            ),
            (
                json_at("/a/1", JsonWanted::Exists(false)),
                "check json /a/1: wanted nothing there, found null",
            ),
        ];
        for (asked, said) in cases {
            let failed = check(&[asked], content(r#"{"a":[1,null]}"#), &[]);
            assert_eq!(failed.as_deref(), Some(said));
        }
    }

    #[test]
    fn checks_that_hold_leave_an_answer_as_it_is() {
        let checks = [
            Check::Status(vec![200]),
            Check::FinishReason(vec!["length".to_owned(), "stop".to_owned()]),
            Check::MinTokens(7),
            Check::MaxTokens(7),
            regex("a.*null"),
            json_at("/a/0", JsonWanted::Equals(json!(1.0))),
            json_at("/a", JsonWanted::Equals(json!([1, null]))),
            json_at("/a/1", JsonWanted::Equals(Value::Null)),
            json_at("/a/1", JsonWanted::Exists(true)),
            json_at("/b", JsonWanted::Exists(false)),
        ];
        assert_eq!(check(&checks, content(r#"{"a":[1,null]}"#), &[]), None);
    }

    #[cfg(feature = "content-schema")]
    #[test]
    fn content_is_held_against_its_schema() {
        let schema =
            json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        let asked = || {
            let validator = jsonschema::validator_for(&schema).unwrap();
            [Check::ContentSchema(std::sync::Arc::new(validator))]
        };
        assert_eq!(check(&asked(), content(r#"{"n":3}"#), &[]), None);
        let failed = check(&asked(), content(r#"{"n":"three"}"#), &[]).unwrap();
        assert!(
            failed.starts_with("check content_schema at /n: "),
            "{failed}"
        );
        let failed = check(&asked(), content("three"), &[]).unwrap();
        assert!(
            failed.starts_with("check content_schema: wanted JSON, found three: "),
            "{failed}"
        );
    }

    #[test]
    fn what_is_shown_of_content_is_short_and_never_holds_the_key() {
        let key = Secret::new("sk-very-secret");
        // At every place, the one where the text is cut included.
        for before in 0..120 {
            let text = format!("{} sk-very-secret after", "x".repeat(before));
            let failed =
                check(&[regex("^no$")], content(&text), std::slice::from_ref(&key)).unwrap();
            assert!(!failed.contains("sk-v"), "{failed}");
            assert!(failed.chars().count() < 140, "{failed}");
        }
        let failed = check(&[regex("^no$")], content(&"é ".repeat(9_000)), &[]).unwrap();
        assert!(failed.ends_with('…') && failed.len() < 400, "{failed}");
    }

    #[test]
    fn content_that_was_too_long_to_keep_fails_what_asks_for_it() {
        let cut = || Kept {
            is_cut: true,
            ..content("a")
        };
        for asked in [regex("a"), json_at("/a", JsonWanted::Exists(false))] {
            let failed = check(&[asked], cut(), &[]).unwrap();
            assert!(failed.ends_with("found more than 1 MiB"), "{failed}");
        }
        assert_eq!(check(&[Check::MinTokens(1)], cut(), &[]), None);
    }

    #[test]
    fn an_answer_that_failed_is_not_checked() {
        let mut sample = Sample::of(Exchange {
            outcome: Outcome::Status(500),
            ..Exchange::default()
        });
        sample.check(&[Check::MinTokens(1)], &[]);
        assert_eq!(sample.exchange.outcome, Outcome::Status(500));
    }
}
