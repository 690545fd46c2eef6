//! The YAML parser as tollgate wants it: variables are text, and its complaints are for people.

use std::cell::Cell;

use saphyr_parser::input::{is_blank_or_breakz, is_flow};
use saphyr_parser::{Input, ScanError};

use super::variables;

/// The text as the parser sees it. Within a plain scalar a `${...}` is content to its end, even
/// where YAML would read its `{`, `}` or `: ` as structure, as in `{ key: ${KEY} }`.
pub(super) struct Text<'a> {
    rest: &'a str,
    looked_ahead: usize,
    /// The reference at hand lasts while more than this many bytes remain.
    reference_end: Cell<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            looked_ahead: 0,
            reference_end: Cell::new(usize::MAX),
        }
    }

    fn in_reference(&self) -> bool {
        self.rest.len() > self.reference_end.get()
    }
}

impl Input for Text<'_> {
    fn lookahead(&mut self, count: usize) {
        self.looked_ahead = self.looked_ahead.max(count);
    }

    fn buflen(&self) -> usize {
        self.looked_ahead
    }

    fn bufmaxlen(&self) -> usize {
        128
    }

    fn raw_read_ch(&mut self) -> char {
        let c = self.peek();
        self.skip();
        c
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        if matches!(c, '\n' | '\r' | '\0' | '\u{FEFF}') {
            return None;
        }
        self.skip();
        Some(c)
    }

    fn skip(&mut self) {
        self.skip_n(1);
    }

    fn skip_n(&mut self, count: usize) {
        let mut chars = self.rest.chars();
        for _ in 0..count {
            chars.next();
        }
        self.rest = chars.as_str();
    }

    fn peek(&self) -> char {
        self.peek_nth(0)
    }

    fn peek_nth(&self, n: usize) -> char {
        self.rest.chars().nth(n).unwrap_or('\0')
    }

    fn peek_opt(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The scanner asks this only at the characters of a plain scalar, which is what makes it the
    /// place to notice a reference: quotes, comments and block scalars never come here.
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        if self.in_reference() {
            return true;
        }
        match self.peek() {
            '$' => {
                let len = variables::extent(self.rest);
                self.reference_end.set(if len == 0 {
                    usize::MAX
                } else {
                    self.rest.len() - len
                });
                true
            }
            ':' => {
                let next = self.peek_nth(1);
                !(is_blank_or_breakz(next) || (in_flow && is_flow(next)))
            }
            '\u{FEFF}' => false,
            c => !(in_flow && is_flow(c)),
        }
    }

    fn next_is_blank_or_breakz(&self) -> bool {
        !self.in_reference() && is_blank_or_breakz(self.peek())
    }
}

