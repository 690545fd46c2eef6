//! Who uses which connection.

use tollgate::wire::Outcome;

use crate::server::Server;
use crate::wires::{CLIENTS, Client, folder};

/// The connections that a server counts while these users ask one after the other.
async fn opened(client: &str, connections: &str, users: &[u32]) -> usize {
    let (server, folder) = (Server::tcp().await, folder());
    let target = format!("url: \"{}\", connections: {connections}", server.url());
    let client = Client::new(folder.path(), client, &target).await;
    for user in users {
        let exchange = client.send(Some(*user)).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
    }
    server.seen.opened()
}

#[tokio::test]
async fn a_pool_lends_an_idle_connection_to_anybody_and_per_user_to_its_user_alone() {
    let users = [0, 1, 2, 1, 0, 2];
    for client in CLIENTS {
        assert_eq!(opened(client, "pool", &users).await, 1, "{client}");
    }
    assert_eq!(opened("direct", "per_user", &users).await, 3);
}

#[tokio::test]
async fn with_new_each_request_opens_a_connection_says_that_it_is_the_last_and_tells_its_cost() {
    for client in CLIENTS {
        let (server, folder) = (Server::tcp().await, folder());
        let target = format!("url: \"{}\", connections: new", server.url());
        let wire = Client::new(folder.path(), client, &target).await;
        for _ in 0..3 {
            let exchange = wire.send(None).await;
            assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
            if client == "direct" {
                assert_eq!(exchange.reused, Some(false));
                assert!(!exchange.connecting.unwrap().connect.is_zero());
            }
        }
        assert_eq!(server.seen.opened(), 3, "{client}");
        for head in server.seen.heads() {
            assert!(head.contains("\r\nconnection: close"), "{client}: {head}");
        }
    }
}

#[tokio::test]
async fn connections_that_are_to_be_used_again_do_not_say_that_they_close() {
    for client in CLIENTS {
        let (server, folder) = (Server::tcp().await, folder());
        let target = format!("url: \"{}\"", server.url());
        let wire = Client::new(folder.path(), client, &target).await;
        wire.send(None).await;
        let heads = server.seen.heads();
        assert!(!heads[0].contains("connection: close"), "{}", heads[0]);
    }
}
