//! The gateway in front: its key, its routes, and how little it does to an answer.

use std::time::Duration;

use tollgate::lab::{Action, Fault, Gateway, Script, Status, When};

use crate::support::*;

#[tokio::test]
async fn a_stream_passes_through_piece_by_piece_and_unchanged() {
    let lab = lab(script(model(20, 15, 8))).await;
    let body = ask(true, "hi");
    let (direct, through) = (post(&lab, &body).await, post_gateway(&lab, &body).await);
    assert_eq!(direct.read().text, through.read().text);
    assert_eq!(through.read().usage.unwrap().output_tokens, 8);
    assert!(
        through.last() >= Duration::from_millis(20 + 7 * 15),
        "{through:?}"
    );
    assert!(through.pieces.len() >= 8, "{through:?}");
    let seen = lab.provider.seen();
    let ended = lab.provider.started() + seen[1].ended.unwrap().elapsed();
    assert!(
        through.begun + through.first() < ended,
        "the client read before the provider was done"
    );
    assert_eq!(
        (seen[1].model.as_str(), seen[1].authorized),
        ("gpt-lab", true)
    );
    assert_eq!(
        seen[0].body, seen[1].body,
        "but for its model the body is the client's"
    );
}

#[tokio::test]
async fn errors_come_through_with_their_status_and_retry_after() {
    let status = Status {
        code: 503,
        retry_after: Some(ms(3_000)),
        message: None,
    };
    let lab = lab(faulty(model(1, 1, 1), Action::Status(status))).await;
    let got = post_gateway(&lab, &ask(true, "hi")).await;
    assert_eq!(
        (got.status, &got.headers["retry-after"]),
        (503, &"3".parse().unwrap())
    );
    assert!(got.json()["error"]["message"].is_string());
}

#[tokio::test]
async fn a_stream_that_breaks_off_at_the_provider_breaks_off_at_the_client() {
    let lab = lab(faulty(model(1, 5, 10), Action::CutAfter(4))).await;
    for breakdown in [false, true] {
        let mut body = ask(true, "hi");
        body["request_breakdown"] = breakdown.into();
        let got = post_gateway(&lab, &body).await;
        assert!(got.broken);
        assert_eq!((got.read().tokens, got.read().done), (4, false));
    }
}

#[tokio::test]
async fn a_provider_that_closes_the_connection_is_a_424_and_is_not_asked_again() {
    let refuse = Fault {
        when: When {
            every: Some(2),
            ..When::default()
        },
        action: Action::Refuse,
    };
    let lab = lab(Script {
        faults: vec![refuse],
        ..script(model(1, 1, 1))
    })
    .await;
    // The second goes over the connection that the first one left open.
    assert_eq!(post_gateway(&lab, &ask(true, "hi")).await.status, 200);
    assert_eq!(post_gateway(&lab, &ask(true, "hi")).await.status, 424);
    assert_eq!(lab.provider.counts().requests, 2);
}

