//! The keys of a scenario as Markdown, from its JSON Schema: one table for each type, in the order in
//! which a reader meets them.

use std::collections::VecDeque;

use serde_json::Value;

const HEAD: &str = "\
# Each key by itself

All that a scenario file may say. This page is made from the schema by `tollgate schema --markdown`; an example
that goes through most of it is in [Writing a scenario](writing-a-scenario.md). Keys in bold must be there. A
number may also be a variable, `${NAME}` or `${NAME:default}`.
";

/// The page, with a section for each type of the schema.
pub fn reference(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    page += "\n## The scenario\n";
    let mut order = Vec::new();
    let mut waiting = VecDeque::from([schema]);
    while let Some(part) = waiting.pop_front() {
        for name in named(part) {
            if !order.contains(&name) {
                waiting.extend(schema["$defs"].get(name));
                order.push(name);
            }
        }
        if part == schema {
            page += &section(part);
        }
    }
    for name in order {
        page += &format!("\n## {name}\n{}", section(&schema["$defs"][name]));
    }
    page
}

/// The types that a part of the schema names, in its own order.
fn named(part: &Value) -> Vec<&str> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|path| path.strip_prefix("#/$defs/"));
            let inner = fields.iter().filter(|(key, _)| *key != "$defs");
            let inner = inner.flat_map(|(_, value)| named(value));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

fn section(part: &Value) -> String {
    let mut text = format!("\n{}\n", in_a_line(&part["description"]));
    let alternatives = part["oneOf"].as_array();
    if let Some(alternatives) = alternatives {
        text += "\n| one of | is | says |\n|---|---|---|\n";
        for alternative in alternatives {
            text += &alternative_row(alternative);
        }
    } else if part["properties"].is_object() {
        text += "\n| key | is | says |\n|---|---|---|\n";
        for (key, value) in keys(part) {
            let key = if is_required(part, key) {
                format!("**`{key}`**")
            } else {
                format!("`{key}`")
            };
            text += &row(&key, value, &value["description"]);
        }
    } else {
        text += &format!("\nIt is {}.\n", kind(part));
    }
    text
}

/// A word that may stand there, or a mapping of one key.
fn alternative_row(alternative: &Value) -> String {
    let says = &alternative["description"];
    match keys(alternative).next() {
        Some((key, value)) => row(&format!("`{key}`"), value, says),
        None => format!("| {} | | {} |\n", kind(alternative), in_a_line(says)),
    }
}

fn row(key: &str, value: &Value, says: &Value) -> String {
    let mut says = in_a_line(says);
    let default = &value["default"];
    if !default.is_null() && default.as_object().is_none_or(|map| !map.is_empty()) {
        says += &format!(" `{default}` where absent.");
    }
    format!("| {key} | {} | {} |\n", kind(value), says.trim_start())
}

fn keys(part: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = part["properties"].as_object().into_iter().flatten();
    properties.map(|(key, value)| (key.as_str(), value))
}

fn is_required(part: &Value, key: &str) -> bool {
    let required = part["required"].as_array();
    required.is_some_and(|required| required.iter().any(|name| name == key))
}

/// What a value is, in words.
fn kind(value: &Value) -> String {
    if let Some(name) = value["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(word) = value["const"].as_str() {
        return format!("`{word}`");
    }
    if let Some(choices) = value["anyOf"].as_array() {
        let choices = choices.iter().filter(|choice| choice["type"] != "null");
        return choices.map(kind).collect::<Vec<_>>().join(" or ");
    }
    let types = match &value["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    // Beside a number or a truth value, a text is only ever a variable that stands for it.
    let first = types.into_iter().find(|name| *name != "null");
    match first.unwrap_or("null") {
        "array" => format!("list of {}", kind(&value["items"])),
        "object" => mapping(value),
        "boolean" => "true or false".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        other => other.to_owned(),
    }
}

fn mapping(value: &Value) -> String {
    if value["properties"].is_object() {
        let parts = keys(value).map(|(key, value)| format!("`{key}`: {}", kind(value)));
        return format!("mapping of {}", parts.collect::<Vec<_>>().join(", "));
    }
    match &value["additionalProperties"] {
        Value::Object(_) => format!("{} for each name", kind(&value["additionalProperties"])),
        _ => "mapping".to_owned(),
    }
}

fn in_a_line(text: &Value) -> String {
    text.as_str()
        .unwrap_or_default()
        .replace('\n', " ")
        .replace('|', "\\|")
}
