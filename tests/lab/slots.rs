//! A provider with few slots saturates as a real one does.

use std::time::Duration;

use futures_util::future::join_all;
use tollgate::lab::Model;

use crate::support::*;

#[tokio::test]
async fn with_two_slots_four_requests_take_twice_as_long_as_one() {
    let two = Model {
        slots: 2,
        ..model(50, 0, 1)
    };
    let lab = lab(script(two)).await;
    let asks: Vec<_> = (0..4)
        .map(|i| ask(i % 2 == 0, &format!("prompt {i}")))
        .collect();
    let mut ends: Vec<_> = join_all(asks.iter().map(|ask| post(&lab, ask)))
        .await
        .iter()
        .map(Got::last)
        .collect();
    ends.sort_unstable();
    assert!(ends[0] >= Duration::from_millis(50));
    assert!(ends[3] >= Duration::from_millis(100), "{ends:?}");
    let counts = lab.provider.counts();
    assert_eq!(
        (counts.requests, counts.most_serving, counts.serving),
        (4, 2, 0)
    );
    assert!(counts.most_waiting >= 1);
    let mut seen = lab.provider.seen();
    seen.sort_by_key(|seen| seen.at);
    assert!(
        seen.is_sorted_by_key(|seen| seen.started),
        "first come, first served"
    );
    assert!(seen[2].started >= seen[0].ended.min(seen[1].ended));
}

#[tokio::test]
async fn a_full_queue_gives_a_429_with_the_time_to_wait() {
    let one = Model {
        slots: 1,
        queue: Some(1),
        ..model(300, 0, 1)
    };
    let lab = lab(script(one)).await;
    let asks: Vec<_> = (0..4).map(|i| ask(true, &format!("prompt {i}"))).collect();
    let got = join_all(asks.iter().map(|ask| post(&lab, ask))).await;
    let full: Vec<_> = got.iter().filter(|got| got.status == 429).collect();
    assert_eq!(full.len(), 2);
    assert!(
        full.iter()
            .all(|got| got.headers.contains_key("retry-after"))
    );
    assert_eq!(lab.provider.counts().turned_away, 2);
}

#[tokio::test]
async fn who_leaves_the_queue_or_the_service_frees_the_place() {
    let one = Model {
        slots: 1,
        ..model(60_000, 0, 1)
    };
    let lab = lab(script(one)).await;
    let spawn = |content: &str| {
        let (client, url, body) = (client(), lab.provider_url.clone(), ask(true, content));
        tokio::spawn(async move { try_post(&client, &url, "any", &body).await })
    };
    let first = spawn("first");
    until(|| lab.provider.counts().serving == 1).await;
    let second = spawn("second");
    until(|| lab.provider.counts().waiting == 1).await;
    let third = spawn("third");
    until(|| lab.provider.counts().waiting == 2).await;
    second.abort();
    until(|| lab.provider.counts().waiting == 1).await;
    first.abort();
    until(|| lab.provider.counts().waiting == 0).await;
    assert_eq!(lab.provider.counts().serving, 1);
    let started: Vec<_> = lab
        .provider
        .seen()
        .iter()
        .map(|seen| seen.started.is_some())
        .collect();
    assert_eq!(started, [true, false, true]);
    third.abort();
    until(|| lab.provider.counts().serving == 0).await;
}

#[tokio::test]
async fn shutdown_ends_open_streams_and_returns() {
    let lab = lab(script(model(10, 60_000, 2))).await;
    let (client, url, key) = (client(), lab.gateway_url.clone(), lab.key.clone());
    let mut body = ask(true, "hi");
    body["model"] = "openai/gpt-lab".into();
    let open = tokio::spawn(async move { try_post(&client, &url, key.expose(), &body).await });
    until(|| {
        lab.provider
            .seen()
            .iter()
            .any(|seen| seen.first_token.is_some())
    })
    .await;
    // What the bound says is that it does not wait for the minute that the stream has left.
    tokio::time::timeout(Duration::from_secs(20), lab.stop())
        .await
        .unwrap()
        .unwrap();
    assert!(open.await.unwrap().is_ok_and(|got| got.broken));
}
