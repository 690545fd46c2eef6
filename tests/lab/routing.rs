//! Who answers: by prefix, by weight, by rank.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate::lab::{Lab, Script};

use crate::support::*;

/// Providers by name, each with one kind of fault for all its requests.
async fn faulty_providers(faults: Value, gateway: Value) -> Lab {
    let model = json!([{ "model": "*", "ttft": { "constant": "1ms" }, "pace": { "constant": "1ms" },
        "output_tokens": { "constant": 3 } }]);
    let providers: BTreeMap<String, Value> = faults
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, fault)| {
            let faults = if fault.is_null() {
                json!([])
            } else {
                json!([{ "do": fault }])
            };
            (name.clone(), json!({ "models": model, "faults": faults }))
        })
        .collect();
    lab(priced(
        model_of_default(),
        json!({ "gateway": gateway, "providers": providers }),
    ))
    .await
}

fn model_of_default() -> tollgate::lab::Model {
    model(1, 1, 3)
}

fn asked(lab: &Lab, provider: &str) -> u64 {
    lab.providers[provider].counts().requests
}

#[tokio::test]
async fn each_prefix_leads_to_its_provider_and_all_others_to_the_first() {
    let lab = faulty_providers(json!({ "anthropic": null, "reducto": null }), json!({})).await;
    for model in [
        "openai/gpt-lab",
        "anthropic/claude",
        "reducto/model-name",
        "mistral/x",
    ] {
        assert_eq!(chat(&lab, false, model, json!({})).await.status, 200);
    }
    assert_eq!((asked(&lab, "anthropic"), asked(&lab, "reducto")), (1, 1));
    assert_eq!(lab.provider.counts().requests, 2);
    let rows = rows(&lab, json!({}), 4).await;
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["provider_id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["openai", "anthropic", "reducto", "mistral"]);
}

#[tokio::test]
async fn a_model_without_a_prefix_goes_to_the_default_or_to_the_header() {
    let lab = lab(Script {
        gateway: serde_json::from_value(json!({ "default_provider": "openai" })).unwrap(),
        ..script(model(0, 0, 1))
    })
    .await;
    assert_eq!(chat(&lab, false, "gpt-lab", json!({})).await.status, 200);
    let url = format!("{}/chat/completions", lab.gateway_url);
    let ask = client().post(url).bearer_auth(lab.key.expose());
    let ask = ask.header("X-Respan-Route-Provider", "anthropic");
    let body = ask.body(crate::support::ask(false, "hi").to_string());
    assert_eq!(body.send().await.unwrap().status(), 200);
    let rows = rows(&lab, json!({}), 2).await;
    assert_eq!(rows[0]["provider_id"], "openai");
    assert_eq!(rows[1]["provider_id"], "anthropic");
}

#[tokio::test]
async fn load_is_balanced_by_weight_in_both_forms_and_by_the_groups_of_the_script() {
    let groups = json!({ "groups": { "scripted": [
        { "model": "anthropic/gpt-lab", "weight": 1 }, { "model": "openai/gpt-lab", "weight": 3 },
    ] } });
    let lab = faulty_providers(json!({ "openai": null, "anthropic": null }), groups).await;
    let models = json!([
        { "model": "openai/gpt-lab", "weight": 3 }, { "model": "anthropic/gpt-lab", "weight": 1 },
    ]);
    for (number, fields) in [
        json!({ "load_balance_models": models }),
        json!({ "load_balance_group": { "group_id": "mine", "models": models } }),
        json!({ "load_balance_group": { "group_id": "scripted" } }),
    ]
    .into_iter()
    .enumerate()
    {
        let before = asked(&lab, "openai");
        for _ in 0..60 {
            assert_eq!(
                chat(&lab, false, "reducto/unused", fields.clone())
                    .await
                    .status,
                200
            );
        }
        let share = asked(&lab, "openai") - before;
        assert!((31..59).contains(&share), "{number}: {share} of 60");
    }
    let unknown = json!({ "load_balance_group": { "group_id": "nobody" } });
    let got = chat(&lab, false, "openai/gpt-lab", unknown).await;
    assert_eq!((got.status, got.json()["detail"].is_string()), (404, true));
}

#[tokio::test]
async fn the_next_fallback_answers_where_a_provider_fails_in_any_way_before_its_first_token() {
    let lab = faulty_providers(
        json!({
            "busy": { "status": { "code": 429 } },
            "down": { "status": { "code": 503 } },
            "gone": "refuse",
            "cut": { "cut_after": 0 },
            "mute": { "error_after": 0 },
            "hung": "hang",
            "fine": null,
        }),
        json!({ "first_token_timeout": "150ms" }),
    )
    .await;
    let ranks = json!([
        "down/x",
        "gone/x",
        "cut/x",
        "mute/x",
        "hung/x",
        "fine/gpt-lab",
        "busy/y"
    ]);
    for stream in [true, false] {
        let fields = json!({ "fallback_models": ranks, "custom_identifier": format!("s{stream}") });
        let got = chat(&lab, stream, "busy/x", fields).await;
        assert_eq!(got.status, 200, "stream {stream}");
        if stream {
            assert_eq!((got.read().tokens, got.read().done), (3, true));
        } else {
            assert_eq!(got.json()["usage"]["completion_tokens"], 3);
        }
        assert!(!got.broken);
        let id = json!({ "custom_identifier": { "value": [format!("s{stream}")] } });
        let row = &rows(&lab, id, 1).await[0];
        assert_eq!(
            (&row["model"], &row["attempts"]),
            (&json!("fine/gpt-lab"), &json!(7))
        );
        assert_eq!(
            (&row["status_code"], &row["status"]),
            (&json!(200), &json!("success"))
        );
    }
}

#[tokio::test]
async fn the_last_failure_is_told_and_a_fault_of_the_request_is_not_tried_elsewhere() {
    let faults = json!({
        "down": { "status": { "code": 503, "message": "over" } },
        "gone": "refuse",
        "wrong": { "status": { "code": 400 } },
        "fine": null,
    });
    let lab = faulty_providers(faults, json!({})).await;
    let to = async |model: &str, fallback: &str| {
        chat(&lab, true, model, json!({ "fallback_models": [fallback] })).await
    };
    let told = to("gone/x", "down/x").await;
    assert_eq!(
        (told.status, told.json()["error"]["message"].as_str()),
        (503, Some("over"))
    );
    let told = to("down/x", "gone/x").await;
    assert_eq!(
        (told.status, told.json()["detail"].is_string()),
        (424, true)
    );
    assert_eq!(to("wrong/x", "fine/x").await.status, 400);
    assert_eq!(asked(&lab, "fine"), 0);
    let fields = json!({ "fallback_models": ["down/x", "fine/x"], "exclude_providers": ["down"] });
    assert_eq!(chat(&lab, true, "down/x", fields).await.status, 200);
    assert_eq!(asked(&lab, "down"), 2, "it was excluded");
    let fields = json!({ "exclude_models": ["fine/x"] });
    assert_eq!(chat(&lab, true, "fine/x", fields).await.status, 400);
}

#[tokio::test]
async fn the_gateways_own_delay_is_in_its_routing_time() {
    let lab = faulty_providers(json!({}), json!({ "delay": { "constant": "80ms" } })).await;
    let got = chat(
        &lab,
        false,
        "openai/gpt-lab",
        json!({ "request_breakdown": true }),
    )
    .await;
    let account = &got.json()["request_breakdown"];
    let (latency, routing) = (
        account["latency"].as_f64(),
        account["routing_time"].as_f64(),
    );
    assert!(routing >= Some(0.08) && latency > routing, "{account}");
}

#[tokio::test]
async fn a_relay_tells_its_log_row_and_the_providers_own_name_and_limits() {
    let lab = faulty_providers(json!({ "openai": null }), json!({})).await;
    let body = ask(false, "hi");
    let (status, headers, answer) = api(&lab, "POST", "openai/v1/chat/completions", body).await;
    assert_eq!((status, &answer["model"]), (200, &json!("gpt-lab")));
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        Some(text("x-respan-upstream-request-id").as_str()),
        answer["id"].as_str()
    );
    let id = text("x-respan-log-id");
    rows(&lab, json!({ "unique_id": { "value": [id] } }), 1).await;
    let (status, _, row) = api(&lab, "GET", &format!("request-logs/{id}/"), Value::Null).await;
    assert_eq!((status, &row["provider_id"]), (200, &json!("openai")));
    for native in [
        "anthropic/v1/messages/count_tokens",
        "google/v1beta/models/x:countTokens",
    ] {
        let (status, _, told) = api(&lab, "POST", native, json!({})).await;
        assert_eq!(status, 404);
        assert!(
            told["detail"]
                .as_str()
                .unwrap()
                .contains("speaks messages or content alone"),
            "{told}"
        );
    }
}

