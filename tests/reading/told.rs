//! What a gateway tells beyond its answer: by its kind, and as a scenario says.

use std::sync::Arc;
use std::time::Duration;

use tollgate::scenario::{Kind, Readings};
use tollgate::wire::{Exchange, Told};

use crate::answer::{Answer, BREAKDOWN, DONE, ROLE, STOP, USAGE, at, event, text};
use crate::transcripts;

/// What a gateway of this kind is heard to tell.
fn told(kind: Kind, answer: &Answer) -> Exchange {
    let mut answer = answer.clone();
    answer.readings = Arc::new(Readings::of(kind));
    answer.ends()
}

const WHOLE: &str = r#"{"id":"c-1","model":"gpt-a","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2"#;

fn whole(more_usage: &str, more: &str) -> Answer {
    Answer::whole().read(10, format!("{WHOLE}{more_usage}}}{more}}}"))
}

fn stream() -> Answer {
    Answer::stream().events(&[ROLE, &text("a"), &text("b"), STOP, USAGE, DONE])
}

fn ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

fn dollars(exchange: &Exchange) -> Option<f64> {
    exchange.cost_reported.map(tollgate::base::Money::dollars)
}

#[test]
fn a_kind_of_which_nothing_is_known_tells_what_any_server_tells() {
    let answer = whole(r#","cost":0.5"#, r#","provider":"p""#).header("x-gateway-attempts", "3");
    let exchange = told(Kind::Openai, &answer);
    assert_eq!(exchange.told, Told::default());
    assert_eq!(dollars(&exchange), Some(0.5));
    assert_eq!(exchange.request_id.as_deref(), Some("c-1"));
}

#[test]
fn respans_gateway_accounts_for_itself_in_one_piece_and_before_and_after_done() {
    let breakdown = r#","request_breakdown":{"cost":0.0125,"routing_time":0.02,"cached":true}"#;
    let in_one = whole("", breakdown).header("x-respan-log-id", "log_1");
    let chunk = BREAKDOWN.replace("\"routing_time\"", "\"cached\":true,\"routing_time\"");
    let before = [ROLE, &text("a"), STOP, USAGE, &chunk, DONE];
    let after = [ROLE, &text("a"), STOP, USAGE, DONE, &chunk];
    let streams = [before, after].map(|events| Answer::stream().events(&events));
    for answer in [&in_one, &streams[0], &streams[1]] {
        let exchange = told(
            Kind::Respan,
            &answer.clone().header("x-respan-log-id", "log_1"),
        );
        assert_eq!(exchange.told.overhead, Some(ms(20.0)));
        assert_eq!(exchange.told.cache_status.as_deref(), Some("true"));
        assert_eq!(exchange.request_id.as_deref(), Some("log_1"));
        assert_eq!(
            exchange.model.as_deref(),
            Some("gpt-a"),
            "not extra_parameter"
        );
        assert_eq!(dollars(&exchange), Some(0.0125));
        assert_eq!(exchange.usage.map(|usage| usage.output_tokens), Some(2));
    }
    assert!(
        streams
            .iter()
            .all(|answer| told(Kind::Respan, answer).token_chunks == 1)
    );
}

#[test]
fn litellm_tells_its_cost_in_a_header_but_for_streams() {
    let heads = |answer: Answer, cost: &str| {
        answer
            .header("x-litellm-response-cost", cost)
            .header("x-litellm-overhead-duration-ms", "11.8")
            .header("x-litellm-call-id", "call-1")
            .header("x-litellm-attempted-retries", "2")
            .header("x-litellm-model-id", "deployment-1")
    };
    let exchange = told(Kind::Litellm, &heads(whole("", ""), "0.25"));
    assert_eq!(dollars(&exchange), Some(0.25));
    assert_eq!(exchange.told.overhead, Some(ms(11.8)));
    assert_eq!(exchange.told.attempts, Some(3));
    assert_eq!(exchange.told.provider.as_deref(), Some("deployment-1"));
    assert_eq!(exchange.request_id.as_deref(), Some("call-1"));
    // The header of a stream says 0, which is no cost.
    assert_eq!(dollars(&told(Kind::Litellm, &heads(stream(), "0.0"))), None);
    let last = USAGE.replace(
        "\"completion_tokens\":2",
        "\"completion_tokens\":2,\"cost\":0.75",
    );
    let told_last = Answer::stream().events(&[ROLE, &text("a"), STOP, &last, DONE]);
    let exchange = told(Kind::Litellm, &heads(told_last, "0.0"));
    assert_eq!(dollars(&exchange), Some(0.75));
}

#[test]
fn openrouter_tells_what_the_provider_charges_where_the_key_is_ones_own() {
    let fee = r#","cost":0.01,"cost_details":{"upstream_inference_cost":"#;
    let provider = r#","provider":"Anthropic""#;
    let own = whole(&format!("{fee}0.2}}"), provider).header("x-generation-id", "gen-1");
    let exchange = told(Kind::Openrouter, &own);
    assert_eq!(dollars(&exchange), Some(0.2));
    assert_eq!(exchange.told.provider.as_deref(), Some("Anthropic"));
    assert_eq!(exchange.request_id.as_deref(), Some("gen-1"));
    let theirs = told(Kind::Openrouter, &whole(&format!("{fee}null}}"), provider));
    assert_eq!(dollars(&theirs), Some(0.01));
    assert_eq!(theirs.request_id.as_deref(), Some("c-1"));
}

#[test]
fn the_other_kinds_tell_it_in_their_headers() {
    let all = [
        ("x-portkey-trace-id", "trace"),
        ("x-portkey-cache-status", "HIT"),
        ("x-portkey-retry-attempt-count", "1"),
        ("x-portkey-last-used-option-index", "config.targets[1]"),
        ("cf-aig-log-id", "log"),
        ("cf-aig-cache-status", "MISS"),
        ("cf-aig-step", "0"),
        ("helicone-id", "heli"),
        ("helicone-cache", "HIT"),
        ("x-gateway-overhead-ms", "0.044"),
        ("x-gateway-provider", "openai"),
        ("x-gateway-model", "gpt-b"),
        ("x-gateway-attempts", "2"),
        ("x-request-id", "ferro"),
    ];
    let head = |answer: Answer| {
        let set = |answer: Answer, (name, value): &(&str, &str)| answer.header(name, value);
        all.iter().fold(answer, set)
    };
    let told_of = |kind| {
        // The head of a stream says as much.
        let found = [whole("", ""), stream()].map(|answer| {
            let exchange = told(kind, &head(answer));
            (
                exchange.told,
                exchange.request_id.unwrap(),
                exchange.model.unwrap(),
            )
        });
        assert_eq!(found[0], found[1]);
        let [(told, id, model), _] = found;
        (told, id, model)
    };
    let some = |text: &str| Some(text.to_owned());
    let (portkey, id, model) = told_of(Kind::Portkey);
    assert_eq!((id.as_str(), model.as_str()), ("trace", "gpt-a"));
    assert_eq!(portkey.cache_status, some("HIT"));
    assert_eq!(portkey.attempts, Some(2));
    assert_eq!(portkey.provider, some("config.targets[1]"));
    let (cloudflare, id, _) = told_of(Kind::Cloudflare);
    assert_eq!((id.as_str(), cloudflare.attempts), ("log", Some(1)));
    assert_eq!(cloudflare.cache_status, some("MISS"));
    let (helicone, id, _) = told_of(Kind::Helicone);
    assert_eq!((id.as_str(), helicone.cache_status), ("heli", some("HIT")));
    let (ferrogw, id, model) = told_of(Kind::Ferrogw);
    assert_eq!((id.as_str(), model.as_str()), ("ferro", "gpt-b"));
    assert_eq!(ferrogw.overhead, Some(ms(0.044)));
    assert_eq!(
        (ferrogw.provider, ferrogw.attempts),
        (some("openai"), Some(2))
    );
    let (vercel, id, _) = told_of(Kind::Vercel);
    assert_eq!((id.as_str(), vercel), ("c-1", Told::default()));
}

#[test]
fn a_refusal_tells_what_its_head_tells() {
    let refused = Answer::whole()
        .status(502)
        .header("x-gateway-attempts", "3")
        .header("x-gateway-provider", "openai")
        .read(10, r#"{"error":"down"}"#);
    let exchange = told(Kind::Ferrogw, &refused);
    assert_eq!(exchange.told.attempts, Some(3));
    assert_eq!(exchange.error.as_deref(), Some("down"));
}

#[test]
fn what_makes_no_sense_is_not_told() {
    let odd = |name: &str, value: &str| {
        let answer = whole("", "").header(name, value);
        told(Kind::Ferrogw, &answer).told
    };
    for value in ["-1", "soon", "", "NaN", "inf", "1e300"] {
        assert_eq!(
            odd("x-gateway-overhead-ms", value).overhead,
            None,
            "{value}"
        );
    }
    for value in ["0", "-1", "1.5", "9999999999", "two"] {
        assert_eq!(odd("x-gateway-attempts", value).attempts, None, "{value}");
    }
    assert_eq!(odd("x-gateway-provider", &"p".repeat(201)).provider, None);
    let free = whole(r#","cost":-1"#, "");
    assert_eq!(
        dollars(&told(Kind::Litellm, &free)).filter(|cost| *cost > 0.0),
        None
    );
}

#[test]
fn of_a_stream_the_last_chunk_that_has_it_counts() {
    let by =
        |name: &str| text("a").replace("{\"id\"", &format!("{{\"provider\":\"{name}\",\"id\""));
    let chunks = [by("first"), by("first"), by("second"), text("b")];
    let answer = chunks
        .iter()
        .zip(1..)
        .fold(Answer::stream(), |answer, (chunk, n)| {
            answer.read(n * 10, event(chunk))
        });
    let exchange = told(Kind::Openrouter, &answer.read(90, event(DONE)));
    assert_eq!(exchange.told.provider.as_deref(), Some("second"));
    assert_eq!(exchange.token_chunks, 4);
    assert_eq!(exchange.marks.end, Some(at(90)));
}

#[test]
fn recorded_answers_tell_what_their_gateways_meant_to() {
    let respan =
        |id| format!("overhead 23ms, provider -, cache false, attempts -, id {id}, cost 45600");
    let cases = [
        (
            "respan-breakdown-before-done-stream",
            Kind::Respan,
            respan("log_5d"),
        ),
        (
            "respan-breakdown-after-done-stream",
            Kind::Respan,
            respan("log_5d"),
        ),
        ("respan-breakdown-whole", Kind::Respan, respan("log_5e")),
        (
            "openrouter-stream",
            Kind::Openrouter,
            "overhead -, provider Anthropic, cache -, attempts -, id gen-1764-aB3, cost 2487470"
                .to_owned(),
        ),
        (
            "litellm-stream",
            Kind::Litellm,
            "overhead 11.8ms, provider -, cache -, attempts -, id 6c0f, cost 2700".to_owned(),
        ),
        (
            "portkey-500",
            Kind::Portkey,
            "overhead -, provider -, cache -, attempts 1, id tr-5, cost -".to_owned(),
        ),
    ];
    let transcripts = transcripts::all();
    for (name, kind, said) in cases {
        let transcript = transcripts.iter().find(|known| known.name == name).unwrap();
        let exchange = told(kind, &transcript.head.clone().read(10, &transcript.body));
        assert_eq!(in_words(&exchange), said, "{name}");
    }
}

fn in_words(exchange: &Exchange) -> String {
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let Told {
        overhead,
        provider,
        cache_status,
        attempts,
    } = exchange.told.clone();
    format!(
        "overhead {}, provider {}, cache {}, attempts {}, id {}, cost {}",
        or(overhead.map(|overhead| format!("{overhead:?}"))),
        or(provider),
        or(cache_status),
        or(attempts.map(|attempts| attempts.to_string())),
        or(exchange.request_id.clone()),
        or(exchange.cost_reported.map(|cost| cost.nanos().to_string())),
    )
}
