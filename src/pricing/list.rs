//! A gateway's own list of models and their prices, to a price table.
//!
//! The list is somebody else's: what can't be read of it is told apart, and never left out in silence.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Price, TokenPrice};
use crate::base::Usd;

/// Decimal places of a listed price that are kept: a list may hold the noise of binary fractions.
const PLACES: usize = 12;

/// What a list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The prices that could be read, for a million tokens.
    pub models: BTreeMap<String, Price>,
    /// The rows that could not.
    pub left_out: Vec<LeftOut>,
}

/// A row that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which model, or which row.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Why an answer is no list of models.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It is no JSON.
    #[error("the answer is no JSON: {0}")]
    NotJson(String),
    /// It is JSON of another shape.
    #[error(
        "the answer holds no list: wanted an array, or an object with `models`, `data` or `results`"
    )]
    NotAList,
}

impl Listed {
    /// Adds a page of a list; what the page says of a next one.
    pub fn read(&mut self, page: &[u8]) -> Result<Option<String>, ListError> {
        let json: Value =
            serde_json::from_slice(page).map_err(|error| ListError::NotJson(error.to_string()))?;
        let keys = ["models", "data", "results"];
        let rows = json.as_array().or_else(|| {
            let mut found = keys.iter().filter_map(|key| json.get(key)?.as_array());
            found.next()
        });
        for (index, row) in rows.ok_or(ListError::NotAList)?.iter().enumerate() {
            let name = name(row).unwrap_or_else(|| format!("row {}", index + 1));
            match price(row) {
                Ok(price) => self.add(name, provider(row), &price),
                Err(why) => self.leave_out(name, why),
            }
        }
        Ok(json.get("next").and_then(Value::as_str).map(str::to_owned))
    }

    /// Adds a model under its name and, where that has no provider in it, also with its provider:
    /// requests may use either.
    fn add(&mut self, name: String, provider: Option<&str>, price: &Price) {
        let qualified = provider.filter(|_| !name.contains('/'));
        let qualified = qualified.map(|provider| format!("{provider}/{name}"));
        for name in qualified.into_iter().chain([name]) {
            let ambiguous = self.left_out.iter().any(|row| row.name == name);
            match self.models.get(&name) {
                Some(known) if known != price => {
                    self.models.remove(&name);
                    self.leave_out(name, "it is listed with two different prices".to_owned());
                }
                None if !ambiguous => {
                    self.models.insert(name, price.clone());
                }
                _ => {}
            }
        }
    }

    fn leave_out(&mut self, name: String, why: String) {
        self.left_out.push(LeftOut { name, why });
    }
}

fn name(row: &Value) -> Option<String> {
    let keys = ["model_name", "model", "name", "id"];
    let mut names = keys.iter().filter_map(|key| row.get(key)?.as_str());
    names.find(|name| !name.is_empty()).map(str::to_owned)
}

fn provider(row: &Value) -> Option<&str> {
    let provider = row.get("provider")?;
    let id = provider.get("provider_id").unwrap_or(provider);
    id.as_str().filter(|id| !id.is_empty())
}

/// The price of a row, or why it has none.
fn price(row: &Value) -> Result<Price, String> {
    if name(row).is_none() {
        return Err("it names no model".to_owned());
    }
    let needed = |key: &str| amount(row, key)?.ok_or_else(|| format!("it has no `{key}`"));
    let (input, output) = (needed("input_cost")?, needed("output_cost")?);
    if input.femtos() == 0 && output.femtos() == 0 {
        let why = "both its prices are 0, which may mean that none is known: add it by hand if it is free";
        return Err(why.to_owned());
    }
    let tokens = TokenPrice {
        input,
        cached_input: amount(row, "cache_hit_input_cost")?,
        output,
    };
    Ok(Price {
        per_million: Some(tokens),
        ..Price::default()
    })
}

