//! Which rows a reader wants, in which order, and which page of them.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::row::Row;
use crate::lab::gateway::clock::written;
use crate::lab::gateway::errors::Refusal;

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;
const OPERATORS: [&str; 18] = [
    "",
    "not",
    "in",
    "not_in",
    "lt",
    "lte",
    "gt",
    "gte",
    "contains",
    "not_contains",
    "icontains",
    "startswith",
    "not_startswith",
    "endswith",
    "not_endswith",
    "empty",
    "not_empty",
    "iexact",
];

/// One condition on a field.
#[derive(Debug)]
struct Condition {
    field: String,
    operator: &'static str,
    values: Vec<Value>,
}

/// What a reader asks of the log.
#[derive(Debug)]
pub(super) struct Query {
    conditions: Vec<Condition>,
    from: Option<String>,
    to: Option<String>,
    sort_by: String,
    pub(super) page: usize,
    pub(super) page_size: usize,
    include: Option<Vec<String>>,
    pub(super) group_by: Option<String>,
}

impl Query {
    /// Reads the query of a URL, and the `filters` of a body.
    pub(super) fn read(query: &str, body: &[u8]) -> Result<Self, Refusal> {
        let mut read = Self {
            conditions: Vec::new(),
            from: None,
            to: None,
            sort_by: "-timestamp".to_owned(),
            page: 1,
            page_size: PAGE,
            include: None,
            group_by: None,
        };
        let mut problems = Vec::new();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if let Err(problem) = read.take(&key, &value) {
                problems.push((key.into_owned(), problem));
            }
        }
        if !body.iter().all(u8::is_ascii_whitespace) {
            let body: Value = serde_json::from_slice(body)
                .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
            match conditions(&body["filters"]) {
                Ok(conditions) => read.conditions.extend(conditions),
                Err(problem) => problems.push(("filters".to_owned(), problem)),
            }
        }
        if problems.is_empty() {
            Ok(read)
        } else {
            Err(Refusal::of_fields(problems))
        }
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let number = || match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("`{value}` is no number above zero")),
        };
        match key {
            "page" => self.page = number()?,
            "page_size" => self.page_size = number()?.min(LARGEST_PAGE),
            "sort_by" => value.clone_into(&mut self.sort_by),
            "start_time" => self.from = Some(instant(value)?),
            "end_time" => self.to = Some(instant(value)?),
            "include_fields" => {
                let fields = value.split(',').map(|field| field.trim().to_owned());
                self.include = Some(fields.collect());
            }
            "group_by" => self.group_by = Some(value.to_owned()),
            "log_type" => self.conditions.push(Condition {
                field: key.to_owned(),
                operator: "",
                values: vec![value.into()],
            }),
            // A reader may ask for more than a lab knows.
            _ => {}
        }
        Ok(())
    }

    /// The rows that fit, in the reader's order.
    pub(super) fn select(&self, mut rows: Vec<Arc<Row>>) -> Vec<Arc<Row>> {
        rows.retain(|row| self.fits(row));
        let (field, descending) = match self.sort_by.strip_prefix('-') {
            Some(field) => (field, true),
            None => (self.sort_by.as_str(), false),
        };
        // Rows come in the order of their ends, so that equal ones stay in it.
        let field = if field == "id" { "timestamp" } else { field };
        if rows.first().is_some_and(|row| row.text(field).is_ok()) {
            rows.sort_by(|a, b| a.text(field).cmp(&b.text(field)));
        } else {
            let mut keyed: Vec<_> = rows
                .into_iter()
                .map(|row| (row.field(field), row))
                .collect();
            keyed.sort_by(|(a, _), (b, _)| order(a, b));
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        if descending {
            rows.reverse();
        }
        rows
    }

    fn fits(&self, row: &Row) -> bool {
        self.from.as_ref().is_none_or(|from| row.timestamp >= *from)
            && self.to.as_ref().is_none_or(|to| row.timestamp <= *to)
            && self.conditions.iter().all(|one| match one.of_text(row) {
                Some(holds) => holds,
                None => one.holds(&row.field(&one.field)),
            })
    }

    /// The row as the reader wants it.
    pub(super) fn show(&self, row: &Row) -> Value {
        match &self.include {
            None => serde_json::to_value(row).unwrap_or_default(),
            Some(fields) => {
                let shown = fields.iter().map(|field| (field.clone(), row.field(field)));
                Value::Object(shown.collect::<Map<_, _>>())
            }
        }
    }
}

