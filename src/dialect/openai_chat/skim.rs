//! Answers in the shape that nearly all of them have, read in one pass.
//!
//! A whole answer is mostly text that is only to be known to be there. This reader goes over its bytes
//! once, and knows nothing of odd shapes: whatever it does not expect (another type, a name that
//! comes twice, an error, an accounting chunk, JSON that is none) it leaves to the full parse. What it does
//! read is what the full parse reads; tests hold the two against each other.

use std::borrow::Cow;

use memchr::memchr2;

use super::read::{accounts, set_apart};
use crate::dialect::Delta;

/// What is nested deeper is left to the full parse, which knows a limit.
const DEPTH: u32 = 32;

/// The answer, where it has the shape that is expected.
pub(super) fn skim(text: &str) -> Option<Delta<'_>> {
    let mut reader = Reader { text, at: 0 };
    let mut delta = Delta::default();
    let (mut usage, mut seen) = (None, 0);
    let mut fields = reader.object()?;
    while reader.more(&mut fields, b'}')? {
        let name = reader.name()?;
        let known = match name {
            "id" => 1,
            "object" => 2,
            "model" => 4,
            "choices" => 8,
            "usage" => 16,
            "error" => 32,
            "request_breakdown" => 64,
            _ => 0,
        };
        once(&mut seen, known)?;
        match name {
            "id" => delta.id = set_apart(reader.text_or_null()?),
            "model" => delta.model = set_apart(reader.text_or_null()?),
            "object" => _ = Some(reader.text_or_null()?).filter(|object| object != "error")?,
            "choices" => reader.choices(&mut delta)?,
            "usage" => usage = Some(reader.raw()?),
            "error" | "request_breakdown" => reader.null()?,
            _ => reader.value(0)?,
        }
    }
    reader.end()?;
    let is_odd = delta.id.as_deref() == Some("request_breakdown")
        || delta.finish.as_deref() == Some("error");
    if is_odd {
        return None;
    }
    (delta.usage, delta.cost_reported) = accounts(usage);
    Some(delta)
}

/// Notes a name by its bit; a name that comes twice is not expected.
fn once(seen: &mut u32, bit: u32) -> Option<()> {
    let twice = *seen & bit != 0;
    *seen |= bit;
    (!twice).then_some(())
}

/// A place in a JSON text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// How far an object or a list was read.
struct Items {
    first: bool,
}

