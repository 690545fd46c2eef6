//! How long a server asks to wait before another try, wherever it says so.

/// How long the headers ask to wait, in seconds: `retry-after-ms`, or `retry-after` in seconds or as
/// a date. A date is held against the answer's own `date`, so no clock of ours has a say in it.
pub(super) fn in_headers<'h>(header: &impl Fn(&str) -> Option<&'h str>) -> Option<f64> {
    let date = |name: &str| httpdate::parse_http_date(header(name)?.trim()).ok();
    let until = || {
        let until = date("retry-after")?.duration_since(date("date")?);
        Some(until.unwrap_or_default().as_secs_f64())
    };
    header("retry-after-ms")
        .and_then(seconds)
        .map(|ms| ms / 1e3)
        .or_else(|| header("retry-after").and_then(seconds))
        .or_else(until)
}

/// How long a refusal's body asks to wait, in seconds, where gateways write it: beside the message, or
/// in the error itself.
pub(super) fn in_body(body: &[u8]) -> Option<f64> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let places = [Some(&body), body.get("error"), body.get("detail")];
    let mut waits =
        places
            .into_iter()
            .flatten()
            .filter_map(|place| match place.get("retry_after")? {
                serde_json::Value::String(text) => seconds(text),
                number => number.as_f64().filter(|seconds| *seconds >= 0.0),
            });
    waits.next()
}

/// A time to wait that is written as a number.
fn seconds(text: &str) -> Option<f64> {
    let number = text.trim().parse::<f64>().ok();
    number.filter(|number| number.is_finite() && *number >= 0.0)
}
