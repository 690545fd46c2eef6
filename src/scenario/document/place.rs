//! Where a value stands in the text, to the byte, as the parser tells it only roughly.

use std::ops::Range;

use saphyr_parser::{Marker, ScalarStyle};

use super::variables;

/// Turns the parser's positions, which count characters, into byte offsets.
pub(super) struct Offsets {
    /// The offset of every character; empty when all are ASCII, and the two are the same.
    of_chars: Vec<usize>,
    len: usize,
}

impl Offsets {
    pub(super) fn new(text: &str) -> Self {
        let of_chars = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            of_chars,
            len: text.len(),
        }
    }

    pub(super) fn byte(&self, marker: &Marker) -> usize {
        if self.of_chars.is_empty() {
            marker.index().min(self.len)
        } else {
            self.of_chars
                .get(marker.index())
                .copied()
                .unwrap_or(self.len)
        }
    }
}

/// The span of a scalar alone. The parser's begins at its anchor or tag (its `properties`) and may
/// go on over the comment behind it; that of an empty plain scalar is of some token nearby.
pub(super) fn of_scalar(
    source: &str,
    span: Range<usize>,
    properties: bool,
    empty: bool,
    style: ScalarStyle,
) -> Range<usize> {
    if empty && !properties {
        return span.start..span.start;
    }
    let mut start = span.start;
    while properties && source[start..span.end].starts_with(['&', '!']) {
        let rest = &source[start..span.end];
        let blanks = rest.find(char::is_whitespace).map_or("", |at| &rest[at..]);
        start = span.end - blanks.trim_start().len();
    }
    let written = &source[start..span.end];
    let len = match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => quoted_len(written),
        _ => written.trim_end().len(),
    };
    start..start + len
}

/// The length of the quoted text that a text starts with.
fn quoted_len(text: &str) -> usize {
    let quote = text.chars().next().unwrap_or_default();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        let escapes = match quote {
            '"' => c == '\\',
            _ => c == quote && chars.peek().is_some_and(|&(_, next)| next == quote),
        };
        if escapes {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Where the variable at an offset of a scalar's text stands in the source: found by counting, as
/// quotes, escapes and folded lines may shift the text but not the order in it.
pub(super) fn of_reference(
    source: &str,
    scalar: &Range<usize>,
    text: &str,
    at: usize,
) -> Range<usize> {
    let written = &source[scalar.clone()];
    if written.matches("${").count() != text.matches("${").count() {
        return scalar.clone();
    }
    let nth = text[..at].matches("${").count();
    match written.match_indices("${").nth(nth) {
        Some((offset, _)) => {
            let start = scalar.start + offset;
            start..start + variables::reference_len(&written[offset..])
        }
        None => scalar.clone(),
    }
}

/// A bracket ends where it closes; a block ends with its last value, as the parser sees its end
/// only at the next token.
pub(super) fn end_of_collection(source: &str, end_event: &Range<usize>, last: usize) -> usize {
    let closes = source[end_event.clone()].starts_with(['}', ']']);
    if closes { end_event.start + 1 } else { last }
}
