//! One value of a JSON text, found by its JSON pointer without building the rest.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// A JSON pointer (RFC 6901) to a value within a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<String>,
}

/// What stands at a pointer, where it is a plain value that says something: not null, no list and no
/// object.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    /// A string that is not empty.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// Whole numbers are kept as they are: an id may be one.
    Whole(u64),
    /// True or false.
    Truth(bool),
}

/// The text is no JSON pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPointer {
    /// It does not start as one, or is empty, which would be all of the text.
    #[error("a JSON pointer starts with `/`")]
    Start,
    /// A tilde begins an escape, and there are two.
    #[error("in a JSON pointer `~` is written `~0`, and a `/` in a name `~1`")]
    Escape,
}

impl FromStr for Pointer {
    type Err = NoPointer;

    fn from_str(text: &str) -> Result<Self, NoPointer> {
        let steps = text.strip_prefix('/').ok_or(NoPointer::Start)?;
        let step = |step: &str| {
            let mut tildes = step.split('~').skip(1);
            let escaped = tildes.all(|rest| rest.starts_with(['0', '1']));
            let name = || step.replace("~1", "/").replace("~0", "~");
            escaped.then(name).ok_or(NoPointer::Escape)
        };
        Ok(Self {
            text: text.to_owned(),
            steps: steps.split('/').map(step).collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Pointer {
    /// The pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether one of the names on the way is this.
    pub fn passes(&self, name: &str) -> bool {
        self.steps.iter().any(|step| step == name)
    }

    /// What stands there in a JSON text. Where a name comes twice, the last one counts. Nothing is
    /// found in a text that is no JSON.
    pub fn find<'a>(&self, json: &'a [u8]) -> Option<Found<'a>> {
        if !self.may_be_in(json) {
            return None;
        }
        let text = std::str::from_utf8(json).ok()?;
        let mut json = serde_json::Deserializer::from_str(text);
        let found = Steps(&self.steps).deserialize(&mut json).ok()?;
        json.end().ok().and(found)
    }

    /// Whether it is worth a parser's while: most chunks of a stream don't hold the name at all.
    fn may_be_in(&self, json: &[u8]) -> bool {
        let names = self.steps.iter().rev();
        let plain = |name: &&String| {
            let plain = |byte: u8| byte.is_ascii_alphabetic() || b"_-".contains(&byte);
            !name.is_empty() && name.bytes().all(plain)
        };
        // A plain name can be written in one other way only: with its characters as numbers.
        names.into_iter().find(plain).is_none_or(|name| {
            memmem::find(json, name.as_bytes()).is_some() || memmem::find(json, b"\\u").is_some()
        })
    }
}

/// The rest of the way.
struct Steps<'s>(&'s [String]);

impl<'de> DeserializeSeed<'de> for Steps<'_> {
    type Value = Option<Found<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Steps<'_> {
    /// What is found where a value stands on which no step can go on.
    fn at_the_end<'a>(&self, found: Found<'a>) -> Option<Found<'a>> {
        self.0.is_empty().then_some(found)
    }
}

impl<'de> Visitor<'de> for Steps<'_> {
    type Value = Option<Found<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(self.at_the_end(Found::Truth(truth)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.at_the_end(Found::Whole(number)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.at_the_end(Found::Number(number as f64)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(self.at_the_end(Found::Number(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        let found = (!text.is_empty()).then_some(Found::Text(text.into()));
        Ok(found.and_then(|found| self.at_the_end(found)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        let found = (!text.is_empty()).then(|| Found::Text(text.to_owned().into()));
        Ok(found.and_then(|found| self.at_the_end(found)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut index) = (None, 0_usize);
        let way = self.0.split_first();
        let wanted = way.and_then(|(step, rest)| Some((place(step)?, rest)));
        loop {
            let more = match wanted {
                Some((at, rest)) if at == index => {
                    let item = items.next_element_seed(Steps(rest))?;
                    item.map(|item| found = item).is_some()
                }
                _ => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(found);
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let way = self.0.split_first();
        while let Some(is_it) = fields.next_key_seed(Name(way.map(|(step, _)| step.as_str())))? {
            match way {
                Some((_, rest)) if is_it => found = fields.next_value_seed(Steps(rest))?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// A place in a list: a number without a sign and without zeros in front.
fn place(step: &str) -> Option<usize> {
    let odd = step.starts_with('+') || (step.starts_with('0') && step.len() > 1);
    (!odd).then(|| step.parse().ok()).flatten()
}

/// Whether a key is the one that is looked for.
struct Name<'s>(Option<&'s str>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(self.0 == Some(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        text.parse().unwrap()
    }

    fn as_found(value: &Value) -> Option<Found<'_>> {
        match value {
            Value::String(text) if !text.is_empty() => Some(Found::Text(text.as_str().into())),
            Value::Number(number) => number
                .as_u64()
                .map(Found::Whole)
                .or_else(|| number.as_f64().map(Found::Number)),
            Value::Bool(truth) => Some(Found::Truth(*truth)),
            _ => None,
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i16>().prop_map(Value::from),
            (-1e3..1e3_f64).prop_map(Value::from),
            "[a\"/é]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[ab/~\"]{0,1}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_whole_parse_finds(
            json in json(),
            steps in proptest::collection::vec("(a|b|~0|~1|\"|0|1|00|)", 1..4),
        ) {
            let text = format!("/{}", steps.join("/"));
            let whole = json.pointer(&text).and_then(as_found);
            let bytes = json.to_string();
            prop_assert_eq!(pointer(&text).find(bytes.as_bytes()), whole);
        }
    }

    #[test]
    fn a_name_that_is_written_in_numbers_is_found_too() {
        let json = br#"{"u\u0073age":{"cost":0.5}}"#;
        assert_eq!(pointer("/usage/cost").find(json), Some(Found::Number(0.5)));
        let json = br#"{"usage":{"c\u006fst":1}}"#;
        assert_eq!(pointer("/usage/cost").find(json), Some(Found::Whole(1)));
    }

    #[test]
    fn nothing_is_found_in_what_is_no_json() {
        for json in [&b"{\"a\":1"[..], b"{\"a\":1} x", b"", b"{\"a\":\"\xFF\"}"] {
            assert_eq!(pointer("/a").find(json), None);
        }
    }

    #[test]
    fn what_is_no_pointer_is_told() {
        assert_eq!("".parse::<Pointer>(), Err(NoPointer::Start));
        assert_eq!("a/b".parse::<Pointer>(), Err(NoPointer::Start));
        assert_eq!("/a~".parse::<Pointer>(), Err(NoPointer::Escape));
        assert_eq!("/a~2".parse::<Pointer>(), Err(NoPointer::Escape));
        assert_eq!(pointer("/a~1b/0").to_string(), "/a~1b/0");
    }
}
