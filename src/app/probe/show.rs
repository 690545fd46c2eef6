//! What a probe found, for people.

use super::asks::Probing;
use super::redact;
use super::transcript::since_sent;
use crate::base::Secret;
use crate::sse::{Decoder, Item};
use crate::wire::{Captured, Exchange, Outcome};

/// Where a gateway put its account of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breakdown {
    Absent,
    /// In an answer of one piece.
    InBody,
    BeforeDone,
    AfterDone,
    /// In a stream that has no `[DONE]`.
    WithoutDone,
}

/// Where the account is in a body.
pub(super) fn breakdown(body: &[u8], is_stream: bool) -> Breakdown {
    let holds = |json: &[u8]| {
        let json = serde_json::from_slice::<serde_json::Value>(json).unwrap_or_default();
        let account = json.get("request_breakdown");
        let account = account.or_else(|| json.get("choices")?.get(0)?.get("request_breakdown"));
        account.is_some_and(|account| !account.is_null())
    };
    if !is_stream {
        return if holds(body) {
            Breakdown::InBody
        } else {
            Breakdown::Absent
        };
    }
    let (mut done, mut found) = (false, None);
    // A line that is too long ends the reading of it here, and what came before stands.
    let _ = Decoder::new().feed(&[body, b"\n\n"].concat(), |item| {
        let Item::Event(event) = item else { return };
        if event.data == b"[DONE]" {
            done = true;
        } else if found.is_none() && holds(event.data) {
            found = Some(done);
        }
    });
    match found {
        None => Breakdown::Absent,
        Some(true) => Breakdown::AfterDone,
        Some(false) if done => Breakdown::BeforeDone,
        Some(false) => Breakdown::WithoutDone,
    }
}

impl Breakdown {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Absent => "none in the answer",
            Self::InBody => "in the answer's body",
            Self::BeforeDone => "before [DONE]",
            Self::AfterDone => "after [DONE]",
            Self::WithoutDone => "in a stream without [DONE]",
        }
    }
}

/// One exchange in lines.
pub(super) fn exchange(
    probing: &Probing,
    captured: &Captured,
    exchange: &Exchange,
    secret: Option<&Secret>,
) -> String {
    let status = captured
        .status
        .map_or("no answer".to_owned(), |s| s.to_string());
    let mut out = format!(
        "{:<17} {status}  {}\n",
        probing.name,
        times(captured, exchange)
    );
    let mut line = |name: &str, said: String| out += &format!("  {name:<10} {said}\n");
    line("outcome", outcome(probing, exchange, secret));
    if exchange.outcome == Outcome::Ok {
        let known = |said: Option<String>| said.unwrap_or_else(|| "not in the answer".to_owned());
        let usage = exchange.usage.map(|usage| {
            let (input, output) = (usage.input_tokens, usage.output_tokens);
            format!(
                "{input} in ({} cached), {output} out",
                usage.cached_input_tokens
            )
        });
        line("usage", known(usage));
        line(
            "cost",
            known(exchange.cost_reported.map(|cost| cost.to_string())),
        );
        line("model", known(exchange.model.clone()));
        line("request id", known(exchange.request_id.clone()));
        line("finish", known(exchange.finish.clone()));
    }
    if probing.name.starts_with("breakdown") {
        let is_stream = captured.header("content-type");
        let is_stream = is_stream.is_some_and(|kind| kind.starts_with("text/event-stream"));
        line(
            "breakdown",
            breakdown(&captured.body(), is_stream).in_words().to_owned(),
        );
    }
    if let Some(seconds) = exchange.retry_after {
        line("retry", format!("after {seconds} s"));
    }
    for (name, value) in &captured.headers {
        let value = redact::header(name, value, secret);
        line("header", format!("{name}: {value}"));
    }
    out
}

fn outcome(probing: &Probing, exchange: &Exchange, secret: Option<&Secret>) -> String {
    let refused = matches!(exchange.outcome, Outcome::Status(_));
    let odd = if probing.wants_answer == (exchange.outcome == Outcome::Ok) {
        ""
    } else if probing.wants_answer {
        ", where an answer was wanted"
    } else if refused {
        ""
    } else {
        ", where a refusal was wanted"
    };
    let said = exchange.error.as_ref().map(|said| {
        let mut bytes = said.as_bytes().to_vec();
        redact::text(&mut bytes, secret);
        format!(": {}", String::from_utf8_lossy(&bytes))
    });
    format!("{}{odd}{}", exchange.outcome, said.unwrap_or_default())
}