/// A provider that answers its only request with these bytes.
async fn canned(answer: &'static str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = [0; 4096];
        while !read.ends_with(b"}") {
            let count = stream.read(&mut read).await.unwrap();
            if count == 0 || read[..count].ends_with(b"}") {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

#[tokio::test]
async fn a_relay_passes_the_providers_limits_on_and_the_router_does_not() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
        content-length: 33\r\nx-request-id: req-7\r\nx-ratelimit-remaining-requests: 3\r\n\
        retry-after: 9\r\nx-inner: secret\r\n\r\n{\"error\":{\"message\":\"slow down\"}}\n";
    for (path, relay) in [
        ("openai/v1/chat/completions", true),
        ("chat/completions", false),
    ] {
        let key = tollgate::base::Secret::new("sk");
        let gateway = tollgate::lab::Gateway::new(key, canned(answer).await).unwrap();
        let front = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/{path}", front.local_addr().unwrap());
        let stop = tokio_util::sync::CancellationToken::new();
        let served = tokio::spawn(std::sync::Arc::new(gateway).serve(front, stop.clone()));
        let body = json!({ "model": "openai/gpt-lab", "messages": [] }).to_string();
        let ask = client().post(url).bearer_auth("sk").body(body);
        let got = ask.send().await.unwrap();
        let told = |name: &str| got.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(
            (got.status().as_u16(), told("retry-after")),
            (429, Some("9"))
        );
        assert_eq!(told("x-ratelimit-remaining-requests"), relay.then_some("3"));
        assert_eq!(
            told("x-respan-upstream-request-id"),
            relay.then_some("req-7")
        );
        assert_eq!(
            (told("x-respan-log-id").is_some(), told("x-inner")),
            (relay, None)
        );
        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
