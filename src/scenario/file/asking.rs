//! What a request says beyond model and prompt: whose keys, by which way, and whatever else.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Ordered, OrderedVisitor, Spanned};
use crate::base::HumanDuration;

/// What a provider wants to be given, by name: `api_key`, and what else it asks for.
pub type CredentialSet = Ordered<Spanned<String>>;

/// The credentials of one provider: one set, or several of which the gateway draws one.
#[derive(Clone, Debug)]
pub enum Sets {
    /// A mapping.
    One(CredentialSet),
    /// A list.
    Several(Vec<Spanned<WeightedSet>>),
}

/// One of several sets of credentials.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedSet {
    /// Its share of the requests, relative to the other sets.
    pub weight: Spanned<f64>,
    /// What the provider wants to be given, by name, such as `api_key`: `${VARIABLE}`, or `file:` and a
    /// path from this file's folder.
    pub credentials: CredentialSet,
}

/// The credentials of one model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialOverride {
    /// The provider's key: `${VARIABLE}`, or `file:` and a path from this file's folder.
    pub api_key: Spanned<String>,
    /// The provider's base URL.
    pub api_base: Option<Spanned<String>>,
    /// The version of the provider's API.
    pub api_version: Option<Spanned<String>>,
}

/// Which way Respan's gateway takes. What a recipe says wins over its target, setting by setting.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// Models of which the gateway draws one by weight, instead of the recipe's.
    pub load_balance_models: Option<Spanned<Vec<Spanned<BalancedModel>>>>,
    /// The same, as a group that is kept at Respan.
    pub load_balance_group: Option<Spanned<BalanceGroup>>,
    /// Models that are asked, in this order, where the one before fails.
    pub fallback_models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Models that the gateway may choose from.
    pub models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Providers that it may not choose.
    pub exclude_providers: Option<Spanned<Vec<Spanned<String>>>>,
    /// Models that it may not choose.
    pub exclude_models: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether it may answer from its cache.
    pub cache: Option<Spanned<Cache>>,
    /// Who asks. May hold `{{ ... }}`.
    pub customer_identifier: Option<Spanned<String>>,
    /// What the gateway is to know of who asks.
    pub customer_params: Option<Spanned<CustomerParams>>,
    /// The conversation that a request belongs to. May hold `{{ ... }}`.
    pub thread_identifier: Option<Spanned<String>>,
}

/// One of the models of which the gateway draws one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalancedModel {
    /// The model.
    pub model: Spanned<String>,
    /// Its share of the requests, relative to the other models.
    pub weight: Spanned<f64>,
    /// What its provider wants to be given, by name.
    pub credentials: Option<CredentialSet>,
}

/// A group of models that is kept at Respan.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalanceGroup {
    /// The group's name there.
    pub group_id: Spanned<String>,
    /// Models and weights instead of those that are kept there.
    pub models: Option<Spanned<Vec<Spanned<BalancedModel>>>>,
}

/// Whether the gateway may answer from its cache.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// True where absent.
    pub enabled: Option<bool>,
    /// For how long an answer is kept: whole seconds.
    pub ttl: Option<Spanned<HumanDuration>>,
    /// Whether each customer has a cache of its own.
    pub by_customer: Option<bool>,
    /// Whether each model has a cache of its own.
    pub by_model: Option<bool>,
    /// Whether answers from the cache are left out of Respan's logs.
    pub omit_log: Option<bool>,
}

/// What the gateway is to know of who asks. Texts may hold `{{ ... }}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerParams {
    /// Who asks.
    pub customer_identifier: Option<Spanned<String>>,
    /// A name to show.
    pub name: Option<Spanned<String>>,
    /// An address.
    pub email: Option<Spanned<String>>,
    /// The most requests a minute; beyond, the gateway answers 429.
    pub rate_limit: Option<Spanned<u32>>,
}

/// Any JSON, each text with its place.
#[derive(Clone, Debug)]
pub enum Free {
    /// Null, a truth value or a number.
    Plain(serde_json::Value),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Spanned<Free>>),
    /// A mapping.
    Map(Ordered<Spanned<Free>>),
}

struct FreeVisitor;

impl<'de> Visitor<'de> for FreeVisitor {
    type Value = Free;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Free, E> {
        Ok(Free::Plain(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Free, E> {
        Ok(Free::Plain(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Free, E> {
        Ok(Free::Plain(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Free, E> {
        match serde_json::Number::from_f64(value) {
            Some(number) => Ok(Free::Plain(number.into())),
            None => Err(E::custom("JSON has no such number")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Free, E> {
        Ok(Free::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Free, E> {
        Ok(Free::Plain(serde_json::Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Free, A::Error> {
        all(seq).map(Free::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Free, A::Error> {
        OrderedVisitor(std::marker::PhantomData)
            .visit_map(map)
            .map(Free::Map)
    }
}

fn all<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = seq.next_element()? {
        items.push(item);
    }
    Ok(items)
}

impl<'de> Deserialize<'de> for Free {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FreeVisitor)
    }
}

impl JsonSchema for Free {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Free".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

struct SetsVisitor;

impl<'de> Visitor<'de> for SetsVisitor {
    type Value = Sets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, such as { api_key: \"${NAME}\" }, or a list of sets")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Sets, A::Error> {
        all(seq).map(Sets::Several)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sets, A::Error> {
        OrderedVisitor(std::marker::PhantomData)
            .visit_map(map)
            .map(Sets::One)
    }
}

impl<'de> Deserialize<'de> for Sets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SetsVisitor)
    }
}

impl JsonSchema for Sets {
    fn schema_name() -> Cow<'static, str> {
        "Credentials".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<CredentialSet>();
        let several = generator.subschema_for::<Vec<WeightedSet>>();
        json_schema!({
            "description": "The credentials of one provider: one set, or several of which the gateway draws one.",
            "anyOf": [one, several],
        })
    }
}
