//! Each fault of a script, as a client meets it.

use std::time::Duration;

use tollgate::lab::{Action, Fault, Model, Script, Shape, Status, When, Window};

use crate::support::*;

fn plain() -> Model {
    model(1, 1, 10)
}

async fn stream_with(action: Action) -> Got {
    post(&lab(faulty(plain(), action)).await, &ask(true, "hi")).await
}

async fn whole_with(action: Action) -> Got {
    post(&lab(faulty(plain(), action)).await, &ask(false, "hi")).await
}

#[tokio::test]
async fn a_status_comes_with_its_message_and_the_time_to_wait() {
    let status = Status {
        code: 429,
        retry_after: Some(ms(1_500)),
        message: Some("slow down".into()),
    };
    let lab = lab(faulty(plain(), Action::Status(status))).await;
    let got = post(&lab, &ask(true, "hi")).await;
    assert_eq!(
        (got.status, &got.headers["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert_eq!(got.json()["error"]["message"], "slow down");
    assert_eq!(lab.provider.counts().faults["status"], 1);
    assert_eq!(lab.provider.counts().most_serving, 0, "it takes no slot");
}

#[tokio::test]
async fn a_cut_answer_breaks_off_after_its_tokens() {
    for split in [None, Some(5)] {
        let shape = Shape {
            split,
            ..Shape::default()
        };
        let script = Script {
            stream: shape,
            ..faulty(plain(), Action::CutAfter(4))
        };
        let got = post(&lab(script).await, &ask(true, "hi")).await;
        let read = got.read();
        assert!(got.broken);
        assert_eq!((read.tokens, read.finish, read.done), (4, None, false));
    }
    let whole = whole_with(Action::CutAfter(4)).await;
    assert!(whole.broken && !whole.body().is_empty());
}

#[tokio::test]
async fn a_cut_beyond_the_answer_takes_its_end() {
    let got = stream_with(Action::CutAfter(99)).await;
    assert!(got.broken);
    assert_eq!((got.read().tokens, got.read().finish), (10, None));
}

#[tokio::test]
async fn an_answer_may_end_cleanly_in_its_middle() {
    let got = stream_with(Action::EndAfter(4)).await;
    let read = got.read();
    assert!(!got.broken);
    assert_eq!((read.tokens, read.finish, read.done), (4, None, false));
    let whole = whole_with(Action::EndAfter(4)).await;
    assert!(!whole.broken && DIALECT.decode(&whole.body()).is_err());
}

#[tokio::test]
async fn an_error_may_come_in_the_middle_of_a_stream() {
    let read = stream_with(Action::ErrorAfter(4)).await.read();
    assert_eq!((read.tokens, read.finish, read.done), (4, None, false));
    assert!(read.error.is_some());
    assert_eq!(whole_with(Action::ErrorAfter(4)).await.status, 500);
}

#[tokio::test]
async fn garbage_comes_once_and_the_rest_is_whole() {
    let read = stream_with(Action::Garbage).await.read();
    assert_eq!((read.garbage, read.tokens, read.done), (1, 10, true));
    assert!(
        DIALECT
            .decode(&whole_with(Action::Garbage).await.body())
            .is_err()
    );
}

#[tokio::test]
async fn a_refused_request_gets_no_byte() {
    let lab = lab(faulty(plain(), Action::Refuse)).await;
    let url = format!("{}/chat/completions", lab.provider_url);
    let sent = client()
        .post(url)
        .body(ask(true, "hi").to_string())
        .send()
        .await;
    assert!(sent.unwrap_err().is_request());
    assert_eq!(lab.provider.counts().faults["refuse"], 1);
}

#[tokio::test]
async fn a_stall_delays_everything_and_a_slow_first_token_only_itself() {
    let early = Shape {
        role_chunk: tollgate::lab::RoleChunk::Early,
        ..Shape::default()
    };
    let faulty_early = |action| Script {
        stream: early.clone(),
        ..faulty(plain(), action)
    };
    let stalled = post(
        &lab(faulty_early(Action::Stall(ms(150)))).await,
        &ask(true, "hi"),
    )
    .await;
    assert!(stalled.first() >= Duration::from_millis(150));
    assert_eq!(stalled.read().tokens, 10);
    let slow = lab(faulty_early(Action::SlowFirstToken(ms(150)))).await;
    let got = post(&slow, &ask(true, "hi")).await;
    assert!(got.pieces[1].0 >= Duration::from_millis(150));
    assert!(
        got.pieces[1].0.saturating_sub(got.first()) > got.last().saturating_sub(got.pieces[1].0),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_hanging_request_holds_its_slot_until_the_client_leaves() {
    let lab = lab(faulty(plain(), Action::Hang)).await;
    let (url, body) = (lab.provider_url.clone(), ask(true, "hi"));
    let client = client();
    let hung = tokio::spawn(async move { try_post(&client, &url, "any", &body).await });
    until(|| lab.provider.counts().serving == 1).await;
    assert!(!hung.is_finished());
    hung.abort();
    until(|| lab.provider.counts().serving == 0).await;
    until(|| lab.provider.seen()[0].ended.is_some()).await;
}

#[tokio::test]
async fn a_freeze_holds_running_streams_and_new_requests_alike() {
    let window = Window {
        from: ms(100),
        length: ms(400),
    };
    let freeze = Fault {
        when: When {
            window: Some(window),
            ..When::default()
        },
        action: Action::Freeze,
    };
    let lab = lab(Script {
        faults: vec![freeze],
        ..script(model(0, 20, 12))
    })
    .await;
    let (a, b) = (ask(true, "running"), ask(true, "new"));
    let (running, new) = tokio::join!(post(&lab, &a), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        post(&lab, &b).await
    });
    let seen = lab.provider.seen();
    let (first, thaw) = (seen[0].at, seen[0].at + Duration::from_millis(500));
    // 220 ms of work, of which at most 100 are done before.
    assert!(
        running.last() >= Duration::from_millis(220 + 400),
        "{running:?}"
    );
    let gap = running
        .pieces
        .windows(2)
        .map(|pair| pair[1].0.saturating_sub(pair[0].0))
        .max()
        .unwrap();
    assert!(gap > running.last() / 2, "{gap:?}");
    assert!(seen[1].at > first + Duration::from_millis(100));
    assert!(seen[1].first_token_due.unwrap() >= thaw);
    assert_eq!((running.read().tokens, new.read().tokens), (12, 12));
    assert_eq!(lab.provider.counts().faults["freeze"], 1);
}

#[tokio::test]
async fn a_share_hits_the_same_requests_each_time() {
    let fault = Fault {
        when: When {
            share: Some("30%".parse().unwrap()),
            ..When::default()
        },
        action: Action::Status(Status {
            code: 500,
            retry_after: None,
            message: None,
        }),
    };
    let script = || Script {
        faults: vec![fault.clone()],
        ..script(model(0, 0, 1))
    };
    let (one, other) = (lab(script()).await, lab(script()).await);
    let client = client();
    let mut failed = Vec::new();
    for (lab, order) in [
        (&one, (0..60).collect::<Vec<_>>()),
        (&other, (0..60).rev().collect()),
    ] {
        let mut hit = Vec::new();
        for index in order {
            let body = ask(false, &format!("prompt {index}"));
            let got = try_post(&client, &lab.provider_url, "any", &body)
                .await
                .unwrap();
            if got.status == 500 {
                hit.push(index);
            }
        }
        hit.sort_unstable();
        failed.push(hit);
    }
    assert_eq!(failed[0], failed[1]);
    assert!((5..40).contains(&failed[0].len()), "{failed:?}");
}

#[tokio::test]
async fn a_frozen_provider_does_not_even_turn_a_request_away() {
    let window = Window {
        from: ms(0),
        length: ms(200),
    };
    let freeze = Fault {
        when: When {
            window: Some(window),
            ..When::default()
        },
        action: Action::Freeze,
    };
    let status = Status {
        code: 500,
        retry_after: None,
        message: None,
    };
    let error = Fault {
        when: When::default(),
        action: Action::Status(status),
    };
    let lab = lab(Script {
        faults: vec![freeze, error],
        ..script(plain())
    })
    .await;
    let got = post(&lab, &ask(true, "hi")).await;
    assert_eq!(got.status, 500, "a freeze goes with any other fault");
    assert!(got.first() >= Duration::from_millis(200), "{got:?}");
    let seen = &lab.provider.seen()[0];
    assert_eq!((seen.started, seen.fault), (None, Some("status")));
}
