//! What a request asks of the gateway, beyond what it asks of a model.
//!
//! One field may come in three places: `respan_params` wins over the header, and that over the top
//! level of the body.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body::Fields;
use super::credentials::{self, Credential, Credentials};
use super::errors::Refusal;

/// The header that holds parameters as JSON in base64.
const HEADER: &str = "x-data-respan-params";

/// What a request asks of the gateway.
#[derive(Debug, Default)]
pub(super) struct Params {
    pub(super) credentials: Credentials,
    pub(super) group_id: Option<String>,
    pub(super) balanced: Vec<Balanced>,
    pub(super) models: Vec<String>,
    pub(super) fallbacks: Vec<String>,
    pub(super) exclude_models: Vec<String>,
    pub(super) exclude_providers: Vec<String>,
    pub(super) cache_enabled: bool,
    /// In seconds.
    pub(super) cache_ttl: Option<f64>,
    pub(super) cache_options: CacheOptions,
    pub(super) breakdown: bool,
    pub(super) metadata: Map<String, Value>,
    pub(super) custom_identifier: Option<String>,
    pub(super) customer: Option<String>,
    /// Calls of this customer in a minute.
    pub(super) rate_limit: Option<u32>,
    pub(super) thread: Option<String>,
    pub(super) group: Option<String>,
    pub(super) trace: Option<String>,
}

/// A model that shares the load, with a key of its own if need be.
#[derive(Debug)]
pub(super) struct Balanced {
    pub(super) model: String,
    pub(super) weight: f64,
    pub(super) credential: Option<Credential>,
}

/// How the cache is to be used.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CacheOptions {
    /// Whether each customer has answers of their own.
    #[serde(default)]
    pub(super) cache_by_customer: Option<bool>,
    /// Whether each model has answers of its own: so where absent.
    #[serde(default)]
    pub(super) is_cached_by_model: Option<bool>,
    /// Whether a hit leaves no log row.
    #[serde(default)]
    pub(super) omit_log: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
struct CustomerParams {
    #[serde(default)]
    customer_identifier: Option<String>,
    #[serde(default)]
    rate_limit: Option<u32>,
}

/// The fields of all three places, and what is wrong with them.
struct Reader {
    fields: Map<String, Value>,
    problems: Vec<(String, String)>,
}

impl Params {
    /// Reads them from a body and its headers.
    pub(super) fn read(fields: &Fields<'_>, headers: &HeaderMap) -> Result<Self, Refusal> {
        let header = headers.get(HEADER);
        if header.is_none() && fields.own().next().is_none() {
            return Ok(Self::default());
        }
        let mut all = Map::new();
        for (name, written) in fields.own() {
            let value = serde_json::from_str(written)
                .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
            all.insert(name.to_owned(), value);
        }
        let top = all.remove("respan_params");
        if let Some(header) = header {
            let read = STANDARD.decode(header.as_bytes()).ok();
            let Some(Value::Object(read)) =
                read.and_then(|json| serde_json::from_slice(&json).ok())
            else {
                let problem = "it is no JSON object in base64".to_owned();
                return Err(Refusal::of_fields(vec![(
                    "X-Data-Respan-Params".into(),
                    problem,
                )]));
            };
            all.extend(read);
        }
        match top {
            None | Some(Value::Null) => {}
            Some(Value::Object(params)) => all.extend(params),
            Some(_) => {
                let problem = "it is no object".to_owned();
                return Err(Refusal::of_fields(vec![("respan_params".into(), problem)]));
            }
        }
        let mut reader = Reader {
            fields: all,
            problems: Vec::new(),
        };
        let params = reader.params();
        if reader.problems.is_empty() {
            Ok(params)
        } else {
            Err(Refusal::of_fields(reader.problems))
        }
    }
}

