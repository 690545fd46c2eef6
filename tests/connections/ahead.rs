//! Connections that are opened before they are needed.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate::wire::{Outcome, Wire};

use crate::server::Server;
use crate::wires::{Client, folder};

/// So many users ask at once: how many of their connections were open before.
async fn all_at_once(client: &Arc<Client>, users: u32) -> usize {
    let mut asked = JoinSet::new();
    for user in 0..users {
        let client = Arc::clone(client);
        asked.spawn(async move { client.send(Some(user)).await });
    }
    let exchanges = asked.join_all().await;
    for exchange in &exchanges {
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
    }
    let open = exchanges.iter().filter(|e| e.reused == Some(true));
    open.count()
}

#[tokio::test]
async fn what_was_opened_ahead_serves_the_first_requests_and_no_more_is_opened() {
    for sharing in ["pool", "per_user"] {
        let (server, folder) = (Server::tcp().await, folder());
        let target = format!("url: \"{}\", connections: {sharing}", server.url());
        let client = Client::new(folder.path(), "direct", &target).await;
        let opened = client.direct().preopen(20).await;
        assert_eq!((opened.wanted, opened.idle), (20, 20), "{sharing}");
        // Batches of eight, with a pause after each.
        assert!(opened.took >= Duration::from_millis(3), "{opened:?}");
        let client = Arc::new(client);
        assert_eq!(all_at_once(&client, 20).await, 20, "{sharing}");
        let again = client.direct().preopen(12).await;
        assert_eq!((again.wanted, again.idle), (12, 12), "{sharing}");
        assert_eq!(all_at_once(&client, 23).await, 20, "{sharing}");
        assert_eq!(server.seen.opened(), 23, "{sharing}");
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_opened_anew() {
    let (server, folder) = (Server::tcp().await, folder());
    let target = format!("url: \"{}\"", server.url());
    let client = Client::new(folder.path(), "direct", &target).await;
    assert_eq!(client.direct().preopen(3).await.idle, 3);
    server.seen.hang_up.notify_waiters();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(client.direct().preopen(3).await.idle, 3);
    assert_eq!(server.seen.opened(), 6);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_failure_of_opening_ahead_but_of_the_requests() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let folder = folder();
    let target = format!("url: \"http://{address}/v1\"");
    let client = Client::new(folder.path(), "direct", &target).await;
    let opened = client.direct().preopen(1_000).await;
    assert_eq!((opened.wanted, opened.idle), (1_000, 0));
    assert_eq!(client.send(None).await.outcome, Outcome::Connect);
}