#[tokio::test]
async fn strangers_and_unknown_models_are_turned_away_with_a_reason() {
    let lab = lab(Script {
        key: Some("sk-provider".into()),
        ..script(model(0, 0, 1))
    })
    .await;
    let client = client();
    let mut body = ask(true, "hi");
    let keyless = try_post(&client, &lab.gateway_url, "wrong", &body)
        .await
        .unwrap();
    assert_eq!(keyless.status, 401);
    assert!(keyless.json()["detail"].is_string());
    let key = lab.key.expose();
    let bare = try_post(&client, &lab.gateway_url, key, &body)
        .await
        .unwrap();
    assert_eq!(bare.status, 404);
    assert!(
        bare.json()["detail"]
            .as_str()
            .unwrap()
            .contains("openai/gpt-lab")
    );
    body["model"] = "openai/gpt-lab".into();
    assert_eq!(
        try_post(&client, &lab.gateway_url, key, &body)
            .await
            .unwrap()
            .status,
        200
    );
    let provider = try_post(&client, &lab.provider_url, "wrong", &body)
        .await
        .unwrap();
    assert_eq!(provider.status, 401);
    body["model"] = 7.into();
    assert_eq!(
        try_post(&client, &lab.gateway_url, key, &body)
            .await
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn other_paths_and_methods_have_their_own_answers() {
    let lab = lab(Script::default()).await;
    let client = client();
    let key = lab.key.expose();
    let get = async |url: String| client.get(url).bearer_auth(key).send().await.unwrap();
    let health = get(lab.gateway_url.replace("/api", "/health")).await;
    assert_eq!(health.status(), 200);
    let models = get(format!("{}/models", lab.gateway_url)).await;
    let list: serde_json::Value = serde_json::from_slice(&models.bytes().await.unwrap()).unwrap();
    assert_eq!(list["data"][0]["id"], "openai/gpt-lab");
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        3,
        "patterns are no models"
    );
    for base in [&lab.gateway_url, &lab.provider_url] {
        let wrong = get(format!("{base}/chat/completions")).await;
        assert_eq!(
            (wrong.status().as_u16(), &wrong.headers()["allow"]),
            (405, &"POST".parse().unwrap())
        );
        assert_eq!(get(format!("{base}/nothing")).await.status(), 404);
        let url = format!("{base}/chat/completions");
        let huge = client
            .post(url)
            .bearer_auth(key)
            .body(vec![b' '; (32 << 20) + 1]);
        // The server may close before it was sent all of it, which is an answer too.
        assert!(
            huge.send()
                .await
                .map_or(true, |answer| answer.status() == 413)
        );
    }
    let url = format!("{}/chat/completions", lab.provider_url);
    assert_eq!(
        client.post(url).body("{").send().await.unwrap().status(),
        400
    );
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_424() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let front = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", front.local_addr().unwrap());
    let gateway = Gateway::new(tollgate::base::Secret::new("sk"), nobody).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let served = tokio::spawn(std::sync::Arc::new(gateway).serve(front, stop.clone()));
    let mut body = ask(false, "hi");
    body["model"] = "openai/gpt-lab".into();
    let got = try_post(&client(), &base, "sk", &body).await.unwrap();
    assert_eq!(got.status, 424);
    assert!(got.json()["detail"].is_string());
    stop.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_account_of_a_request_comes_where_it_is_asked_for() {
    let prices = serde_json::json!({
        "as_of": "2026-01-01",
        "models": { "openai/gpt-lab": { "per_million": { "input": "1", "output": "10" } } },
    });
    let accountable = Script {
        prices: Some(serde_json::from_value(prices).unwrap()),
        ..script(model(5, 1, 8))
    };
    let lab = lab(accountable).await;
    for stream in [true, false] {
        let mut body = ask(stream, "two words");
        body["request_breakdown"] = true.into();
        let got = post_gateway(&lab, &body).await;
        let (account, cost) = if stream {
            let events = got.events();
            let [.., usage, account, done] = events.as_slice() else {
                panic!("{events:?}")
            };
            assert!(DIALECT.decode(usage.as_bytes()).unwrap().usage.is_some());
            assert_eq!(done, "[DONE]");
            let cost = DIALECT.decode(account.as_bytes()).unwrap().cost_reported;
            let account: serde_json::Value = serde_json::from_str(account).unwrap();
            assert_eq!(got.read().tokens, 8, "the account is no token");
            (account["choices"][0]["request_breakdown"].clone(), cost)
        } else {
            let bytes = got.body();
            let cost = DIALECT.decode(&bytes).unwrap().cost_reported;
            (got.json()["request_breakdown"].clone(), cost)
        };
        assert_eq!(
            cost,
            Some(tollgate::base::Money::from_nanos(2 * 1_000 + 8 * 10_000))
        );
        assert_eq!(
            (&account["prompt_tokens"], &account["completion_tokens"]),
            (&2.into(), &8.into())
        );
        assert_eq!(
            (&account["stream"], &account["status_code"]),
            (&stream.into(), &200.into())
        );
        assert!(account["latency"].as_f64() > account["routing_time"].as_f64());
    }
}
