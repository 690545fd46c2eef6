//! JSON as it stands, item by item: every reading fails at what it does not expect.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// What is nested deeper is left to the full parse, which knows a limit.
const DEPTH: u32 = 32;
/// So many bytes of a string are looked at one by one.
const SHORT: usize = 16;

/// A place in a JSON text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// No character of the text has to be escaped in a string: it is written without line ends.
    clean: bool,
}

/// How far an object or a list was read.
pub(super) struct Items {
    pub(super) first: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            clean: is_clean(text),
        }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    pub(super) fn eat(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    pub(super) fn object(&mut self) -> Option<Items> {
        self.eat(b'{')?;
        Some(Items { first: true })
    }

    /// Whether there is another item before `close`; it is past its comma then.
    pub(super) fn more(&mut self, items: &mut Items, close: u8) -> Option<bool> {
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
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let (name, plain) = self.string()?;
        self.eat(b':')?;
        plain.then_some(name)
    }

    /// The inside of a string as it stands, and whether it says what it holds: without escapes.
    pub(super) fn string(&mut self) -> Option<(&'a str, bool)> {
        self.eat(b'"')?;
        let start = self.at;
        let mut plain = true;
        loop {
            let rest = &self.bytes()[self.at..];
            // Names are short: a search has to be prepared, a look has not.
            let short = rest.iter().take(SHORT);
            let found = short.copied().position(|byte| matches!(byte, b'"' | b'\\'));
            let found = found.or_else(|| {
                let found = memchr2(b'"', b'\\', rest.get(SHORT..)?)?;
                Some(SHORT + found)
            })?;
            self.at += found + 1;
            if rest[found] == b'"' {
                let inside = &self.text[start..self.at - 1];
                return (self.clean || is_clean(inside)).then_some((inside, plain));
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

    pub(super) fn null(&mut self) -> Option<()> {
        self.peek()?;
        let is_null = self.text[self.at..].starts_with("null");
        is_null.then(|| self.at += 4)
    }

    /// A string, or nothing where null stands in its place.
    pub(super) fn text_or_null(&mut self) -> Option<Cow<'a, str>> {
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
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.value(0)?;
        Some(&self.text[start..self.at])
    }

    /// Goes over a value.
    pub(super) fn value(&mut self, depth: u32) -> Option<()> {
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
}

/// What the inside of a string says. Its escapes are known to be good.
fn unescaped(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
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

/// Whether no character has to be escaped in a string, and is not.
fn is_clean(text: &str) -> bool {
    text.bytes().fold(u8::MAX, u8::min) >= b' '
}