fn times(captured: &Captured, exchange: &Exchange) -> String {
    let mut times = Vec::new();
    if let Some(phases) = &captured.connecting {
        let opened = phases.total().as_secs_f64() * 1e3;
        times.push(format!("connect {opened:.1} ms"));
    }
    let marks = [
        ("head", captured.headers_at),
        ("first token", exchange.marks.first_token),
        ("end", exchange.marks.end),
    ];
    for (name, at) in marks {
        if let Some(at) = at {
            times.push(format!("{name} {:.1} ms", since_sent(captured, at)));
        }
    }
    times.join(" · ")
}

/// Which readings work on this gateway, over all whole answers.
pub(super) fn readings(exchanges: &[Exchange]) -> String {
    let ok: Vec<&Exchange> = exchanges
        .iter()
        .filter(|e| e.outcome == Outcome::Ok)
        .collect();
    let count = |has: fn(&Exchange) -> bool| ok.iter().filter(|exchange| has(exchange)).count();
    let of = ok.len();
    let rows = [
        ("usage", count(|e| e.usage.is_some())),
        ("cost in band", count(|e| e.cost_reported.is_some())),
        ("model", count(|e| e.model.is_some())),
        ("request id", count(|e| e.request_id.is_some())),
        ("finish reason", count(|e| e.finish.is_some())),
    ];
    let mut out = format!("readings, of {of} whole answers\n");
    for (name, found) in rows {
        out += &format!("  {name:<14} {found}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::asks::asks;
    use super::*;
    use crate::base::Offset;
    use crate::dialect::Dialect;
    use crate::scenario::Kind;

    const ACCOUNT: &str = r#"{"choices":[{"request_breakdown":{"cost":1}}]}"#;

    #[test]
    fn the_account_is_found_where_it_is() {
        let stream = |events: &[&str]| -> Vec<u8> {
            events
                .iter()
                .flat_map(|data| format!("data: {data}\n\n").into_bytes())
                .collect()
        };
        let place = |events: &[&str]| breakdown(&stream(events), true);
        assert_eq!(place(&["{}", ACCOUNT, "[DONE]"]), Breakdown::BeforeDone);
        assert_eq!(place(&["{}", "[DONE]", ACCOUNT]), Breakdown::AfterDone);
        assert_eq!(place(&["{}", ACCOUNT]), Breakdown::WithoutDone);
        assert_eq!(place(&["{}", "[DONE]"]), Breakdown::Absent);
        let whole = |body: &str| breakdown(body.as_bytes(), false);
        assert_eq!(
            whole(r#"{"request_breakdown":{"cost":1}}"#),
            Breakdown::InBody
        );
        assert_eq!(whole(r#"{"request_breakdown":null}"#), Breakdown::Absent);
    }

    #[test]
    fn a_refusal_is_shown_with_what_it_says_and_without_the_key() {
        let probing = &asks(Kind::Openai, "m")[2];
        assert_eq!(probing.name, "bad-key");
        let captured = Captured {
            sent: Some(Offset::ZERO),
            headers_at: Some(Offset::ZERO),
            status: Some(401),
            headers: vec![("set-cookie".into(), "session".into())],
            pieces: vec![(Offset::ZERO, br#"{"detail":"no my-key-7 here"}"#.to_vec())],
            ..Captured::default()
        };
        let read = captured.read(Dialect::OpenaiChat, false);
        let shown = exchange(probing, &captured, &read, Some(&Secret::new("my-key-7")));
        assert!(
            shown.contains("outcome    status_401: no ******** here\n"),
            "{shown}"
        );
        assert!(shown.contains("header     set-cookie: ***\n"), "{shown}");
        let unrefused = Exchange {
            outcome: Outcome::Ok,
            ..Exchange::default()
        };
        let shown = exchange(probing, &captured, &unrefused, None);
        assert!(shown.contains("ok, where a refusal was wanted"), "{shown}");
    }
}
