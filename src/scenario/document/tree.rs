//! Text becomes a tree: the parser's events with aliases, variables and YAML's odder corners
//! resolved or told.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Kind, Mapping, Node, Scalar, Sequence};
use super::place::{self, Offsets, References};
use super::problem::{Problem, Source};
use super::syntax::{self, Text};
use super::variables::{self, Lookup};

/// Deeper nesting is a mistake, and must not overflow the stack.
const MAX_DEPTH: usize = 64;

/// How much the aliases of a document may repeat, in bytes of memory.
const MAX_COPIED: usize = 16 << 20;

/// What a text holds: the tree if its syntax is right, and all that is wrong with it so far.
pub(super) struct Tree {
    pub(super) root: Option<Node>,
    pub(super) problems: Vec<Problem>,
    /// The names of the variables that the text refers to.
    pub(super) variables: BTreeSet<String>,
}

/// Reads a text and replaces the variables in its values.
pub(super) fn parse(source: &Arc<Source>, lookup: Lookup<'_>) -> Tree {
    let mut builder = Builder {
        source,
        parser: Parser::new(Text::new(&source.text)),
        offsets: Offsets::new(&source.text),
        lookup,
        anchors: HashMap::new(),
        copied: 0,
        open: Vec::new(),
        problems: Vec::new(),
        variables: BTreeSet::new(),
    };
    let root = builder.document().unwrap_or(None);
    Tree {
        root,
        problems: builder.problems,
        variables: builder.variables,
    }
}

/// Nothing more can be read; the problem has been told.
struct Stop;

