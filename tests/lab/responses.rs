//! The Responses API, as far as text goes.

use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_response_says_what_the_chat_says() {
    let lab = lab(priced(model(0, 0, 4), json!({}))).await;
    let chat = chat(&lab, false, "openai/gpt-lab", json!({})).await.json();
    for input in [
        json!("two words"),
        json!([{ "role": "user", "content": [{ "type": "input_text", "text": "two words" }] }]),
    ] {
        let body = json!({ "model": "openai/gpt-lab", "input": input, "max_output_tokens": 3 });
        let (status, headers, told) = api(&lab, "POST", "responses", body).await;
        assert_eq!(
            (status, &told["object"]),
            (200, &json!("response")),
            "{told}"
        );
        assert_eq!(
            (&told["status"], &told["incomplete_details"]["reason"]),
            (&json!("incomplete"), &json!("max_output_tokens"))
        );
        assert_eq!(
            (
                &told["usage"]["input_tokens"],
                &told["usage"]["output_tokens"]
            ),
            (&json!(2), &json!(3))
        );
        let text = told["output"][0]["content"][0]["text"].as_str().unwrap();
        assert_eq!(text.split(' ').count(), 3, "{text}");
        assert!(chat["choices"][0]["message"]["content"].is_string());
        let id = headers["x-respan-log-id"].to_str().unwrap();
        let row = &rows(&lab, json!({ "unique_id": { "value": [id] } }), 1).await[0];
        assert_eq!(
            (&row["completion_tokens"], &row["cost"]),
            (&json!(3), &json!(0.000_032))
        );
    }
    let (status, headers, told) =
        api(&lab, "POST", "responses", json!({ "model": "openai/x" })).await;
    assert_eq!(
        (status, &told["errors"][0]["loc"][1]),
        (422, &json!("input"))
    );
    assert!(headers.contains_key("x-respan-log-id"));
}

#[tokio::test]
async fn a_streamed_response_is_a_series_of_numbered_events() {
    let lab = lab(priced(model(5, 5, 6), json!({}))).await;
    let url = format!("{}/responses", lab.gateway_url);
    let body = json!({ "model": "openai/gpt-lab", "input": "two words", "stream": true });
    let ask = client().post(url).bearer_auth(lab.key.expose());
    let bytes = ask
        .body(body.to_string())
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds[..3],
        [
            "response.created",
            "response.output_item.added",
            "response.content_part.added"
        ]
    );
    let said: String = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        said.as_str()
    );
    assert_eq!(last["response"]["usage"]["output_tokens"], 6);
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == "response.output_text.delta")
            .count(),
        6
    );
}
