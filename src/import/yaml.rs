//! Values as YAML takes them, whatever they hold.

use serde_json::Value;

/// A text in quotes, in which nothing is a variable.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string().replace("${", "$${")
}

/// The same where texts may hold placeholders: there are none in it.
pub(super) fn literal(text_: &str) -> String {
    text(&literal_braces(text_))
}

fn literal_braces(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

/// A text as it is where nothing but letters is in it, and else in quotes.
pub(super) fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_value = matches!(
        word.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if begins && word.chars().all(plain) && !is_value {
        word.to_owned()
    } else {
        text(word)
    }
}

/// Any JSON as a flow, its texts without placeholders.
pub(super) fn free(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(free).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), free(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A comment in a line: what it quotes may hold anything.
pub(super) fn comment(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| {
            let breaks = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
            if breaks { ' ' } else { c }
        })
        .collect();
    format!("# {}", clean.trim())
}