struct Builder<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, Text<'a>>,
    offsets: Offsets,
    lookup: Lookup<'a>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    /// Where the brackets stand that are still open.
    open: Vec<usize>,
    problems: Vec<Problem>,
    variables: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, end }))) => {
                let start = self.offsets.byte(&start);
                Ok((event, start..self.offsets.byte(&end).max(start)))
            }
            Some(Err(error)) => {
                self.syntax_error(&error);
                Err(Stop)
            }
            None => Ok((
                Event::StreamEnd,
                self.source.text.len()..self.source.text.len(),
            )),
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let mut at = self.offsets.byte(error.marker());
        if error.info().contains("tabs") && self.source.text[..at].ends_with('\t') {
            at -= 1;
        }
        let char_len = self.source.text[at..]
            .chars()
            .next()
            .map_or(0, char::len_utf8);
        let syntax::Complaint {
            message,
            mut help,
            may_be_open,
        } = syntax::explain(error);
        if let Some(&open) = self.open.last().filter(|_| may_be_open) {
            let (line, column) = self.source.position(open);
            let bracket = &self.source.text[open..=open];
            help = Some(format!(
                "the `{bracket}` at {line}:{column} is not closed before it"
            ));
        }
        self.tell(at..at + char_len, message, help.as_deref());
    }

    fn tell(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<&str>) {
        let problem = Problem::at(self.source, span, message);
        self.problems.push(match help {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => {
                    self.problems
                        .push(Problem::whole(self.source, "the file is empty"));
                    return Ok(None);
                }
                (Event::DocumentStart(_), _) => break,
                _ => {}
            }
        }
        let (event, span) = self.next()?;
        let root = self.node(event, span, 0, false)?;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(Some(root)),
                (Event::DocumentStart(_), span) => {
                    let help = Some("make it a file of its own");
                    self.tell(span, "a second document begins here", help);
                    return Ok(Some(root));
                }
                _ => {}
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Range<usize>,
        depth: usize,
        is_key: bool,
    ) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            let help = format!("at most {MAX_DEPTH} levels");
            self.tell(span, "nested too deep", Some(&help));
            return Err(Stop);
        }
        let (mut node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let properties = anchor > 0 || tag.is_some();
                let node = self.scalar(&text, style, tag.as_deref(), (span, properties), is_key);
                (node, anchor)
            }
            Event::SequenceStart(anchor, tag) => (
                self.collection(span, tag.as_deref(), depth, Self::sequence)?,
                anchor,
            ),
            Event::MappingStart(anchor, tag) => (
                self.collection(span, tag.as_deref(), depth, Self::mapping)?,
                anchor,
            ),
            _ => {
                self.tell(span, "expected a value here", None);
                return Err(Stop);
            }
        };
        node.span.end = node.span.end.max(node.span.start);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// An alias is a copy of what its anchor marks, at the place of the alias: what is wrong with
    /// the copy may be right where it was written.
    fn alias(&mut self, id: usize, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        let Some(original) = self.anchors.get(&id) else {
            self.tell(
                span.clone(),
                "this alias stands inside of what it repeats",
                None,
            );
            return Ok(faulty(span));
        };
        self.copied += original.weight();
        if self.copied > MAX_COPIED || depth + original.height() > MAX_DEPTH {
            self.tell(
                span,
                "the aliases up to here repeat too much",
                Some("write it out"),
            );
            return Err(Stop);
        }
        Ok(Node {
            span,
            kind: original.kind.clone(),
        })
    }

    fn no_tag(&mut self, tag: Option<&Tag>, span: &Range<usize>) -> bool {
        if tag.is_none() {
            return true;
        }
        let written = &self.source.text[span.clone()];
        let end = written.find(char::is_whitespace).unwrap_or(written.len());
        let help = "remove it; text that begins with `!` must be quoted";
        self.tell(
            span.start..span.start + end,
            "tags are not supported",
            Some(help),
        );
        false
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        (span, properties): (Range<usize>, bool),
        is_key: bool,
    ) -> Node {
        let is_str = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        let supported = is_str || self.no_tag(tag, &span);
        let empty = text.is_empty() && style == ScalarStyle::Plain;
        let span = place::of_scalar(&self.source.text, span, properties, empty, style);
        if !supported {
            return faulty(span);
        }
        let plain = style == ScalarStyle::Plain && !is_str;
        let (text, written) = if is_key || !text.contains("${") {
            (text.to_owned(), None)
        } else {
            match variables::interpolate(text, self.lookup, &mut self.variables) {
                Ok(value) => (value, Some(text.to_owned())),
                Err(troubles) => {
                    let places = References::new(&self.source.text, span.clone(), text);
                    for trouble in troubles {
                        self.tell(
                            places.place(trouble.at),
                            trouble.message,
                            Some(&trouble.help),
                        );
                    }
                    return faulty(span);
                }
            }
        };
        Node {
            span,
            kind: Kind::Scalar(Scalar {
                text,
                plain,
                written,
            }),
        }
    }

    fn collection(
        &mut self,
        span: Range<usize>,
        tag: Option<&Tag>,
        depth: usize,
        read: fn(&mut Self, Range<usize>, usize) -> Result<Node, Stop>,
    ) -> Result<Node, Stop> {
        let supported = self.no_tag(tag, &span);
        let open = self.source.text[span.clone()].starts_with(['{', '[']);
        self.open.extend(open.then_some(span.start));
        let node = read(self, span, depth)?;
        if open {
            self.open.pop();
        }
        Ok(if supported { node } else { faulty(node.span) })
    }

    fn sequence(&mut self, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        let mut sequence = Sequence::default();
        let mut end = span.end;
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let end = place::end_of_collection(&self.source.text, &at, end);
                return Ok(Node {
                    span: span.start..end,
                    kind: Kind::Sequence(sequence),
                });
            }
            let item = self.node(event, at, depth + 1, false)?;
            end = item.span.end;
            sequence.items.push(item);
        }
    }

    fn mapping(&mut self, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        let mut mapping = Mapping::default();
        let mut seen = HashMap::new();
        let mut end = span.end;
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let end = place::end_of_collection(&self.source.text, &at, end);
                return Ok(Node {
                    span: span.start..end,
                    kind: Kind::Mapping(mapping),
                });
            }
            let key = self.node(event, at, depth + 1, true)?;
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1, false)?;
            end = value.span.end.max(key.span.end);
            self.entry(&mut mapping, &mut seen, key, value);
        }
    }

    /// Adds an entry, unless its key can't be one.
    fn entry(
        &mut self,
        mapping: &mut Mapping,
        seen: &mut HashMap<String, usize>,
        key: Node,
        value: Node,
    ) {
        let trouble = match &key.kind {
            Kind::Faulty => None,
            Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Some((
                "merge keys (`<<`) are not supported",
                "write the keys out, or repeat a whole value with an alias: `key: *name`",
            )),
            Kind::Scalar(scalar) if scalar.plain && scalar.text.is_empty() => {
                Some(("a key is missing here", "write `key: value`"))
            }
            Kind::Scalar(scalar) => {
                if let Some(first) = seen.insert(scalar.text.clone(), key.span.start) {
                    seen.insert(scalar.text.clone(), first);
                    let (line, _) = self.source.position(first);
                    let message = format!("`{}` is given twice", scalar.text);
                    let help = format!("the first one is on line {line}: keep one of them");
                    self.tell(key.span, message, Some(&help));
                } else {
                    mapping.entries.push((key, value));
                }
                return;
            }
            Kind::Sequence(_) | Kind::Mapping(_) => Some((
                "a key must be text",
                "text that begins with `{` or `[` must be quoted",
            )),
        };
        mapping.incomplete = true;
        if let Some((message, help)) = trouble {
            self.tell(key.span, message, Some(help));
        }
    }
}

fn faulty(span: Range<usize>) -> Node {
    Node {
        span,
        kind: Kind::Faulty,
    }
}
