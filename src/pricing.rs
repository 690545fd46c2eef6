//! Usage to money, from a dated price table.
//!
//! Cost is always derived from what the server counted, so a run can be priced again with another
//! table. A model that the table does not know costs `None`: unknown, never zero.

mod list;
mod names;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Money, Usage, Usd};

pub use list::{LeftOut, ListError, Listed};
pub use names::{meant, provider, same_model};

/// A dated table of prices in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// The day on which these prices were read, `YYYY-MM-DD`.
    pub as_of: String,
    /// Where they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The price of each model, by the name that requests use.
    pub models: BTreeMap<String, Price>,
}

/// What one model costs. The parts add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars for a million tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_million: Option<TokenPrice>,
    /// US dollars for one token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_token: Option<TokenPrice>,
    /// US dollars for each request that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_request: Option<Usd>,
    /// US dollars for each page that the server says it parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<Usd>,
    /// The day on which this price was read, where it is not the table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Where it was read, where that is not the table's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The price of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenPrice {
    /// A prompt token.
    pub input: Usd,
    /// A prompt token read from the provider's cache; the price of `input` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Usd>,
    /// A token of the answer.
    pub output: Usd,
}

impl PriceTable {
    /// What `usage` of `model` costs, rounded once to the nearest nano-dollar; `None` where the
    /// table has no price, or a price per page meets an answer without a count of pages.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Money> {
        self.models.get(model)?.cost(usage)
    }
}

impl Price {
    /// Whether the entry names no price at all.
    pub fn is_empty(&self) -> bool {
        self.per_million.is_none()
            && self.per_token.is_none()
            && self.per_request.is_none()
            && self.per_page.is_none()
    }

    /// Whether requests are priced by tokens, so that an answer without usage has no known cost.
    pub fn needs_usage(&self) -> bool {
        self.per_million.is_some() || self.per_token.is_some() || self.per_page.is_some()
    }

    /// What `requests` requests with so many tokens in all would cost; `None` for a price per page,
    /// since nobody knows the pages before the answer.
    pub fn estimate(&self, requests: u64, input_tokens: u64, output_tokens: u64) -> Option<Money> {
        let each = self.per_request.map_or(0, Usd::femtos) * i128::from(requests);
        let tokens = Self {
            per_request: None,
            ..self.clone()
        };
        let usage = Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        };
        match (tokens.is_empty(), self.per_request) {
            (true, None) => None,
            (true, Some(_)) => Some(Usd::round_femtos(each)),
            (false, _) => Some(tokens.cost(&usage)? + Usd::round_femtos(each)),
        }
    }

    /// Whether a longer answer costs more.
    pub fn grows_with_output(&self) -> bool {
        let parts = [&self.per_million, &self.per_token];
        let outputs = parts.into_iter().flatten().map(|price| price.output);
        outputs.map(Usd::femtos).any(|output| output > 0)
    }

    /// The most that a request can cost whose prompt and answer have at most so many tokens, and whose
    /// answer counts at most so many pages. `None` where a part of the price has no bound.
    pub fn at_most(&self, input: u64, output: Option<u64>, pages: Option<u64>) -> Option<Money> {
        let dearest = |price: &TokenPrice| TokenPrice {
            input: price.input.max(price.cached_input.unwrap_or(price.input)),
            cached_input: None,
            output: price.output,
        };
        let price = Self {
            per_million: self.per_million.as_ref().map(dearest),
            per_token: self.per_token.as_ref().map(dearest),
            ..self.clone()
        };
        let output = output.or_else(|| (!self.grows_with_output()).then_some(0))?;
        price.cost(&Usage {
            input_tokens: input,
            output_tokens: output,
            pages,
            ..Usage::default()
        })
    }

    /// What `usage` costs; see [`PriceTable::cost`].
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        const MILLION: i128 = 1_000_000;
        if self.is_empty() {
            return None;
        }
        let millions = self
            .per_million
            .as_ref()
            .map_or(0, |price| price.femtos(usage));
        let tokens = self
            .per_token
            .as_ref()
            .map_or(0, |price| price.femtos(usage));
        let request = self.per_request.map_or(0, Usd::femtos);
        let pages = match self.per_page {
            Some(page) => page.femtos() * i128::from(usage.pages?),
            None => 0,
        };
        // All parts are kept in 10^-15 dollars x 10^6 until the one rounding at the end.
        let scaled = millions + (tokens + request + pages) * MILLION;
        Some(Usd::round_femtos((scaled + MILLION / 2) / MILLION))
    }
}

