//! Bodies whose length, chunks or coding are not what their heads say.

use tollgate::wire::{Exchange, Outcome};

use crate::server::{
    CHUNKED, Connection, DONE, ROLE, STOP, STREAM, TOKEN, answered, answered_last, chunk,
    good_body, met, ms, patient,
};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const COST: &str = "data: {\"id\":\"request_breakdown\",\"model\":\"x\",\"choices\":[{\"request_breakdown\":{\"cost\":0.5}}]}\n\n";

/// All of them ended so, after so many tokens, and at once.
fn all_end_with(exchanges: &[Exchange; 2], outcome: Outcome, tokens: u32) {
    for exchange in exchanges {
        assert_eq!(exchange.outcome, outcome, "{exchange:?}");
        assert_eq!(exchange.token_chunks, tokens, "{exchange:?}");
        assert_eq!(exchange.error.is_none(), outcome == Outcome::Ok);
        assert_eq!(exchange.status, Some(200));
        let took = exchange.marks.end.zip(exchange.marks.sent);
        let took = took.map(|(end, sent)| end.since(sent));
        assert!(took < Some(ms(2_500)), "no patience ended: {exchange:?}");
    }
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_truncated() {
    let stream = [EVENTS, "content-length: 9999\r\n\r\n", ROLE, TOKEN, STOP].concat();
    all_end_with(&answered_last(stream).await, Outcome::Truncated, 1);
    let json = format!("{JSON}content-length: 9999\r\n\r\n{{\"choices\":[");
    all_end_with(&answered_last(json).await, Outcome::Truncated, 0);
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_whole_where_done_was_said() {
    let answer = format!("{EVENTS}content-length: 9999\r\n\r\n{}", good_body());
    all_end_with(&answered_last(answer).await, Outcome::Ok, 1);
}

#[tokio::test]
async fn a_body_longer_than_its_length_is_read_as_far_as_its_length() {
    let length = [ROLE, TOKEN].concat().len();
    let answer = format!("{EVENTS}content-length: {length}\r\n\r\n{}", good_body());
    let exchanges = answered_last(answer).await;
    all_end_with(&exchanges, Outcome::Truncated, 1);
    assert!(exchanges.iter().all(|e| e.body_bytes == length as u64));
    let answer = format!("{JSON}content-length: 12\r\n\r\n{{\"choices\":[{{\"message\":{{}}}}]}}");
    all_end_with(&answered_last(answer).await, Outcome::Truncated, 0);
}

#[tokio::test]
async fn bad_chunks_are_malformed() {
    for bad in [
        "zz\r\nhello\r\n",
        "-5\r\nhello\r\n",
        "fffffffffffffffff\r\nhello\r\n",
        "\r\n",
    ] {
        let answer = [CHUNKED, &chunk(TOKEN), bad].concat();
        all_end_with(&answered_last(answer).await, Outcome::Malformed, 1);
    }
}

#[tokio::test]
async fn chunks_that_cut_events_anywhere_are_one_body() {
    let body = good_body();
    let body: Vec<String> = body.chars().map(|c| chunk(&c.to_string())).collect();
    let answer = format!("{CHUNKED}{}0\r\n\r\n", body.concat());
    all_end_with(&answered(answer).await, Outcome::Ok, 1);
}

#[tokio::test]
async fn trailers_after_the_last_chunk_are_no_part_of_the_body() {
    let answer = format!("{CHUNKED}{}0\r\nx-cost: 1\r\n\r\n", chunk(&good_body()));
    all_end_with(&answered(answer).await, Outcome::Ok, 1);
}

#[tokio::test]
async fn tokens_of_one_read_are_coalesced_whatever_chunks_http_made_of_them() {
    let answer = [
        CHUNKED,
        &chunk(TOKEN),
        &chunk(TOKEN),
        &chunk(DONE),
        "0\r\n\r\n",
    ]
    .concat();
    let [direct, _] = answered(answer).await;
    assert_eq!(direct.outcome, Outcome::Ok, "{direct:?}");
    assert_eq!(direct.token_chunks, 2);
    assert_eq!(direct.coalesced_chunks, 1, "{direct:?}");
    assert_eq!(direct.gaps.first_us(), [0]);
    assert_eq!(direct.marks.first_byte, direct.marks.headers);
}

#[tokio::test]
async fn a_coding_that_was_not_asked_for_is_malformed_and_not_waited_for() {
    for coding in ["gzip", "br"] {
        let head = format!("{EVENTS}content-encoding: {coding}\r\ncontent-length: 9999\r\n\r\n");
        // The server says no more, and keeps the connection open.
        let answer = [head.as_bytes(), &[0x1f, 0x8b, 8, 0, 0]].concat();
        let exchanges = answered(answer).await;
        all_end_with(&exchanges, Outcome::Malformed, 0);
        for exchange in exchanges {
            assert!(exchange.error.unwrap().contains(coding));
        }
    }
}

#[tokio::test]
async fn an_event_that_is_no_json_is_malformed_and_the_rest_not_waited_for() {
    let answer = [STREAM, ROLE, TOKEN, "data: <html>\n\n"].concat();
    all_end_with(&answered(answer).await, Outcome::Malformed, 1);
}

#[tokio::test]
async fn an_error_in_a_stream_is_not_followed_by_a_wait_for_more() {
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let exchanges = answered([CHUNKED, &chunk(TOKEN), &chunk(error)].concat()).await;
    all_end_with(&exchanges, Outcome::StreamError, 1);
    for exchange in exchanges {
        assert_eq!(exchange.error.as_deref(), Some("overloaded"));
    }
}

#[tokio::test]
async fn accounts_that_follow_the_end_are_heard() {
    let exchanges = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection
            .say([CHUNKED, &chunk(&good_body())].concat())
            .await;
        tokio::time::sleep(ms(20)).await;
        connection.say([&chunk(COST), "0\r\n\r\n"].concat()).await;
        connection.behave().await;
    });
    let exchanges = exchanges.await;
    all_end_with(&exchanges, Outcome::Ok, 1);
    for exchange in exchanges {
        assert_eq!(exchange.cost_reported.unwrap().nanos(), 500_000_000);
        assert_eq!(exchange.model, None);
        assert_eq!(exchange.marks.end, exchange.marks.last_token);
    }
}

#[tokio::test]
async fn a_stream_without_an_end_in_words_ends_with_its_connection() {
    let whole = [STREAM, ROLE, TOKEN, STOP].concat();
    all_end_with(&answered_last(whole).await, Outcome::Ok, 1);
    let cut = [STREAM, ROLE, TOKEN, &STOP[..30]].concat();
    all_end_with(&answered_last(cut).await, Outcome::Truncated, 1);
    let unended = [STREAM, ROLE, TOKEN, DONE.trim_end()].concat();
    all_end_with(&answered_last(unended).await, Outcome::Ok, 1);
}

#[tokio::test]
async fn an_answer_in_http_1_0_is_an_answer() {
    let head = "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let answer = [head, &good_body()].concat();
    all_end_with(&answered_last(answer).await, Outcome::Ok, 1);
}
