//! Whom to trust, and how to be trusted.

use tollgate::wire::{Exchange, Outcome};

use crate::authority::{Clients, NAME, found};
use crate::server::Server;
use crate::wires::{CLIENTS, Client, folder};

/// What a request comes to at a server for `NAME`, and what the server saw of it.
async fn asked(
    client: &str,
    clients: Clients,
    name: &str,
    tls: &str,
) -> (Exchange, Vec<(String, bool)>) {
    let folder = folder();
    let server = Server::tls(found(folder.path(), clients)).await;
    let to = server.address;
    let target = format!("url: \"https://{name}/v1\", connect_to: \"{to}\"{tls}");
    let wire = Client::new(folder.path(), client, &target).await;
    let exchange = wire.send(None).await;
    let seen = server.seen.secured.lock().unwrap().clone();
    (exchange, seen)
}

const CA: &str = ", tls: { ca: ca.pem }";
const CLIENT: &str = ", tls: { ca: ca.pem, cert: client.pem, key: client.key }";

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_its_name_alone() {
    for client in CLIENTS {
        let (exchange, seen) = asked(client, Clients::Anybody, NAME, CA).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
        assert_eq!(seen, [("http/1.1".to_owned(), false)], "{client}");
        for (name, tls) in [(NAME, ""), ("other.test", CA)] {
            let (exchange, _) = asked(client, Clients::Anybody, name, tls).await;
            assert_eq!(exchange.outcome, Outcome::Tls, "{client} {name}{tls}");
        }
    }
}

#[tokio::test]
async fn without_verification_any_authority_and_any_name_will_do() {
    for client in CLIENTS {
        let tls = ", tls: { insecure: true }";
        let (exchange, _) = asked(client, Clients::Anybody, "other.test", tls).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
    }
}

#[tokio::test]
async fn a_server_that_asks_who_the_client_is_gets_its_certificate() {
    for client in CLIENTS {
        let (exchange, seen) = asked(client, Clients::Known, NAME, CLIENT).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{:?}", exchange.error);
        assert_eq!(seen, [("http/1.1".to_owned(), true)], "{client}");
        let (exchange, _) = asked(client, Clients::Known, NAME, CA).await;
        assert_ne!(exchange.outcome, Outcome::Ok, "{client}");
        let said = exchange.error.unwrap();
        assert!(said.contains("CertificateRequired"), "{client}: {said}");
    }
}

#[tokio::test]
async fn http_2_is_asked_for_in_the_handshake_and_spoken_unasked_without_one() {
    let folder = folder();
    // Neither server answers in it: what is sought is what the client began with.
    let server = Server::tls(found(folder.path(), Clients::Anybody)).await;
    let url = format!("https://localhost:{}/v1", server.port());
    let target = format!("url: \"{url}\", http: 2, tls: {{ insecure: true }}");
    let wire = Client::new(folder.path(), "reqwest", &target).await;
    assert_ne!(wire.send(None).await.outcome, Outcome::Ok);
    assert_eq!(server.seen.secured.lock().unwrap()[0].0, "h2");

    let server = Server::tcp().await;
    let target = format!("url: \"{}\", http: 2", server.url());
    let wire = Client::new(folder.path(), "reqwest", &target).await;
    assert_ne!(wire.send(None).await.outcome, Outcome::Ok);
    assert_eq!(server.seen.heads()[0], "pri * http/2.0");
}