/// An amount of a row; `None` where it has none.
fn amount(row: &Value, key: &str) -> Result<Option<Usd>, String> {
    let text = match row.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => {
            let text = format!("{:.PLACES$}", number.as_f64().unwrap_or(f64::NAN));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Some(other) => return Err(format!("its `{key}` is {other}")),
    };
    let usd = text.parse().map(Some);
    usd.map_err(|_| format!("its `{key}` is no price: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(json: &str) -> Listed {
        let mut listed = Listed::default();
        listed.read(json.as_bytes()).unwrap();
        listed
    }

    fn tokens(listed: &Listed, name: &str) -> (String, Option<String>, String) {
        let price = listed.models[name].per_million.clone().unwrap();
        let text = |usd: Usd| (usd.femtos() as f64 / 1e15).to_string();
        (
            text(price.input),
            price.cached_input.map(text),
            text(price.output),
        )
    }

    #[test]
    fn prices_are_read_exactly_under_both_names_of_a_model() {
        let listed = listed(
            r#"{"models":[
                {"model_name":"gpt-5","input_cost":1.25,"output_cost":10,"provider":{"provider_id":"openai"}},
                {"model_name":"groq/llama","input_cost":"0.05","output_cost":8e-2,"cache_hit_input_cost":0.30000000000000004}
            ]}"#,
        );
        assert_eq!(listed.left_out, []);
        let names: Vec<&String> = listed.models.keys().collect();
        assert_eq!(names, ["gpt-5", "groq/llama", "openai/gpt-5"]);
        let owned =
            |a: &str, b: Option<&str>, c: &str| (a.to_owned(), b.map(str::to_owned), c.to_owned());
        assert_eq!(tokens(&listed, "openai/gpt-5"), owned("1.25", None, "10"));
        let cached = owned("0.05", Some("0.3"), "0.08");
        assert_eq!(tokens(&listed, "groq/llama"), cached);
    }

    #[test]
    fn a_row_that_can_not_be_read_is_told_and_the_others_are_kept() {
        let listed = listed(
            r#"[{"model_name":"a","input_cost":1,"output_cost":2},
                {"model_name":"b","input_cost":1},
                {"model_name":"c","input_cost":"cheap","output_cost":1},
                {"model_name":"d","input_cost":-1,"output_cost":1},
                {"model_name":"e","input_cost":0,"output_cost":0},
                {"model_name":"f","input_cost":{"usd":1},"output_cost":1},
                {"input_cost":1,"output_cost":2}, 7, null]"#,
        );
        assert_eq!(listed.models.len(), 1);
        let told: Vec<&str> = listed
            .left_out
            .iter()
            .map(|row| row.name.as_str())
            .collect();
        assert_eq!(told, ["b", "c", "d", "e", "f", "row 7", "row 8", "row 9"]);
        let why = |name: &str| {
            let mut rows = listed.left_out.iter().filter(|row| row.name == name);
            rows.next().unwrap().why.clone()
        };
        assert_eq!(why("b"), "it has no `output_cost`");
        assert_eq!(why("c"), "its `input_cost` is no price: cheap");
        assert_eq!(why("d"), "its `input_cost` is no price: -1");
        assert!(why("e").contains("both its prices are 0"));
        assert_eq!(why("row 8"), "it names no model");
    }

    #[test]
    fn a_name_with_two_prices_is_none_and_with_its_provider_is() {
        let row = |provider: &str, input: u8| {
            format!(
                r#"{{"model_name":"gpt","input_cost":{input},"output_cost":9,"provider":{{"provider_id":"{provider}"}}}}"#
            )
        };
        let rows = [row("openai", 1), row("azure", 2), row("other", 1)].join(",");
        let listed = listed(&format!("[{rows}]"));
        let names: Vec<&String> = listed.models.keys().collect();
        assert_eq!(names, ["azure/gpt", "openai/gpt", "other/gpt"]);
        assert_eq!(listed.left_out.len(), 1);
        assert_eq!(listed.left_out[0].name, "gpt");
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let error = |page: &str| Listed::default().read(page.as_bytes()).unwrap_err();
        assert!(matches!(error("<html>"), ListError::NotJson(_)));
        assert_eq!(error(r#"{"detail":"no"}"#), ListError::NotAList);
        assert_eq!(error("7"), ListError::NotAList);
    }

    #[test]
    fn a_page_says_where_the_next_one_is() {
        let mut listed = Listed::default();
        let next = listed.read(br#"{"results":[],"next":"http://x/?page=2"}"#);
        assert_eq!(next.unwrap().as_deref(), Some("http://x/?page=2"));
        assert_eq!(listed.read(br#"{"results":[],"next":null}"#), Ok(None));
    }
}
