//! The most that a run may cost, and the most that one of its requests can.

use schemars::JsonSchema;
use serde::Deserialize;

use super::arms;
use super::check::Checker;
use super::document::Spanned;
use super::file::File;
use super::{Recipe, Scenario};
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
    /// The most that a request of `recipe` with a body of `bytes` bytes can cost. A token is at least a
    /// byte of text, so the body's bytes are more than its tokens. `None` where nothing bounds it.
    pub fn bound(&self, recipe: &Recipe, bytes: usize) -> Option<Money> {
        let price = self.prices.as_ref()?.models.get(&recipe.model)?;
        let pages = self.budget.and_then(|budget| budget.max_pages);
        price.at_most(bytes as u64, recipe.max_tokens.map(u64::from), pages)
    }
}

impl Checker<'_> {
    /// The budget of a file, and what it needs of the rest of it.
    pub(super) fn budget(&mut self, file: &File, prices: Option<&PriceTable>) -> Option<Budget> {
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
        for (recipe, model) in arms::asked_models(file) {
            let chat = &recipe.chat;
            let Some(price) = prices.and_then(|table| table.models.get(&model.value)) else {
                continue;
            };
            if Price::grows_with_output(price) && chat.max_tokens.is_none() {
                let message = format!(
                    "nobody knows the most that a request of `{}` can cost: it has no `max_tokens`",
                    recipe.name.value
                );
                let help = "a budget is held by upper bounds: add max_tokens: 256 to its `chat`";
                self.problem(recipe.name.span.clone(), message, help);
            }
            if price.per_page.is_some() && max_pages.is_none() {
                let message = format!(
                    "`{}` is priced by the page, and nobody knows the pages before the answer",
                    model.value
                );
                let help =
                    "say the most that an answer can count: budget: { usd: 5.00, max_pages: 10 }";
                self.problem(span.clone(), message, help);
            }
        }
        Some(Budget {
            // Below the last whole nano-dollar, so that the cap is never rounded up.
            usd: Money::from_nanos(i64::try_from(usd.femtos() / 1_000_000).unwrap_or(i64::MAX)),
            max_pages,
        })
    }
}
