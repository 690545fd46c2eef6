//! Where connections go, and when names are looked up.

use tollgate::scenario::Timestamps;
use tollgate::wire::{Outcome, Stamping};

use crate::server::Server;
use crate::wires::{CLIENTS, Client, endpoint, folder};

#[tokio::test]
async fn connect_to_changes_where_to_connect_and_not_the_host_header() {
    for client in CLIENTS {
        for (url, host) in [
            ("http://gateway.test/v1", "gateway.test"),
            ("http://gateway.test:81/v1", "gateway.test:81"),
            ("http://192.0.2.1:82/v1", "192.0.2.1:82"),
        ] {
            for to in ["127.0.0.1", "localhost"] {
                for dns in ["once", "each"] {
                    let (server, folder) = (Server::tcp().await, folder());
                    let port = server.port();
                    let target = format!("url: \"{url}\", connect_to: \"{to}:{port}\", dns: {dns}");
                    let wire = Client::new(folder.path(), client, &target).await;
                    let exchange = wire.send(None).await;
                    assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
                    let head = &server.seen.heads()[0];
                    let header = format!("\r\nhost: {host}\r\n");
                    assert!(format!("{head}\r\n").contains(&header), "{client}: {head}");
                    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_unix_socket_is_reached_by_its_path_from_the_scenario_and_stamped_by_the_reader() {
    for client in CLIENTS {
        let folder = folder();
        let server = Server::unix(&folder.path().join("gateway.sock"));
        let target = "url: \"http://gateway.test/v1\", connect_to: \"unix:gateway.sock\"";
        let wire = Client::new(folder.path(), client, target).await;
        for _ in 0..2 {
            let exchange = wire.send(None).await;
            assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
        }
        assert_eq!(server.seen.opened(), 1, "{client}");
        assert!(server.seen.heads()[0].contains("host: gateway.test"));
    }
}

#[tokio::test]
async fn reads_of_a_unix_socket_are_counted_as_user_stamps() {
    let folder = folder();
    let _server = Server::unix(&folder.path().join("gateway.sock"));
    let target = "url: \"http://gateway.test/v1\", connect_to: \"unix:gateway.sock\"";
    let endpoint = endpoint(folder.path(), "direct", target).await;
    let stamping = Stamping::new(Timestamps::Kernel);
    let wire = Client::stamped(&endpoint, &stamping);
    assert_eq!(wire.send(None).await.outcome, Outcome::Ok);
    let tally = stamping.tally();
    assert!(tally.user > 0 && tally.kernel == 0, "{tally:?}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_before_the_load_or_for_each_connection_in_its_time() {
    let (server, folder) = (Server::tcp().await, folder());
    for (dns, timed) in [("once", false), ("each", true)] {
        let url = format!("http://localhost:{}/v1", server.port());
        let target = format!("url: \"{url}\", dns: {dns}, connections: new");
        let endpoint = endpoint(folder.path(), "direct", &target).await;
        assert_eq!(endpoint.addresses.is_some(), !timed);
        let wire = Client::of("direct", endpoint);
        for _ in 0..2 {
            let exchange = wire.send(None).await;
            assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
            let dns_time = exchange.connecting.unwrap().dns;
            assert_eq!(!dns_time.is_zero(), timed, "{dns}: {dns_time:?}");
        }
    }
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let folder = folder();
    let target = "url: \"http://127.0.0.1:1/v1\"";
    let endpoint = endpoint(folder.path(), "direct", target).await;
    assert_eq!(endpoint.addresses, None);
}
