//! The log's endpoints: what others report, and what is read back.

#[cfg(feature = "sqlite")]
mod file;
mod filters;
mod row;
mod store;
mod totals;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Gateway;
use super::errors::Refusal;
use super::params::as_text;
use crate::base::{Money, Usage};
use filters::{Query, instant};

pub(super) use row::Row;
pub(super) use store::Store;

/// The most rows of one bulk upload.
const MOST_ROWS: usize = 500;

/// A status and a body.
type Told = Result<(StatusCode, Value), Refusal>;

impl Gateway {
    /// Takes one row.
    pub(super) fn create_log(&self, body: &[u8]) -> Told {
        let read: Value = serde_json::from_slice(body)
            .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
        let row = self.reported(&read).map_err(Refusal::of_fields)?;
        let told = json!({
            "id": row.unique_id,
            "unique_id": row.unique_id,
            "customer_identifier": row.customer_identifier,
            "status": row.status,
            "cost": row.cost,
            "timestamp": row.timestamp,
            "latency": row.latency,
            "time_to_first_token": row.time_to_first_token,
            "prompt_cache_hit_tokens": row.prompt_cache_hit_tokens,
        });
        self.logs.push(row);
        Ok((StatusCode::CREATED, told))
    }

    /// Takes many rows, each by itself.
    pub(super) fn create_logs(&self, body: &[u8]) -> Told {
        let read: Value = serde_json::from_slice(body)
            .map_err(|problem| Refusal::bad_request(problem.to_string()))?;
        let wrong = |problem: &str| Refusal::of_fields(vec![("logs".into(), problem.into())]);
        let rows = read["logs"].as_array().filter(|rows| !rows.is_empty());
        let rows = rows.ok_or_else(|| wrong("a list of rows is required"))?;
        if rows.len() > MOST_ROWS {
            return Err(wrong("at most 500 rows at once"));
        }
        let mut errors = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            match self.reported(row) {
                Ok(row) => self.logs.push(row),
                Err(problems) => {
                    let problems = problems
                        .iter()
                        .map(|(field, why)| format!("{field}: {why}"));
                    let problems: Vec<_> = problems.collect();
                    errors.push(json!({ "index": index, "error": problems.join("; ") }));
                }
            }
        }
        let accepted = rows.len() - errors.len();
        let status = if accepted == 0 {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::CREATED
        };
        let told = json!({
            "success_count": accepted, "error_count": errors.len(), "errors": errors,
        });
        Ok((status, told))
    }

    /// The rows that fit, a page of them.
    pub(super) fn list_logs(&self, url: &str, query: &str, body: &[u8]) -> Told {
        let asked = Query::read(query, body)?;
        let but_for_its_page = with_page("", query, 0) + &String::from_utf8_lossy(body);
        let select = |rows| asked.select(rows);
        let rows = self.logs.selected(&but_for_its_page, select)?;
        let from = (asked.page - 1).saturating_mul(asked.page_size);
        let page = rows.iter().skip(from).take(asked.page_size);
        let results: Vec<_> = page.map(|row| asked.show(row)).collect();
        let link = |page: usize| with_page(url, query, page);
        let more = from.saturating_add(asked.page_size) < rows.len();
        let told = json!({
            "count": rows.len(),
            "next": more.then(|| link(asked.page + 1)),
            "previous": (asked.page > 1).then(|| link(asked.page - 1)),
            "results": results,
        });
        Ok((StatusCode::OK, told))
    }

    /// One row.
    pub(super) fn one_log(&self, id: &str) -> Told {
        let rows = self.logs.rows()?;
        let found = rows.iter().find(|row| row.unique_id == id);
        let row = found.ok_or_else(|| Refusal::not_found("Not found."))?;
        let row = serde_json::to_value(&**row).unwrap_or_default();
        Ok((StatusCode::OK, row))
    }

    /// The totals of the rows that fit.
    pub(super) fn summarise_logs(&self, query: &str, body: &[u8]) -> Told {
        let asked = Query::read(query, body)?;
        let rows = asked.select(self.logs.rows()?);
        Ok((StatusCode::OK, totals::summary(&rows)))
    }

    /// The totals of each group of the rows that fit.
    pub(super) fn group_logs(&self, url: &str, query: &str, body: &[u8]) -> Told {
        let asked = Query::read(query, body)?;
        let Some(by) = &asked.group_by else {
            let problem = "name a field of the rows".to_owned();
            return Err(Refusal::of_fields(vec![("group_by".to_owned(), problem)]));
        };
        let groups = totals::groups(asked.select(self.logs.rows()?), by);
        let (count, size) = (groups.len(), asked.page_size);
        let from = (asked.page - 1).saturating_mul(size);
        let more = from.saturating_add(size) < count;
        let results: Vec<_> = groups.into_iter().skip(from).take(size).collect();
        let link = |page: usize| with_page(url, query, page);
        let told = json!({
            "count": count,
            "next": more.then(|| link(asked.page + 1)),
            "previous": (asked.page > 1).then(|| link(asked.page - 1)),
            "results": results,
        });
        Ok((StatusCode::OK, told))
    }

    /// The row of a call that was made elsewhere; where it is none, the fields that are wrong.
    fn reported(&self, json: &Value) -> Result<Row, Vec<(String, String)>> {
        let mut reader = Reported {
            fields: json,
            problems: Vec::new(),
        };
        let mut row = reader.row();
        if reader.problems.is_empty() {
            let number = self
                .calls
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            row.unique_id = self.row_id(number);
            let now = self.clock.written(Instant::now());
            if row.timestamp.is_empty() {
                row.timestamp.clone_from(&now);
            }
            if row.start_time.is_empty() {
                row.start_time.clone_from(&row.timestamp);
            }
            // A cost that was told wins over one that is worked out.
            let usage = Usage {
                input_tokens: row.prompt_tokens.unwrap_or_default(),
                output_tokens: row.completion_tokens.unwrap_or_default(),
                cached_input_tokens: row.prompt_cache_hit_tokens.unwrap_or_default(),
                ..Usage::default()
            };
            let computed = self.price(&row.model, &usage).map(Money::dollars);
            row.cost = row.cost.or(computed);
            return Ok(row);
        }
        Err(reader.problems)
    }

    /// What a model's use costs. A row may name the model without its provider, if there is but one
    /// of that name.
    fn price(&self, model: &str, usage: &Usage) -> Option<Money> {
        self.prices.as_ref()?.find(model, None)?.1.cost(usage)
    }
}

