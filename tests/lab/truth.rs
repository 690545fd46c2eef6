//! The truth of every request: what a provider says that it did, held against what a client got.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::time::Duration;

use tokio::time::Instant;
use tollgate::base::{Marker, Monotonic};
use tollgate::lab::{Action, Content, Fault, Lab, Script, Shape, Status, Truth, When, Window};

use crate::support::*;

const MARKER: Marker = Marker(0x0123_4567_89ab_cdef);

fn numbered(tokens_per_chunk: u32) -> Shape {
    Shape {
        content: Content::Numbered,
        tokens_per_chunk,
        ..Shape::default()
    }
}

async fn truthful(script: Script) -> Lab {
    let lab = lab(script).await;
    lab.provider.keep_truth(Monotonic::map().unwrap());
    lab
}

/// The truths of all requests, as soon as there are `count`.
async fn truths(lab: &Lab, count: usize) -> Vec<Truth> {
    let mut all = Vec::new();
    until(|| {
        all.extend(lab.provider.take_truth());
        all.len() >= count
    })
    .await;
    assert_eq!(all.len(), count, "{all:#?}");
    all
}

#[tokio::test]
async fn numbered_content_is_the_marker_and_a_number_for_each_token() {
    let lab = truthful(shaped(model(0, 0, 7), numbered(3))).await;
    let prompt = format!("say it {MARKER} now");
    let got = post(&lab, &ask(true, &prompt)).await;
    let said: Vec<String> = got
        .events()
        .iter()
        .filter_map(|data| DIALECT.decode(data.as_bytes()).ok())
        .map(|delta| delta.content.into_owned())
        .filter(|content| !content.is_empty())
        .collect();
    let first = format!("{MARKER} 0 1 2 ");
    assert_eq!(said, [first.as_str(), "3 4 5 ", "6 "]);
    let whole = post(&lab, &ask(false, &prompt)).await;
    let text = &whole.json()["choices"][0]["message"]["content"];
    assert_eq!(*text, format!("{MARKER} 0 1 2 3 4 5 6 "));
    let bare = post(&lab, &ask(true, "no marker")).await.read();
    assert_eq!(bare.text, "0 1 2 3 4 5 6 ");
    let kept = truths(&lab, 3).await;
    assert_eq!(
        kept.iter().map(|truth| truth.marked).collect::<Vec<_>>(),
        [true, true, false]
    );
    assert!(kept[..2].iter().all(|truth| truth.key == MARKER.0));
    assert!(kept.iter().all(|truth| truth.tokens == 7 && truth.whole));
    assert_eq!((kept[0].chunks.len(), kept[1].chunks.len()), (3, 1));
}

