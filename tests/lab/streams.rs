//! What an undisturbed stream looks like, and when its pieces come.

use std::time::Duration;

use tollgate::base::{Distribution, Percent, Usage};
use tollgate::lab::{Comments, Model, Newline, Repeats, RoleChunk, Script, Shape};

use crate::support::*;

#[tokio::test]
async fn a_stream_says_what_the_answer_in_one_piece_would_count() {
    let parser = Model {
        reasoning_tokens: 3,
        cached: "50%".parse::<Percent>().unwrap(),
        pages: Some(Distribution::Constant(2)),
        ..model(5, 1, 12)
    };
    let lab = lab(script(parser)).await;
    let usage = Usage {
        input_tokens: 4,
        cached_input_tokens: 2,
        output_tokens: 12,
        reasoning_tokens: 3,
        pages: Some(2),
    };
    let stream = post(&lab, &ask(true, "one two three four")).await;
    let read = stream.read();
    assert_eq!(read.usage, Some(usage));
    assert_eq!((read.tokens, read.done, stream.broken), (12, true, false));
    assert_eq!(read.text.split(' ').count(), 9);
    assert_eq!(read.reasoning.split(' ').count(), 3);
    assert_eq!(read.finish.as_deref(), Some("stop"));

    let whole = post(&lab, &ask(false, "one two three four")).await;
    assert_eq!(
        whole.headers["content-length"],
        whole.body().len().to_string()
    );
    let body = whole.body();
    let answer = DIALECT.decode(&body).unwrap();
    assert_eq!(answer.usage, Some(usage));
    assert_eq!(answer.content.split(' ').count(), 9);
    assert_eq!(answer.reasoning.split(' ').count(), 3);
}

