//! Texts that differ from request to request: split once when the scenario is read, and put together
//! without a look at what they say.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::base::Secret;

/// A piece of a text as the scenario has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it is written.
    Text(String),
    /// `{{ run.id }}`.
    Run,
    /// `{{ arrival.id }}`.
    Arrival,
    /// `{{ recipe }}`.
    Recipe,
    /// `{{ row.FIELD }}`.
    Row(String),
}

/// A placeholder that means nothing: as it is written, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) written: String,
    pub(super) message: String,
}

pub(super) const HELP: &str = "known are {{ arrival.id }}, {{ run.id }}, {{ recipe }} and {{ row.FIELD }}, a field of the prompt file; a literal {{ is {{ \"{{\" }}";

/// Splits a text at its placeholders.
pub(super) fn split(text: &str) -> Result<Vec<Piece>, Vec<Trouble>> {
    let (mut pieces, mut troubles) = (Vec::new(), Vec::new());
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        literal += before;
        // A quoted text may hold braces of its own.
        if let Some((quoted, behind)) = quoted(after) {
            literal += quoted;
            rest = behind;
            continue;
        }
        let Some((inner, behind)) = after.split_once("}}") else {
            troubles.push(Trouble {
                written: format!("{{{{{after}"),
                message: "`{{` is not closed by a `}}`".to_owned(),
            });
            rest = "";
            break;
        };
        match named(inner.trim()) {
            Some(piece) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
            }
            None => troubles.push(Trouble {
                written: format!("{{{{{inner}}}}}"),
                message: format!("`{}` is known to no request", inner.trim()),
            }),
        }
        rest = behind;
    }
    literal += rest;
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    if troubles.is_empty() {
        Ok(pieces)
    } else {
        Err(troubles)
    }
}

/// The text of `"..." }}` at the start, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (inner, behind) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((inner, behind.trim_start().strip_prefix("}}")?))
}

fn named(name: &str) -> Option<Piece> {
    match name {
        "run.id" => Some(Piece::Run),
        "arrival.id" => Some(Piece::Arrival),
        "recipe" => Some(Piece::Recipe),
        _ => {
            let field = name.strip_prefix("row.").filter(|f| !f.is_empty());
            field.map(|field| Piece::Row(field.to_owned()))
        }
    }
}

/// A text that is ready to be put together.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Template(Vec<Segment>);

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Segment {
    /// As it is.
    Text(String),
    /// As it is, and not to be seen.
    #[serde(serialize_with = "unseen")]
    Hidden(Secret),
    /// The id of the run; it is what two runs differ in, so it is no part of what a scenario is.
    Run,
    /// The id of the arrival.
    Arrival,
    /// A field of each row of the prompt file, encoded for its place.
    Cell(Arc<Vec<String>>),
}

fn unseen<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(secret)
}

/// What a template is put together for.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The id of the run.
    pub run: &'a str,
    /// The id of the arrival.
    pub arrival: &'a dyn fmt::Display,
    /// The row of the prompt file; 0 where there is none.
    pub row: usize,
    /// Whether secrets are put in, or `***` instead.
    pub secrets: bool,
}

impl Template {
    /// One that says a secret and nothing else.
    pub fn of_secret(secret: Secret) -> Self {
        let mut template = Self::default();
        template.secret(secret);
        template
    }

    /// Whether arrivals with the same row get different texts.
    pub fn differs_by_arrival(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Segment::Arrival))
    }

    /// Whether all requests of a run get the same text.
    pub fn is_constant(&self) -> bool {
        let varies = |part: &Segment| matches!(part, Segment::Arrival | Segment::Cell(_));
        !self.0.iter().any(varies)
    }

    /// Adds the text of a request.
    pub fn put(&self, out: &mut Vec<u8>, moment: &Moment<'_>) {
        for segment in &self.0 {
            let text = match segment {
                Segment::Text(text) => text,
                Segment::Hidden(secret) if moment.secrets => secret.expose(),
                Segment::Hidden(_) => "***",
                Segment::Run => moment.run,
                Segment::Arrival => {
                    write!(out, "{}", moment.arrival).expect("memory takes all that is written");
                    continue;
                }
                Segment::Cell(cells) => &cells[moment.row],
            };
            out.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Segment::Text(last)) => last.push_str(text),
            _ => self.0.push(Segment::Text(text.to_owned())),
        }
    }

    pub(super) fn secret(&mut self, secret: Secret) {
        self.0.push(Segment::Hidden(secret));
    }

    pub(super) fn run(&mut self) {
        self.0.push(Segment::Run);
    }

    pub(super) fn arrival(&mut self) {
        self.0.push(Segment::Arrival);
    }

    pub(super) fn cell(&mut self, cells: Vec<String>) {
        self.0.push(Segment::Cell(Arc::new(cells)));
    }
}

/// What a text is in a JSON string, without the quotes around it.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_placeholders() {
        let row = |field: &str| Piece::Row(field.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        let cases = [
            ("plain", vec![text("plain")]),
            ("", vec![text("")]),
            ("{{ row.a b }}", vec![row("a b")]),
            (
                "a{{run.id}}-{{  arrival.id }}b{{recipe}}",
                vec![
                    text("a"),
                    Piece::Run,
                    text("-"),
                    Piece::Arrival,
                    text("b"),
                    Piece::Recipe,
                ],
            ),
            ("x }} { {{ \"{{ y }}\" }} z", vec![text("x }} { {{ y }} z")]),
        ];
        for (written, pieces) in cases {
            assert_eq!(split(written), Ok(pieces), "{written}");
        }
    }

    #[test]
    fn every_placeholder_that_means_nothing_is_told() {
        let troubles = split("{{ arival.id }} {{ row. }} {{ row.x").unwrap_err();
        let written: Vec<&str> = troubles.iter().map(|t| t.written.as_str()).collect();
        assert_eq!(written, ["{{ arival.id }}", "{{ row. }}", "{{ row.x"]);
    }

    #[test]
    fn a_template_shows_its_secrets_only_where_they_are_sent() {
        let mut template = Template::default();
        template.text("k=");
        template.secret(Secret::new("planted-secret"));
        template.arrival();
        let put = |secrets| {
            let mut out = Vec::new();
            let (run, arrival, row) = ("r", &"1-2", 0);
            template.put(
                &mut out,
                &Moment {
                    run,
                    arrival,
                    row,
                    secrets,
                },
            );
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            (put(true), put(false)),
            ("k=planted-secret1-2".into(), "k=***1-2".into())
        );
        let seen = format!("{template:?} {}", serde_json::to_string(&template).unwrap());
        assert!(!seen.contains("planted"), "{seen}");
    }
}