/// `{"field": {"operator": "gte", "value": [1]}}`, or a list of such conditions for a field.
fn conditions(filters: &Value) -> Result<Vec<Condition>, String> {
    let filters = match filters {
        Value::Null => return Ok(Vec::new()),
        Value::Object(filters) => filters,
        _ => return Err("it is no object by field".to_owned()),
    };
    let mut found = Vec::new();
    for (field, value) in filters {
        let several = match value {
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        for one in several {
            found.push(condition(field, one)?);
        }
    }
    Ok(found)
}

fn condition(field: &str, json: &Value) -> Result<Condition, String> {
    let wanted = json["operator"].as_str().unwrap_or_default();
    let Some(operator) = OPERATORS.into_iter().find(|known| *known == wanted) else {
        return Err(format!("`{field}`: no operator `{wanted}`"));
    };
    let values = match &json["value"] {
        Value::Array(values) => values.clone(),
        Value::Null if operator.ends_with("empty") => Vec::new(),
        Value::Null => return Err(format!("`{field}` needs a `value`")),
        one => vec![one.clone()],
    };
    Ok(Condition {
        field: field.to_owned(),
        operator,
        values,
    })
}

impl Condition {
    /// Whether it holds, where that can be said without a copy of the field: pages of a long log are asked
    /// for one after the other.
    fn of_text(&self, row: &Row) -> Option<bool> {
        let text = row.text(&self.field).ok()?.unwrap_or_default();
        let test: fn(&str, &str) -> bool = match self.operator {
            "startswith" => |text, part| text.starts_with(part),
            "endswith" => |text, part| text.ends_with(part),
            "contains" => |text, part| text.contains(part),
            "" | "in" => |text, other| text == other,
            _ => return None,
        };
        let mut any = false;
        for value in &self.values {
            any |= test(text, value.as_str()?);
        }
        Some(any)
    }

    fn holds(&self, value: &Value) -> bool {
        let any = |test: &dyn Fn(&Value) -> bool| self.values.iter().any(test);
        let text = text(value);
        let empty = text.is_empty() || *value == Value::Object(Map::new());
        let compared = |wanted: Ordering, or_equal: bool| {
            let holds = |other: &Value| {
                let order = order(value, other);
                order == wanted || (or_equal && order == Ordering::Equal)
            };
            !value.is_null() && any(&holds)
        };
        let named = |test: fn(&str, &str) -> bool| any(&|other| test(&text, &self::text(other)));
        match self.operator {
            "not" | "not_in" => !any(&|other| equal(value, other)),
            "lt" => compared(Ordering::Less, false),
            "lte" => compared(Ordering::Less, true),
            "gt" => compared(Ordering::Greater, false),
            "gte" => compared(Ordering::Greater, true),
            "contains" => named(|text, part| text.contains(part)),
            "not_contains" => !named(|text, part| text.contains(part)),
            "icontains" => named(|text, part| text.to_lowercase().contains(&part.to_lowercase())),
            "iexact" => named(|text, other| text.to_lowercase() == other.to_lowercase()),
            "startswith" => named(|text, part| text.starts_with(part)),
            "not_startswith" => !named(|text, part| text.starts_with(part)),
            "endswith" => named(|text, part| text.ends_with(part)),
            "not_endswith" => !named(|text, part| text.ends_with(part)),
            "empty" => empty,
            "not_empty" => !empty,
            _ => any(&|other| equal(value, other)),
        }
    }
}

/// Equal, also where a number or a truth was written as text.
fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => text(a) == text(b),
    }
}

