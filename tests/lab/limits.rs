//! The refusals of the gateway itself, each in its own shape.

use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_customer_who_asks_too_often_is_told_when_to_come_back() {
    let scripted = json!({ "gateway": { "limits": { "customer": 1 } } });
    let lab = lab(priced(model(0, 0, 1), scripted)).await;
    let by = async |fields: Value| chat(&lab, false, "openai/gpt-lab", fields).await;
    let named = json!({ "customer_params": { "customer_identifier": "a", "rate_limit": 2 } });
    assert_eq!(by(named.clone()).await.status, 200);
    assert_eq!(by(named.clone()).await.status, 200);
    let told = by(named).await;
    assert_eq!(told.status, 429);
    let wait = told.json()["retry_after"].as_u64().unwrap();
    assert!((1..=60).contains(&wait) && told.json()["detail"].is_string());
    assert!(
        !told.headers.contains_key("retry-after"),
        "it is told in the body"
    );
    // Another customer has a minute of their own, and the script's limit.
    let other = json!({ "customer_identifier": "b" });
    assert_eq!(by(other.clone()).await.status, 200);
    assert_eq!(by(other).await.status, 429);
    assert_eq!(
        by(json!({})).await.status,
        200,
        "nobody's calls have no limit"
    );
    let refused = rows(&lab, json!({ "status_code": { "value": [429] } }), 2).await;
    assert_eq!(
        (&refused[0]["status"], &refused[0]["cost"]),
        (&json!("error"), &Value::Null)
    );
}

#[tokio::test]
async fn all_calls_the_other_endpoints_and_bulk_uploads_have_limits_of_their_own() {
    let limits = json!({ "gateway": { "limits": { "calls": 1, "other": 4, "bulk": 1 } } });
    let lab = lab(priced(model(0, 0, 1), limits)).await;
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", json!({})).await.status,
        200
    );
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", json!({})).await.status,
        429
    );
    let logs = json!({ "logs": [{ "model": "a" }] });
    assert_eq!(
        api(&lab, "POST", "request-logs/bulk/", logs.clone())
            .await
            .0,
        201
    );
    assert_eq!(api(&lab, "POST", "request-logs/bulk/", logs).await.0, 429);
    assert_eq!(api(&lab, "POST", "models/list/", Value::Null).await.0, 200);
    assert_eq!(api(&lab, "POST", "models/list/", Value::Null).await.0, 200);
    assert_eq!(api(&lab, "POST", "models/list/", Value::Null).await.0, 429);
    assert_eq!(api(&lab, "GET", "models/public/", Value::Null).await.0, 200);
}

#[tokio::test]
async fn spent_credit_is_a_402_and_customers_who_bring_a_key_do_not_spend_it() {
    // A call costs 2 x 1 + 2 x 10 millionths of a dollar.
    let lab = lab(priced(
        model(0, 0, 2),
        json!({ "gateway": { "credit": "0.00003" } }),
    ))
    .await;
    let own = json!({ "customer_credentials": { "openai": { "api_key": "sk-own" } } });
    for _ in 0..3 {
        assert_eq!(
            chat(&lab, false, "openai/gpt-lab", own.clone())
                .await
                .status,
            200
        );
    }
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", json!({})).await.status,
        200
    );
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", json!({})).await.status,
        200
    );
    let told = chat(&lab, true, "openai/gpt-lab", json!({})).await;
    assert_eq!(
        (told.status, told.json()["detail"].is_string()),
        (402, true)
    );
    assert_eq!(chat(&lab, false, "openai/gpt-lab", own).await.status, 200);
}

#[tokio::test]
async fn each_key_opens_its_own_models() {
    let keys = json!({ "gateway": { "keys": [
        { "key": "sk-all" }, { "key": "sk-small", "models": ["openai/*-mini", "reducto/*"] },
    ] } });
    let lab = lab(priced(model(0, 0, 1), keys)).await;
    assert_eq!(lab.key.expose(), "sk-all");
    let by = async |key: &str, model: &str| {
        let mut body = ask(false, "hi");
        body["model"] = model.into();
        let got = try_post(&client(), &lab.gateway_url, key, &body)
            .await
            .unwrap();
        (got.status, got.json()["detail"].is_string())
    };
    assert_eq!(by("sk-small", "openai/gpt-mini").await, (200, false));
    assert_eq!(by("sk-small", "openai/gpt-lab").await, (403, true));
    assert_eq!(by("sk-all", "openai/gpt-lab").await, (200, false));
    assert_eq!(by("sk-none", "openai/gpt-lab").await, (401, true));
}

#[tokio::test]
async fn what_cannot_be_understood_is_a_400_or_names_its_fields_in_a_422() {
    let lab = lab(script(model(0, 0, 1))).await;
    let url = format!("{}/chat/completions", lab.gateway_url);
    let raw = async |body: &'static str| {
        let ask = client().post(&url).bearer_auth(lab.key.expose()).body(body);
        ask.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        (raw("{").await, raw("[]").await, raw("").await),
        (400, 400, 400)
    );
    assert_eq!(raw(r#"{"messages":[]}"#).await, 422);
    let wrong = json!({ "fallback_models": "openai/a", "cache_ttl": "long" });
    let told = chat(&lab, false, "openai/gpt-lab", wrong).await;
    assert_eq!(told.status, 422);
    let errors = told.json()["errors"].as_array().unwrap().clone();
    let fields: Vec<_> = errors
        .iter()
        .map(|error| error["loc"][1].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["fallback_models", "cache_ttl"]);
    assert!(errors.iter().all(|error| error["msg"].is_string()));
    assert_eq!(lab.provider.counts().requests, 0);
}