impl<'a> Reader<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Nothing but white space is left.
    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn object(&mut self) -> Option<Items> {
        self.eat(b'{')?;
        Some(Items { first: true })
    }

    /// Whether there is another item before `close`; it is past its comma then.
    fn more(&mut self, items: &mut Items, close: u8) -> Option<bool> {
        let first = std::mem::replace(&mut items.first, false);
        if self.peek()? == close {
            self.at += 1;
            return Some(false);
        }
        if !first {
            self.eat(b',')?;
        }
        Some(true)
    }

    /// A name of an object, past its colon.
    fn name(&mut self) -> Option<&'a str> {
        let (name, plain) = self.string()?;
        self.eat(b':')?;
        plain.then_some(name)
    }

    /// The inside of a string as it stands, and whether it says what it holds: without escapes.
    fn string(&mut self) -> Option<(&'a str, bool)> {
        self.eat(b'"')?;
        let start = self.at;
        let mut plain = true;
        loop {
            let rest = &self.bytes()[self.at..];
            let found = memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                let inside = &self.text[start..self.at - 1];
                // Characters that have to be escaped, and are not.
                let bare = inside.bytes().filter(|byte| *byte < b' ').count();
                return (bare == 0).then_some((inside, plain));
            }
            plain = false;
            self.escape()?;
        }
    }

    /// What stands behind a backslash. Surrogates are left to the full parse.
    fn escape(&mut self) -> Option<()> {
        let bytes = self.bytes();
        match bytes.get(self.at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let digits = bytes.get(self.at + 1..self.at + 5)?;
                let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
                let is_surrogate = matches!(
                    digits,
                    [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]
                );
                (is_hex && !is_surrogate).then_some(())?;
                self.at += 5;
            }
            _ => return None,
        }
        Some(())
    }

    fn null(&mut self) -> Option<()> {
        self.peek()?;
        let is_null = self.text[self.at..].starts_with("null");
        is_null.then(|| self.at += 4)
    }

    /// A string, or nothing where null stands in its place.
    fn text_or_null(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return self.null().map(|()| Cow::Borrowed(""));
        }
        let (inside, plain) = self.string()?;
        Some(if plain {
            Cow::Borrowed(inside)
        } else {
            Cow::Owned(unescaped(inside)?)
        })
    }

    /// Any value as it stands.
    fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.value(0)?;
        Some(&self.text[start..self.at])
    }

    /// Goes over a value.
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => drop(self.string()?),
            b'{' => {
                let mut fields = self.object()?;
                while self.more(&mut fields, b'}')? {
                    self.string()?;
                    self.eat(b':')?;
                    self.value(depth + 1)?;
                }
            }
            b'[' => {
                self.at += 1;
                let mut items = Items { first: true };
                while self.more(&mut items, b']')? {
                    self.value(depth + 1)?;
                }
            }
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_it = self.text[self.at..].starts_with(word);
        is_it.then(|| self.at += word.len())
    }

    /// A number without an exponent: one with it may be out of range.
    fn number(&mut self) -> Option<()> {
        let digits = |from: usize| {
            let rest = &self.bytes()[from..];
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut at = self.at + usize::from(self.bytes()[self.at] == b'-');
        let whole = digits(at);
        let leads_with_zero = whole > 1 && self.bytes()[at] == b'0';
        if whole == 0 || whole > 18 || leads_with_zero {
            return None;
        }
        at += whole;
        if self.bytes().get(at) == Some(&b'.') {
            let part = digits(at + 1);
            if part == 0 {
                return None;
            }
            at += 1 + part;
        }
        if matches!(self.bytes().get(at), Some(b'e' | b'E')) {
            return None;
        }
        self.at = at;
        Some(())
    }

    fn choices(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        self.eat(b'[')?;
        let mut items = Items { first: true };
        while self.more(&mut items, b']')? {
            self.choice(delta)?;
        }
        Some(())
    }

    fn choice(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        let mut fields = self.object()?;
        let mut seen = 0;
        while self.more(&mut fields, b'}')? {
            let name = self.name()?;
            match name {
                // Of both, one would have to be chosen.
                "delta" | "message" => {
                    once(&mut seen, 1)?;
                    self.turn(delta)?;
                }
                "finish_reason" => {
                    once(&mut seen, 2)?;
                    let finish = set_apart(self.text_or_null()?);
                    delta.finish = delta.finish.take().or(finish);
                }
                "request_breakdown" => return None,
                _ => self.value(0)?,
            }
        }
        Some(())
    }

    fn turn(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        let mut fields = self.object()?;
        let mut seen = 0;
        while self.more(&mut fields, b'}')? {
            let name = self.name()?;
            let (bit, into) = match name {
                "content" => (1, &mut delta.content),
                // Of two names for the same, the first that says something counts.
                "reasoning_content" | "reasoning" => (2, &mut delta.reasoning),
                "refusal" => (4, &mut delta.refusal),
                "reasoning_details" | "tool_calls" | "function_call" => {
                    self.null()?;
                    continue;
                }
                _ => {
                    self.value(0)?;
                    continue;
                }
            };
            once(&mut seen, bit)?;
            let text = self.text_or_null()?;
            if !text.is_empty() {
                // Several choices are put together, which is the full parse's business.
                into.is_empty().then_some(())?;
                *into = text;
            }
        }
        Some(())
    }
}