/// Numbers by size, all else by its text; what is not there comes first.
fn order(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Number(_), _) | (_, Value::Number(_)) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => text(a).cmp(&text(b)),
        },
        _ => text(a).cmp(&text(b)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An instant as the rows write it. One without a zone is of UTC.
pub(super) fn instant(text: &str) -> Result<String, String> {
    let day = text.len() == 10;
    let zoned = if day {
        format!("{text}T00:00:00Z")
    } else {
        // A `+` in a query that nobody escaped has become a space.
        text.replacen(' ', if text.contains('T') { "+" } else { "T" }, 1)
    };
    let read = OffsetDateTime::parse(&zoned, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{zoned}Z"), &Rfc3339));
    read.map(written)
        .map_err(|_| format!("`{text}` is no instant like 2026-01-31T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows() -> Vec<Arc<Row>> {
        let row = |id: &str, cost: Option<f64>, second: u8| {
            let mut row = Row {
                unique_id: id.to_owned(),
                custom_identifier: Some(format!("run-{id}")),
                cost,
                status_code: if cost.is_some() { 200 } else { 429 },
                timestamp: format!("2026-01-01T00:00:{second:02}.000000Z"),
                ..Row::default()
            };
            row.metadata.insert("plan".into(), id.to_uppercase().into());
            Arc::new(row)
        };
        vec![
            row("a", Some(0.5), 1),
            row("b", None, 2),
            row("c", Some(2.0), 3),
        ]
    }

    fn ids(query: &str, filters: &Value) -> String {
        let body = json!({ "filters": filters }).to_string();
        let query = Query::read(query, body.as_bytes()).unwrap();
        let rows = query.select(rows());
        rows.iter().map(|row| row.unique_id.as_str()).collect()
    }

    #[test]
    fn each_operator_finds_its_rows() {
        let find = |field: &str, operator: &str, value: Value| {
            ids(
                "sort_by=id",
                &json!({ field: { "operator": operator, "value": value } }),
            )
        };
        for (field, operator, value, found) in [
            ("status_code", "", json!([200]), "ac"),
            ("status_code", "", json!(["200"]), "ac"),
            ("status_code", "in", json!([200, 429]), "abc"),
            ("status_code", "not", json!([200]), "b"),
            ("cost", "gt", json!([0.5]), "c"),
            ("cost", "gte", json!([0.5]), "ac"),
            ("cost", "lt", json!([2]), "a"),
            ("cost", "lte", json!(["2"]), "ac"),
            ("cost", "empty", json!([""]), "b"),
            ("cost", "not_empty", json!([""]), "ac"),
            ("custom_identifier", "contains", json!(["n-b"]), "b"),
            ("custom_identifier", "startswith", json!(["run-"]), "abc"),
            ("custom_identifier", "not_endswith", json!(["a"]), "bc"),
            ("metadata__plan", "", json!(["B"]), "b"),
            ("metadata__plan", "icontains", json!(["b"]), "b"),
            ("nothing", "", json!(["x"]), ""),
        ] {
            assert_eq!(find(field, operator, value), found, "{field} {operator}");
        }
        let both = json!({ "cost": [
            { "operator": "gt", "value": [0.1] }, { "operator": "lt", "value": [1] },
        ] });
        assert_eq!(ids("", &both), "a");
    }

    #[test]
    fn rows_come_in_the_order_and_of_the_time_that_was_asked() {
        let none = json!({});
        assert_eq!(ids("", &none), "cba", "the last first");
        assert_eq!(ids("sort_by=cost", &none), "bac");
        assert_eq!(ids("start_time=2026-01-01T00:00:02Z", &none), "cb");
        assert_eq!(ids("end_time=2026-01-01T01:00:02%2B01:00", &none), "ba");
        assert_eq!(ids("end_time=2026-01-01T01:00:02+01:00", &none), "ba");
        assert_eq!(ids("start_time=2026-01-01T00:00:03", &none), "c");
        assert_eq!(ids("start_time=2026-01-02", &none), "");
    }

    #[test]
    fn what_cannot_be_understood_is_a_422_with_the_field() {
        for query in ["page=0", "page_size=x", "start_time=soon"] {
            assert_eq!(Query::read(query, b"").unwrap_err().status, 422, "{query}");
        }
        let body = br#"{"filters":{"cost":{"operator":"about","value":[1]}}}"#;
        assert_eq!(Query::read("", body).unwrap_err().fields[0].0, "filters");
        assert_eq!(Query::read("page_size=5000", b"").unwrap().page_size, 1_000);
    }
}
