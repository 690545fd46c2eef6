//! Heads of answers that are strange, endless, or no heads at all.

use std::time::Duration;

use tollgate::wire::{Exchange, Outcome};

use crate::server::{Connection, answered, answered_last, good_answer, met, patient};

fn headers(count: u32) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("x-{n}: {n}\r\n")).collect();
    lines.concat()
}

fn are_malformed(exchanges: &[Exchange; 2]) {
    for exchange in exchanges {
        assert_eq!(exchange.outcome, Outcome::Malformed, "{exchange:?}");
        assert!(exchange.error.is_some());
        assert_eq!((exchange.status, exchange.marks.headers), (None, None));
    }
}

fn all_end_with(exchanges: &[Exchange; 2], outcome: Outcome) {
    for exchange in exchanges {
        assert_eq!(exchange.outcome, outcome, "{exchange:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_none_is_malformed() {
    for head in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "<html>hello</html>\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    ] {
        are_malformed(&answered_last(head).await);
    }
}

#[tokio::test]
async fn headers_without_an_end_are_malformed_and_not_waited_for() {
    let exchange = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say("HTTP/1.1 200 OK\r\n").await;
        let header = format!("x-more: {}\r\n", "x".repeat(8_000));
        connection.repeat(header, Duration::ZERO).await;
    });
    are_malformed(&exchange.await);
}

#[tokio::test]
async fn a_head_over_the_limits_is_malformed() {
    let long = format!("x-long: {}\r\n", "x".repeat(1 << 20));
    let many = headers(500);
    for headers in [long, many] {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n");
        are_malformed(&answered_last(head).await);
    }
}

#[tokio::test]
async fn a_head_with_many_headers_is_read() {
    let answer = good_answer().replacen("\r\n", &format!("\r\n{}", headers(80)), 1);
    all_end_with(&answered(answer).await, Outcome::Ok);
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    for before in [interim.to_owned(), [interim, hints, interim].concat()] {
        all_end_with(&answered(before + &good_answer()).await, Outcome::Ok);
    }
    all_end_with(&answered_last(interim).await, Outcome::Reset);
}

#[tokio::test]
async fn a_switch_of_protocols_is_no_answer() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    all_end_with(&answered_last(switch).await, Outcome::Status(101));
}

#[tokio::test]
async fn a_redirect_is_a_refusal_and_not_followed() {
    for (status, location) in [
        (301, "/elsewhere"),
        (302, "http://nobody.invalid/"),
        (307, "/x"),
    ] {
        let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\n");
        let exchanges = answered(head + "content-length: 0\r\n\r\n").await;
        all_end_with(&exchanges, Outcome::Status(status));
    }
}

#[tokio::test]
async fn success_without_content_is_no_answer() {
    for head in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 0\r\n\r\n",
    ] {
        for exchange in answered(head).await {
            assert_eq!(exchange.outcome, Outcome::Truncated, "{exchange:?}");
            assert_eq!(exchange.marks.first_byte, None);
            assert_eq!(exchange.body_bytes, 0);
        }
    }
}

#[tokio::test]
async fn a_refusal_leaves_its_connection_in_use_and_says_what_it_said() {
    let refusal = "HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow";
    for exchange in answered(refusal).await {
        assert_eq!(exchange.outcome, Outcome::Status(429));
        assert_eq!(exchange.error.as_deref(), Some("slow"));
        assert_eq!(exchange.retry_after, Some(7.0));
    }
}
