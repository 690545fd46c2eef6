//! The log: a row for each call, others' calls, and reading it back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_call_leaves_a_row_with_its_tokens_cost_and_times() {
    let mut cached = model(40, 5, 6);
    cached.cached = "50%".parse().unwrap();
    let lab = lab(priced(cached, json!({}))).await;
    for stream in [true, false] {
        let id = format!("run-{stream}");
        let fields = json!({
            "custom_identifier": id, "customer_identifier": "c", "thread_identifier": "t",
            "metadata": { "n": 1 },
        });
        let got = chat(&lab, stream, "openai/gpt-lab", fields).await;
        let row = &rows(&lab, json!({ "custom_identifier": { "value": [id] } }), 1).await[0];
        for (field, value) in [
            ("model", json!("openai/gpt-lab")),
            ("provider_id", json!("openai")),
            ("status_code", json!(200)),
            ("status", json!("success")),
            ("stream", json!(stream)),
            ("prompt_tokens", json!(2)),
            ("prompt_cache_hit_tokens", json!(1)),
            ("completion_tokens", json!(6)),
            // 1 fresh token at 1, one cached at 0.5 and 6 of the answer at 10, for a million each.
            ("cost", json!(0.000_061_5)),
            ("cache_bit", json!(0)),
            ("customer_identifier", json!("c")),
            ("thread_identifier", json!("t")),
            ("metadata", json!({ "n": "1" })),
            ("used_custom_credential", json!(false)),
            ("attempts", json!(1)),
        ] {
            assert_eq!(row[field], value, "{field} of {row}");
        }
        let seconds = |field: &str| row[field].as_f64().unwrap();
        assert!(seconds("latency") >= 0.065 && seconds("latency") <= got.last().as_secs_f64());
        assert!(seconds("routing_time") < seconds("latency"));
        if stream {
            assert!(
                (0.04..seconds("latency")).contains(&seconds("time_to_first_token")),
                "{row}"
            );
        } else {
            assert_eq!(row["time_to_first_token"], Value::Null);
        }
    }
}

#[tokio::test]
async fn failures_and_clients_that_leave_have_rows_too() {
    let faults = json!({ "faults": [
        { "when": { "model": "down" }, "do": { "status": { "code": 503, "message": "over" } } },
        { "when": { "model": "cut" }, "do": { "cut_after": 2 } },
        { "when": { "model": "gone" }, "do": "refuse" },
    ] });
    let lab = lab(priced(model(5, 20, 20), faults)).await;
    for model in ["openai/down", "openai/cut", "openai/gone", "nobody"] {
        chat(&lab, true, model, json!({})).await;
    }
    let url = format!("{}/chat/completions", lab.gateway_url);
    let mut body = ask(true, "hi");
    body["model"] = "openai/left".into();
    let ask = client()
        .post(url)
        .bearer_auth(lab.key.expose())
        .body(body.to_string());
    let mut answer = ask.send().await.unwrap();
    answer.chunk().await.unwrap();
    drop(answer);
    let rows = rows(&lab, json!({ "status": { "value": ["error"] } }), 5).await;
    for (row, (model, code, message)) in rows.iter().zip([
        ("openai/down", 503, "over"),
        ("openai/cut", 200, "broke off"),
        ("openai/gone", 424, "no answer"),
        ("nobody", 404, "no provider"),
        ("openai/left", 499, "left"),
    ]) {
        assert_eq!(
            (&row["model"], &row["status_code"]),
            (&json!(model), &json!(code)),
            "{row}"
        );
        assert!(
            row["error_message"].as_str().unwrap().contains(message),
            "{row}"
        );
    }
}