/// What the inside of a string says. Its escapes are known to be good.
fn unescaped(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes()[at + 1];
        let mut length = 2;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                length = 6;
                let code = u32::from_str_radix(&rest[at + 2..at + 6], 16).ok()?;
                char::from_u32(code)?
            }
            same => char::from(same),
        });
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::openai_chat::read::decode_in_full;

    fn usual() -> Value {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_758_800_000_u64,
            "model": "gpt-lab", "system_fingerprint": null,
            "choices": [{"index": 0, "message": {"role": "assistant", "refusal": null,
                "content": "a \"word\"\n\u{e9} \\ / and \u{1f600} \u{1} more", "annotations": []},
                "logprobs": null, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 150, "total_tokens": 162,
                "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.25},
            "service_tier": "default", "x": [true, false, -1.5, {"y": {}}]
        })
    }

    /// Skimmed, it is what the full parse reads; whether it was skimmed.
    fn agrees(text: &str) -> bool {
        let skimmed = skim(text);
        if let Some(delta) = &skimmed {
            let full = decode_in_full(text.as_bytes());
            assert_eq!(full.as_ref().ok(), Some(delta), "{text}");
        }
        skimmed.is_some()
    }

    #[test]
    fn the_usual_answer_is_skimmed_however_it_is_written() {
        let usual = usual();
        assert!(agrees(&usual.to_string()));
        assert!(agrees(&serde_json::to_string_pretty(&usual).unwrap()));
        assert!(agrees(&format!(" {usual}\r\n")));
        assert!(agrees(
            r#"{"choices":[{"message":{"content":"\u00e9\u000a"}}]}"#
        ));
        assert!(agrees("{}"));
    }

    #[test]
    fn what_is_not_expected_is_left_to_the_full_parse() {
        let text = usual().to_string();
        for (usual, odd) in [
            ("\"id\":\"chatcmpl-1\"", "\"id\":7"),
            ("\"id\":\"chatcmpl-1\"", "\"id\":\"request_breakdown\""),
            ("\"id\":\"chatcmpl-1\"", "\"id\":\"a\",\"id\":\"b\""),
            ("\"chat.completion\"", "\"error\""),
            ("\"refusal\":null", "\"tool_calls\":[{}]"),
            (
                "\"refusal\":null",
                "\"reasoning\":\"a\",\"reasoning_content\":\"b\"",
            ),
            ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"error\""),
            (
                "\"finish_reason\":\"stop\"",
                "\"request_breakdown\":{\"cost\":1}",
            ),
            ("\"service_tier\":", "\"error\":{},\"y\":"),
            (
                "\"service_tier\":",
                "\"request_breakdown\":{\"cost\":1},\"y\":",
            ),
            ("-1.5", "-1e999"),
            ("-1.5", "01"),
            ("-1.5", "1."),
            ("-1.5", "nul"),
            ("\"x\":", "\"x\" "),
            ("true,", "true,,"),
            ("[true", "[,true"),
            ("\\\\ /", "\\x /"),
            ("\\\\ /", "\\ud83d\\ude00"),
            ("\\\\ /", "\u{7}"),
        ] {
            assert!(text.contains(usual), "{usual}");
            assert!(!agrees(&text.replacen(usual, odd, 1)), "{odd}");
        }
        assert!(!agrees(&text[..text.len() - 1]));
        assert!(!agrees(&format!("{text}x")));
        assert!(!agrees(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
    }

    /// Values of any type, for any name.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z\"\\\\\u{0}-\u{1f}\u{e9}\u{1f600}]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            let names = prop_oneof![
                Just("content".to_owned()),
                Just("message".to_owned()),
                Just("delta".to_owned()),
                Just("cost".to_owned()),
                "[a-z]{0,3}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(names, inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The names of a value's values, as JSON pointers.
    fn places(value: &Value, here: &str, all: &mut Vec<String>) {
        all.push(here.to_owned());
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    places(value, &format!("{here}/{name}"), all);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    places(value, &format!("{here}/{index}"), all);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn an_answer_with_anything_anywhere_is_read_as_in_full(
            changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..3),
        ) {
            let mut answer = usual();
            for (place, value) in changes {
                let mut all = Vec::new();
                places(&answer, "", &mut all);
                let place: &String = place.get(&all);
                *answer.pointer_mut(place).unwrap() = value;
            }
            agrees(&answer.to_string());
        }

        #[test]
        fn an_answer_with_changed_bytes_is_read_as_in_full(
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9a-f.eE+ -]"), 0..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut text = usual().to_string();
            for (place, with) in changes {
                let at = place.index(text.len());
                if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                    text.replace_range(at..=at, &with);
                }
            }
            agrees(&text);
            let end = cut.index(text.len());
            agrees(text.get(..end).unwrap_or_default());
        }
    }
}
