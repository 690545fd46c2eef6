//! The relays to the own APIs of Anthropic and Google.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use serde_json::{Value, json};
use tollgate::lab::Lab;

use crate::support::*;

/// A lab with prices of `anthropic/gpt-lab`, whose answers have four tokens.
async fn native() -> Lab {
    lab(priced(model(5, 1, 4), json!({}))).await
}

/// What a provider's own client says: its key stands in a header of its own.
async fn call(lab: &Lab, path: &str, key: &str, body: &Value) -> (u16, String, String) {
    let url = format!("{}/{path}", lab.gateway_url);
    let ask = client().post(url).header(key, lab.key.expose());
    let answer = ask.body(body.to_string()).send().await.unwrap();
    let id = answer.headers().get("x-respan-log-id");
    let id = id.map(|id| id.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    (status, id.unwrap_or_default(), answer.text().await.unwrap())
}

async fn row(lab: &Lab, id: &str) -> Value {
    rows(lab, json!({ "unique_id": { "value": [id] } }), 1)
        .await
        .remove(0)
}

fn message(stream: bool) -> Value {
    json!({
        "model": "gpt-lab", "max_tokens": 3, "stream": stream, "system": "one",
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "two words" }] }],
        "custom_identifier": "native",
    })
}

#[tokio::test]
async fn anthropics_messages_are_answered_and_logged_as_other_calls_are() {
    let lab = native().await;
    let (status, id, told) =
        call(&lab, "anthropic/v1/messages", "x-api-key", &message(false)).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (status, &told["type"], &told["role"], &told["stop_reason"]),
        (
            200,
            &json!("message"),
            &json!("assistant"),
            &json!("max_tokens")
        )
    );
    assert_eq!(told["content"][0]["type"], "text");
    let text = told["content"][0]["text"].as_str().unwrap();
    assert_eq!(text.split(' ').count(), 3);
    let usage = json!({
        "input_tokens": 3, "output_tokens": 3,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    });
    assert_eq!(told["usage"], usage);
    let row = row(&lab, &id).await;
    // Three tokens at 3 and three at 15 dollars for a million.
    assert_eq!(
        (&row["provider_id"], &row["model"], &row["cost"]),
        (&json!("anthropic"), &json!("gpt-lab"), &json!(0.000_054))
    );
    assert_eq!(row["custom_identifier"], "native");
}

#[tokio::test]
async fn a_message_is_streamed_as_its_events_and_ends_without_a_done() {
    let lab = native().await;
    let (status, id, text) = call(&lab, "anthropic/v1/messages", "x-api-key", &message(true)).await;
    assert_eq!(status, 200, "{text}");
    let events: Vec<(&str, Value)> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "))
        .map(|(name, data)| (name, serde_json::from_str(data).unwrap()))
        .collect();
    let names: Vec<&str> = events.iter().map(|(name, _)| *name).collect();
    let delta = "content_block_delta";
    let wanted = [
        "message_start",
        "content_block_start",
        "ping",
        delta,
        delta,
        delta,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, wanted, "{text}");
    assert!(events.iter().all(|(name, event)| event["type"] == *name));
    let start = &events[0].1["message"];
    assert_eq!(
        (
            &start["usage"]["input_tokens"],
            &start["content"],
            &start["model"]
        ),
        (&json!(3), &json!([]), &json!("gpt-lab"))
    );
    let end = &events[7].1;
    assert_eq!(
        (&end["delta"]["stop_reason"], &end["usage"]["output_tokens"]),
        (&json!("max_tokens"), &json!(3))
    );
    assert!(!text.contains("[DONE]"));
    let row = row(&lab, &id).await;
    assert_eq!(
        (&row["stream"], &row["cost"]),
        (&json!(true), &json!(0.000_054))
    );
    assert!(row["time_to_first_token"].is_f64());
}

const GENERATE: &str = "google/v1beta/models/gemini-lab:generateContent";

