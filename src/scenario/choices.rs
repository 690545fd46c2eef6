//! Which models may answer a recipe's requests: what its routing leaves to the gateway.

use std::sync::Arc;

use serde_json::Value;

use super::template::Piece;
use super::tree::{Fields, Tree};
use crate::pricing::{self, PriceTable};

/// The models that may answer the requests of a recipe.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    models: Vec<Choice>,
    /// The provider of all of them, where they have one.
    provider: Option<Arc<str>>,
    /// Whether the gateway may know more, such as those of a group that is kept there.
    pub open: bool,
}

/// One model that may answer.
#[derive(Clone, Debug)]
struct Choice {
    name: String,
    provider: Option<Arc<str>>,
    /// Its weight among those of which the gateway draws one.
    weight: Option<f64>,
}

/// Header and field in which Respan takes everything that a body can say.
const CONTAINERS: [&str; 2] = ["x-data-respan-params", "respan_params"];

impl Choices {
    /// Those of a recipe that asks `model` in a body with these fields.
    pub(super) fn of<'h>(
        model: &str,
        fields: &Fields,
        mut headers: impl Iterator<Item = &'h str>,
    ) -> Self {
        let mut found = Self {
            open: headers.any(|name| name.eq_ignore_ascii_case(CONTAINERS[0])),
            ..Self::default()
        };
        found.add_all(fields);
        if let Some(Tree::Map(fields)) = fields.get(CONTAINERS[1]) {
            found.add_all(fields);
        }
        // A model that is drawn stands in the place of the recipe's.
        let drawn = found.models.iter().any(|choice| choice.weight.is_some());
        if !drawn && !found.has(model) {
            found.models.insert(0, Choice::new(model, None));
        }
        let mut providers = found.models.iter().map(|choice| &choice.provider);
        let first = providers.next().cloned().flatten();
        let one = !found.open && providers.all(|provider| *provider == first);
        found.provider = first.filter(|_| one);
        found
    }

    fn add_all(&mut self, fields: &Fields) {
        if let Some(balanced) = fields.get("load_balance_models") {
            self.add_balanced(balanced);
        }
        if let Some(Tree::Map(group)) = fields.get("load_balance_group") {
            match group.get("models") {
                Some(balanced) => self.add_balanced(balanced),
                None => self.open = true,
            }
        }
        for name in ["models", "fallback_models"] {
            match fields.get(name) {
                Some(Tree::List(names)) => names.iter().for_each(|name| self.add(name, None)),
                given => self.open |= given.is_some(),
            }
        }
    }

    fn add_balanced(&mut self, balanced: &Tree) {
        let Tree::List(entries) = balanced else {
            self.open = true;
            return;
        };
        for entry in entries {
            let (name, weight) = match entry {
                Tree::Map(fields) => (fields.get("model"), fields.get("weight")),
                _ => (None, None),
            };
            let weight = match weight {
                Some(Tree::Plain(weight)) => weight.as_f64(),
                _ => None,
            };
            match name {
                Some(name) => self.add(name, weight.or(Some(1.0))),
                None => self.open = true,
            }
        }
    }

    /// Adds a model. One whose name the gateway learns from a row or a key may be any.
    fn add(&mut self, name: &Tree, weight: Option<f64>) {
        match name {
            Tree::Text(pieces, _) => match pieces.as_slice() {
                [Piece::Text(name)] => self.add_named(name, weight),
                _ => self.open = true,
            },
            Tree::Plain(Value::String(name)) => self.add_named(name, weight),
            _ => self.open = true,
        }
    }

    fn add_named(&mut self, name: &str, weight: Option<f64>) {
        let known = self.models.iter_mut().find(|choice| choice.name == name);
        match (known, weight) {
            (None, _) => self.models.push(Choice::new(name, weight)),
            (Some(known), Some(weight)) => *known.weight.get_or_insert_default() += weight,
            (Some(_), None) => {}
        }
    }

    fn has(&self, name: &str) -> bool {
        self.models.iter().any(|choice| choice.name == name)
    }

    /// Their names, as the scenario writes them.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.models.iter().map(|choice| choice.name.as_str())
    }

    /// The weights of those of which the gateway draws one, in the order of the file.
    pub fn weights(&self) -> impl Iterator<Item = (&str, f64)> {
        let weight = |choice: &Choice| choice.weight;
        let drawn = self
            .models
            .iter()
            .filter_map(move |c| Some((c, weight(c)?)));
        drawn.map(|(choice, weight)| (choice.name.as_str(), weight))
    }

    /// The model that answered by the name `told`, in the words of the scenario or else of the prices.
    pub fn answered<'a>(
        &'a self,
        told: &str,
        by: Option<&str>,
        prices: Option<&'a PriceTable>,
    ) -> Option<&'a str> {
        let chosen = pricing::meant(&self.names(), told, by);
        chosen.or_else(|| Some(prices?.find(told, by)?.0))
    }

    /// The provider of a model that answered; of all that may, where nobody knows which did.
    pub fn provider(&self, answered: Option<&str>) -> Option<Arc<str>> {
        let Some(name) = answered else {
            return self.provider.clone();
        };
        match self.models.iter().find(|choice| choice.name == name) {
            Some(choice) => choice.provider.clone(),
            None => pricing::provider(name).map(Arc::from),
        }
    }
}

