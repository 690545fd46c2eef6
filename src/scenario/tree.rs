//! The fields of a body as a tree whose texts may differ from request to request: merged from all who
//! have a say, and then written down once.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::template::{Piece, Template, escaped};
use crate::base::Secret;

/// Fields of a body.
pub(super) type Fields = BTreeMap<String, Tree>;

/// A value in a body.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// Null, a truth value or a number.
    Plain(Value),
    /// A text, and where it stands.
    Text(Vec<Piece>, Range<usize>),
    /// A text that is not to be seen.
    Hidden(Secret),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(Fields),
}

impl Tree {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(vec![Piece::Text(text.to_owned())], 0..0)
    }

    /// A number as people write it: whole ones without a fraction, since not every server takes `3.0`.
    pub(super) fn number(number: f64) -> Self {
        Self::Plain(match format!("{number}").parse::<u64>() {
            Ok(whole) => whole.into(),
            Err(_) => number.into(),
        })
    }
}

/// Merges `patch` into `fields`: mappings field by field, all else as a whole; null takes a field out.
pub(super) fn merge(fields: &mut Fields, patch: &Fields) {
    for (name, value) in patch {
        match (fields.get_mut(name), value) {
            (_, Tree::Plain(Value::Null)) => {
                fields.remove(name);
            }
            (Some(Tree::Map(into)), Tree::Map(from)) => merge(into, from),
            (_, Tree::Map(from)) => {
                let mut into = Fields::new();
                merge(&mut into, from);
                fields.insert(name.clone(), Tree::Map(into));
            }
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The values of a field of the prompt file, row by row. `None` is told as a problem by who is asked.
pub(super) type Cells<'a> = &'a mut dyn FnMut(&str, &Range<usize>) -> Option<Vec<Value>>;

/// Writes fields as JSON without the braces around them.
pub(super) fn write_fields(out: &mut Template, fields: &Fields, recipe: &str, cells: Cells<'_>) {
    for (index, (name, value)) in fields.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        out.text(&format!("{comma}\"{}\":", escaped(name)));
        write(out, value, recipe, cells);
    }
}

fn write(out: &mut Template, tree: &Tree, recipe: &str, cells: Cells<'_>) {
    match tree {
        Tree::Plain(value) => out.text(&value.to_string()),
        Tree::Hidden(secret) => {
            out.text("\"");
            out.secret(Secret::new(escaped(secret.expose())));
            out.text("\"");
        }
        Tree::Text(pieces, span) => match pieces.as_slice() {
            // Alone, a field of a row is what it is there: a number stays one.
            [Piece::Row(field)] => {
                let values = cells(field, span).unwrap_or_default();
                out.cell(values.iter().map(Value::to_string).collect());
            }
            pieces => {
                out.text("\"");
                write_pieces(out, pieces, span, recipe, cells, escaped);
                out.text("\"");
            }
        },
        Tree::List(items) => {
            out.text("[");
            for (index, item) in items.iter().enumerate() {
                out.text(if index == 0 { "" } else { "," });
                write(out, item, recipe, cells);
            }
            out.text("]");
        }
        Tree::Map(fields) => {
            out.text("{");
            write_fields(out, fields, recipe, cells);
            out.text("}");
        }
    }
}

/// Writes the pieces of a text, each as `encode` wants it.
pub(super) fn write_pieces(
    out: &mut Template,
    pieces: &[Piece],
    span: &Range<usize>,
    recipe: &str,
    cells: Cells<'_>,
    encode: fn(&str) -> String,
) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.text(&encode(text)),
            Piece::Recipe => out.text(&encode(recipe)),
            Piece::Run => out.run(),
            Piece::Arrival => out.arrival(),
            Piece::Row(field) => {
                let text = |value: &Value| match value {
                    Value::String(text) => encode(text),
                    other => encode(&other.to_string()),
                };
                let values = cells(field, span).unwrap_or_default();
                out.cell(values.iter().map(text).collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::template::{Moment, split};

    fn tree(value: &Value) -> Tree {
        match value {
            Value::String(text) => Tree::Text(split(text).unwrap(), 0..0),
            Value::Array(items) => Tree::List(items.iter().map(tree).collect()),
            Value::Object(_) => Tree::Map(fields(value)),
            plain => Tree::Plain(plain.clone()),
        }
    }

    fn fields(value: &Value) -> Fields {
        let entries = value.as_object().unwrap().iter();
        entries.map(|(k, v)| (k.clone(), tree(v))).collect()
    }

    fn written(fields: &Fields, row: usize) -> Value {
        let mut template = Template::default();
        let rows = || vec![7.into(), "a \"b\"\n".into()];
        write_fields(&mut template, fields, "r\"1", &mut |_, _| Some(rows()));
        let mut out = b"{".to_vec();
        let (run, arrival, secrets) = ("run", &"0-1", true);
        template.put(
            &mut out,
            &Moment {
                run,
                arrival,
                row,
                secrets,
            },
        );
        out.push(b'}');
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn fields_are_written_as_the_json_that_they_are() {
        let given = serde_json::json!({
            "a\"": [1, 2.5, null, true, "x\ny", []],
            "b": { "alone": "{{ row.x }}", "within": "<{{row.x}}>", "who": "{{ recipe }} {{ run.id }}-{{ arrival.id }}" }
        });
        let put = written(&fields(&given), 0);
        assert_eq!(put["a\""], given["a\""]);
        assert_eq!(put["b"]["alone"], 7);
        assert_eq!(put["b"]["within"], "<7>");
        assert_eq!(put["b"]["who"], "r\"1 run-0-1");
        let put = written(&fields(&given), 1);
        assert_eq!(
            (&put["b"]["alone"], &put["b"]["within"]),
            (&"a \"b\"\n".into(), &"<a \"b\"\n>".into())
        );
    }

    #[test]
    fn mappings_are_merged_and_null_takes_a_field_out() {
        let mut into = fields(&serde_json::json!({"m": {"a": 1, "b": 2}, "l": [1], "x": 1}));
        merge(
            &mut into,
            &fields(
                &serde_json::json!({"m": {"b": null, "c": 3}, "l": [2], "x": null, "n": {"y": null}}),
            ),
        );
        assert_eq!(
            written(&into, 0),
            serde_json::json!({"m": {"a": 1, "c": 3}, "l": [2], "n": {}})
        );
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        let put = |number| match Tree::number(number) {
            Tree::Plain(value) => value.to_string(),
            _ => unreachable!(),
        };
        assert_eq!((put(3.0), put(0.5)), ("3".to_owned(), "0.5".to_owned()));
    }
}
