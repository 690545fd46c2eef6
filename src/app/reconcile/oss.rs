//! The log of Respan's open-source gateway: one export of all requests whose path holds the run's id.
//!
//! It keeps nothing of a request but its path, so with `kind: respan_oss` each path holds the request's
//! name. Times are whole milliseconds. It tells when the first byte was sent, which is no token: a time
//! to first token is unknown.

use serde_json::{Map, Value};

use super::ask::{Asker, Stop, origin};
use super::fields::Fields;
use super::{Read, Round, Wanted};
use crate::judge::{Key, LogRows, Logged};

/// The columns without which an export is none of this log.
const NEEDED: [&str; 2] = ["path", "status"];

/// Reads the log once.
pub(super) async fn read(
    asker: &Asker,
    wanted: &Wanted,
    rows: &mut LogRows,
    round: &mut Round,
) -> Result<(), Stop> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("format", "csv")
        .append_pair("q", &format!("{}-", wanted.run_id));
    let path = format!("/ui/api/requests/export?{}", query.finish());
    let answer = asker.get(&path).await?;
    round.pages += 1;
    let unusable = |why: &str| {
        let at = origin(asker.base_url());
        Stop::Unusable(format!("{at}/ui/api/requests/export answers {why}"))
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(&answer.body[..]);
    let head = reader.headers().map_err(|_| unusable("no CSV"))?.clone();
    if !NEEDED
        .iter()
        .all(|name| head.iter().any(|column| column == *name))
    {
        return Err(unusable(
            "something that is no export of its log\nhelp: check the base URL and --kind",
        ));
    }
    for record in reader.records() {
        let read = match record {
            Ok(record) if record.len() == head.len() => row_of(&head, &record, wanted),
            Ok(record) => Err(format!(
                "a row has {} columns of {}",
                record.len(),
                head.len()
            )),
            Err(error) => Err(error.to_string()),
        };
        round.take(read, rows);
    }
    Ok(())
}

/// A row of the export, which bears its request's name in its path.
fn row_of(head: &csv::StringRecord, record: &csv::StringRecord, wanted: &Wanted) -> Read {
    let cells = head.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
    let cells: Map<String, Value> = cells
        .map(|(name, cell)| (name.to_owned(), cell.into()))
        .collect();
    let mut fields = Fields::of(&cells);
    let Some(path) = fields.text(&["path"]) else {
        return Err("a row has no path".to_owned());
    };
    let mut parts = path.split('/');
    let Some(key) = parts.find_map(|part| Key::of_identifier(part, &wanted.run_id)) else {
        return Ok(None);
    };
    let started = fields.instant(&["started_at"]);
    let latency_s = fields.number(&["duration_ms"]).map(|ms| ms / 1e3);
    let row = Logged {
        row: format!("{path} {started:?} {latency_s:?}"),
        status: fields.status(&["status"]),
        input_tokens: fields.count(&["input_tokens"]),
        output_tokens: fields.count(&["output_tokens"]),
        cost: fields.dollars(&["cost_usd"]),
        latency_s,
        ended: started.zip(latency_s).map(|(started, took)| started + took),
        model: fields.text(&["model"]),
        provider: fields.text(&["provider"]),
        ..Logged::default()
    };
    Ok(Some((key, row, fields.wrong)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Money;

    fn read(path: &str, cost: &str) -> Read {
        let head = [
            "started_at",
            "path",
            "model",
            "status",
            "duration_ms",
            "ttfb_ms",
            "cost_usd",
        ];
        let row = [
            "2026-11-24T12:00:00.250Z",
            path,
            "lab/m",
            "200",
            "40",
            "11",
            cost,
        ];
        let wanted = Wanted::of_run("r1");
        row_of(&head[..].into(), &row[..].into(), &wanted)
    }

    #[test]
    fn a_request_is_known_by_its_path_and_a_first_byte_is_no_token() {
        let (key, row, wrong) = read("/v1/r1-0-7/chat/completions", "0.000148")
            .unwrap()
            .unwrap();
        assert_eq!(Some(key), Key::of_identifier("r1-0-7", "r1"));
        assert_eq!((row.cost, wrong), (Some(Money::from_nanos(148_000)), None));
        assert_eq!(
            (row.latency_s, row.ttft_s, row.input_tokens),
            (Some(0.040), None, None)
        );
        assert!((row.ended.unwrap() - 1_795_521_600.29).abs() < 1e-6);
        assert!(read("/v1/r10-0-7/chat/completions", "").unwrap().is_none());
        let (_, row, wrong) = read("/r1-0-7/v1/chat/completions", "much")
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.cost, wrong.as_deref()),
            (None, Some("`cost_usd` is \"much\""))
        );
    }
}
