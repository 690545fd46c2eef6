//! A document as a tree in which every value knows its place in the text.

use std::ops::Range;

/// The least that a value weighs, in bytes.
const NODE: usize = 64;

/// A value and the bytes it was read from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar(Scalar),
    Sequence(Sequence),
    Mapping(Mapping),
    /// A value whose problem has been told: whoever meets it stays silent.
    Faulty,
}

/// A text, which only when it is plain may be a number, a truth value or null.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) plain: bool,
    /// What was written, if variables were replaced: messages show this and not their values,
    /// which may be secret.
    pub(super) written: Option<String>,
}

/// A list, and whether elements of it were cut.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    pub(super) items: Vec<Node>,
    pub(super) cut: bool,
}

/// Keys (always scalars) and values in the order of the text, and what is known to be gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapping {
    pub(super) entries: Vec<(Node, Node)>,
    pub(super) cut: Vec<String>,
    /// Entries are gone whose keys can't be told.
    pub(super) incomplete: bool,
}

impl Scalar {
    /// Whether it is null, as the core schema of YAML 1.2 has it.
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// A whole number in decimal, or with `0x` or `0o`, as the core schema has it.
    pub(super) fn whole(&self) -> Option<i128> {
        if !self.plain {
            return None;
        }
        let text = self.text.as_str();
        if let Some(digits) = text.strip_prefix("0x") {
            let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return all.then(|| i128::from_str_radix(digits, 16).ok()).flatten();
        }
        if let Some(digits) = text.strip_prefix("0o") {
            let all = digits.bytes().all(|byte| byte.is_ascii_digit());
            return all.then(|| i128::from_str_radix(digits, 8).ok()).flatten();
        }
        text.parse().ok()
    }

    /// A number with or without a fraction, as the core schema has it.
    pub(super) fn number(&self) -> Option<f64> {
        if let Some(whole) = self.whole() {
            return Some(whole as f64);
        }
        if !self.plain {
            return None;
        }
        match self.text.as_str() {
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
            ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
            // Rust's own words for infinity and NaN are text to YAML.
            text if text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self.text.as_str() {
            _ if !self.plain => None,
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// The text of a scalar just as it is written, unless it is null.
    pub(super) fn value(&self) -> Option<&str> {
        (!self.is_null()).then_some(self.text.as_str())
    }
}

impl Node {
    fn children(&self) -> Box<dyn Iterator<Item = &Node> + '_> {
        match &self.kind {
            Kind::Sequence(sequence) => Box::new(sequence.items.iter()),
            Kind::Mapping(mapping) => {
                Box::new(mapping.entries.iter().flat_map(|(key, value)| [key, value]))
            }
            Kind::Scalar(_) | Kind::Faulty => Box::new(std::iter::empty()),
        }
    }

    /// How many levels are below it.
    pub(super) fn height(&self) -> usize {
        self.children()
            .map(|child| child.height() + 1)
            .max()
            .unwrap_or(0)
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        let own = match &self.kind {
            Kind::Scalar(scalar) => scalar.text.len(),
            _ => 0,
        };
        NODE + own + self.children().map(Node::weight).sum::<usize>()
    }

    /// Whether anything at or below it is gone, so that a judgement of the whole means nothing.
    pub(super) fn has_cuts(&self) -> bool {
        match &self.kind {
            Kind::Faulty => true,
            Kind::Sequence(sequence) if sequence.cut => true,
            Kind::Mapping(mapping) if mapping.incomplete || !mapping.cut.is_empty() => true,
            _ => self.children().any(Node::has_cuts),
        }
    }

    /// Where to point at when something is wrong with the whole: a block mapping's first key, a
    /// bracket, or all of it.
    pub(super) fn head(&self) -> Range<usize> {
        let start = self.span.start;
        match &self.kind {
            Kind::Mapping(mapping) => match mapping.entries.first() {
                Some((key, _)) if key.span.start == start => key.span.clone(),
                _ => start..start + 1,
            },
            _ => self.span.clone(),
        }
    }

    /// Removes what is faulty below, so that it's met by nobody.
    pub(super) fn prune(&mut self) {
        match &mut self.kind {
            Kind::Sequence(Sequence { items, cut }) => {
                let before = items.len();
                items.retain(|item| !matches!(item.kind, Kind::Faulty));
                *cut |= items.len() < before;
                for item in items {
                    item.prune();
                }
            }
            Kind::Mapping(Mapping { entries, cut, .. }) => {
                entries.retain(|(key, value)| {
                    let faulty = matches!(value.kind, Kind::Faulty);
                    if faulty {
                        cut.extend(key.text().map(str::to_owned));
                    }
                    !faulty
                });
                for (_, value) in entries {
                    value.prune();
                }
            }
            Kind::Scalar(_) | Kind::Faulty => {}
        }
    }

    /// Removes the branch at a path of indices, the last of which is the first to follow; a key
    /// removed counts as the key that it was `meant` to be, too. False if that is the whole tree.
    pub(super) fn cut(&mut self, path: &[usize], meant: Option<&str>) -> bool {
        let Some((&index, rest)) = path.split_last() else {
            return false;
        };
        match &mut self.kind {
            Kind::Sequence(Sequence { items, cut }) => {
                if rest.is_empty() {
                    items.remove(index);
                    *cut = true;
                    return true;
                }
                items[index].cut(rest, meant)
            }
            Kind::Mapping(Mapping { entries, cut, .. }) => {
                if rest.is_empty() {
                    let (key, _) = entries.remove(index);
                    cut.extend([key.text(), meant].into_iter().flatten().map(str::to_owned));
                    return true;
                }
                entries[index].1.cut(rest, meant)
            }
            Kind::Scalar(_) | Kind::Faulty => false,
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}