/// What of an answer went out, by the fault that hit it: status, tokens, whether it was whole.
#[tokio::test]
async fn the_truth_tells_what_each_fault_left_of_an_answer() {
    let status = Status {
        code: 429,
        retry_after: Some(ms(2_000)),
        message: None,
    };
    let cases = [
        (Action::Status(status), (429, 0, true)),
        (Action::Refuse, (0, 0, false)),
        (Action::CutAfter(4), (200, 4, false)),
        (Action::EndAfter(4), (200, 4, false)),
        (Action::ErrorAfter(4), (200, 4, false)),
        (Action::Stall(ms(5)), (200, 10, true)),
        (Action::SlowFirstToken(ms(5)), (200, 10, true)),
        (Action::Garbage, (200, 10, true)),
    ];
    for (action, expected) in cases {
        let kind = action.kind();
        let lab = truthful(faulty(model(1, 1, 10), action)).await;
        let sent = Monotonic::map().unwrap().nanos(Instant::now());
        let body = ask(true, &MARKER.to_string());
        let _ = try_post(&client(), &lab.provider_url, "any", &body).await;
        let truth = &truths(&lab, 1).await[0];
        assert_eq!(
            (truth.status, truth.tokens, truth.whole),
            expected,
            "{kind}"
        );
        assert_eq!(truth.fault.as_deref(), Some(kind));
        assert_eq!((truth.key, truth.marked), (MARKER.0, true), "{kind}");
        assert_eq!(truth.chunks.len(), truth.tokens as usize, "{kind}");
        let first = truth.chunks.first().unwrap_or(&truth.end);
        assert!(sent < truth.received && truth.received <= *first, "{kind}");
        assert!(truth.chunks.is_sorted() && *first <= truth.end, "{kind}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_leaves_a_truth_of_what_it_got() {
    let hung = truthful(faulty(model(1, 1, 10), Action::Hang)).await;
    let endless = truthful(script(model(1, 50, 1_000))).await;
    for (lab, status) in [(&hung, 0), (&endless, 200)] {
        let (url, body) = (lab.provider_url.clone(), ask(true, "hi"));
        let client = client();
        let waiting = tokio::spawn(async move { try_post(&client, &url, "any", &body).await });
        until(|| lab.provider.counts().serving == 1).await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        let left = Monotonic::map().unwrap().nanos(Instant::now());
        waiting.abort();
        let truth = &truths(lab, 1).await[0];
        assert_eq!((truth.status, truth.whole), (status, false));
        assert!(truth.end > left, "it was over when the client left");
        assert_eq!(truth.chunks.len(), truth.tokens as usize);
        assert_eq!(truth.tokens > 0, status == 200);
    }
}

#[tokio::test]
async fn who_is_turned_away_leaves_a_truth_too() {
    let lab = truthful(Script {
        models: vec![tollgate::lab::Model {
            model: "gpt-lab".into(),
            ..model(0, 0, 1)
        }],
        ..Script::default()
    })
    .await;
    let mut body = ask(true, &MARKER.to_string());
    body["model"] = "nobody".into();
    assert_eq!(post(&lab, &body).await.status, 404);
    body["model"] = 7.into();
    assert_eq!(post(&lab, &body).await.status, 400);
    let kept = truths(&lab, 2).await;
    assert_eq!((kept[0].status, kept[1].status), (404, 400));
    assert!(
        kept.iter()
            .all(|truth| truth.marked && truth.fault.is_none())
    );
}

#[tokio::test]
async fn while_a_provider_is_down_nobody_listens_and_what_was_under_way_breaks_off() {
    let window = Window {
        from: ms(150),
        length: ms(300),
    };
    let down = Fault {
        when: When {
            window: Some(window),
            ..When::default()
        },
        action: Action::Down,
    };
    let lab = truthful(Script {
        faults: vec![down],
        ..script(model(0, 10, 100))
    })
    .await;
    let running = post(&lab, &ask(true, "cut by it")).await;
    assert!(running.broken && running.read().tokens < 100);
    let address = lab.provider_url.trim_start_matches("http://");
    let address = address.trim_end_matches("/v1");
    let refused = tokio::net::TcpStream::connect(address).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    let truth = &truths(&lab, 1).await[0];
    assert_eq!((truth.fault.as_deref(), truth.whole), (Some("down"), false));
    let lasted = Duration::from_nanos(truth.end - truth.received);
    assert!(lasted >= Duration::from_millis(150), "{lasted:?}");
    let begun = lab.provider.started() + lab.provider.seen()[0].at.elapsed();
    let mut back = None;
    until(|| {
        back = std::net::TcpStream::connect(address).ok();
        back.is_some()
    })
    .await;
    assert!(begun.elapsed() >= Duration::from_millis(450));
    drop(back);
    assert_eq!(post(&lab, &ask(true, "after it")).await.read().tokens, 100);
}

#[tokio::test]
async fn windows_count_anew_where_somebody_says_so() {
    let window = Window {
        from: ms(0),
        length: ms(60_000),
    };
    let slow = Fault {
        when: When {
            window: Some(Window {
                from: ms(60_000),
                ..window
            }),
            ..When::default()
        },
        action: Action::EndAfter(1),
    };
    let early = Fault {
        when: When {
            window: Some(window),
            ..When::default()
        },
        action: Action::Refuse,
    };
    let lab = lab(Script {
        faults: vec![slow, early],
        ..script(model(0, 0, 1))
    })
    .await;
    for _ in 0..2 {
        lab.provider.begin();
        let sent = try_post(&client(), &lab.provider_url, "any", &ask(true, "hi")).await;
        assert!(sent.is_err(), "the first window holds from the beginning");
    }
    assert_eq!(lab.provider.counts().faults["refuse"], 2);
}