impl Reader {
    fn params(&mut self) -> Params {
        let group = self.take("load_balance_group").unwrap_or(Value::Null);
        let mut balanced = self.balanced("load_balance_group.models", &group["models"]);
        let models = self.take("load_balance_models").unwrap_or(Value::Null);
        balanced.extend(self.balanced("load_balance_models", &models));
        let customer: CustomerParams = self.take("customer_params").unwrap_or_default();
        let metadata: Map<String, Value> = self.take("metadata").unwrap_or_default();
        Params {
            credentials: self.credentials(),
            group_id: group["group_id"].as_str().map(str::to_owned),
            balanced,
            models: self.take("models").unwrap_or_default(),
            fallbacks: self.take("fallback_models").unwrap_or_default(),
            exclude_models: self.take("exclude_models").unwrap_or_default(),
            exclude_providers: self.take("exclude_providers").unwrap_or_default(),
            cache_enabled: self.take("cache_enabled").unwrap_or_default(),
            cache_ttl: self.take("cache_ttl"),
            cache_options: self.take("cache_options").unwrap_or_default(),
            breakdown: self.take("request_breakdown").unwrap_or_default(),
            metadata: metadata.into_iter().map(as_text).collect(),
            custom_identifier: self.take("custom_identifier"),
            customer: self
                .take("customer_identifier")
                .or(customer.customer_identifier),
            rate_limit: customer.rate_limit,
            thread: self.take("thread_identifier"),
            group: self.take("group_identifier"),
            trace: self.take("trace_unique_id"),
        }
    }

    /// A field, if it is there, of the type that it should have.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value);
        read.map_err(|problem| self.problem(name, problem.to_string()))
            .ok()
    }

    fn problem(&mut self, name: &str, problem: String) {
        self.problems.push((name.to_owned(), problem));
    }

    fn credentials(&mut self) -> Credentials {
        let mut read = Credentials::default();
        if let Some(json) = self.take::<Value>("customer_credentials") {
            match credentials::read_customer(&json) {
                Ok(customer) => read.customer = customer,
                Err(problem) => self.problem("customer_credentials", problem),
            }
        }
        if let Some(json) = self.take::<Value>("credential_override") {
            match credentials::read_overrides(&json) {
                Ok(overrides) => read.overrides = overrides,
                Err(problem) => self.problem("credential_override", problem),
            }
        }
        read
    }

    fn balanced(&mut self, field: &str, json: &Value) -> Vec<Balanced> {
        let read = |entry: &Value| {
            let model = entry["model"]
                .as_str()
                .ok_or("each entry needs a `model`")?;
            let provider = model
                .split_once('/')
                .map_or(model, |(provider, _)| provider);
            let credential = match &entry["credentials"] {
                Value::Null => None,
                json => Some(credentials::read_one(json, provider)?),
            };
            Ok::<_, String>(Balanced {
                model: model.to_owned(),
                weight: credentials::weight(entry)?,
                credential,
            })
        };
        let entries = match json {
            Value::Null => return Vec::new(),
            Value::Array(entries) => entries.iter().map(read).collect(),
            _ => Err("it is no list".to_owned()),
        };
        entries.unwrap_or_else(|problem: String| {
            self.problem(field, problem);
            Vec::new()
        })
    }
}

/// Metadata are strings, whatever they were sent as.
pub(super) fn as_text((key, value): (String, Value)) -> (String, Value) {
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    (key, text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, header: Option<&str>) -> Result<Params, Refusal> {
        let fields: Fields<'_> = serde_json::from_str(body).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(json) = header {
            headers.insert(HEADER, STANDARD.encode(json).parse().unwrap());
        }
        Params::read(&fields, &headers)
    }

    #[test]
    fn a_field_counts_where_it_stands_nearest_to_the_gateway() {
        let top = r#"{"custom_identifier":"top","thread_identifier":"t","respan_params":{"custom_identifier":"params"}}"#;
        let header = r#"{"custom_identifier":"header","thread_identifier":"header"}"#;
        let params = read(top, Some(header)).unwrap();
        assert_eq!(params.custom_identifier.as_deref(), Some("params"));
        assert_eq!(params.thread.as_deref(), Some("header"));
        let params = read(r#"{"custom_identifier":"top"}"#, None).unwrap();
        assert_eq!(params.custom_identifier.as_deref(), Some("top"));
    }

    #[test]
    fn all_fields_that_are_wrong_are_named_at_once() {
        let body = r#"{"cache_ttl":"long","fallback_models":"a","customer_credentials":{"openai":{}},
            "load_balance_models":[{"model":"a","weight":-1}]}"#;
        let refusal = read(body, None).unwrap_err();
        assert_eq!(refusal.status, 422);
        let named = refusal.fields.iter().map(|(field, _)| field.as_str());
        let mut fields: Vec<_> = named.collect();
        fields.sort_unstable();
        let expected = [
            "cache_ttl",
            "customer_credentials",
            "fallback_models",
            "load_balance_models",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn metadata_become_strings() {
        let params = read(r#"{"metadata":{"n":1,"s":"x","b":true}}"#, None).unwrap();
        let expected = serde_json::json!({"n": "1", "s": "x", "b": "true"});
        assert_eq!(Value::Object(params.metadata), expected);
    }
}