/// A row as somebody else reports it.
struct Reported<'a> {
    fields: &'a Value,
    problems: Vec<(String, String)>,
}

impl Reported<'_> {
    fn row(&mut self) -> Row {
        let model = self.text("model").filter(|model| !model.is_empty());
        if model.is_none() {
            self.problems
                .push(("model".to_owned(), "field required".to_owned()));
        }
        let usage = &self.fields["usage"];
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
        let of_usage = |name: &str| usage[name].as_u64();
        let (prompt, completion) = (of_usage("prompt_tokens"), of_usage("completion_tokens"));
        let code = self.number("status_code").unwrap_or(200.0) as u16;
        let error_message = self.text("error_message");
        let failed = code >= 400 || self.fields["status"] == "error";
        let params: &Value = &self.fields["customer_params"];
        let customer = params["customer_identifier"].as_str().map(str::to_owned);
        let latency = self.number("latency");
        let ttft = self.number("time_to_first_token");
        Row {
            model: model.unwrap_or_default(),
            custom_identifier: self.text("custom_identifier"),
            customer_identifier: self.text("customer_identifier").or(customer),
            thread_identifier: self.text("thread_identifier"),
            group_identifier: self.text("group_identifier"),
            trace_unique_id: self.text("trace_unique_id"),
            provider_id: self.text("provider_id"),
            log_type: self.text("log_type").unwrap_or_else(|| "chat".to_owned()),
            stream: self.fields["stream"] == true,
            status: if failed { "error" } else { "success" }.to_owned(),
            status_code: code,
            error_message,
            failed,
            prompt_tokens: self.count("prompt_tokens").or(prompt),
            completion_tokens: self.count("completion_tokens").or(completion),
            prompt_cache_hit_tokens: self.count("prompt_cache_hit_tokens").or(cached),
            cost: self.number("cost"),
            latency: latency.or_else(|| self.number("generation_time")),
            time_to_first_token: ttft.or_else(|| self.number("ttft")),
            tokens_per_second: self.number("tokens_per_second"),
            timestamp: self.instant("timestamp"),
            start_time: self.instant("start_time"),
            metadata: self.metadata(),
            prompt_messages: self.any("prompt_messages"),
            completion_message: self.any("completion_message"),
            ..Row::default()
        }
    }

    fn problem<T>(&mut self, name: &str, problem: impl Into<String>) -> Option<T> {
        self.problems.push((name.to_owned(), problem.into()));
        None
    }

    fn any(&self, name: &str) -> Option<Value> {
        self.fields
            .get(name)
            .filter(|value| !value.is_null())
            .cloned()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.any(name)? {
            Value::String(text) => Some(text),
            _ => self.problem(name, "it is no text"),
        }
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        match self.any(name)?.as_f64() {
            Some(number) if number >= 0.0 => Some(number),
            _ => self.problem(name, "it is no number from zero up"),
        }
    }

    fn count(&mut self, name: &str) -> Option<u64> {
        match self.any(name)?.as_u64() {
            Some(count) => Some(count),
            None => self.problem(name, "it is no whole number"),
        }
    }

    fn instant(&mut self, name: &str) -> String {
        let Some(text) = self.text(name) else {
            return String::new();
        };
        instant(&text).unwrap_or_else(|problem| self.problem(name, problem).unwrap_or_default())
    }

    fn metadata(&mut self) -> Map<String, Value> {
        match self.any("metadata") {
            None => Map::new(),
            Some(Value::Object(metadata)) => metadata.into_iter().map(as_text).collect(),
            Some(_) => self
                .problem("metadata", "it is no object")
                .unwrap_or_default(),
        }
    }
}

/// The same URL with another page.
fn with_page(url: &str, query: &str, page: usize) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != "page");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .extend_pairs(pairs)
        .append_pair("page", &page.to_string());
    format!("{url}?{}", query.finish())
}
