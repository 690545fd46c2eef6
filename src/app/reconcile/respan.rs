//! The log of Respan's hosted gateway, and of whatever keeps that contract: pages of rows, of which each
//! names the next.

use std::collections::HashSet;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use url::Url;

use super::ask::{Asker, Stop, base_path};
use super::fields::Fields;
use super::{Round, Wanted};
use crate::judge::{Key, LogRows, Logged};

/// The rows of a page; Respan gives no more.
const PAGE: usize = 1_000;
/// Pages beyond those that the run's own rows fill: a log that heeds no filter has rows of others.
const FURTHER_PAGES: u64 = 1_000;
/// How far the clocks of log and client may be apart.
const APART: time::Duration = time::Duration::days(1);
/// What is read of a row.
const FIELDS: &str = "unique_id,id,custom_identifier,model,provider_id,status_code,prompt_tokens,\
completion_tokens,cost,latency,time_to_first_token,routing_time,cache_bit,timestamp";

/// Reads the log once from its start.
pub(super) async fn read(
    asker: &Asker,
    wanted: &Wanted,
    rows: &mut LogRows,
    round: &mut Round,
) -> Result<(), Stop> {
    let mut path = first(asker.base_url(), wanted);
    let identifier = json!({ "operator": "startswith", "value": [format!("{}-", wanted.run_id)] });
    let body = json!({ "filters": { "custom_identifier": identifier } }).to_string();
    let most = wanted.sent / PAGE as u64 + FURTHER_PAGES;
    let (mut read, mut been) = (0, HashSet::new());
    loop {
        been.insert(path.clone());
        let answer = asker.post(&path, body.as_bytes()).await?;
        let page = Page::of(&answer.body).map_err(|wrong| {
            let url = format!("{}/request-logs/list/", asker.base_url());
            Stop::Unusable(asker.hidden(&format!("{url} {wrong}")))
        })?;
        round.pages += 1;
        read += page.results.len() as u64;
        for row in &page.results {
            round.take(row_of(row, wanted), rows);
        }
        let Some(next) = page.next else {
            return match page.count.filter(|count| *count > read) {
                Some(count) => Err(Stop::Unusable(format!(
                    "the log says that it has {count} rows, and its pages held {read}"
                ))),
                None => Ok(()),
            };
        };
        path = follow(asker.base_url(), &path, &next).map_err(|why| {
            let said = format!("{why}: what follows after {read} rows was not read");
            Stop::Unusable(asker.hidden(&said))
        })?;
        if been.contains(&path) {
            let said = "the next page is one that was read before";
            return Err(Stop::Unusable(format!(
                "{said}: what follows after {read} rows was not read"
            )));
        }
        if round.pages >= most {
            return Err(Stop::Unusable(format!(
                "the log goes on after {most} pages: what follows after {read} rows was not read"
            )));
        }
    }
}

/// Path and query of the first page. Rows that come while pages are read are put at the end.
fn first(base_url: &str, wanted: &Wanted) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let written = |at: OffsetDateTime| at.format(format).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("page", "1")
        .append_pair("page_size", &PAGE.to_string())
        .append_pair("sort_by", "id")
        .append_pair("include_fields", FIELDS);
    if let Some(started) = wanted.started {
        query.append_pair("start_time", &written(started - APART));
    }
    query.append_pair("end_time", &written(OffsetDateTime::now_utc() + APART));
    let path = base_path(base_url);
    format!("{path}/request-logs/list/?{}", query.finish())
}

/// Path and query of the next page, which must be at the same host: the key goes with the request.
fn follow(base_url: &str, from: &str, next: &str) -> Result<String, String> {
    let base = Url::parse(base_url).map_err(|_| format!("`{base_url}` is no URL"))?;
    let from = base.join(from).map_err(|_| "there is no page".to_owned())?;
    let next_url = from
        .join(next)
        .map_err(|_| format!("the next page `{next}` is no URL"))?;
    // Behind a proxy a gateway may not know that it is reached by https.
    let same = next_url.host_str() == base.host_str()
        && (next_url.port_or_known_default() == base.port_or_known_default()
            || next_url.scheme() != base.scheme());
    if !same || !matches!(next_url.scheme(), "http" | "https") {
        let host = next_url.host_str().unwrap_or("nowhere");
        return Err(format!("the next page is elsewhere, at {host}"));
    }
    Ok(match next_url.query() {
        Some(query) => format!("{}?{query}", next_url.path()),
        None => next_url.path().to_owned(),
    })
}

