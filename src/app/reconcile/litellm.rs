//! The spend log of the `LiteLLM` proxy: all its rows of the days of the run, in one answer.
//!
//! A row's id is that of the answer's body. The header `x-litellm-call-id` is another one, and in the row
//! only where there was no answer. Requests that bear their name as a tag are joined by it:
//! `body: { metadata: { tags: ["{{ run.id }}-{{ arrival.id }}"] } }`.

use serde_json::Value;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::ask::{Asker, Stop, base_path};
use super::fields::Fields;
use super::{Read, Round, Wanted};
use crate::judge::{Key, LogRows, Logged};

/// How far the clocks of log and client may be apart.
const APART: Duration = Duration::days(1);

/// Reads the log once.
pub(super) async fn read(
    asker: &Asker,
    wanted: &Wanted,
    rows: &mut LogRows,
    round: &mut Round,
) -> Result<(), Stop> {
    let day = format_description!("[year]-[month]-[day]");
    let written = |at: OffsetDateTime| at.format(day).unwrap_or_default();
    let now = OffsetDateTime::now_utc();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair(
            "start_date",
            &written(wanted.started.unwrap_or(now) - APART),
        )
        .append_pair("end_date", &written(now + APART))
        .append_pair("summarize", "false");
    let base = base_path(asker.base_url());
    // The API's version is in the base URL of its calls, and not in that of its log.
    let base = base.strip_suffix("/v1").unwrap_or(base);
    let answer = asker
        .get(&format!("{base}/spend/logs?{}", query.finish()))
        .await?;
    round.pages += 1;
    let found = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Array(found)) => found,
        Ok(_) => return Err(unusable("JSON that is no list of its rows")),
        Err(_) if answer.body.trim_ascii_start().starts_with(b"<") => {
            return Err(unusable("a web page, not JSON"));
        }
        Err(_) => return Err(unusable("something that is no JSON")),
    };
    for row in &found {
        round.take(row_of(row, wanted), rows);
    }
    Ok(())
}

fn unusable(what: &str) -> Stop {
    Stop::Unusable(format!(
        "/spend/logs answers {what}\nhelp: check the base URL and --kind; the proxy needs a database for its log"
    ))
}

fn row_of(row: &Value, wanted: &Wanted) -> Read {
    let Some(cells) = row.as_object() else {
        return Err("a row is no object".to_owned());
    };
    let mut fields = Fields::of(cells);
    let name = fields.text(&["request_id"]);
    let by_name = || {
        let key = Key::Request(name.as_deref()?.into());
        wanted.names.contains(&key).then_some(key)
    };
    let Some(key) = by_tag(cells.get("request_tags"), wanted).or_else(by_name) else {
        return Ok(None);
    };
    let (started, ended) = (fields.instant(&["startTime"]), fields.instant(&["endTime"]));
    let first = fields.instant(&["completionStartTime"]);
    let since = |at: Option<f64>| Some(at? - started?).filter(|time| *time >= 0.0);
    let latency_s = since(ended);
    let failed = fields
        .text(&["status"])
        .is_some_and(|status| status == "failure");
    let row = Logged {
        row: name.unwrap_or_else(|| format!("{key:?} {ended:?}")),
        input_tokens: fields.count(&["prompt_tokens"]),
        output_tokens: fields.count(&["completion_tokens"]),
        // A failure is logged with a spend of 0, whatever it cost.
        cost: fields.dollars(&["spend"]).filter(|_| !failed),
        latency_s,
        // Of an answer in one piece the first token is its end.
        ttft_s: since(first).filter(|first| Some(*first) != latency_s),
        ended,
        model: fields.text(&["model"]),
        provider: fields.text(&["custom_llm_provider"]),
        cache_hit: cells
            .get("cache_hit")
            .and_then(Value::as_str)
            .filter(|said| !said.is_empty())
            .map(|said| said.eq_ignore_ascii_case("true")),
        ..Logged::default()
    };
    Ok(Some((key, row, fields.wrong)))
}

/// The request's name among the tags of a row: a list, or one that is written as text.
fn by_tag(tags: Option<&Value>, wanted: &Wanted) -> Option<Key> {
    let written: Value;
    let tags = match tags? {
        Value::String(text) => {
            written = serde_json::from_str(text).ok()?;
            &written
        }
        tags => tags,
    };
    let mut names = tags.as_array()?.iter().filter_map(Value::as_str);
    names.find_map(|name| Key::of_identifier(name, &wanted.run_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Money;
    use serde_json::json;

    fn row() -> Value {
        json!({
            "request_id": "chatcmpl-1", "call_type": "acompletion", "spend": 0.000_123, "total_tokens": 30,
            "prompt_tokens": 10, "completion_tokens": 20, "startTime": "2026-11-24T12:00:00.000000Z",
            "endTime": "2026-11-24T12:00:01.500000Z", "completionStartTime": "2026-11-24T12:00:00.250000Z",
            "model": "gpt-5-mini", "custom_llm_provider": "openai", "cache_hit": "False",
            "request_tags": ["User-Agent: x", "r1-0-3"], "status": "success", "metadata": {},
        })
    }

    #[test]
    fn a_request_is_known_by_its_tag_or_by_the_name_that_its_answer_told() {
        let wanted = Wanted::of_run("r1");
        let (key, found, wrong) = row_of(&row(), &wanted).unwrap().unwrap();
        assert_eq!(Some(key), Key::of_identifier("r1-0-3", "r1"));
        assert_eq!(
            (found.cost, wrong),
            (Some(Money::from_nanos(123_000)), None)
        );
        let micros = |seconds: Option<f64>| (seconds.unwrap() * 1e6).round();
        assert_eq!(micros(found.latency_s).to_string(), "1500000");
        assert_eq!(micros(found.ttft_s).to_string(), "250000");
        assert_eq!((found.cache_hit, found.status), (Some(false), None));
        let mut as_text = row();
        as_text["request_tags"] = json!("[\"r1-0-3\"]");
        assert!(row_of(&as_text, &wanted).unwrap().is_some());
        let mut untagged = row();
        untagged["request_tags"] = json!([]);
        assert!(
            row_of(&untagged, &wanted).unwrap().is_none(),
            "it is of nobody we know"
        );
        let mut told = Wanted::of_run("r1");
        told.names.insert(Key::Request("chatcmpl-1".into()));
        let (key, ..) = row_of(&untagged, &told).unwrap().unwrap();
        assert_eq!(key, Key::Request("chatcmpl-1".into()));
    }

    #[test]
    fn what_a_row_can_not_know_is_unknown() {
        let wanted = Wanted::of_run("r1");
        let mut failed = row();
        failed["status"] = json!("failure");
        failed["spend"] = json!(0.0);
        failed["cache_hit"] = json!("");
        failed["completionStartTime"] = failed["endTime"].clone();
        let (_, found, _) = row_of(&failed, &wanted).unwrap().unwrap();
        assert_eq!(
            (found.cost, found.ttft_s, found.cache_hit),
            (None, None, None)
        );
    }
}