/// What the parser may complain of (a part of its message), what a person is told, and the help.
const COMPLAINTS: &[(&str, &str, &str)] = &[
    (
        "unprintable",
        "a character that can't be printed",
        "remove it",
    ),
    (
        "mapping values are not allowed",
        "a `:` can't be here",
        "check the indentation; text that holds `: ` must be quoted",
    ),
    (
        "simple key expect",
        "expected a key with a `:` after it",
        "write `key: value`, with a space after the `:`",
    ),
    (
        "did not find expected ',' or '}'",
        "expected a `,` or the closing `}`",
        "text that holds `,`, `{`, `}` or `: ` must be quoted here",
    ),
    (
        "expected ',' or ']'",
        "expected a `,` or the closing `]`",
        "text that holds `,`, `[`, `]` or `: ` must be quoted here",
    ),
    ("expected node content", "expected a value here", ""),
    (
        "did not find expected key",
        "expected a key here",
        "check the indentation",
    ),
    (
        "expected '-' indicator",
        "expected a `-` here",
        "check the indentation",
    ),
    (
        "only valid inside a block",
        "a `-` can't begin an element inside brackets",
        "separate the elements with `,`",
    ),
    (
        "block sequence entries are not allowed",
        "a list can't begin here",
        "begin it on a line of its own; text that begins with `- ` must be quoted",
    ),
    (
        "mapping keys are not allowed",
        "a key can't be here",
        "check the indentation",
    ),
    ("tab", "a tab can't be here", "YAML is indented with spaces"),
    (
        "valid YAML whitespace",
        "a tab can't be here",
        "use a space",
    ),
    (
        "indentation in quoted scalar",
        "this quote is not closed on its line",
        "close it, or indent the lines that it goes on over",
    ),
    (
        "indent",
        "the indentation is wrong here",
        "align it with the lines that it belongs to",
    ),
    (
        "found unexpected end of stream",
        "this quote is never closed",
        "close it, or quote with the other kind",
    ),
    (
        "found unexpected document indicator",
        "this quote is never closed",
        "",
    ),
    (
        "unexpected character",
        "a value can't begin with this character",
        "quote the text: 'like this'",
    ),
    (
        "unexpected end of plain scalar",
        "a value can't begin with this character",
        "quote the text: 'like this'",
    ),
    (
        "cannot start with '-'",
        "a `-` can't begin an element inside brackets",
        "separate the elements with `,`, or quote it",
    ),
    (
        "unknown escape character",
        "no such escape in double quotes",
        "write `\\\\` for a backslash, or use single quotes, which know no escapes",
    ),
    (
        "Unicode character escape",
        "not the code of a character",
        "write the character itself, or \\U and 8 digits: pairs of \\u codes can't be read",
    ),
    (
        "expected hexadecimal number",
        "expected a hexadecimal digit in this escape",
        "",
    ),
    (
        "trailing content after",
        "nothing may follow the closing quote",
        "a `,` may be missing; a quote inside the text is `\\\"` in double quotes, `''` in single",
    ),
    ("misplaced bracket", "this bracket was never opened", ""),
    (
        "unknown anchor",
        "no anchor of this name comes before",
        "`*name` repeats what `&name` marks; text that begins with `*` must be quoted",
    ),
    (
        "anchor or alias",
        "expected a name after `&` or `*`",
        "text that begins with `&` or `*` must be quoted",
    ),
    ("recursion limit", "nested too deep", ""),
    (
        "byte order mark",
        "a byte order mark inside the text",
        "remove it",
    ),
    (
        "comments must be separated",
        "a comment needs a space before its `#`",
        "text that holds `#` must be quoted",
    ),
    (
        "comment intercepting",
        "a comment can't be inside of a text over several lines",
        "put the text on one line, or quote it",
    ),
    (
        "expected <document start>",
        "the text can't go on like this",
        "check the indentation and the brackets before it",
    ),
    (
        "illegal placement of ':'",
        "a `:` can't be here",
        "its key must be on the same line",
    ),
    (
        "':' may not precede",
        "a `:` needs a space after it",
        "write `key: [...]`, with a space after the `:`",
    ),
    (
        " tag",
        "tags are not supported",
        "text that begins with `!` must be quoted",
    ),
    (
        "TAG",
        "directives are not supported",
        "text that begins with `%` must be quoted",
    ),
    (
        "directive",
        "directives are not supported",
        "text that begins with `%` must be quoted",
    ),
];

/// What a person is told of a syntax error.
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether a bracket that was forgotten may be why.
    pub(super) may_be_open: bool,
}

/// The parser's complaint in the words of a person.
pub(super) fn explain(error: &ScanError) -> Complaint {
    let info = error.info();
    let may_be_open = ["expected ',' or", "illegal placement", "node content"]
        .iter()
        .any(|at| info.contains(at));
    let known = COMPLAINTS.iter().find(|(part, ..)| info.contains(part));
    let (message, help) = match known {
        Some((_, message, help)) => (
            (*message).to_owned(),
            (!help.is_empty()).then(|| (*help).to_owned()),
        ),
        None => (format!("not valid YAML: {info}"), None),
    };
    Complaint {
        message,
        help,
        may_be_open,
    }
}
