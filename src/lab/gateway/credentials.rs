//! Whose key a call is made with: one that came with the request, or the gateway's own.
//!
//! The exact model's override wins over the key of a load balance entry, that over the customer's key
//! for the provider, and that over the gateway's own. Keys are sent and never kept: a log row holds a
//! fingerprint.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use serde_json::Value;
use url::{Host, Url};

use super::routing::draw;
use crate::base::Secret;

/// How many hexadecimal digits of a key's digest name it.
const FINGERPRINT: usize = 12;

/// A key for a provider.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) key: Secret,
    /// Where to call with it, in place of the provider's address.
    pub(super) base: Option<String>,
}

/// A name for a key that does not tell it.
pub(super) fn fingerprint(key: &Secret) -> String {
    let digest = blake3::hash(key.expose().as_bytes()).to_hex();
    digest.as_str()[..FINGERPRINT].to_owned()
}

/// The keys that came with a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// By the exact name of a model.
    pub(super) overrides: BTreeMap<String, Credential>,
    /// By provider, each with its weight.
    pub(super) customer: BTreeMap<String, Vec<(f64, Credential)>>,
}

impl Credentials {
    /// The key for a model, named as the request names it, of a provider.
    pub(super) fn choose(
        &self,
        name: &str,
        provider: &str,
        entry: Option<&Credential>,
        rng: &mut Pcg64,
    ) -> Option<Credential> {
        if let Some(exact) = self.overrides.get(name).or(entry) {
            return Some(exact.clone());
        }
        let all = self.customer.get(provider)?;
        let chosen = draw(all.iter().map(|(weight, _)| *weight), rng)?;
        all.get(chosen).map(|(_, credential)| credential.clone())
    }
}

/// `{"provider": {"api_key": ...}}`, `{"provider": [{"weight": 1, "credentials": {...}}]}`, or a list
/// of `{"weight": 1, "credentials": {"provider": {...}}}`.
pub(super) fn read_customer(
    json: &Value,
) -> Result<BTreeMap<String, Vec<(f64, Credential)>>, String> {
    let mut found: BTreeMap<String, Vec<(f64, Credential)>> = BTreeMap::new();
    match json {
        Value::Object(providers) => {
            for (provider, value) in providers {
                let read = match value {
                    Value::Array(entries) => entries
                        .iter()
                        .map(|entry| {
                            Ok((weight(entry)?, read_one(&entry["credentials"], provider)?))
                        })
                        .collect::<Result<Vec<_>, String>>()?,
                    one => vec![(1.0, read_one(one, provider)?)],
                };
                found.insert(provider.clone(), read);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                let providers = entry["credentials"]
                    .as_object()
                    .ok_or("each entry needs `credentials`, an object by provider")?;
                for (provider, value) in providers {
                    let one = (weight(entry)?, read_one(value, provider)?);
                    found.entry(provider.clone()).or_default().push(one);
                }
            }
        }
        _ => return Err("it is neither an object by provider nor a list".to_owned()),
    }
    Ok(found)
}

/// `{"model": {"api_key": ...}}`
pub(super) fn read_overrides(json: &Value) -> Result<BTreeMap<String, Credential>, String> {
    let models = json.as_object().ok_or("it is no object by model")?;
    let read = |(model, value): (&String, &Value)| Ok((model.clone(), read_one(value, model)?));
    models.into_iter().map(read).collect()
}

/// `{"api_key": ...}`, or the same below the name of `whose` it is.
pub(super) fn read_one(json: &Value, whose: &str) -> Result<Credential, String> {
    let json = json.get(whose).unwrap_or(json);
    let key = json["api_key"].as_str().unwrap_or_default();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("`{whose}` needs an `api_key` of printable ASCII"));
    }
    let base = match &json["api_base"] {
        Value::Null => None,
        Value::String(base) if is_loopback(base) => Some(base.trim_end_matches('/').to_owned()),
        _ => {
            return Err(format!(
                "`api_base` of `{whose}` is no http URL of this machine, and a lab calls no other"
            ));
        }
    };
    Ok(Credential {
        key: Secret::new(key),
        base,
    })
}

/// The weight of an entry, 1 where there is none.
pub(super) fn weight(entry: &Value) -> Result<f64, String> {
    match &entry["weight"] {
        Value::Null => Ok(1.0),
        weight => weight
            .as_f64()
            .filter(|weight| weight.is_finite() && *weight > 0.0)
            .ok_or_else(|| format!("weight {weight} is no number above zero")),
    }
}

fn is_loopback(base: &str) -> bool {
    Url::parse(base).is_ok_and(|url| {
        let local = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        url.scheme() == "http" && local
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_customers_keys_are_read_in_every_form() {
        for form in [
            json!({"openai": {"api_key": "k"}}),
            json!({"openai": [{"weight": 1, "credentials": {"api_key": "k"}}]}),
            json!({"openai": [{"credentials": {"openai": {"api_key": "k"}}}]}),
            json!([{"credentials": {"openai": {"api_key": "k"}}, "weight": 0.5}]),
        ] {
            let read = read_customer(&form).unwrap();
            assert_eq!(read["openai"][0].1.key.expose(), "k", "{form}");
        }
        for wrong in [
            json!("k"),
            json!({"openai": {}}),
            json!({"openai": {"api_key": ""}}),
            json!({"openai": {"api_key": "a b"}}),
            json!({"openai": [{"weight": 0, "credentials": {"api_key": "k"}}]}),
            json!({"openai": {"api_key": "k", "api_base": "http://example.com/v1"}}),
            json!([{"weight": 1}]),
        ] {
            assert!(read_customer(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_called() {
        for local in [
            "http://127.0.0.1:1/v1",
            "http://localhost/v1",
            "http://[::1]:1",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for other in [
            "https://127.0.0.1/v1",
            "http://127.0.0.1.example.com",
            "127.0.0.1:1",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_key_and_does_not_hold_it() {
        let print = fingerprint(&Secret::new("sk-very-secret"));
        assert_eq!(print.len(), FINGERPRINT);
        assert_eq!(print, fingerprint(&Secret::new("sk-very-secret")));
        assert_ne!(print, fingerprint(&Secret::new("sk-very-secret2")));
        assert!(!print.contains("secret"));
    }
}
