//! YAML to JSON values: as much of it as workflows use.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

type Next<'a, 'p> = &'p mut dyn FnMut() -> Event<'a>;

/// Reads a file.
pub(crate) fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    let mut parser = Parser::new_from_str(&text);
    let mut next = || parser.next_event().unwrap().unwrap().0;
    loop {
        match next() {
            Event::StreamStart | Event::DocumentStart(_) => {}
            event => return value(event, &mut next),
        }
    }
}

fn value<'a>(event: Event<'a>, next: Next<'a, '_>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() => Value::Null,
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => sequence(next),
        Event::MappingStart(..) => mapping(next),
        other => panic!("not looked for in a workflow: {other:?}"),
    }
}

fn sequence(next: Next<'_, '_>) -> Value {
    let mut list = Vec::new();
    loop {
        match next() {
            Event::SequenceEnd => return Value::Array(list),
            event => list.push(value(event, next)),
        }
    }
}

fn mapping(next: Next<'_, '_>) -> Value {
    let mut map = Map::new();
    loop {
        match next() {
            Event::MappingEnd => return Value::Object(map),
            Event::Scalar(key, ..) => {
                let event = next();
                let double = map.insert(key.into_owned(), value(event, next));
                assert_eq!(double, None, "a key stands twice");
            }
            other => panic!("no key: {other:?}"),
        }
    }
}
