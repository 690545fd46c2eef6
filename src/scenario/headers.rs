//! Headers that a scenario adds to its requests: names that are free, and values that can be sent.

use std::ops::Range;

use http::{HeaderName, HeaderValue};

use super::check::Checker;
use super::document::{Spanned, is_secret_name};
use super::file::{self, Ordered};
use super::template::{Piece, Template};
use super::tree::{self, Tree};

/// A header as it is given.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) name: HeaderName,
    value: Tree,
}

/// Headers that are written by tollgate itself.
const OWN_HEADERS: [&str; 9] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "user-agent",
];

impl Checker<'_> {
    /// The headers of a target or a recipe. Where secrets are `demanded`, none may be empty.
    pub(super) fn headers(
        &mut self,
        headers: &Ordered<Spanned<String>>,
        demanded: bool,
    ) -> Vec<Header> {
        let mut found: Vec<Header> = Vec::new();
        for (name, value) in &headers.0 {
            let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
                let message = format!("`{}` is no name of a header", name.value);
                let help = "use letters, digits and `-`";
                self.problem(name.span.clone(), message, help);
                continue;
            };
            let wrong = if OWN_HEADERS.contains(&parsed.as_str()) {
                Some((
                    "is written by tollgate itself",
                    "a key is given as `api_key`, a host by `url` and `connect_to`",
                ))
            } else if found.iter().any(|header| header.name == parsed) {
                Some(("is given twice", "keep one of them"))
            } else {
                None
            };
            if let Some((message, help)) = wrong {
                self.problem(
                    name.span.clone(),
                    format!("`{}` {message}", name.value),
                    help,
                );
                continue;
            }
            let value = if is_secret_name(name) {
                let secret = self.secret(value, name, demanded);
                if secret
                    .as_ref()
                    .is_some_and(|secret| !can_be_sent(secret.expose()))
                {
                    self.unsendable(value.span.clone(), name);
                }
                secret.map(Tree::Hidden)
            } else {
                self.text(value, &value.span)
            };
            found.extend(value.map(|value| Header {
                name: parsed,
                value,
            }));
        }
        found
    }

    /// A header of a recipe, each value of which can be sent.
    pub(super) fn header(&mut self, header: &Header, recipe: &file::Recipe) -> (String, Template) {
        let name = header.name.as_str().to_owned();
        let mut template = Template::default();
        match &header.value {
            Tree::Text(pieces, span) => {
                let mut sendable = can_be_sent(&recipe.name)
                    || !pieces.iter().any(|piece| matches!(piece, Piece::Recipe));
                for piece in pieces {
                    sendable &= match piece {
                        Piece::Text(text) => can_be_sent(text),
                        Piece::Row(field) => {
                            let values = self.cells(recipe, field, span).unwrap_or_default();
                            values
                                .iter()
                                .all(|value| can_be_sent(value.as_str().unwrap_or_default()))
                        }
                        Piece::Run | Piece::Arrival | Piece::Recipe => true,
                    };
                }
                if !sendable {
                    self.unsendable(span.clone(), &name);
                }
                let cells = &mut |field: &str, span: &Range<usize>| self.cells(recipe, field, span);
                tree::write_pieces(
                    &mut template,
                    pieces,
                    span,
                    &recipe.name,
                    cells,
                    str::to_owned,
                );
            }
            Tree::Hidden(secret) => template.secret(secret.clone()),
            Tree::Plain(_) | Tree::List(_) | Tree::Map(_) => {
                unreachable!("a header is a text")
            }
        }
        (name, template)
    }

    fn unsendable(&mut self, span: Range<usize>, name: &str) {
        let message = format!("the header `{name}` would hold what can't be sent in one");
        let help = "a header is one line, without control characters";
        if !self.has_problem_within(&span) {
            self.problem(span, message, help);
        }
    }
}

fn can_be_sent(text: &str) -> bool {
    HeaderValue::from_bytes(text.as_bytes()).is_ok()
}
