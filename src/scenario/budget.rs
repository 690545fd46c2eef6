//! The most that a run may cost, and the most that one of its requests can.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Checker;
use super::document::Spanned;
use super::file::File;
use super::{Arm, Recipe, Scenario};
use crate::base::{Money, Usd};
use crate::pricing::{Price, PriceTable};

/// The most that a run may cost; checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The cap.
    pub usd: Money,
    /// The most pages that an answer is taken to count.
    pub max_pages: Option<u64>,
}

/// The most that a run may cost, warm-up included. It stops before it could cost more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSection {
    /// US dollars.
    pub usd: Spanned<Usd>,
    /// The most pages that an answer can count; needed where a model is priced by the page.
    pub max_pages: Option<Spanned<u64>>,
}

impl Scenario {
    /// The most that a request of `recipe` with a body of `bytes` bytes can cost, whichever of its models
    /// answers. A token is at least a byte of text, so the body's bytes are more than its tokens. `None`
    /// where nothing bounds it.
    pub fn bound(&self, recipe: &Recipe, bytes: usize) -> Option<Money> {
        let prices = self.prices.as_ref()?;
        let pages = self.budget.and_then(|budget| budget.max_pages);
        let tokens = recipe.max_tokens.map(u64::from);
        let most = |model: &str| {
            let (_, price) = prices.find(model, None)?;
            price.at_most(bytes as u64, tokens, pages)
        };
        let others = recipe.choices.names().map(most);
        others.fold(most(&recipe.model), |dearest, most| {
            Some(dearest?.max(most?))
        })
    }
}

impl Recipe {
    /// The models that may be asked for it, as far as they have a price.
    fn prices<'p>(&'p self, prices: &'p PriceTable) -> impl Iterator<Item = (&'p str, &'p Price)> {
        let models = std::iter::once(self.model.as_str()).chain(self.choices.names());
        models.filter_map(|model| Some((model, prices.find(model, None)?.1)))
    }
}

impl Checker<'_> {
    /// The budget of a file, and what it needs of the rest of it.
    pub(super) fn budget(
        &mut self,
        file: &File,
        prices: Option<&PriceTable>,
        arms: &[Arm],
    ) -> Option<Budget> {
        let section = file.budget.as_ref()?;
        let (span, usd) = (section.usd.span.clone(), section.usd.value);
        if usd.femtos() == 0 {
            let help = "give an amount above zero, or leave the budget out";
            self.problem(span.clone(), "no request fits into a budget of 0", help);
        }
        if file.prices.as_ref().is_none_or(|path| path.is_empty()) {
            let message = "a budget needs prices, and the scenario names no price table";
            self.problem(span.clone(), message, "name one: prices: prices/mine.yaml");
        }
        let max_pages = section.max_pages.as_ref().map(|pages| pages.value);
        for recipe in file.mix.iter().flat_map(|mix| &mix.value) {
            let of_arms = arms.iter().flat_map(|arm| &arm.recipes);
            for checked in of_arms.filter(|checked| checked.name == recipe.name.value) {
                let Some(prices) = prices else { continue };
                self.bounded(prices, &recipe.name.span, checked);
                self.pages(prices, &span, checked, max_pages);
            }
        }
        self.dedup();
        Some(Budget {
            // Below the last whole nano-dollar, so that the cap is never rounded up.
            usd: Money::from_nanos(i64::try_from(usd.femtos() / 1_000_000).unwrap_or(i64::MAX)),
            max_pages,
        })
    }

    /// Whatever a recipe leaves to the gateway must have a price, and answers an end.
    fn bounded(&mut self, prices: &PriceTable, span: &Range<usize>, recipe: &Recipe) {
        let name = &recipe.name;
        if recipe.choices.open {
            let message = format!(
                "nobody knows the most that a request of `{name}` can cost: the gateway may choose models that the scenario does not name"
            );
            let help = "name them all: load_balance_group: { group_id: ..., models: [ ... ] }, without {{ ... }}";
            self.problem(span.clone(), message, help);
        }
        let asked = |model: &&str| *model != recipe.model;
        for model in recipe.choices.names().filter(asked) {
            if prices.find(model, None).is_none() {
                let message = format!(
                    "the gateway may choose `{model}` for `{name}`, and there is no price for it"
                );
                let help = "a budget is held by upper bounds: add it to the price table";
                self.problem(span.clone(), message, help);
            }
        }
        let mut of_models = recipe.prices(prices);
        if recipe.max_tokens.is_none() && of_models.any(|(_, price)| price.grows_with_output()) {
            let message = format!(
                "nobody knows the most that a request of `{name}` can cost: it has no `max_tokens`"
            );
            let help = "a budget is held by upper bounds: add max_tokens: 256 to its `chat`";
            self.problem(span.clone(), message, help);
        }
    }

    /// A model that is priced by the page needs a word on how many there can be.
    fn pages(
        &mut self,
        prices: &PriceTable,
        span: &Range<usize>,
        recipe: &Recipe,
        max_pages: Option<u64>,
    ) {
        let mut by_page = recipe
            .prices(prices)
            .filter(|(_, price)| price.per_page.is_some());
        if let (None, Some((model, _))) = (max_pages, by_page.next()) {
            let message = format!(
                "`{model}` is priced by the page, and nobody knows the pages before the answer"
            );
            let help =
                "say the most that an answer can count: budget: { usd: 5.00, max_pages: 10 }";
            self.problem(span.clone(), message, help);
        }
    }
}