#[tokio::test]
async fn a_stream_reports_usage_only_if_asked_and_stops_at_max_tokens() {
    let lab = lab(script(model(0, 0, 20))).await;
    let mut body = ask(true, "hi");
    body["stream_options"] = serde_json::Value::Null;
    body["max_tokens"] = 7.into();
    let read = post(&lab, &body).await.read();
    assert_eq!((read.usage, read.tokens), (None, 7));
    assert_eq!(read.finish.as_deref(), Some("length"));
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes_whatever_came_before() {
    let varied = Model {
        ttft: Distribution::Uniform {
            min: ms(0),
            max: ms(50),
        },
        output_tokens: Distribution::Uniform { min: 5, max: 50 },
        ..model(0, 0, 0)
    };
    let lab = lab(script(varied)).await;
    let first = post(&lab, &ask(true, "a")).await;
    let other = post(&lab, &ask(true, "b")).await;
    let again = post(&lab, &ask(true, "a")).await;
    assert_eq!(first.body(), again.body());
    assert_ne!(first.body(), other.body());
    let planned: Vec<Duration> = lab
        .provider
        .seen()
        .iter()
        .map(|seen| seen.first_token_due.unwrap().since(seen.started.unwrap()))
        .collect();
    assert_eq!(planned[0], planned[2]);
    assert_ne!(planned[0], planned[1]);
}

#[tokio::test]
async fn repeats_vary_only_where_the_script_says_so() {
    let lab = lab(Script {
        repeats: Repeats::Vary,
        ..script(model(0, 0, 30))
    })
    .await;
    let first = post(&lab, &ask(true, "a")).await.read();
    let second = post(&lab, &ask(true, "a")).await.read();
    assert_ne!(first.text, second.text);
}

#[tokio::test]
async fn tokens_come_at_their_pace_each_in_a_piece_of_its_own() {
    let lab = lab(script(model(40, 20, 6))).await;
    let got = post(&lab, &ask(true, "hi")).await;
    let with_token: Vec<_> = got
        .pieces
        .iter()
        .filter(|(_, piece)| String::from_utf8_lossy(piece).contains("\"content\":\""))
        .filter(|(_, piece)| !String::from_utf8_lossy(piece).contains("\"content\":\"\""))
        .collect();
    assert_eq!(with_token.len(), 6, "{got:?}");
    assert!(got.first() >= Duration::from_millis(40), "{got:?}");
    assert!(got.last() >= Duration::from_millis(40 + 5 * 20), "{got:?}");
    let seen = &lab.provider.seen()[0];
    let (due, sent) = (seen.first_token_due.unwrap(), seen.first_token.unwrap());
    assert!(sent >= due);
    assert_eq!(due.since(seen.started.unwrap()), Duration::from_millis(40));
}

#[tokio::test]
async fn an_answer_in_one_piece_takes_as_long_as_its_stream() {
    let lab = lab(script(model(40, 20, 6))).await;
    let got = post(&lab, &ask(false, "hi")).await;
    assert!(got.first() >= Duration::from_millis(40 + 5 * 20), "{got:?}");
    let seen = &lab.provider.seen()[0];
    let (due, sent) = (seen.first_token_due.unwrap(), seen.first_token.unwrap());
    assert_eq!(
        due.since(seen.started.unwrap()),
        Duration::from_millis(40 + 5 * 20)
    );
    assert!(due <= sent && Some(sent) <= seen.ended);
}

#[tokio::test]
async fn the_role_and_a_comment_may_come_long_before_the_first_token() {
    let shape = Shape {
        role_chunk: RoleChunk::Early,
        comments: Comments {
            before_first: true,
            every: None,
        },
        ..Shape::default()
    };
    let lab = lab(shaped(model(200, 0, 1), shape)).await;
    let got = post(&lab, &ask(true, "hi")).await;
    assert_eq!(got.pieces[0].1, b": keepalive\n\n");
    assert!(String::from_utf8_lossy(&got.pieces[1].1).contains("assistant"));
    assert!(
        got.last().saturating_sub(got.pieces[1].0) >= got.last() / 2,
        "{got:?}"
    );
    assert!(got.last() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_stream_cut_within_characters_reads_the_same_as_one_that_is_not() {
    let whole = Shape {
        unicode: true,
        ..Shape::default()
    };
    let plain = post(
        &lab(shaped(model(1, 1, 40), whole.clone())).await,
        &ask(true, "hi"),
    )
    .await;
    assert!(!plain.read().text.is_ascii());
    for newline in [Newline::Lf, Newline::CrLf, Newline::Cr] {
        let cut = Shape {
            newline,
            split: Some(7),
            comments: Comments {
                before_first: true,
                every: Some(3),
            },
            ..whole.clone()
        };
        let got = post(&lab(shaped(model(1, 1, 40), cut)).await, &ask(true, "hi")).await;
        assert!(got.pieces.iter().all(|(_, piece)| piece.len() <= 7));
        let within = |(_, piece): &(Duration, Vec<u8>)| std::str::from_utf8(piece).is_err();
        assert!(got.pieces.iter().any(within), "no character was cut");
        assert_eq!(got.read(), plain.read(), "{newline:?}");
    }
}

#[tokio::test]
async fn tokens_may_share_a_chunk_and_chunks_a_write() {
    let one = post(&lab(script(model(1, 1, 12))).await, &ask(true, "hi"))
        .await
        .read();
    let shape = Shape {
        tokens_per_chunk: 5,
        ..Shape::default()
    };
    let several = post(&lab(shaped(model(1, 1, 12), shape)).await, &ask(true, "hi"))
        .await
        .read();
    assert_eq!((several.tokens, &several.text), (3, &one.text));

    let shape = Shape {
        coalesce: 4,
        ..Shape::default()
    };
    let got = post(&lab(shaped(model(1, 1, 12), shape)).await, &ask(true, "hi")).await;
    // A role, twelve tokens, the end, the usage and `[DONE]`.
    assert_eq!(got.pieces.len(), 4);
    assert_eq!(got.read(), one);
}

#[tokio::test]
async fn a_stream_may_lack_its_done_and_name_its_events() {
    let shape = Shape {
        done: false,
        event_name: Some("delta".into()),
        ..Shape::default()
    };
    let got = post(&lab(shaped(model(0, 0, 2), shape)).await, &ask(true, "hi")).await;
    assert!(got.body().starts_with(b"event: delta\ndata: {"));
    let read = got.read();
    assert_eq!(
        (read.done, read.finish.as_deref(), got.broken),
        (false, Some("stop"), false)
    );
}

#[tokio::test]
async fn each_chunk_is_what_the_dialect_encodes() {
    let reasoner = Model {
        reasoning_tokens: 2,
        ..model(0, 0, 5)
    };
    let shape = Shape {
        unicode: true,
        ..Shape::default()
    };
    let lab = lab(shaped(reasoner, shape)).await;
    let mut body = ask(true, "hi");
    body["model"] = "a@b\"\n{content}".into();
    let events = post(&lab, &body).await.events();
    assert_eq!(events.len(), 9);
    for data in &events[..8] {
        let delta = DIALECT.decode(data.as_bytes()).unwrap();
        let created = serde_json::from_str::<serde_json::Value>(data).unwrap()["created"].as_u64();
        let say = tollgate::dialect::Say {
            id: delta.id.as_deref().unwrap(),
            model: delta.model.as_deref().unwrap(),
            created: created.unwrap(),
            content: &delta.content,
            reasoning: &delta.reasoning,
            finish: delta.finish.as_deref(),
            usage: delta.usage,
        };
        let opening = DIALECT.encode_opening(&say);
        assert!(
            *data == DIALECT.encode_chunk(&say) || *data == opening,
            "{data}"
        );
    }
}
