//! The body of a request, field by field, as it was written: what is the gateway's own is taken out,
//! and all else goes on to the byte.

use std::borrow::Cow;
use std::fmt;

use axum::body::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::Marker;

/// The fields that a provider never sees: they mean something to the gateway alone, and some hold
/// keys.
const OWN: [&str; 23] = [
    "cache_enabled",
    "cache_options",
    "cache_ttl",
    "credential_override",
    "custom_identifier",
    "customer_credentials",
    "customer_identifier",
    "customer_params",
    "disable_log",
    "exclude_models",
    "exclude_providers",
    "fallback_models",
    "group_identifier",
    "load_balance_group",
    "load_balance_models",
    "metadata",
    "models",
    "prompt",
    "request_breakdown",
    "respan_params",
    "retry_params",
    "thread_identifier",
    "trace_unique_id",
];

/// The fields of a body, in their order.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// What was written for a field; the last one where it comes twice.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.get())
    }

    /// The fields that are the gateway's own.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &'a str)> {
        let own = self.0.iter().filter(|(key, _)| is_own(key));
        own.map(|(key, value)| (key.as_str(), value.get()))
    }

    /// The body for a provider, with its own name of the model. `body` is what this was read from.
    pub(super) fn for_provider(&self, body: &Bytes, model: &str) -> Vec<u8> {
        let name = serde_json::Value::from(model).to_string();
        let mut models = self.0.iter().filter(|(key, _)| key == "model");
        if let (Some((_, written)), None, None) = (models.next(), models.next(), self.own().next())
        {
            // The raw value borrows from the body, so it lies in it.
            let start = written.get().as_ptr().addr() - body.as_ptr().addr();
            let end = start + written.get().len();
            return [&body[..start], name.as_bytes(), &body[end..]].concat();
        }
        let mut out = format!("{{\"model\":{name}");
        for (key, value) in &self.0 {
            if key != "model" && !is_own(key) {
                out.push(',');
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push(':');
                out.push_str(value.get());
            }
        }
        out.push('}');
        out.into_bytes()
    }

    /// What makes two requests the same, whatever their models: the fields that go to a provider, with
    /// their markers or without.
    pub(super) fn digest(&self, hasher: &mut blake3::Hasher, unmarked: bool) {
        for (key, value) in &self.0 {
            if key != "model" && !is_own(key) {
                let written = value.get().as_bytes();
                let value = if unmarked {
                    without_markers(written).into()
                } else {
                    Cow::Borrowed(written)
                };
                for part in [key.as_bytes(), &value] {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part);
                }
            }
        }
    }
}

/// The same bytes with no marker in them.
pub(super) fn without_markers(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((_, at)) = Marker::place(rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + Marker::LENGTH..];
    }
    out.extend_from_slice(rest);
    out
}

fn is_own(key: &str) -> bool {
    OWN.binary_search(&key).is_ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Reader).map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &'static str) -> String {
        let body = Bytes::from_static(body.as_bytes());
        let fields: Fields<'_> = serde_json::from_slice(&body).unwrap();
        String::from_utf8(fields.for_provider(&body, "gpt-lab")).unwrap()
    }

    #[test]
    fn only_the_model_of_a_request_is_rewritten() {
        let body =
            r#"{ "t": 0.10000000000000000001, "model" : "openai\/gpt-\u006cab", "x": [1e2] }"#;
        let expected = r#"{ "t": 0.10000000000000000001, "model" : "gpt-lab", "x": [1e2] }"#;
        assert_eq!(sent(body), expected);
    }

    #[test]
    fn the_gateways_own_fields_do_not_go_on() {
        let body = r#"{"metadata":{"a":"b"},"x":[1e2],"model":"a","customer_credentials":{"openai":{"api_key":"k"}},"y":"\n"}"#;
        assert_eq!(sent(body), r#"{"model":"gpt-lab","x":[1e2],"y":"\n"}"#);
        assert_eq!(sent(r#"{"x":1}"#), r#"{"model":"gpt-lab","x":1}"#);
        assert!(OWN.is_sorted(), "they are searched by halves");
    }
}
