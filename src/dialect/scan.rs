//! Only the JSON that must be read is read: a piece of a stream that differs from the one before in
//! nothing but its words is known by its bytes.
//!
//! Most of a stream is such pieces, and parsing each of them was most of the client's work. So the
//! last piece that was parsed is kept as a template, with a gap for each string of which the parser
//! keeps no more than whether it is empty. If the next piece has the same bytes around the gaps and a
//! valid JSON string in each, the parser would say the same of it: that is no guess.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::{Delta, Dialect, DialectError};

/// The most pieces that pass before another is made a template, where no two are alike.
const LONGEST_WAIT: u8 = 63;

/// What a piece of a stream says.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made, and never kept"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The same as the piece before, in other words. That one held a token, and so does this; if it
    /// held output, so does this; and all else that it said would be said again.
    Again,
    /// Something else.
    New(Delta<'a>),
}

/// Reads the pieces of one stream, in their order.
#[derive(Debug)]
pub struct Scanner {
    dialect: Dialect,
    template: Template,
    /// How many pieces pass before the next template: twice as many after each that was of no use,
    /// so that a stream of ever different pieces costs little more than their parsing.
    wait: u8,
    /// How many of them are still to pass.
    waiting: u8,
    /// Whether the visible text of pieces will be asked for.
    keeps_content: bool,
}

impl Scanner {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            template: Template::default(),
            wait: 0,
            waiting: 0,
            keeps_content: false,
        }
    }

    /// The visible text of pieces will be asked for.
    pub const fn keep_content(&mut self) {
        self.keeps_content = true;
    }

    /// The visible text of the piece that was read last and was [`Piece::Again`].
    pub fn content<'d>(&self, data: &'d [u8]) -> Cow<'d, str> {
        if self.template.holds_content {
            return self.template.content(data);
        }
        let delta = self.dialect.decode(data);
        delta.map_or(Cow::Borrowed(""), |delta| delta.content)
    }

    /// The format of the stream.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Reads the data of the next event.
    pub fn read<'d>(&mut self, data: &'d [u8]) -> Result<Piece<'d>, DialectError> {
        if self.template.fits(data) {
            (self.wait, self.waiting) = (0, 0);
            return Ok(Piece::Again);
        }
        // Whatever this piece says, the one before it is no longer the one before the next.
        self.template.gaps.clear();
        let delta = self.dialect.decode(data)?;
        if delta.has_token() && delta.finish.is_none() && delta.error.is_none() {
            self.learn(data, &delta.content);
        }
        Ok(Piece::New(delta))
    }

    /// Makes a piece the template of the next; `content` is its visible text.
    fn learn(&mut self, data: &[u8], content: &str) {
        if self.waiting > 0 {
            self.waiting -= 1;
            return;
        }
        self.waiting = self.wait;
        self.wait = (2 * self.wait + 1).min(LONGEST_WAIT);
        if let Some(gaps) = self.dialect.gaps(data) {
            self.template.gaps = gaps;
            self.template.bytes.clear();
            self.template.bytes.extend_from_slice(data);
            // If the gaps hold all of it here, they do in every piece that fits: the rest is the same.
            self.template.holds_content =
                self.keeps_content && self.template.content(data) == content;
        }
    }
}

/// A string in a piece that may be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Where it stands, without its quotes.
    pub(super) at: Range<usize>,
    /// Whether the other may be empty.
    pub(super) may_be_empty: bool,
    /// Whether it is visible text.
    pub(super) is_content: bool,
}

/// A piece with gaps; without any it is none.
#[derive(Debug, Default)]
struct Template {
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
    /// Whether all visible text of a piece stands in the gaps for it.
    holds_content: bool,
}

impl Template {
    /// Whether `data` is this piece with other strings in its gaps.
    fn fits(&self, data: &[u8]) -> bool {
        let (mut rest, mut from) = (data, 0);
        for Gap {
            at, may_be_empty, ..
        } in &self.gaps
        {
            let Some(string) = rest.strip_prefix(&self.bytes[from..at.start]) else {
                return false;
            };
            match string_end(string) {
                Some(end) if end > 0 || *may_be_empty => rest = &string[end..],
                _ => return false,
            }
            from = at.end;
        }
        !self.gaps.is_empty() && rest == &self.bytes[from..]
    }