fn contents() -> Value {
    json!({
        "systemInstruction": { "parts": [{ "text": "one" }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "two" }] },
            { "role": "model", "parts": [{ "text": "three" }] },
            { "role": "user", "parts": [{ "text": "four " }, { "text": "five" }] },
        ],
        "generationConfig": { "maxOutputTokens": 3 },
        "custom_identifier": "native",
    })
}

#[tokio::test]
async fn googles_content_is_generated_whole_and_as_events() {
    let lab = native().await;
    let used = json!({ "promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8 });
    let (status, id, told) = call(&lab, GENERATE, "x-goog-api-key", &contents()).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    let candidate = &told["candidates"][0];
    assert_eq!((status, &told["usageMetadata"]), (200, &used), "{told}");
    assert_eq!(
        (&candidate["finishReason"], &candidate["content"]["role"]),
        (&json!("MAX_TOKENS"), &json!("model"))
    );
    assert_eq!(told["modelVersion"], "gemini-lab");
    let whole = row(&lab, &id).await;
    assert_eq!(
        (
            &whole["provider_id"],
            &whole["completion_tokens"],
            &whole["cost"]
        ),
        (&json!("google"), &json!(3), &Value::Null)
    );
    let path = "google/v1beta/models/gemini-lab:streamGenerateContent?alt=sse";
    let (status, id, text) = call(&lab, path, "x-goog-api-key", &contents()).await;
    assert_eq!(status, 200, "{text}");
    let events: Vec<Value> = text
        .split("\r\n\r\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let (last, texts) = events.split_last().unwrap();
    let said = |event: &Value| {
        let text = &event["candidates"][0]["content"]["parts"][0]["text"];
        text.as_str().unwrap().to_owned()
    };
    assert_eq!((texts.len(), said(last)), (3, String::new()), "{text}");
    assert!(
        texts
            .iter()
            .all(|event| !said(event).is_empty() && event["usageMetadata"].is_null())
    );
    assert_eq!(
        (
            &last["usageMetadata"],
            &last["candidates"][0]["finishReason"]
        ),
        (&used, &json!("MAX_TOKENS"))
    );
    assert_eq!(row(&lab, &id).await["stream"], true);
}

#[tokio::test]
async fn their_keys_come_as_they_want_them_and_their_errors_are_their_own() {
    let lab = native().await;
    let body = contents();
    let (status, _, _) = call(&lab, GENERATE, "x-api-key", &body).await;
    assert_eq!(status, 401, "another provider's header");
    let (status, _, _) = call(&lab, "chat/completions", "x-api-key", &ask(false, "hi")).await;
    assert_eq!(status, 401, "chats know the bearer alone");
    let with = format!("{GENERATE}?key={}", lab.key.expose());
    let (status, _, _) = api(&lab, "POST", &with, body.clone()).await;
    assert_eq!(status, 200);
    let (status, _, told) = api(&lab, "POST", "anthropic/v1/messages", message(false)).await;
    assert_eq!(status, 200, "as a bearer too: {told}");
    let whole = GENERATE.replace("generate", "streamGenerate");
    let (status, _, told) = api(&lab, "POST", &whole, body.clone()).await;
    assert_eq!(status, 400, "{told}");
    let (status, _, told) = api(&lab, "POST", "anthropic/v1/messages", json!({})).await;
    assert_eq!(
        (status, &told["errors"][0]["loc"][1]),
        (422, &json!("max_tokens"))
    );
    let faults =
        json!({ "faults": [{ "do": { "status": { "code": 429, "retry_after": "3s" } } }] });
    let busy = crate::support::lab(priced(model(0, 0, 1), faults)).await;
    let (status, headers, told) = api(&busy, "POST", "anthropic/v1/messages", message(true)).await;
    assert_eq!(
        (status, &told["type"], &told["error"]["type"]),
        (429, &json!("error"), &json!("rate_limit_error"))
    );
    assert_eq!(headers["retry-after"], "3");
    let (status, _, told) = api(&busy, "POST", GENERATE, body).await;
    assert_eq!(
        (status, &told["error"]["code"], &told["error"]["status"]),
        (429, &json!(429), &json!("RESOURCE_EXHAUSTED"))
    );
}
