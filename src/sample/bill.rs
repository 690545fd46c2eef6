//! What a request cost, by whose price, and whose provider it is counted for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Money, Usage};
use crate::pricing::{self, Price, PriceTable};
use crate::scenario::Recipe;
use crate::wire::{Exchange, Outcome, TimeoutKind};

/// Whose price a request has, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Whose price it is; `None` where the cost is unknown, or nothing was answered.
    pub priced_by: Option<PricedBy>,
    /// The provider, worked out from the model's name, where the gateway does not tell it.
    pub provider: Option<Arc<str>>,
}

/// By which model's price a cost is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PricedBy {
    /// The model that answered.
    Answered,
    /// The model that was asked: the one that answered is not known, or has no price of its own.
    Asked,
}

impl PricedBy {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Asked => "asked",
        }
    }
}

impl Bill {
    /// What became of a request of `recipe` costs by the price table, and its bill.
    pub(super) fn new(
        recipe: &Recipe,
        prices: Option<&PriceTable>,
        exchange: &Exchange,
    ) -> (Option<Money>, Self) {
        let by = exchange.told.provider.as_deref();
        let told = exchange.model.as_deref();
        let answered = told.and_then(|told| recipe.choices.answered(told, by, prices));
        let own = answered.and_then(|model| prices?.find(model, by));
        let price = own.or_else(|| prices?.find(&recipe.model, None));
        let cost = price.and_then(|(_, price)| cost(price, exchange));
        let billed = cost.filter(|_| exchange.usage.is_some() || exchange.outcome == Outcome::Ok);
        let whose = own.map_or(PricedBy::Asked, |_| PricedBy::Answered);
        let of_price = || pricing::provider(own?.0).map(Arc::from);
        let provider = match by {
            Some(_) => None,
            None => recipe.choices.provider(answered).or_else(of_price),
        };
        let bill = Self {
            priced_by: billed.map(|_| whose),
            provider,
        };
        (cost, bill)
    }
}

/// What a request cost: by its usage where the server reported one, nothing where it was refused or
/// never answered, and else unknown.
fn cost(price: &Price, exchange: &Exchange) -> Option<Money> {
    match (&exchange.usage, exchange.outcome) {
        (Some(usage), _) => price.cost(usage),
        (None, Outcome::Ok) if !price.needs_usage() => price.cost(&Usage::default()),
        (
            None,
            Outcome::Status(_)
            | Outcome::Shed
            | Outcome::Dns
            | Outcome::Connect
            | Outcome::ClientLimit
            | Outcome::Tls
            | Outcome::Timeout(TimeoutKind::Connect),
        ) => Some(Money::ZERO),
        _ => None,
    }
}
