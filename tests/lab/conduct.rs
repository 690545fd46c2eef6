//! What the gateway does to answers on their way: each option of its script, seen by its client and held
//! against what provider and gateway say that they did.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate::base::{Marker, Monotonic};
use tollgate::lab::{Content, GatewayScript, Lab, Passed, Script, Shape, Truth};

use crate::support::*;

/// A lab whose gateway does this, and whose provider says numbers.
async fn conducted(pace: u64, tokens: u32, gateway: Value) -> Lab {
    let gateway: GatewayScript = serde_json::from_value(gateway).unwrap();
    gateway.check().unwrap();
    let lab = lab(Script {
        gateway: gateway.into(),
        stream: Shape {
            content: Content::Numbered,
            ..Shape::default()
        },
        ..script(model(5, pace, tokens))
    })
    .await;
    lab.provider.keep_truth(Monotonic::map().unwrap());
    lab.gateway.keep_truth(Monotonic::map().unwrap());
    lab
}

/// A stream through it, whose request has this marker.
async fn stream(lab: &Lab, marker: u64) -> Got {
    post_gateway(lab, &ask(true, &Marker(marker).to_string())).await
}

/// Its words behind the marker.
fn words(got: &Got, marker: u64) -> String {
    let text = got.read().text;
    let marker = Marker(marker).to_string();
    text.strip_prefix(&marker)
        .unwrap_or(&text)
        .trim()
        .to_owned()
}

async fn passed(lab: &Lab, count: usize) -> Vec<Passed> {
    let mut all = Vec::new();
    until(|| {
        all.extend(lab.gateway.take_truth());
        all.len() >= count
    })
    .await;
    all
}

async fn truth(lab: &Lab) -> Truth {
    let mut all = Vec::new();
    until(|| {
        all.extend(lab.provider.take_truth());
        !all.is_empty()
    })
    .await;
    all.remove(0)
}

fn has_words(piece: &[u8]) -> bool {
    let text = String::from_utf8_lossy(piece);
    let mut contents = text.split("\"content\":\"").skip(1);
    contents.any(|content| !content.starts_with('"'))
}

/// What even a busy machine keeps to most of the time.
fn lower_quarter(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 4]
}

const MS: Duration = Duration::from_millis(1);

