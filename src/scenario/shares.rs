//! How a gateway should share out the answers of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Choices;
use super::check::Checker;
use super::document::Spanned;
use super::file::Ordered;
use crate::pricing;

/// How the gateway should share out a recipe's answers. Whether it did is tested with chi-square.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectShares {
    /// By what they are shared out. `model` where absent.
    #[serde(default)]
    pub by: By,
    /// The weight of each, by the name that the answers tell, with or without its provider. Where absent,
    /// those of the models that the recipe's routing has the gateway draw.
    pub weights: Option<Spanned<Ordered<Spanned<f64>>>>,
}

/// By what answers are shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By the model that answered.
    #[default]
    Model,
    /// By the provider that answered, where the gateway tells it.
    Provider,
}

impl By {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }
}

/// Shares that are expected: at least two, each with a weight above zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// By what answers are shared out.
    pub by: By,
    /// The weight of each, in the order of the file.
    pub weights: Vec<(String, f64)>,
}

impl Checker<'_> {
    /// The shares that are expected of a recipe whose routing leaves these choices.
    pub(super) fn shares(&mut self, shares: &Spanned<ExpectShares>, choices: &Choices) -> Shares {
        let by = shares.value.by;
        let weights = match &shares.value.weights {
            Some(given) => self.given(given),
            None => self.routed(shares, choices),
        };
        Shares { by, weights }
    }

    fn given(&mut self, given: &Spanned<Ordered<Spanned<f64>>>) -> Vec<(String, f64)> {
        let entries = &given.value.0;
        if entries.len() < 2 {
            let message = "there is nothing to share out: fewer than two weights";
            let help = "name each model or provider: { gpt-a: 3, gpt-b: 1 }";
            self.problem(given.span.clone(), message, help);
        }
        for (name, weight) in entries {
            if !(weight.value.is_finite() && weight.value > 0.0) {
                let message = format!(
                    "the weight {} of `{}` is no share",
                    weight.value, name.value
                );
                let help = "give a weight above zero; an answer of a name without a weight is unexpected anyway";
                self.problem(weight.span.clone(), message, help);
            }
        }
        let weight =
            |(name, weight): &(Spanned<String>, Spanned<f64>)| (name.value.clone(), weight.value);
        entries.iter().map(weight).collect()
    }

    /// The weights by which the gateway is told to draw models, or the providers of these.
    fn routed(&mut self, shares: &Spanned<ExpectShares>, choices: &Choices) -> Vec<(String, f64)> {
        let mut weights: Vec<(String, f64)> = Vec::new();
        for (model, weight) in choices.weights() {
            let name = match shares.value.by {
                By::Model => model,
                By::Provider => pricing::provider(model).unwrap_or(model),
            };
            match weights.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += weight,
                None => weights.push((name.to_owned(), weight)),
            }
        }
        if weights.len() < 2 {
            let message = format!(
                "there is nothing to share out: the routing draws fewer than two {}s by weight",
                shares.value.by.name()
            );
            let help = "give them to `load_balance_models`, or weights here: weights: { gpt-a: 3, gpt-b: 1 }";
            self.problem(shares.span.clone(), message, help);
        }
        weights
    }
}
