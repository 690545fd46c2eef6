//! Whose key serves a call: seen at providers that accept one key each, and in the log by a fingerprint.

use serde_json::{Value, json};
use tollgate::lab::Lab;

use crate::support::*;

/// Providers behind the gateway that accept the customer's key alone.
async fn guarded() -> Lab {
    let model = json!([{ "model": "*", "ttft": { "constant": "0ms" }, "pace": { "constant": "0ms" },
        "output_tokens": { "constant": 2 } }]);
    lab(priced(
        model_of(2),
        json!({
            "gateway": { "keys": [{ "key": "sk-client" }] },
            "providers": {
                "openai": { "key": "sk-customer-openai", "models": model },
                "anthropic": { "key": "sk-customer-anthropic", "models": model },
                "own": { "key": "sk-own", "models": model },
            },
        }),
    ))
    .await
}

fn model_of(tokens: u32) -> tollgate::lab::Model {
    model(0, 0, tokens)
}

fn print_of(key: &str) -> Value {
    blake3::hash(key.as_bytes()).to_hex().as_str()[..12].into()
}

#[tokio::test]
async fn a_customers_key_in_each_form_serves_the_call_and_the_log_tells_whose_it_was() {
    let lab = guarded().await;
    let key = json!({ "api_key": "sk-customer-openai" });
    // The gateway's own key for a provider is what the script says that it accepts, so only another
    // key shows that it was the customer's that arrived.
    let wrong = json!({ "api_key": "sk-another" });
    for (form, status) in [
        (json!({ "openai": key }), 200),
        (
            json!({ "openai": [{ "weight": 1, "credentials": key }] }),
            200,
        ),
        (
            json!([{ "credentials": { "openai": key }, "weight": 0.5 }]),
            200,
        ),
        (json!({ "openai": wrong }), 401),
        (
            json!({ "openai": [{ "weight": 2, "credentials": wrong }] }),
            401,
        ),
        (json!([{ "credentials": { "openai": wrong } }]), 401),
        // A key for another provider is not used.
        (json!({ "anthropic": wrong }), 200),
    ] {
        let fields = json!({ "customer_credentials": form, "custom_identifier": "byok" });
        let got = chat(&lab, false, "openai/gpt-lab", fields).await;
        assert_eq!(got.status, status, "{form}");
        assert_eq!(got.json()["error"].is_object(), status == 401, "{form}");
    }
    let rows = rows(
        &lab,
        json!({ "custom_identifier": { "value": ["byok"] } }),
        7,
    )
    .await;
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["used_custom_credential"], at < 6, "{row}");
        let key = if (3..6).contains(&at) {
            "sk-another"
        } else {
            "sk-customer-openai"
        };
        assert_eq!(row["credential_fingerprint"], print_of(key), "{row}");
    }
}

#[tokio::test]
async fn the_exact_models_override_wins_over_the_customers_key() {
    let lab = guarded().await;
    let fields = json!({
        "customer_credentials": { "anthropic": { "api_key": "sk-wrong" }, "openai": { "api_key": "sk-wrong" } },
        "credential_override": { "anthropic/gpt-lab": { "api_key": "sk-customer-anthropic" } },
    });
    let statuses = [
        ("anthropic/gpt-lab", 200),
        ("anthropic/gpt-lab-2", 401),
        ("openai/gpt-lab", 401),
    ];
    for (model, status) in statuses {
        assert_eq!(
            chat(&lab, true, model, fields.clone()).await.status,
            status,
            "{model}"
        );
    }
    // An override may lead elsewhere, as long as that is this machine.
    let base = lab.provider_url.clone();
    let to = |base: &str| json!({ "credential_override": { "openai/gpt-lab": { "api_key": "sk-x", "api_base": base } } });
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", to(&base)).await.status,
        200
    );
    assert_eq!(lab.provider.counts().requests, 1);
    let refused = chat(&lab, false, "openai/gpt-lab", to("http://192.0.2.1/v1")).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json()["errors"][0]["loc"],
        json!(["body", "credential_override"])
    );
}

#[tokio::test]
async fn weighted_keys_share_the_calls() {
    let lab = guarded().await;
    let entry =
        |weight: u32, key: &str| json!({ "weight": weight, "credentials": { "api_key": key } });
    let keys = json!({ "openai": [entry(3, "sk-customer-openai"), entry(1, "sk-other")] });
    let mut served = 0;
    for _ in 0..60 {
        let fields = json!({ "customer_credentials": keys });
        served += u32::from(chat(&lab, false, "openai/gpt-lab", fields).await.status == 200);
    }
    // 45 are expected; the seed is fixed, and this is four standard deviations.
    assert!((31..59).contains(&served), "{served}");
}

#[tokio::test]
async fn no_key_is_in_a_row_or_goes_on_to_a_provider() {
    let lab = lab(script(model(0, 0, 1))).await;
    let fields = json!({
        "customer_credentials": { "openai": { "api_key": "sk-secret-1" } },
        "credential_override": { "openai/other": { "api_key": "sk-secret-2" } },
        "load_balance_models": [{ "model": "openai/gpt-lab", "weight": 1, "credentials": { "api_key": "sk-secret-3" } }],
        "respan_params": { "metadata": { "plan": "pro" } },
        "temperature": 0.5,
    });
    assert_eq!(
        chat(&lab, false, "openai/gpt-lab", fields).await.status,
        200
    );
    let rows = rows(&lab, json!({}), 1).await;
    let seen = lab.provider.seen();
    let sent = String::from_utf8_lossy(&seen[0].body);
    assert!(
        sent.contains("temperature") && !sent.contains("sk-secret") && !sent.contains("plan"),
        "{sent}"
    );
    assert!(!rows[0].to_string().contains("sk-secret"), "{}", rows[0]);
    assert_eq!(rows[0]["credential_fingerprint"], print_of("sk-secret-3"));
    assert_eq!(rows[0]["metadata"]["plan"], "pro");
}
