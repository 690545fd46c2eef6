//! Servers that take too long: each patience ends on its own, and no request hangs.

use std::time::Duration;

use tollgate::base::Offset;
use tollgate::scenario::Timeouts;
use tollgate::wire::{Exchange, Outcome, TimeoutKind};

use crate::server::{
    CHUNKED, Client, Connection, DONE, Kind, ROLE, STOP, STREAM, Server, TOKEN, chunk, good_body,
    met, ms, patient,
};

const REFUSAL: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 999\r\n\r\n";

/// How long a request took by its own marks.
fn took(exchange: &Exchange) -> Duration {
    let at = |mark: Option<Offset>| mark.expect("it was sent, and ended");
    at(exchange.marks.end).since(at(exchange.marks.sent))
}

fn all_end_with(exchanges: &[Exchange; 2], kind: TimeoutKind, patience: Duration) {
    for exchange in exchanges {
        assert_eq!(exchange.outcome, Outcome::Timeout(kind), "{exchange:?}");
        // Patience begins when the request is handed over, a little before its first byte leaves.
        assert!(took(exchange) + ms(100) >= patience, "{exchange:?}");
        assert!(took(exchange) < Duration::from_secs(4), "{exchange:?}");
    }
}

/// The answer of a server that says these parts a little apart, and then nothing more.
async fn stalled(timeouts: Timeouts, parts: &'static [&'static str]) -> [Exchange; 2] {
    met(timeouts, async move |mut connection: Connection| {
        connection.request().await;
        for part in parts {
            connection.say(part).await;
            tokio::time::sleep(ms(20)).await;
        }
        connection.hold().await;
    })
    .await
}

#[tokio::test]
async fn a_head_that_never_comes_ends_with_the_patience_for_the_first_token() {
    let timeouts = Timeouts {
        first_token: ms(300),
        idle: ms(50),
        ..patient()
    };
    for parts in [&[][..], &["HTTP/1.1 200 OK\r\ncontent-"]] {
        let exchanges = stalled(timeouts, parts).await;
        all_end_with(&exchanges, TimeoutKind::FirstToken, ms(300));
        assert!(exchanges.iter().all(|e| e.marks.headers.is_none()));
    }
}

#[tokio::test]
async fn a_first_token_that_never_comes_ends_with_its_own_patience() {
    let timeouts = Timeouts {
        first_token: ms(300),
        idle: ms(50),
        ..patient()
    };
    for parts in [&[STREAM][..], &[STREAM, ROLE], &[STREAM, "data: {\"choi"]] {
        let exchanges = stalled(timeouts, parts).await;
        all_end_with(&exchanges, TimeoutKind::FirstToken, ms(300));
        assert!(exchanges.iter().all(|e| e.marks.headers.is_some()));
    }
}

#[tokio::test]
async fn bytes_that_trickle_are_no_first_token() {
    let timeouts = Timeouts {
        first_token: ms(400),
        ..patient()
    };
    for bytes in ["x", ": keepalive\n\n", ROLE] {
        let exchanges = met(timeouts, async move |mut connection: Connection| {
            connection.request().await;
            connection.say(STREAM).await;
            connection.repeat(bytes, ms(20)).await;
        });
        let exchanges = exchanges.await;
        all_end_with(&exchanges, TimeoutKind::FirstToken, ms(400));
        assert!(exchanges.iter().all(|e| e.body_bytes > 1));
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_with_the_patience_for_idleness() {
    let timeouts = Timeouts {
        idle: ms(300),
        ..patient()
    };
    for parts in [&[STREAM, ROLE, TOKEN][..], &[STREAM, TOKEN, STOP]] {
        let exchanges = stalled(timeouts, parts).await;
        all_end_with(&exchanges, TimeoutKind::Idle, ms(300));
        assert!(exchanges.iter().all(|e| e.token_chunks == 1));
    }
}

#[tokio::test]
async fn a_refusal_whose_body_never_ends_stays_a_refusal() {
    let timeouts = Timeouts {
        idle: ms(300),
        ..patient()
    };
    for exchange in stalled(timeouts, &[REFUSAL, "no luck"]).await {
        assert_eq!(exchange.outcome, Outcome::Status(500));
        assert_eq!(exchange.error.as_deref(), Some("no luck"));
        assert!(took(&exchange) < Duration::from_secs(4), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_ends_with_the_patience_for_the_request() {
    let timeouts = Timeouts {
        idle: ms(300),
        request: ms(600),
        ..patient()
    };
    for (bytes, count, pause) in [
        (TOKEN, 1, ms(20)),
        (TOKEN, 500, ms(0)),
        (": keepalive\n\n", 500, ms(0)),
    ] {
        let exchanges = met(timeouts, async move |mut connection: Connection| {
            connection.request().await;
            connection.say([STREAM, TOKEN].concat()).await;
            connection.repeat(bytes.repeat(count), pause).await;
        });
        all_end_with(&exchanges.await, TimeoutKind::Request, ms(600));
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_that_never_ends_is_cut_at_the_cap() {
    for kind in Kind::BOTH {
        let server = Server::start(async |mut connection: Connection| {
            connection.request().await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
            connection.say(head).await;
            connection.repeat(" ".repeat(1 << 16), ms(0)).await;
        });
        let server = server.await;
        let client = Client::new(kind, server.url(), patient());
        let exchange = client.send(false, 10).await;
        assert_eq!(exchange.outcome, Outcome::Malformed, "{exchange:?}");
        assert_eq!(client.stream().await.outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_that_never_comes_ends_with_the_patience_for_the_request() {
    let timeouts = Timeouts {
        first_token: ms(50),
        idle: ms(50),
        request: ms(400),
        ..patient()
    };
    for kind in Kind::BOTH {
        let server = Server::start(Connection::hold).await;
        let client = Client::new(kind, server.url(), timeouts);
        let exchange = client.send(false, 10).await;
        let request = Outcome::Timeout(TimeoutKind::Request);
        assert_eq!(exchange.outcome, request, "{exchange:?}");
    }
}

#[tokio::test]
async fn a_request_that_nobody_reads_ends_with_its_patience() {
    let timeouts = Timeouts {
        first_token: ms(400),
        ..patient()
    };
    for kind in Kind::BOTH {
        let server = Server::start(async |connection: Connection| {
            tokio::time::sleep(Duration::from_secs(20)).await;
            drop(connection);
        });
        let server = server.await;
        let client = Client::new(kind, server.url(), timeouts);
        let exchange = client.send(true, 64 << 20).await;
        let first_token = Outcome::Timeout(TimeoutKind::FirstToken);
        assert_eq!(exchange.outcome, first_token, "{exchange:?}");
        assert_eq!(client.stream().await.outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn no_hang_a_stream_ends_at_done_though_its_connection_stays_open() {
    let exchanges = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection
            .say([CHUNKED, &chunk(&good_body())].concat())
            .await;
        connection.hold().await;
    });
    for exchange in exchanges.await {
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        assert_eq!(exchange.marks.end, exchange.marks.last_token);
    }
    for exchange in stalled(patient(), &[STREAM, TOKEN, STOP, DONE]).await {
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        assert!(exchange.marks.end > exchange.marks.last_token);
        assert!(took(&exchange) < Duration::from_secs(1), "{exchange:?}");
    }
}