/// The runtime's own timers would be a millisecond late and more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_is_what_the_script_says_to_below_a_millisecond() {
    for (up, down) in [(200, 0), (5_000, 0), (0, 5_000), (2_000, 1_400)] {
        let us = |us: i32| json!({ "constant": format!("{us}us") });
        let script = json!({ "delay": us(up), "added": { "first": us(down) } });
        let lab = conducted(1, 3, script).await;
        for streams in [1, 16] {
            let rounds = 32 / streams;
            for round in 0..rounds {
                let all = (0..streams).map(|k| stream(&lab, round * streams + k));
                join_all(all).await;
            }
            let scripted = Duration::from_micros((up + down).try_into().unwrap());
            let added: Vec<Duration> = passed(&lab, 32)
                .await
                .iter()
                .map(|one| one.added_first().unwrap())
                .collect();
            assert_eq!(added.len(), 32);
            assert!(added.iter().all(|added| *added >= scripted), "{added:?}");
            let more = lower_quarter(added).saturating_sub(scripted);
            // Sixteen streams on a debug build queue for the processor.
            assert!(streams > 1 || more < MS, "{up}+{down}: {more:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_may_be_drawn_for_each_call() {
    let script = json!({ "added": { "first": { "lognormal": { "mean": "3ms", "sd": "2ms" } } } });
    let lab = conducted(0, 1, script).await;
    for marker in 0..60 {
        stream(&lab, marker).await;
    }
    let added = passed(&lab, 60).await;
    let mut added: Vec<_> = added.iter().map(|one| one.added_first().unwrap()).collect();
    added.sort_unstable();
    // Its median is 2.5 ms, its tenths are 1.1 and 5.6.
    assert!(added[30] > MS, "{added:?}");
    assert!(added[54] > 2 * added[2], "{added:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_chunk_is_held_as_long_as_the_script_says() {
    let hold = 20 * MS;
    let lab = conducted(
        10,
        8,
        json!({ "added": { "chunk": { "constant": "20ms" } } }),
    )
    .await;
    let got = stream(&lab, 1).await;
    assert_eq!(words(&got, 1), "0 1 2 3 4 5 6 7");
    let (clock, truth) = (Monotonic::map().unwrap(), truth(&lab).await);
    let came: Vec<u64> = got
        .pieces
        .iter()
        .filter(|(_, piece)| has_words(piece))
        .map(|(at, _)| clock.nanos(got.begun + *at))
        .collect();
    assert_eq!(came.len(), truth.chunks.len(), "chunks are apart");
    let transits = came
        .iter()
        .zip(&truth.chunks)
        .map(|(came, sent)| Duration::from_nanos(came - sent));
    let transits: Vec<Duration> = transits.collect();
    assert!(
        transits.iter().all(|transit| *transit >= hold),
        "{transits:?}"
    );
    assert!(lower_quarter(transits) < 2 * hold);
    let passed = passed(&lab, 1).await[0];
    assert!(passed.added_first().unwrap() >= hold && passed.added_last().unwrap() >= hold);
    assert_eq!((passed.key, passed.marked, passed.asked), (1, true, 1));
}

#[tokio::test]
async fn so_many_chunks_go_on_together_as_one_write_or_as_one_event() {
    for (into, tokens) in [("write", 10), ("event", 3)] {
        let coalesce = json!({ "until": { "chunks": 4 }, "into": into });
        let lab = conducted(10, 10, json!({ "stream": { "coalesce": coalesce } })).await;
        let got = stream(&lab, 1).await;
        let read = got.read();
        assert_eq!(words(&got, 1), "0 1 2 3 4 5 6 7 8 9", "{into}");
        assert_eq!((read.tokens, read.done), (tokens, true), "{into}");
        assert_eq!(read.finish.as_deref(), Some("stop"));
        assert_eq!(read.usage.unwrap().output_tokens, 10);
        let with_words = |piece: &&(Duration, Vec<u8>)| has_words(&piece.1);
        let pieces: Vec<_> = got.pieces.iter().filter(with_words).collect();
        assert_eq!(pieces.len(), 3, "{into}");
        let truth = truth(&lab).await;
        let clock = Monotonic::map().unwrap();
        let last = clock.nanos(got.begun + pieces.last().unwrap().0);
        assert!(last >= truth.chunks[9], "the last ones wait for the end");
        // The fourth chunk is what the first one waits for.
        let first = pieces
            .iter()
            .find(|piece| String::from_utf8_lossy(&piece.1).contains("[[tg-"));
        assert!(clock.nanos(got.begun + first.unwrap().0) >= truth.chunks[3]);
    }
}

#[tokio::test]
async fn chunks_that_come_within_the_hold_are_let_go_together() {
    let coalesce = json!({ "until": { "hold": "60ms" }, "into": "event" });
    let lab = conducted(10, 12, json!({ "stream": { "coalesce": coalesce } })).await;
    let got = stream(&lab, 1).await;
    assert_eq!(words(&got, 1), "0 1 2 3 4 5 6 7 8 9 10 11");
    let tokens = got.read().tokens;
    // 110 ms of chunks, let go each 60 ms.
    assert!((1..6).contains(&tokens), "{tokens}");
    let (truth, passed) = (truth(&lab).await, passed(&lab, 1).await[0]);
    let held = Duration::from_nanos(passed.first_out - truth.chunks[0]);
    assert!(held >= 60 * MS, "{held:?}");
}

#[tokio::test]
async fn a_stream_may_be_kept_until_it_is_over() {
    for (into, tokens) in [("write", 6), ("event", 1)] {
        let coalesce = json!({ "until": "end", "into": into });
        let lab = conducted(15, 6, json!({ "stream": { "coalesce": coalesce } })).await;
        let got = stream(&lab, 1).await;
        assert_eq!(words(&got, 1), "0 1 2 3 4 5");
        assert_eq!((got.read().tokens, got.read().done), (tokens, true));
        let (truth, passed) = (truth(&lab).await, passed(&lab, 1).await[0]);
        assert!(passed.first_out >= truth.end, "{into}");
        assert_eq!(passed.first_out, passed.last_out, "one piece");
    }
}

#[tokio::test]
async fn chunks_may_be_lost_doubled_and_put_in_another_order() {
    let cases = [
        (json!({ "lose": 3 }), "0 1 3 4 6 7 9"),
        (json!({ "duplicate": 4 }), "0 1 2 3 3 4 5 6 7 7 8 9"),
        (json!({ "swap": 4 }), "0 1 2 4 3 5 6 8 7 9"),
        (json!({ "swap": 10 }), "0 1 2 3 4 5 6 7 8 9"),
    ];
    for (conduct, expected) in cases {
        let lab = conducted(1, 10, json!({ "stream": conduct })).await;
        let got = stream(&lab, 1).await;
        assert_eq!(words(&got, 1), expected, "{conduct}");
        assert!(got.read().done && got.read().finish.is_some());
    }
}

#[tokio::test]
async fn words_may_be_rewritten_in_streams_and_in_answers_in_one_piece() {
    let marker = Marker(0xab);
    let cases = [
        ("upper_case", format!("{marker} 0 1 2 ").to_uppercase()),
        (
            "no_digits",
            format!("{marker} 0 1 2 ").replace(|c: char| c.is_ascii_digit(), ""),
        ),
    ];
    for (rewrite, expected) in cases {
        let lab = conducted(1, 3, json!({ "stream": { "rewrite": rewrite } })).await;
        assert_eq!(stream(&lab, marker.0).await.read().text, expected);
        let whole = post_gateway(&lab, &ask(false, &marker.to_string())).await;
        assert_eq!(whole.json()["choices"][0]["message"]["content"], expected);
    }
    let lab = conducted(1, 3, json!({ "stream": { "rewrite": "trimmed" } })).await;
    assert_eq!(
        stream(&lab, marker.0).await.read().text,
        format!("{marker} 012")
    );
}

#[tokio::test]
async fn a_marker_may_not_reach_the_provider() {
    let lab = conducted(1, 3, json!({ "drop_marker": true })).await;
    assert_eq!(stream(&lab, 1).await.read().text, "0 1 2 ");
    assert!(!truth(&lab).await.marked);
    let passed = passed(&lab, 1).await[0];
    assert_eq!(
        (passed.key, passed.marked),
        (1, true),
        "the gateway has seen it"
    );
}

#[tokio::test]
async fn an_eager_cache_gives_the_answer_of_another() {
    let lab = conducted(1, 3, json!({ "eager_cache": true })).await;
    let own = format!("{} 0 1 2 ", Marker(1));
    assert_eq!(stream(&lab, 1).await.read().text, own);
    assert_eq!(stream(&lab, 2).await.read().text, own, "it is not its own");
    assert_eq!(lab.provider.counts().requests, 1);
    let asked: Vec<u32> = passed(&lab, 2).await.iter().map(|one| one.asked).collect();
    assert_eq!(asked, [1, 0]);
}

#[tokio::test]
async fn a_stream_that_breaks_off_breaks_off_behind_what_was_held() {
    let gateway = json!({ "added": { "chunk": { "constant": "20ms" } } });
    let lab = lab(Script {
        gateway: Box::new(serde_json::from_value(gateway).unwrap()),
        ..faulty(model(1, 1, 10), tollgate::lab::Action::CutAfter(4))
    })
    .await;
    let got = post_gateway(&lab, &ask(true, "hi")).await;
    assert!(got.broken);
    assert_eq!(got.read().tokens, 4);
}
