//! Connections that are not made, or that are lost.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tollgate::scenario::Timeouts;
use tollgate::wire::{Outcome, TimeoutKind};

use crate::server::{
    CHUNKED, Client, Connection, Kind, ROLE, STREAM, Server, TOKEN, chunk, good_answer, met, ms,
    patient,
};

/// An address where nobody listens.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    listener.expect("a free port").local_addr().expect("bound")
}

#[tokio::test]
async fn a_refused_connection_is_told_as_one_and_the_next_may_be_made() {
    for kind in Kind::BOTH {
        let address = nowhere().await;
        let client = Client::new(kind, format!("http://{address}"), patient());
        let exchange = client.stream().await;
        assert_eq!(exchange.outcome, Outcome::Connect, "{kind:?}");
        assert!(exchange.error.unwrap().contains("refused"));
        assert_eq!((exchange.status, exchange.marks.headers), (None, None));
        let _server = Server::start_at(address, Connection::behave).await;
        assert_eq!(client.stream().await.outcome, Outcome::Ok, "{kind:?}");
    }
}

#[tokio::test]
async fn an_unknown_host_is_told_as_one() {
    for client in Client::both("http://nobody.invalid/v1", patient()) {
        for _ in 0..2 {
            let exchange = client.stream().await;
            assert_eq!(exchange.outcome, Outcome::Dns, "{:?}", exchange.error);
        }
    }
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told_as_one() {
    for kind in Kind::BOTH {
        let talks = Server::start(async |mut connection: Connection| {
            connection.some().await;
            connection.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        });
        let ends = Server::start(async |mut connection: Connection| connection.some().await);
        let resets = Server::start(async |mut connection: Connection| {
            connection.some().await;
            connection.reset().await;
        });
        for server in [talks.await, ends.await, resets.await] {
            let url = server.url().replace("http:", "https:");
            let exchange = Client::new(kind, url, patient()).stream().await;
            assert_eq!(exchange.outcome, Outcome::Tls, "{:?}", exchange.error);
            assert!(exchange.error.is_some_and(|said| !said.is_empty()));
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_no_tls_failure_for_an_https_url() {
    let address = nowhere().await;
    for client in Client::both(&format!("https://{address}"), patient()) {
        assert_eq!(client.stream().await.outcome, Outcome::Connect);
    }
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_with_the_patience_for_connections() {
    for kind in Kind::BOTH {
        let server = Server::start(Connection::hold).await;
        let timeouts = Timeouts {
            connect: ms(200),
            ..patient()
        };
        let url = server.url().replace("http:", "https:");
        let exchange = Client::new(kind, url, timeouts).stream().await;
        assert_eq!(exchange.outcome, Outcome::Timeout(TimeoutKind::Connect));
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_head_is_a_reset_wherever_that_is() {
    let at_once = met(patient(), Connection::reset).await;
    let closed_at_once = met(patient(), async |_| {}).await;
    let after_the_request = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.reset().await;
    });
    let closed_after_the_request = met(patient(), async |mut connection: Connection| {
        connection.request().await;
    });
    let in_the_head = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say("HTTP/1.1 200 OK\r\ncontent-ty").await;
        connection.reset().await;
    });
    let closed_in_the_head = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say("HTTP/1.1 200 OK\r\ncontent-ty").await;
    });
    let all = [
        at_once,
        closed_at_once,
        after_the_request.await,
        closed_after_the_request.await,
        in_the_head.await,
        closed_in_the_head.await,
    ];
    for exchange in all.as_flattened() {
        assert_eq!(exchange.outcome, Outcome::Reset, "{exchange:?}");
        assert!(exchange.error.is_some());
        assert_eq!((exchange.status, exchange.marks.headers), (None, None));
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_head_truncates_the_answer() {
    let before_the_body = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say(CHUNKED).await;
        connection.reset().await;
    });
    let in_the_stream = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection
            .say([CHUNKED, &chunk(ROLE), &chunk(TOKEN)].concat())
            .await;
        connection.reset().await;
    });
    let in_an_event = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection
            .say([STREAM, ROLE, TOKEN, "data: {\"choi"].concat())
            .await;
        connection.reset().await;
    });
    let without_a_last_chunk = met(patient(), async |mut connection: Connection| {
        connection.request().await;
        connection.say([CHUNKED, &chunk(TOKEN)].concat()).await;
    });
    for (exchanges, tokens) in [
        (before_the_body.await, 0),
        (in_the_stream.await, 1),
        (in_an_event.await, 1),
        (without_a_last_chunk.await, 1),
    ] {
        for exchange in exchanges {
            assert_eq!(exchange.outcome, Outcome::Truncated, "{exchange:?}");
            assert_eq!(exchange.token_chunks, tokens, "{exchange:?}");
            assert_eq!(exchange.status, Some(200));
            assert!(exchange.error.is_some());
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_not_used_again() {
    for kind in Kind::BOTH {
        let server = Server::start(async |mut connection: Connection| {
            connection.request().await;
            connection.say(good_answer()).await;
        });
        let server = server.await;
        let client = Client::new(kind, server.url(), patient());
        for _ in 0..3 {
            let exchange = client.stream().await;
            assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
            tokio::time::sleep(ms(50)).await;
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_is_reset_at_its_second_request_fails_that_request_alone() {
    for kind in Kind::BOTH {
        let server = Server::start(async |mut connection: Connection| {
            connection.request().await;
            connection.say(good_answer()).await;
            connection.request().await;
            connection.reset().await;
        });
        let server = server.await;
        let client = Client::new(kind, server.url(), patient());
        for outcome in [Outcome::Ok, Outcome::Reset, Outcome::Ok] {
            let exchange = client.stream().await;
            assert_eq!(exchange.outcome, outcome, "{kind:?} {exchange:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_answers_before_it_has_read_the_request_is_heard() {
    for kind in Kind::BOTH {
        let server = Server::start(async |mut connection: Connection| {
            connection.some().await;
            let refusal = "{\"detail\":\"too large\",\"retry_after\":3}";
            let head = "HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: ";
            connection
                .say(format!("{head}{}\r\n\r\n{refusal}", refusal.len()))
                .await;
            connection.hold().await;
        });
        let server = server.await;
        let client = Client::new(kind, server.url(), patient());
        let exchange = client.send(true, 16 << 20).await;
        assert_eq!(exchange.outcome, Outcome::Status(413), "{exchange:?}");
        assert_eq!(exchange.error.as_deref(), Some("too large"));
        assert_eq!(exchange.retry_after, Some(3.0));
        assert_eq!(client.stream().await.outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_its_request_is_an_answer_or_a_reset_and_no_hang() {
    let exchanges = met(patient(), async |mut connection: Connection| {
        connection.say(good_answer()).await;
        connection.behave().await;
    });
    for exchange in exchanges.await {
        // It depends on whether the client looks before or after it has begun to write.
        let known = [Outcome::Ok, Outcome::Reset];
        assert!(known.contains(&exchange.outcome), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_request_goes_to_the_path_below_the_base_url_and_nowhere_else() {
    for (below, path) in [("", "/chat/completions"), ("/v1", "/v1/chat/completions")] {
        for kind in Kind::BOTH {
            let server = Server::start(async |mut connection: Connection| {
                let request = connection.request().await.unwrap_or_default();
                let line = request.lines().next().unwrap_or_default();
                let head = "HTTP/1.1 404 No\r\ncontent-length: ";
                connection
                    .say(format!("{head}{}\r\n\r\n{line}", line.len()))
                    .await;
                connection.behave().await;
            });
            let server = server.await;
            let url = format!("http://{}{below}", server.address);
            let exchange = Client::new(kind, url, patient()).stream().await;
            let line = format!("POST {path} HTTP/1.1");
            assert_eq!(exchange.error, Some(line), "{kind:?}");
        }
    }
}