#[tokio::test]
async fn rows_are_read_after_the_ingestion_delay() {
    let delayed = json!({ "gateway": { "ingestion_delay": "300ms" } });
    let lab = lab(priced(model(0, 0, 1), delayed)).await;
    let begun = tokio::time::Instant::now();
    chat(&lab, false, "openai/gpt-lab", json!({})).await;
    let (_, _, none) = api(&lab, "POST", "request-logs/list/", json!({})).await;
    let early = begun.elapsed() < Duration::from_millis(300);
    assert!(none["count"] == 0 || !early, "{none}");
    rows(&lab, json!({}), 1).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_call_made_elsewhere_is_reported_with_its_own_cost_or_the_computed_one() {
    let lab = lab(priced(model(0, 0, 1), json!({}))).await;
    let told = json!({
        "model": "openai/gpt-lab",
        "prompt_messages": [{ "role": "user", "content": "Hi" }],
        "completion_message": { "role": "assistant", "content": "Hello" },
        "prompt_tokens": 100, "usage": { "completion_tokens": 10 },
        "generation_time": 1.5, "ttft": 0.2, "metadata": { "n": 1 },
        "customer_params": { "customer_identifier": "c" }, "custom_identifier": "told",
        "timestamp": "2026-03-04T05:06:07+01:00",
    });
    let (status, _, created) = api(&lab, "POST", "request-logs/create/", told.clone()).await;
    assert_eq!(status, 201, "{created}");
    let row = &rows(
        &lab,
        json!({ "custom_identifier": { "value": ["told"] } }),
        1,
    )
    .await[0];
    for (field, value) in [
        ("unique_id", created["unique_id"].clone()),
        ("cost", json!(0.0002)),
        ("latency", json!(1.5)),
        ("time_to_first_token", json!(0.2)),
        ("customer_identifier", json!("c")),
        ("timestamp", json!("2026-03-04T04:06:07.000000Z")),
        ("prompt_messages", told["prompt_messages"].clone()),
        ("completion_message", told["completion_message"].clone()),
        ("metadata", json!({ "n": "1" })),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let own = json!({ "model": "gpt-lab", "prompt_tokens": 100, "cost": 7.5 });
    let (_, _, created) = api(&lab, "POST", "request-logs/", own).await;
    assert_eq!(created["cost"], 7.5);
    let other = json!({ "model": "gpt-lab", "prompt_tokens": 100 });
    let (_, _, created) = api(&lab, "POST", "request-logs/", other).await;
    assert_eq!(
        created["cost"],
        Value::Null,
        "two providers have a model of that name"
    );
    let (status, _, refused) =
        api(&lab, "POST", "request-logs/create/", json!({ "cost": "x" })).await;
    assert_eq!(status, 422);
    let errors = refused["errors"].as_array().unwrap();
    let fields: Vec<_> = errors
        .iter()
        .map(|error| error["loc"][1].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["model", "cost"]);
}

#[tokio::test]
async fn a_bulk_upload_takes_each_row_by_itself() {
    let lab = lab(script(model(0, 0, 1))).await;
    let logs = json!({ "logs": [{ "model": "a" }, {}, { "model": "b", "latency": -1 }, { "model": "c" }] });
    let (status, _, told) = api(&lab, "POST", "request-logs/bulk/", logs).await;
    assert_eq!(
        (status, &told["success_count"], &told["error_count"]),
        (201, &json!(2), &json!(2))
    );
    assert_eq!(
        (&told["errors"][0]["index"], &told["errors"][1]["index"]),
        (&json!(1), &json!(2))
    );
    let none = api(&lab, "POST", "request-logs/bulk/", json!({ "logs": [{}] })).await;
    assert_eq!(none.0, 400);
    let many = vec![json!({ "model": "a" }); 501];
    let (status, _, _) = api(&lab, "POST", "request-logs/bulk/", json!({ "logs": many })).await;
    assert_eq!(status, 422);
    assert_eq!(rows(&lab, json!({}), 2).await.len(), 2);
}

#[tokio::test]
async fn following_next_visits_each_row_once() {
    let lab = lab(script(model(0, 0, 1))).await;
    let logs: Vec<_> = (0..25)
        .map(|n| json!({ "model": if n % 5 == 0 { "b" } else { "a" }, "custom_identifier": format!("{n:02}") }))
        .collect();
    api(&lab, "POST", "request-logs/bulk/", json!({ "logs": logs })).await;
    let filters = json!({ "filters": { "model": { "operator": "", "value": ["a"] } } });
    let mut next = json!(
        "request-logs/list/?page_size=8&sort_by=custom_identifier&include_fields=custom_identifier,model"
    );
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(url) = next.as_str().map(str::to_owned) {
        let (status, _, page) = api(&lab, "POST", &url, filters.clone()).await;
        assert_eq!((status, &page["count"]), (200, &json!(20)));
        assert_eq!(page["previous"].is_null(), pages == 0);
        for row in page["results"].as_array().unwrap() {
            assert_eq!(row.as_object().unwrap().len(), 2, "{row}");
            seen.push(row["custom_identifier"].as_str().unwrap().to_owned());
        }
        next = page["next"].clone();
        pages += 1;
    }
    let expected: Vec<_> = (0..25)
        .filter(|n| n % 5 != 0)
        .map(|n| format!("{n:02}"))
        .collect();
    assert_eq!((seen, pages), (expected, 3));
    let (status, _, page) = api(&lab, "GET", "request-logs/list/?page=9", Value::Null).await;
    assert_eq!(
        (status, page["results"].as_array().unwrap().len()),
        (200, 0)
    );
}

#[tokio::test]
async fn the_summary_and_the_groups_are_sums_of_the_rows() {
    let lab = lab(priced(model(0, 0, 3), json!({}))).await;
    for (model, customer) in [
        ("openai/gpt-lab", "a"),
        ("openai/gpt-lab", "b"),
        ("anthropic/gpt-lab", "a"),
    ] {
        chat(
            &lab,
            true,
            model,
            json!({ "customer_identifier": customer }),
        )
        .await;
    }
    let rows = rows(&lab, json!({}), 3).await;
    let sum: f64 = rows.iter().map(|row| row["cost"].as_f64().unwrap()).sum();
    let (status, _, all) = api(&lab, "POST", "request-logs/summary/", json!({})).await;
    assert_eq!((status, &all["number_of_requests"]), (200, &json!(3)));
    assert_eq!(
        (&all["total_tokens"], &all["total_completion_tokens"]),
        (&json!(15), &json!(9))
    );
    assert!((all["total_cost"].as_f64().unwrap() - sum).abs() < 1e-12 && sum > 0.0);
    let filters = json!({ "filters": { "customer_identifier": { "value": ["a"] } } });
    let (_, _, some) = api(&lab, "POST", "request-logs/summary/", filters).await;
    assert_eq!(some["number_of_requests"], 2);
    let (_, _, groups) = api(
        &lab,
        "POST",
        "request-logs/groups/?group_by=model",
        json!({}),
    )
    .await;
    assert_eq!(groups["count"], 2);
    let first = &groups["results"][0];
    assert_eq!(
        (&first["model"], &first["number_of_requests"]),
        (&json!("openai/gpt-lab"), &json!(2))
    );
    assert_eq!(first["cache_hit_percentage"], 0.0);
    assert_eq!(
        api(&lab, "POST", "request-logs/groups/", json!({})).await.0,
        422
    );
    assert_eq!(
        api(&lab, "GET", "request-logs/nothing/", Value::Null)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn only_the_last_rows_are_kept() {
    let lab = lab(priced(
        model(0, 0, 1),
        json!({ "gateway": { "keep_logs": 3 } }),
    ))
    .await;
    let logs: Vec<_> = (0..5).map(|n| json!({ "model": n.to_string() })).collect();
    api(&lab, "POST", "request-logs/bulk/", json!({ "logs": logs })).await;
    let rows = rows(&lab, json!({}), 3).await;
    let models: Vec<_> = rows
        .iter()
        .map(|row| row["model"].as_str().unwrap())
        .collect();
    assert_eq!(models, ["2", "3", "4"]);
}
