//! The models and their prices.

use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn prices_are_told_for_a_million_tokens_to_all_and_in_full_with_a_key() {
    let lab = lab(priced(model(0, 0, 1), json!({}))).await;
    let url = format!("{}/models/public/", lab.gateway_url);
    let public = client().get(url).send().await.unwrap();
    assert_eq!(public.status(), 200);
    let public: Value = serde_json::from_slice(&public.bytes().await.unwrap()).unwrap();
    assert_eq!(public["models"][0]["model_name"], "anthropic/gpt-lab");
    assert_eq!(public["models"][0]["output_cost"], 15.0);
    assert_eq!(public["models"][1]["input_cost"], 1.0);
    assert_eq!(public["models"][1]["cache_hit_input_cost"], Value::Null);
    let (status, _, all) = api(&lab, "POST", "models/list/", json!({})).await;
    assert_eq!((status, &all["count"]), (200, &json!(2)));
    assert_eq!(all["results"][1]["cache_hit_input_cost"], 0.5);
    for path in ["models/openai/gpt-lab/", "models/openai%2Fgpt-lab/"] {
        let (status, _, one) = api(&lab, "GET", path, Value::Null).await;
        assert_eq!((status, &one), (200, &all["results"][1]), "{path}");
    }
    let (status, _, none) = api(&lab, "GET", "models/openai/nothing/", Value::Null).await;
    assert_eq!((status, none["detail"].is_string()), (404, true));
    let url = format!("{}/models/list/", lab.gateway_url);
    assert_eq!(client().post(url).send().await.unwrap().status(), 401);
}