    /// The visible text in the gaps of `data`, which fits.
    fn content<'d>(&self, data: &'d [u8]) -> Cow<'d, str> {
        let (mut rest, mut from) = (data, 0);
        let mut content = Cow::Borrowed("");
        for gap in &self.gaps {
            let string = rest.get(gap.at.start - from..).unwrap_or_default();
            let end = string_end(string).unwrap_or(0);
            if gap.is_content {
                append(&mut content, unescaped(&string[..end]));
            }
            (rest, from) = (&string[end..], gap.at.end);
        }
        content
    }
}

/// What a JSON string says, its quotes left out.
fn unescaped(string: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(string) {
        Ok(plain) if !string.contains(&b'\\') => plain.into(),
        _ => {
            let quoted = [b"\"", string, b"\""].concat();
            let said = serde_json::from_slice::<String>(&quoted);
            said.unwrap_or_default().into()
        }
    }
}

/// Adds text to text, without a copy where there was none.
pub(super) fn append<'a>(to: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if to.is_empty() {
        *to = text;
    } else if !text.is_empty() {
        to.to_mut().push_str(&text);
    }
}

/// Where the string ends that `text` begins with, its opening quote left out. `None` where a JSON
/// parser would find fault with it.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', &text[from..])?;
        if !is_plain(&text[from..at]) {
            return None;
        }
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + escape_len(&text[at..])?;
    }
}

/// Whether the text is UTF-8 and has no control character, as JSON calls them.
fn is_plain(text: &[u8]) -> bool {
    // Without a way out of the loop, the compiler looks at many bytes at once.
    let is_ascii = |so_far, byte: &u8| so_far & matches!(byte, b' '..=0x7F);
    text.iter().fold(true, is_ascii)
        || (text.iter().all(|byte| *byte >= b' ') && std::str::from_utf8(text).is_ok())
}

/// The length of the escape that `text` begins with: of both halves, where it is a surrogate pair.
fn escape_len(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match (code_unit(text)?, text.get(6..).and_then(code_unit)) {
            (0xD800..=0xDBFF, Some(0xDC00..=0xDFFF)) => Some(12),
            (0xD800..=0xDFFF, _) => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// The UTF-16 code unit that `text` begins with, written `\uXXXX`.
fn code_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let add = |unit, byte| Some(unit * 16 + digit(byte)?);
    digits.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARTS: [&[u8]; 20] = [
        b"\"",
        b"\\",
        b"\\\"",
        b"\\n",
        b"\\/",
        b"\\x",
        b"\\u",
        b"\\u00e9",
        b"\\u+0e9",
        b"\\u0000",
        b"\\ud83d",
        b"\\uDE00",
        b"\\ud83d\\uDE00",
        "é".as_bytes(),
        b"\xC3",
        b"\xA9",
        b"\x1f",
        b"\x7f",
        b"ab",
        b" ",
    ];

    proptest! {
        #[test]
        fn a_string_ends_where_a_json_parser_ends_it_and_has_no_end_where_it_fails(
            parts in proptest::collection::vec(proptest::sample::select(&PARTS[..]), 0..8),
        ) {
            let text = [&parts.concat(), &b"\" , "[..]].concat();
            let json = [b"\"", &text[..]].concat();
            let mut parsed = serde_json::Deserializer::from_slice(&json).into_iter::<String>();
            let found = matches!(parsed.next(), Some(Ok(_)));
            // The quotes are not counted.
            prop_assert_eq!(string_end(&text), found.then(|| parsed.byte_offset() - 2));
        }
    }

    #[test]
    fn from_a_stream_of_ever_different_pieces_less_and_less_is_learnt() {
        let chunk = |id: usize, word: &str| {
            format!(r#"{{"id":"{id}","choices":[{{"delta":{{"content":"{word}"}}}}]}}"#)
        };
        let mut scanner = Scanner::new(Dialect::OpenaiChat);
        let mut learnt = 0;
        for id in 0..1_000 {
            let chunk = chunk(id, "a");
            assert!(matches!(scanner.read(chunk.as_bytes()), Ok(Piece::New(_))));
            learnt += usize::from(!scanner.template.gaps.is_empty());
        }
        assert!((15..30).contains(&learnt), "{learnt} of 1000");
        let again = (0..200).filter(|_| {
            let chunk = chunk(7, "b");
            matches!(scanner.read(chunk.as_bytes()), Ok(Piece::Again))
        });
        assert!(again.count() >= 200 - usize::from(LONGEST_WAIT) - 1);
    }
}
