//! The client that everybody builds first: `reqwest`, `eventsource-stream`, and a `serde_json::Value`
//! of each chunk. It counts tokens and records nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::server::Count;

/// A closed loop of `users` on `url` for some time; says what was counted.
pub(super) fn stack(url: &str, users: usize, length: Duration, body: &str) -> anyhow::Result<()> {
    // Already installed is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let count = Rc::new(Cell::new(Count::default()));
    LocalSet::new().block_on(&runtime, async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(usize::MAX)
            .build()?;
        let end = Instant::now() + length;
        let user = |_| {
            let (client, count) = (client.clone(), Rc::clone(&count));
            let (url, body) = (url.to_owned(), body.to_owned());
            tokio::task::spawn_local(async move {
                while Instant::now() < end {
                    let tokens = ask(&client, &url, &body).await?;
                    let before = count.get();
                    count.set(Count {
                        answers: before.answers + 1,
                        tokens: before.tokens + tokens,
                    });
                }
                anyhow::Ok(())
            })
        };
        let users: Vec<_> = (0..users).map(user).collect();
        for user in users {
            user.await??;
        }
        anyhow::Ok(())
    })?;
    super::say(&serde_json::to_string(&count.get())?);
    Ok(())
}

/// One request; how many tokens its answer had.
async fn ask(client: &reqwest::Client, url: &str, body: &str) -> anyhow::Result<u64> {
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_owned());
    let answer = request.send().await?.error_for_status()?;
    let kind = answer.headers().get("content-type");
    if kind.is_none_or(|kind| kind != "text/event-stream") {
        let value: Value = serde_json::from_slice(&answer.bytes().await?)?;
        anyhow::ensure!(
            value["usage"].is_object(),
            "not the answer that was asked for"
        );
        return Ok(0);
    }
    let mut events = answer.bytes_stream().eventsource();
    let mut tokens = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        if event.data == "[DONE]" {
            continue;
        }
        let value: Value = serde_json::from_str(&event.data)?;
        let content = value["choices"][0]["delta"]["content"].as_str();
        tokens += u64::from(content.is_some_and(|content| !content.is_empty()));
    }
    Ok(tokens)
}
