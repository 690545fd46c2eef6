//! What a target can't say of its connections is told before the run, at its place.

use std::path::Path;

use tollgate::scenario::Problem;

use crate::authority::{Clients, found};
use crate::wires::{CLOSED, folder, load};

const OPEN: &str = "{ name: steady, poisson: { rate: 5/s, duration: 1s } }";
const HTTP: &str = "url: http://a.test/v1";
const HTTPS: &str = "url: https://a.test/v1";

/// The one problem of a target: what stands at its place, and what is said.
#[track_caller]
fn told(folder: &Path, client: &str, target: &str, phase: &str, at: &str, said: &str) {
    let problems = load(folder, client, target, phase).unwrap_err();
    let all: Vec<&str> = problems.iter().map(Problem::message).collect();
    assert_eq!(all, [said], "{target}");
    let problem = &problems[0];
    let text = &problem.source().text;
    assert_eq!(&text[problem.span().unwrap()], at, "{target}");
    let place = text.find(target).unwrap() + target.rfind(at).unwrap();
    assert_eq!(problem.span().unwrap().start, place, "{target}");
    assert!(problem.help().is_some_and(|help| !help.is_empty()));
}

#[test]
fn what_does_not_go_together_is_told_where_it_stands() {
    let folder = folder();
    let cases = [
        (
            "direct",
            "connections: per_user",
            OPEN,
            "per_user",
            "an open loop has no users: the phase `steady` is one",
        ),
        (
            "reqwest",
            "connections: per_user",
            CLOSED,
            "per_user",
            "`client: reqwest` has one pool for all users",
        ),
        (
            "reqwest",
            "preopen: 3",
            CLOSED,
            "3",
            "`client: reqwest` opens connections for requests only",
        ),
        (
            "direct",
            "connections: new, preopen: 3",
            CLOSED,
            "3",
            "`preopen` has no effect: with `connections: new` each request opens its own",
        ),
        (
            "direct",
            "http: 3",
            CLOSED,
            "3",
            "`http: 3` is no version that can be spoken here",
        ),
        (
            "direct",
            "http: 2, connections: per_user",
            CLOSED,
            "per_user",
            "over HTTP/2 all requests of a worker share one connection",
        ),
        (
            "reqwest",
            "http: 2, connect_to: 'b.test:1'",
            CLOSED,
            "'b.test:1'",
            "`client: reqwest` can't connect elsewhere over HTTP/2",
        ),
        (
            "direct",
            "tls: { insecure: true }",
            CLOSED,
            "{ insecure: true }",
            "`tls` has no effect: the URL is not https",
        ),
    ];
    for (client, settings, phase, at, said) in cases {
        let target = format!("{HTTP}, {settings}");
        told(folder.path(), client, &target, phase, at, said);
    }
    let target = "url: 'https://192.0.2.1/v1', connect_to: 'b.test:1'";
    let said = "`client: reqwest` can't connect elsewhere than to an https address";
    told(folder.path(), "reqwest", target, CLOSED, "'b.test:1'", said);
}

#[test]
fn a_place_that_nobody_can_connect_to_is_told() {
    let folder = folder();
    for wrong in [
        "b.test",
        "b.test:0",
        "b.test:port",
        ":80",
        "::1:80",
        "unix:",
    ] {
        let target = format!("{HTTP}, connect_to: '{wrong}'");
        let said = format!("`{wrong}` is no place to connect to");
        let at = format!("'{wrong}'");
        told(folder.path(), "direct", &target, CLOSED, &at, &said);
    }
    for right in ["b.test:80", "192.0.2.1:80", "[::1]:80", "unix:/a/b"] {
        let target = format!("{HTTP}, connect_to: '{right}'");
        let scenario = load(folder.path(), "direct", &target, CLOSED).unwrap();
        let policy = scenario.target().policy();
        assert_eq!(policy.connect_to.unwrap().to_string(), right);
    }
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_told_by_what_is_wrong_with_them() {
    let folder = folder();
    found(folder.path(), Clients::Anybody);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("empty.pem", "");
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    write("locked.key", encrypted);
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write("nonsense.pem", certificate);
    let cases = [
        (
            "ca: empty.pem",
            "empty.pem",
            "`empty.pem` holds no certificate",
        ),
        (
            "ca: client.key",
            "client.key",
            "`client.key` holds no certificate",
        ),
        (
            "cert: client.pem, key: other.key",
            "other.key",
            "`other.key` is not the key of `client.pem`",
        ),
        (
            "cert: client.pem, key: empty.pem",
            "empty.pem",
            "`empty.pem` holds no private key that can be read",
        ),
        (
            "cert: client.pem, key: locked.key",
            "locked.key",
            "`locked.key` holds no private key that can be read",
        ),
        (
            "cert: client.pem",
            "client.pem",
            "a client's certificate needs its private key",
        ),
        (
            "key: client.key",
            "client.key",
            "a private key needs the certificate that it is for",
        ),
        (
            "ca: ca.pem, insecure: true",
            "ca.pem",
            "`ca` has no effect: with `insecure` whoever answers is trusted",
        ),
    ];
    for (tls, at, said) in cases {
        let target = format!("{HTTPS}, tls: {{ {tls} }}");
        told(folder.path(), "direct", &target, CLOSED, at, said);
    }
    let problems = |tls: &str| {
        let target = format!("{HTTPS}, tls: {{ {tls} }}");
        let problems = load(folder.path(), "direct", &target, CLOSED).unwrap_err();
        assert_eq!(problems.len(), 1);
        problems[0].clone()
    };
    assert!(
        problems("ca: none.pem")
            .message()
            .contains("none.pem` can't be read")
    );
    let trusted = problems("ca: nonsense.pem");
    assert!(
        trusted
            .message()
            .starts_with("`nonsense.pem` holds no authority to trust: ")
    );
    let locked = problems("cert: client.pem, key: locked.key");
    assert!(locked.help().unwrap().starts_with("the key is encrypted"));
}

#[test]
fn a_policy_that_says_nothing_new_leaves_the_digest_as_it_is() {
    let folder = folder();
    let digest = |settings: &str| {
        let target = format!("{HTTP}{settings}");
        let scenario = load(folder.path(), "direct", &target, CLOSED).unwrap();
        tollgate::plan::Plan::new(scenario).digest().to_owned()
    };
    let plain = digest("");
    assert_eq!(
        plain,
        digest(", connections: pool, http: 1, dns: once, preopen: 0")
    );
    assert_ne!(plain, digest(", connections: new"));
}