/// A page of the log.
#[derive(Debug)]
struct Page {
    count: Option<u64>,
    next: Option<String>,
    results: Vec<Value>,
}

impl Page {
    /// Reads a page, or says what is wrong with it.
    fn of(body: &[u8]) -> Result<Self, String> {
        let Ok(mut page) = serde_json::from_slice::<Value>(body) else {
            let start = body.trim_ascii_start();
            return Err(if start.starts_with(b"<") {
                "answers a web page, not JSON\nhelp: check the base URL".to_owned()
            } else if start.is_empty() {
                "answers nothing".to_owned()
            } else {
                "answers something that is no JSON".to_owned()
            });
        };
        let Some(Value::Array(results)) = page.get_mut("results").map(Value::take) else {
            return Err("answers JSON without `results`: it is no page of a log".to_owned());
        };
        let next = match page.get("next") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) => Some(next.clone()).filter(|next| !next.is_empty()),
            Some(_) => return Err("names a next page that is no URL".to_owned()),
        };
        Ok(Self {
            count: page.get("count").and_then(Value::as_u64),
            next,
            results,
        })
    }
}

/// A row of the log: `Ok(None)` where it is of another run; and the first field that can't be read.
fn row_of(row: &Value, wanted: &Wanted) -> super::Read {
    let Some(fields) = row.as_object() else {
        return Err("a row is no object".to_owned());
    };
    let mut fields = Fields::of(fields);
    let identifier = fields.text(&["custom_identifier"]);
    let key =
        identifier.and_then(|id| Key::of_identifier(&id, &wanted.run_id).map(|key| (id, key)));
    let Some((identifier, key)) = key else {
        return Ok(None);
    };
    let ended = fields.instant(&["timestamp"]);
    let row = Logged {
        // A row without a name is told from others by when it ended.
        row: fields
            .text(&["unique_id", "id"])
            .unwrap_or_else(|| format!("{identifier} {ended:?}")),
        status: fields.status(&["status_code"]),
        input_tokens: fields.count(&["prompt_tokens"]),
        output_tokens: fields.count(&["completion_tokens"]),
        cost: fields.dollars(&["cost"]),
        latency_s: fields.number(&["latency"]),
        ttft_s: fields.number(&["time_to_first_token", "ttft"]),
        routing_s: fields.number(&["routing_time"]),
        ended,
        model: fields.text(&["model"]),
        provider: fields.text(&["provider_id"]),
        cache_hit: fields.truth(&["cache_bit"]),
    };
    Ok(Some((key, row, fields.wrong)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_followed_at_the_same_host_alone() {
        let follow = |base: &str, next: &str| super::follow(base, "/api/list/?page=1", next);
        let (http, https) = ("http://h:1/api", "https://h/api");
        let fine = Ok("/api/list/?page=2".to_owned());
        assert_eq!(follow(http, "http://h:1/api/list/?page=2"), fine);
        assert_eq!(follow(http, "/api/list/?page=2"), fine);
        assert_eq!(follow(http, "?page=2"), fine);
        assert_eq!(follow(https, "http://h/api/list/?page=2"), fine);
        for elsewhere in [
            "http://evil/api/list/?page=2",
            "http://h:2/api/list/?page=2",
            "//evil/?page=2",
            "http://h:1@evil/api",
            "file:///etc/passwd",
        ] {
            let refused = follow(http, elsewhere);
            assert!(refused.is_err(), "{elsewhere}: {refused:?}");
        }
    }

    #[test]
    fn what_is_no_page_is_told_as_what_it_is() {
        let wrong = |body: &str| Page::of(body.as_bytes()).unwrap_err();
        assert!(wrong("<!doctype html><html>").contains("a web page"));
        assert!(wrong("").contains("nothing"));
        assert!(wrong("{\"results\":").contains("no JSON"));
        assert!(wrong("{\"detail\":\"x\"}").contains("without `results`"));
        assert!(wrong("{\"results\":{}}").contains("without `results`"));
        assert!(wrong("{\"results\":[],\"next\":7}").contains("no URL"));
    }
}