impl TokenPrice {
    fn femtos(&self, usage: &Usage) -> i128 {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        i128::from(fresh) * self.input.femtos()
            + i128::from(cached) * self.cached_input.unwrap_or(self.input).femtos()
            + i128::from(usage.output_tokens) * self.output.femtos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn tokens(input: &str, cached: Option<&str>, output: &str) -> TokenPrice {
        TokenPrice {
            input: usd(input),
            cached_input: cached.map(usd),
            output: usd(output),
        }
    }

    fn usage(input: u64, cached: u64, output: u64) -> Usage {
        Usage {
            input_tokens: input,
            cached_input_tokens: cached,
            output_tokens: output,
            ..Usage::default()
        }
    }

    #[test]
    fn a_million_tokens_cost_their_price_and_cached_ones_their_own() {
        let price = Price {
            per_million: Some(tokens("2.00", Some("0.50"), "8.00")),
            ..Price::default()
        };
        assert_eq!(
            price.cost(&usage(1_000_000, 0, 0)),
            Some(Money::from_nanos(2_000_000_000))
        );
        // 100 fresh x 2 000 + 50 cached x 500 + 10 out x 8 000 nano-dollars.
        assert_eq!(
            price.cost(&usage(150, 50, 10)),
            Some(Money::from_nanos(305_000))
        );
    }

    #[test]
    fn a_price_per_token_may_be_far_below_a_nano_dollar() {
        let per_token = Price {
            per_token: Some(tokens("0.0000000375", None, "0")),
            ..Price::default()
        };
        let per_million = Price {
            per_million: Some(tokens("0.0375", None, "0")),
            ..Price::default()
        };
        let used = usage(1_001, 0, 0);
        assert_eq!(per_token.cost(&used), Some(Money::from_nanos(37_538)));
        assert_eq!(per_token.cost(&used), per_million.cost(&used));
    }

    #[test]
    fn requests_and_pages_have_prices_of_their_own() {
        let price = Price {
            per_request: Some(usd("0.001")),
            per_page: Some(usd("0.01")),
            ..Price::default()
        };
        let three_pages = Usage {
            pages: Some(3),
            ..Usage::default()
        };
        assert_eq!(
            price.cost(&three_pages),
            Some(Money::from_nanos(31_000_000))
        );
        assert_eq!(
            price.cost(&Usage::default()),
            None,
            "pages unknown: cost unknown"
        );
    }

    #[test]
    fn the_most_that_a_request_can_cost_takes_each_part_at_its_dearest() {
        let price = Price {
            per_million: Some(tokens("2.00", Some("2.50"), "8.00")),
            per_request: Some(usd("0.001")),
            per_page: Some(usd("0.01")),
            ..Price::default()
        };
        // 100 x 2 500 + 10 x 8 000 nano-dollars, 0.001 a request, 3 x 0.01 for the pages.
        let most = Some(Money::from_nanos(250_000 + 80_000 + 1_000_000 + 30_000_000));
        assert_eq!(price.at_most(100, Some(10), Some(3)), most);
        assert_eq!(price.at_most(100, None, Some(3)), None);
        assert_eq!(price.at_most(100, Some(10), None), None);
        let free_output = Price {
            per_million: Some(tokens("2.00", None, "0")),
            ..Price::default()
        };
        assert_eq!(
            free_output.at_most(1, None, None),
            Some(Money::from_nanos(2_000))
        );
    }

    #[test]
    fn an_unknown_model_costs_unknown_and_never_zero() {
        assert_eq!(
            PriceTable::default().cost("openai/gpt-lab", &usage(1, 0, 1)),
            None
        );
        assert_eq!(Price::default().cost(&usage(1, 0, 1)), None);
    }
}
