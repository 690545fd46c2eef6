//! The models that the gateway knows, and their prices for a million tokens.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use super::Gateway;
use super::errors::Refusal;
use super::upstream::said;
use crate::base::Usd;
use crate::lab::whole;
use crate::pricing::Price;

impl Gateway {
    /// The models as an `OpenAI` SDK lists them: those of the default provider, which it tells, and
    /// those with a price.
    pub(super) async fn list_models(&self) -> Response {
        let base = &self.upstreams.default;
        let url = format!("{}/models", base.base);
        let answer = self.request(Method::GET, url, &base.key, Vec::new()).await;
        let answer = match answer {
            Ok(answer) => {
                let pieces: Result<Vec<Bytes>, _> = answer.pieces.try_collect().await;
                pieces.map_err(|problem| problem.to_string())
            }
            Err(problem) => Err(said(&problem)),
        };
        let bytes = match answer {
            Ok(pieces) => pieces.concat(),
            Err(problem) => {
                let detail = format!("no answer from the provider: {problem}");
                return Refusal::no_answer(detail).into_response();
            }
        };
        let Ok(mut list) = serde_json::from_slice::<Value>(&bytes) else {
            let detail = "the provider's list of models is no JSON";
            return Refusal::new(StatusCode::BAD_GATEWAY, detail).into_response();
        };
        for model in list["data"].as_array_mut().into_iter().flatten() {
            if let Some(id) = model["id"].as_str() {
                model["id"] = format!("openai/{id}").into();
            }
        }
        whole::json(StatusCode::OK, list.to_string())
    }

    /// The models with a price, without the prices of the cache.
    pub(super) fn public_models(&self) -> Value {
        let models = self.priced().map(|(name, price)| {
            json!({
                "model_name": name,
                "input_cost": price.map(|price| price[0]),
                "output_cost": price.map(|price| price[2]),
                "provider": provider_of(name),
            })
        });
        json!({ "models": models.collect::<Value>() })
    }

    /// The models with a price, with all of it.
    pub(super) fn all_models(&self) -> Value {
        let models: Vec<_> = self
            .priced()
            .map(|(name, price)| entry(name, price))
            .collect();
        json!({ "count": models.len(), "next": null, "previous": null, "results": models })
    }

    /// One model.
    pub(super) fn one_model(&self, wanted: &str) -> Result<Value, Refusal> {
        let found = self.priced().find(|(name, _)| *name == wanted);
        let (name, price) =
            found.ok_or_else(|| Refusal::not_found(format!("no model `{wanted}`")))?;
        Ok(entry(name, price))
    }

    fn priced(&self) -> impl Iterator<Item = (&str, Option<[f64; 3]>)> {
        let prices = self.prices.iter().flat_map(|prices| &prices.models);
        prices.map(|(name, price)| (name.as_str(), per_million(price)))
    }
}

fn entry(name: &str, price: Option<[f64; 3]>) -> Value {
    json!({
        "id": name,
        "model_name": name,
        "input_cost": price.map(|price| price[0]),
        "cache_hit_input_cost": price.map(|price| price[1]),
        // A lab's models take the price of a fresh token for one that enters the cache.
        "cache_creation_input_cost": price.map(|price| price[0]),
        "output_cost": price.map(|price| price[2]),
        "provider": provider_of(name),
    })
}

fn provider_of(name: &str) -> Value {
    let provider = name.split_once('/').map(|(provider, _)| provider);
    provider.map_or(
        Value::Null,
        |id| json!({ "provider_id": id, "provider_name": id }),
    )
}

/// Dollars for a million tokens: of input, of cached input, of output. `None` where tokens are not
/// what is paid for.
fn per_million(price: &Price) -> Option<[f64; 3]> {
    let dollars = |usd: Usd, tokens: f64| usd.femtos() as f64 * tokens / 1e15;
    let sums = [(&price.per_million, 1.0), (&price.per_token, 1e6)];
    let mut found = None;
    for (price, tokens) in sums {
        if let Some(price) = price {
            let sum: &mut [f64; 3] = found.get_or_insert([0.0; 3]);
            let cached = price.cached_input.unwrap_or(price.input);
            for (sum, usd) in sum.iter_mut().zip([price.input, cached, price.output]) {
                *sum += dollars(usd, tokens);
            }
        }
    }
    found
}
