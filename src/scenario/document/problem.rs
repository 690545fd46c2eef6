//! A problem is a sentence for the user, tied to the very characters it is about.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::keys;

/// A text that can be wrong, under the name that the user knows it by.
#[derive(Clone)]
pub struct Source {
    /// As shown to the user: a path.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// The keys that are written out in it, once they were looked for.
    keys: OnceLock<Vec<String>>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

impl Eq for Source {}

impl Source {
    /// A source, ready to be shared by its problems.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
            keys: OnceLock::new(),
        })
    }

    fn keys(&self) -> &[String] {
        self.keys.get_or_init(|| keys::written_out(&self.text))
    }

    /// The line (from 1) and column (from 1, in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

/// By its name alone: the text may hold keys.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name).finish()
    }
}

/// What is wrong, where, and what can be done about it.
#[derive(Debug, Clone)]
pub struct Problem {
    source: Arc<Source>,
    warning: bool,
    span: Option<Range<usize>>,
    message: String,
    help: Option<String>,
}

impl Problem {
    /// A problem at a byte range of the source.
    pub fn at(source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = floor_char_boundary(&source.text, span.start);
        let end = floor_char_boundary(&source.text, span.end).max(start);
        Self {
            source: Arc::clone(source),
            warning: false,
            span: Some(start..end),
            message: message.into(),
            help: None,
        }
    }

    /// A problem of the source as a whole, such as a file that can't be read.
    pub fn whole(source: &Arc<Source>, message: impl Into<String>) -> Self {
        Self {
            source: Arc::clone(source),
            warning: false,
            span: None,
            message: message.into(),
            help: None,
        }
    }

    /// The same problem with a way out of it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as a warning: the source can be used all the same.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// Whether the source can be used all the same.
    pub const fn is_warning(&self) -> bool {
        self.warning
    }

    /// The source that has the problem.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The bytes it is about; `None` for the whole source.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What can be done about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The line, from 1 (1 for the whole source).
    pub fn line(&self) -> usize {
        self.position().map_or(1, |(line, _)| line)
    }

    /// The column, from 1, in characters (1 for the whole source).
    pub fn column(&self) -> usize {
        self.position().map_or(1, |(_, column)| column)
    }

    fn position(&self) -> Option<(usize, usize)> {
        self.span
            .as_ref()
            .map(|span| self.source.position(span.start))
    }

    fn sort_key(&self) -> (&str, Option<usize>, Option<usize>, &str, Option<&str>) {
        (
            &self.source.name,
            self.span.as_ref().map(|span| span.start),
            self.span.as_ref().map(|span| span.end),
            &self.message,
            self.help.as_deref(),
        )
    }

    /// The line of the problem with its carets. Only that line is handed to the renderer: a span
    /// over several lines is clipped to its first, and a long file is not drawn once a problem. Keys
    /// that stand in the text are hidden in all of it.
    fn group(&self) -> Group<'static> {
        let level = if self.warning {
            Level::WARNING
        } else {
            Level::ERROR
        };
        let keys = self.source.keys();
        let title = level.primary_title(keys::hide(&self.message, keys));
        let mut group = match &self.span {
            None => title.element(Origin::path(self.source.name.clone())),
            Some(span) => {
                let text = &self.source.text;
                let from = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
                let line = text[from..].lines().next().unwrap_or_default();
                let start = (span.start - from).min(line.len());
                let end = (span.end - from).min(line.len());
                title.element(
                    Snippet::source(keys::blot(line, keys))
                        .path(self.source.name.clone())
                        .line_start(self.line())
                        .annotation(AnnotationKind::Primary.span(start..end)),
                )
            }
        };
        if let Some(help) = &self.help {
            // Help may quote the file, so its control characters must not reach the terminal.
            let help = keys::hide(help, keys);
            let lines: Vec<_> = help.lines().map(normalize_untrusted_str).collect();
            group = group.element(Level::HELP.message(Cow::Owned(lines.join("\n"))));
        }
        group
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.source.name)?;
        if let Some((line, column)) = self.position() {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", keys::hide(&self.message, self.source.keys()))
    }
}

impl std::error::Error for Problem {}

impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

impl Eq for Problem {}

impl PartialOrd for Problem {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By source and position, so that problems read in the order of the file.
impl Ord for Problem {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

/// Draws the problems in the order of their sources and positions, one below the other.
pub fn render(problems: &[Problem], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort();
    let drawn: Vec<String> = sorted
        .iter()
        .map(|problem| renderer.render(&[problem.group()]))
        .collect();
    drawn.join("\n\n")
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_drawn_with_its_line_its_carets_and_its_help() {
        let source = Source::new("load.yaml", "a: 1\nrat: 5\n");
        let problem = Problem::at(&source, 5..8, "unknown key `rat`").with_help("known: `rate`");
        assert_eq!(problem.to_string(), "load.yaml:2:1: unknown key `rat`");
        insta::assert_snapshot!(render(&[problem], false), @r"
        error: unknown key `rat`
         --> load.yaml:2:1
          |
        2 | rat: 5
          | ^^^
          |
          = help: known: `rate`
        ");
    }

    #[test]
    fn a_problem_of_the_whole_file_has_no_line() {
        let source = Source::new("load.yaml", "");
        let problem = Problem::whole(&source, "no such file").with_help("check the path");
        assert_eq!(problem.to_string(), "load.yaml: no such file");
        insta::assert_snapshot!(render(&[problem], false), @r"
        error: no such file
        --> load.yaml
         = help: check the path
        ");
    }

    #[test]
    fn columns_count_characters_and_wide_text_keeps_the_carets_in_place() {
        let source = Source::new("load.yaml", "名前: 🦀 x\n");
        let at = source.text.find('x').unwrap();
        let problem = Problem::at(&source, at..at + 1, "no `x` here");
        assert_eq!((problem.line(), problem.column()), (1, 7));
        insta::assert_snapshot!(render(&[problem], false), @r"
        error: no `x` here
         --> load.yaml:1:7
          |
        1 | 名前: 🦀 x
          |          ^
        ");
    }

    #[test]
    fn problems_are_drawn_in_the_order_of_the_file() {
        let source = Source::new("load.yaml", "first\nsecond\nthird\n");
        let second = Problem::at(&source, 6..12, "two");
        let first = Problem::at(&source, 0..5, "one");
        let drawn = render(&[second, first], false);
        assert!(drawn.find("one").unwrap() < drawn.find("two").unwrap());
    }

    #[test]
    fn a_span_over_several_lines_is_drawn_on_its_first() {
        let source = Source::new("load.yaml", "a:\n  b: 1\n  c: 2\n");
        let drawn = render(&[Problem::at(&source, 5..16, "bad")], false);
        assert!(drawn.contains("b: 1") && !drawn.contains("c: 2"), "{drawn}");
    }

    #[test]
    fn a_span_beyond_the_text_or_inside_a_character_is_drawn_all_the_same() {
        let source = Source::new("load.yaml", "🦀");
        for span in [0..1, 1..3, 4..4, 9..12] {
            let problem = Problem::at(&source, span, "bad");
            assert!(render(&[problem], true).contains("bad"));
        }
    }
}
