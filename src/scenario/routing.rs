//! Which way Respan's gateway is to take: from what a scenario says to fields of a body.

use std::ops::Range;

use super::check::Checker;
use super::document::Spanned;
use super::file::{self, BalancedModel, Routing};
use super::tree::{Fields, Tree};

impl Checker<'_> {
    /// What a target or a recipe says of the way. Where credentials are `demanded`, none may be empty.
    pub(super) fn routing(&mut self, routing: &Routing, demanded: bool) -> Fields {
        let mut fields = Fields::new();
        let mut put = |name: &str, tree: Option<Tree>| {
            fields.extend(tree.map(|tree| (name.to_owned(), tree)));
        };
        let balanced = routing.load_balance_models.as_ref();
        put(
            "load_balance_models",
            balanced.map(|models| self.balanced(models, demanded)),
        );
        if let Some(group) = &routing.load_balance_group {
            if balanced.is_some() {
                let message = "there are both `load_balance_models` and `load_balance_group`";
                self.problem(group.span.clone(), message, "keep one of them");
            }
            put("load_balance_group", Some(self.group(group, demanded)));
        }
        for (name, list) in [
            ("fallback_models", &routing.fallback_models),
            ("models", &routing.models),
            ("exclude_providers", &routing.exclude_providers),
            ("exclude_models", &routing.exclude_models),
        ] {
            put(name, list.as_ref().map(|list| self.names(name, list)));
        }
        if let Some(cache) = &routing.cache {
            for (name, tree) in self.cache(cache) {
                put(&name, Some(tree));
            }
        }
        for (name, text) in [
            ("customer_identifier", &routing.customer_identifier),
            ("thread_identifier", &routing.thread_identifier),
        ] {
            put(name, text.as_ref().and_then(|text| self.filled(name, text)));
        }
        let params = routing.customer_params.as_ref();
        put(
            "customer_params",
            params.map(|params| self.customer(params)),
        );
        fields
    }

    fn balanced(&mut self, models: &Spanned<Vec<Spanned<BalancedModel>>>, demanded: bool) -> Tree {
        self.not_empty("load_balance_models", models);
        let mut list = Vec::new();
        for model in &models.value {
            self.weight(&model.weight);
            let name = self.filled_plain("model", &model.model);
            let mut fields = Fields::from([
                ("model".to_owned(), name),
                ("weight".to_owned(), Tree::number(model.weight.value)),
            ]);
            if let Some(set) = &model.credentials {
                let set = self.set(set, &model.span, demanded);
                fields.insert("credentials".to_owned(), set);
            }
            list.push(Tree::Map(fields));
        }
        Tree::List(list)
    }

    fn group(&mut self, group: &file::BalanceGroup, demanded: bool) -> Tree {
        let id = self.filled_plain("group_id", &group.group_id);
        let mut fields = Fields::from([("group_id".to_owned(), id)]);
        if let Some(models) = &group.models {
            fields.insert("models".to_owned(), self.balanced(models, demanded));
        }
        Tree::Map(fields)
    }

    fn names(&mut self, name: &str, list: &Spanned<Vec<Spanned<String>>>) -> Tree {
        self.not_empty(name, list);
        let names = list.value.iter();
        Tree::List(names.map(|item| self.filled_plain(name, item)).collect())
    }

    fn cache(&mut self, cache: &file::Cache) -> Fields {
        let truth = |truth: bool| Tree::Plain(truth.into());
        let enabled = cache.enabled.unwrap_or(true);
        let mut fields = Fields::from([("cache_enabled".to_owned(), truth(enabled))]);
        if let Some(ttl) = &cache.ttl {
            let whole = ttl.value.0.as_secs();
            if whole == 0 || ttl.value.0.subsec_nanos() > 0 {
                let message = format!(
                    "the cache keeps answers for whole seconds, not {}",
                    ttl.value
                );
                self.problem(ttl.span.clone(), message, "give at least 1s, such as 10m");
            }
            fields.insert("cache_ttl".to_owned(), Tree::Plain(whole.into()));
        }
        let options = [
            ("cache_by_customer", cache.by_customer),
            ("is_cached_by_model", cache.by_model),
            ("omit_log", cache.omit_log),
        ];
        let given = |(name, value): (&str, Option<bool>)| Some((name.to_owned(), truth(value?)));
        let options: Fields = options.into_iter().filter_map(given).collect();
        if !options.is_empty() {
            fields.insert("cache_options".to_owned(), Tree::Map(options));
        }
        fields
    }

    fn customer(&mut self, params: &file::CustomerParams) -> Tree {
        let mut fields = Fields::new();
        for (name, text) in [
            ("customer_identifier", &params.customer_identifier),
            ("name", &params.name),
            ("email", &params.email),
        ] {
            let tree = text.as_ref().and_then(|text| self.filled(name, text));
            fields.extend(tree.map(|tree| (name.to_owned(), tree)));
        }
        if let Some(limit) = &params.rate_limit {
            if limit.value == 0 {
                let message = "with a limit of 0 every request is refused";
                self.problem(
                    limit.span.clone(),
                    message,
                    "give at least 1 request a minute",
                );
            }
            fields.insert("rate_limit".to_owned(), Tree::Plain(limit.value.into()));
        }
        Tree::Map(fields)
    }

    /// A text that may hold placeholders, and says something.
    fn filled(&mut self, name: &str, text: &Spanned<String>) -> Option<Tree> {
        self.says_something(name, text, &text.span);
        self.text(text, &text.span)
    }

    /// A name, such as a model's.
    fn filled_plain(&mut self, name: &str, text: &Spanned<String>) -> Tree {
        self.says_something(name, text, &text.span);
        Tree::text(text)
    }

    fn says_something(&mut self, name: &str, text: &str, span: &Range<usize>) {
        if text.is_empty() {
            let message = format!("`{name}` holds an empty text");
            self.problem(span.clone(), message, "write it, or leave it out");
        }
    }

    fn not_empty<T>(&mut self, name: &str, list: &Spanned<Vec<T>>) {
        // One that was emptied by its own problems is not told again.
        if list.value.is_empty() && !self.has_problem_within(&list.span) {
            let message = format!("`{name}` is empty");
            self.problem(
                list.span.clone(),
                message,
                "give at least one, or leave it out",
            );
        }
    }
}

/// The models that the gateway may ask instead of a recipe's.
pub(super) fn models(routing: &Routing) -> impl Iterator<Item = &str> {
    let group = routing.load_balance_group.iter();
    let group = group.filter_map(|group| group.models.as_ref());
    let balanced = routing.load_balance_models.iter().chain(group);
    let balanced = balanced.flat_map(|models| &models.value);
    let named = routing.fallback_models.iter().chain(&routing.models);
    let named = named.flat_map(|models| &models.value);
    balanced
        .map(|model| model.model.as_str())
        .chain(named.map(|model| model.as_str()))
}
