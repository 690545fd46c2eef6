//! The cache: what is given again, for how long, and what that costs.

use std::time::Duration;

use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn the_same_request_is_answered_from_the_cache_at_no_cost() {
    let lab = lab(priced(model(30, 2, 5), json!({}))).await;
    for stream in [true, false] {
        let before = lab.provider.counts().requests;
        let fields = |id: &str| {
            json!({
                "cache_enabled": true, "request_breakdown": true, "custom_identifier": format!("{id}-{stream}"),
            })
        };
        let first = chat(&lab, stream, "openai/gpt-lab", fields("first")).await;
        let again = chat(&lab, stream, "openai/gpt-lab", fields("again")).await;
        assert_eq!(
            lab.provider.counts().requests,
            before + 1,
            "stream {stream}"
        );
        if stream {
            assert_eq!(first.read().text, again.read().text);
            assert_eq!((again.read().tokens, again.read().done), (5, true));
            assert_eq!(again.headers["content-type"], first.headers["content-type"]);
        } else {
            assert_eq!(first.json()["choices"], again.json()["choices"]);
            let account = &again.json()["request_breakdown"];
            assert_eq!(
                (&account["cached"], &account["cost"]),
                (&json!(true), &json!(0.0))
            );
        }
        let id = format!("again-{stream}");
        let row = &rows(&lab, json!({ "custom_identifier": { "value": [id] } }), 1).await[0];
        assert_eq!((&row["cache_bit"], &row["cost"]), (&json!(1), &json!(0.0)));
        assert_eq!(
            (&row["completion_tokens"], &row["model"]),
            (&json!(5), &json!("openai/gpt-lab"))
        );
    }
}

#[tokio::test]
async fn an_answer_is_forgotten_after_its_time_and_when_it_is_purged() {
    let lab = lab(priced(model(0, 0, 1), json!({}))).await;
    let ask = async |ttl: f64| {
        let fields = json!({ "cache_enabled": true, "cache_ttl": ttl });
        assert_eq!(
            chat(&lab, false, "openai/gpt-lab", fields).await.status,
            200
        );
        lab.provider.counts().requests
    };
    assert_eq!((ask(0.3).await, ask(0.3).await), (1, 1));
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!((ask(3_600.0).await, ask(3_600.0).await), (2, 2));
    let (_, _, count) = api(&lab, "GET", "caches/summary/", json!(null)).await;
    assert_eq!(count["total_count"], 1);
    let (status, _, told) = api(&lab, "DELETE", "caches/bulk/", json!({ "all": true })).await;
    assert_eq!((status, &told["deleted_count"]), (200, &json!(1)));
    assert_eq!(ask(3_600.0).await, 3);
    let (status, _, told) = api(&lab, "DELETE", "caches/bulk/", json!({ "all": false })).await;
    assert_eq!((status, &told["errors"][0]["loc"][1]), (422, &json!("all")));
}

#[tokio::test]
async fn customers_and_models_are_kept_apart_where_it_is_asked_and_errors_are_not_kept() {
    let lab = lab(priced(
        model(0, 0, 1),
        json!({
            "faults": [{ "when": { "model": "bad" }, "do": { "status": { "code": 500 } } }],
        }),
    ))
    .await;
    let ask = async |model: &str, customer: &str, options: serde_json::Value| {
        let fields = json!({
            "cache_enabled": true, "cache_options": options, "customer_identifier": customer,
        });
        chat(&lab, false, model, fields).await;
        lab.provider.counts().requests
    };
    let own = json!({ "cache_by_customer": true });
    let any_model = json!({ "is_cached_by_model": false });
    assert_eq!(ask("openai/a", "x", own.clone()).await, 1);
    assert_eq!(ask("openai/a", "y", own.clone()).await, 2);
    assert_eq!(ask("openai/a", "x", own.clone()).await, 2);
    assert_eq!(ask("openai/b", "x", own).await, 3);
    assert_eq!(ask("openai/a", "x", any_model.clone()).await, 4);
    assert_eq!(ask("openai/b", "y", any_model).await, 4);
    assert_eq!(ask("openai/bad", "x", json!({})).await, 5);
    assert_eq!(
        ask("openai/bad", "x", json!({})).await,
        6,
        "an error was kept"
    );
    let hits = json!({ "cache_bit": { "value": [1] } });
    assert_eq!(rows(&lab, hits.clone(), 2).await.len(), 2);
    let silent = json!({ "is_cached_by_model": false, "omit_log": true });
    assert_eq!(ask("openai/c", "z", silent).await, 6);
    assert_eq!(
        rows(&lab, hits, 2).await.len(),
        2,
        "this hit was to leave no row"
    );
}
