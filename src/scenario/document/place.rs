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

/// Where the variables of a scalar stand in the source: found by counting, as quotes, escapes and
/// folded lines may shift the text but not the order in it.
pub(super) struct References<'a> {
    source: &'a str,
    scalar: Range<usize>,
    in_text: Vec<usize>,
    in_scalar: Vec<usize>,
}

impl<'a> References<'a> {
    pub(super) fn new(source: &'a str, scalar: Range<usize>, text: &str) -> Self {
        let starts = |text: &str| text.match_indices("${").map(|(at, _)| at).collect();
        let in_scalar = starts(&source[scalar.clone()]);
        Self {
            source,
            scalar,
            in_text: starts(text),
            in_scalar,
        }
    }

    /// The place of the one at an offset of the text; that of the scalar where it can't be told.
    pub(super) fn place(&self, at: usize) -> Range<usize> {
        let told = self.in_text.len() == self.in_scalar.len();
        let nth = self.in_text.binary_search(&at).ok().filter(|_| told);
        nth.map_or(self.scalar.clone(), |nth| {
            let start = self.scalar.start + self.in_scalar[nth];
            start..start + variables::reference_len(&self.source[start..self.scalar.end])
        })
    }
}

/// A bracket ends where it closes; a block ends with its last value, as the parser sees its end
/// only at the next token.
pub(super) fn end_of_collection(source: &str, end_event: &Range<usize>, last: usize) -> usize {
    let closes = source[end_event.clone()].starts_with(['}', ']']);
    if closes { end_event.start + 1 } else { last }
}