impl Choice {
    fn new(name: &str, weight: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            provider: pricing::provider(name).map(Arc::from),
            weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::template::split;

    fn tree(value: &Value) -> Tree {
        match value {
            Value::String(text) => Tree::Text(split(text).unwrap(), 0..0),
            Value::Array(items) => Tree::List(items.iter().map(tree).collect()),
            Value::Object(fields) => {
                Tree::Map(fields.iter().map(|(k, v)| (k.clone(), tree(v))).collect())
            }
            plain => Tree::Plain(plain.clone()),
        }
    }

    fn choices(body: &Value) -> Choices {
        let Tree::Map(fields) = tree(body) else {
            unreachable!()
        };
        Choices::of("openai/gpt", &fields, std::iter::empty())
    }

    fn names(choices: &Choices) -> Vec<&str> {
        choices.names().collect()
    }

    #[test]
    fn without_routing_the_model_that_is_asked_answers() {
        let alone = choices(&serde_json::json!({ "temperature": 0 }));
        assert_eq!((names(&alone), alone.open), (vec!["openai/gpt"], false));
        assert_eq!(alone.answered("gpt", None, None), Some("openai/gpt"));
        assert_eq!(alone.answered("gpt-4-2026", None, None), None);
        // Whatever it calls itself, it was asked at one provider.
        assert_eq!(alone.provider(None).as_deref(), Some("openai"));
    }

    #[test]
    fn one_that_is_drawn_stands_in_the_place_of_the_recipes() {
        let drawn = choices(&serde_json::json!({
            "load_balance_models": [
                { "model": "azure/gpt", "weight": 3 }, { "model": "a/claude", "weight": 1 },
                { "model": "azure/gpt", "weight": 2 },
            ],
            "fallback_models": ["b/other", "a/claude"],
        }));
        assert_eq!(names(&drawn), ["azure/gpt", "a/claude", "b/other"]);
        let weights: Vec<_> = drawn.weights().collect();
        assert_eq!(weights, [("azure/gpt", 5.0), ("a/claude", 1.0)]);
        assert_eq!(drawn.answered("gpt", None, None), Some("azure/gpt"));
        assert_eq!(drawn.provider(Some("a/claude")).as_deref(), Some("a"));
        assert_eq!(drawn.provider(None), None);
    }

    #[test]
    fn what_only_the_gateway_knows_is_open() {
        for body in [
            serde_json::json!({ "load_balance_group": { "group_id": "g" } }),
            serde_json::json!({ "fallback_models": ["{{ row.model }}"] }),
            serde_json::json!({ "respan_params": { "load_balance_group": { "group_id": "g" } } }),
        ] {
            let open = choices(&body);
            assert!(open.open && open.provider(None).is_none(), "{body}");
        }
        let headers = ["X-Data-Respan-Params"].into_iter();
        assert!(Choices::of("m", &Fields::new(), headers).open);
        let named = serde_json::json!({ "load_balance_group": {
            "group_id": "g", "models": [{ "model": "x/y", "weight": 1 }] } });
        assert_eq!(
            (names(&choices(&named)), choices(&named).open),
            (vec!["x/y"], false)
        );
    }
}
