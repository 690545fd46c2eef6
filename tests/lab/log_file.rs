//! The log in a `SQLite` file, where the build has it.

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn the_file_holds_every_row_also_those_that_memory_has_dropped() {
    use crate::support::*;
    use serde_json::{Value, json};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.sqlite");
    let gateway = json!({ "gateway": { "keep_logs": 3, "log_file": path } });
    let lab = lab(priced(model(0, 0, 2), gateway)).await;
    let fields = json!({
        "custom_identifier": "called", "customer_credentials": { "openai": { "api_key": "sk-secret" } },
    });
    chat(&lab, false, "openai/gpt-lab", fields).await;
    let logs: Vec<_> = (0..1_500)
        .map(|n| json!({ "model": n.to_string() }))
        .collect();
    for part in logs.chunks(500) {
        let (status, _, _) = api(&lab, "POST", "request-logs/bulk/", json!({ "logs": part })).await;
        assert_eq!(status, 201);
    }
    assert_eq!(rows(&lab, json!({}), 3).await.len(), 3);
    lab.stop().await.unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    let one = |what: &str| {
        let query = format!("SELECT {what} FROM request_logs");
        file.query_row(&query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(one("count(*)"), 1_501);
    let called = "SELECT row FROM request_logs WHERE custom_identifier = 'called'";
    let called: String = file.query_row(called, [], |row| row.get(0)).unwrap();
    let called: Value = serde_json::from_str(&called).unwrap();
    assert_eq!(
        (&called["completion_tokens"], &called["cost"]),
        (&json!(2), &json!(0.000_022))
    );
    let bytes = std::fs::read(&path).unwrap();
    assert!(
        !bytes.windows(9).any(|part| part == b"sk-secret"),
        "a key is in the file"
    );
}

#[cfg(not(feature = "sqlite"))]
#[test]
fn a_log_file_is_refused_by_a_build_that_cannot_write_it() {
    let script = r#"{"gateway":{"log_file":"log.sqlite"}}"#;
    let script: tollgate::lab::Script = serde_json::from_str(script).unwrap();
    let problem = script.check().unwrap_err().to_string();
    assert!(problem.contains("--features sqlite"), "{problem}");
}
