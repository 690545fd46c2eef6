//! Before the first request: is the target there, and does it take the key?

use std::collections::BTreeSet;

use super::hints;
use crate::base::Secret;
use crate::scenario::{Address, Kind, Policy, Scenario};
use crate::shot::Headers;
use crate::wire::{Endpoint, Failure, probe};

/// What a preflight found wrong: a sentence, and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\nhelp: {help}")]
pub(super) struct Refused {
    problem: String,
    help: String,
}

impl Refused {
    pub(super) fn new(problem: &str, help: &str) -> Self {
        Self {
            problem: problem.to_owned(),
            help: help.to_owned(),
        }
    }
}

/// What will be sent to a target.
pub(super) struct Asked<'a> {
    pub(super) kind: Kind,
    /// Where its key came from, in words.
    pub(super) key_from: &'a str,
    /// The headers of a request.
    pub(super) headers: &'a Headers,
    pub(super) models: &'a BTreeSet<&'a str>,
    pub(super) scenario: &'a Scenario,
}

/// Asks the target for its models, which costs nothing. Only no answer, and a refusal of the key, stop
/// the run: many endpoints have no list of models. It is asked with the headers of a request, which may
/// be what lets it in. What else looks wrong is noted.
pub(super) async fn check(endpoint: &Endpoint, asked: &Asked<'_>) -> Result<(), Refused> {
    let &Asked {
        kind,
        key_from,
        headers,
        models,
        scenario,
    } = asked;
    let (url, key) = (&endpoint.base_url, endpoint.key.as_ref());
    let refused = |problem: String, help: String| Err(Refused { problem, help });
    if kind == Kind::Respan && key.is_none() {
        let problem = "there is no key for Respan's gateway".to_owned();
        return refused(problem, format!("set {key_from}"));
    }
    // Respan's own list of models needs no key, so that it tells no more than that the gateway is there.
    let path = if kind == Kind::Respan {
        "models/public/"
    } else {
        "models"
    };
    match probe(endpoint, path, headers, &scenario.timeouts).await {
        Ok((status @ (401 | 403), body)) if kind != Kind::Respan => {
            let said = crate::dialect::error_message(&body).unwrap_or_default();
            let said = Secret::hide_all(&scenario.secrets, &said);
            let help = match key {
                Some(_) => format!("check the key in {key_from}"),
                None => format!("give a key: set {key_from}"),
            };
            refused(
                format!("{url} refuses the key (status {status}): {said}"),
                help,
            )
        }
        Ok((status, body)) => {
            let asked = format!("{url}/{path}");
            let mut notes = Vec::new();
            match status {
                200..=299 if body.trim_ascii_start().first() != Some(&b'<') => {
                    notes = hints::unknown_models(url, &body, models);
                }
                404 | 405 => notes.push(not_there(endpoint, &asked, kind, scenario).await),
                _ => notes.extend(hints::of_status(&asked, status, &body)),
            }
            for note in notes {
                hints::note(&Secret::hide_all(&scenario.secrets, &note));
            }
            Ok(())
        }
        Err(failure) => Err(unreachable(endpoint, &failure)),
    }
}

/// There is no list of models where it was looked for. Where there is one a little further on, the base URL
/// is likely short of that; the key goes along only below the same URL.
async fn not_there(endpoint: &Endpoint, asked: &str, kind: Kind, scenario: &Scenario) -> String {
    let url = &endpoint.base_url;
    let end = hints::forgotten(kind);
    let list = asked.strip_prefix(url.as_str()).unwrap_or_default();
    let further = format!("{}{list}", end.trim_start_matches('/'));
    let found = probe(endpoint, &further, &Headers::default(), &scenario.timeouts).await;
    let is_there = !url.ends_with(end) && matches!(found, Ok((200..=299 | 401 | 403, _)));
    let what = if is_there {
        format!("there is a list at {url}/{further}: did you mean {url}{end}?")
    } else {
        hints::base_url_form(kind).to_owned()
    };
    format!(
        "{asked} is not there (status 404). If the target has no list of models, that is fine; requests go to \
         {url}/chat/completions. Else {what}"
    )
}

/// What a failure to reach the target means, and the next step.
pub(super) fn unreachable(endpoint: &Endpoint, failure: &Failure) -> Refused {
    let policy = &endpoint.policy;
    let said = match failure {
        Failure::Dns(said)
        | Failure::Connect(said)
        | Failure::Tls(said)
        | Failure::Lost(said)
        | Failure::Malformed(said) => said.clone(),
        _ => "no answer in time".to_owned(),
    };
    let by = policy.connect_to.as_ref();
    let by = by.map_or_else(String::new, |address| {
        format!(" by `connect_to: {address}`")
    });
    let mut help = next_step(endpoint, failure, &said);
    if let Some(name) = proxy_set(&endpoint.base_url) {
        help += &format!(
            "; {name} is set, and tollgate uses no proxy, since its time would be in every figure"
        );
    }
    Refused {
        problem: format!("{}{by} can't be reached: {said}", endpoint.base_url),
        help,
    }
}

/// The variable that sends other programs to this target through a proxy.
fn proxy_set(url: &str) -> Option<&'static str> {
    let (_, host) = host_of(url)?;
    let names: [&str; 2] = if url.starts_with("https:") {
        ["https_proxy", "HTTPS_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY"]
    };
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    names
        .into_iter()
        .find(is_set)
        .filter(|_| !is_loopback(&host))
}

/// A URL, and its host by itself.
fn host_of(url: &str) -> Option<(url::Url, String)> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((url, host))
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn next_step(endpoint: &Endpoint, failure: &Failure, said: &str) -> String {
    let policy: &Policy = &endpoint.policy;
    let step = match (failure, &policy.connect_to) {
        (Failure::Tls(_), _) if said.contains("InvalidContentType") => {
            "the server does not speak TLS there: write http:// in the URL, or the port of its TLS"
        }
        _ if said.contains("CertificateRequired") => {
            "the server asks who the client is: give its certificate, `tls: { cert: client.pem, key: client.key }`"
        }
        (Failure::Tls(_), _) if said.contains("received fatal alert") => {
            "the server refused to go on: check `cert` and `key` in `tls`, and the server's own log"
        }
        (Failure::Tls(_), _)
            if said.contains("NotValidForName") || said.contains("not valid for") =>
        {
            "the certificate is for another name: put that name into `url`, and where to connect into `connect_to`"
        }
        (Failure::Tls(_), _) if policy.tls.ca.is_some() => {
            "only the authorities in the file of `ca` are trusted: check that it is the one of this server"
        }
        (Failure::Tls(_), _) => {
            "give the server's authority, `tls: { ca: file.pem }`; or check nothing, `tls: { insecure: true }`, and the report will say so"
        }
        (_, Some(Address::Unix(_))) => {
            "check the path, that a server listens there, and that you may write to the socket"
        }
        (Failure::Dns(_), Some(_)) => "check the name of the host in `connect_to`",
        (_, Some(_)) => "check `connect_to`, and that a server listens there",
        (Failure::Dns(_), _) => {
            "check the name of the host; a name of a private network needs its VPN and its resolver"
        }
        (Failure::Malformed(_), _) => {
            "what listens there speaks no HTTP: if it speaks TLS, write https:// in the URL"
        }
        (Failure::Connect(_), _) => return nobody_listens(&endpoint.base_url),
        _ => {
            "check the URL, that the gateway is running, and that no firewall keeps its answers; to try without one: tollgate run scenarios/smoke.yaml --target lab"
        }
    };
    step.to_owned()
}

/// Where nobody listens on this machine, the lab may be what is missing there.
fn nobody_listens(base_url: &str) -> String {
    let on_this_machine = host_of(base_url).filter(|(_, host)| is_loopback(host));
    let Some((url, host)) = on_this_machine else {
        return "check the host and the port, and that the gateway is running; to try without one: tollgate run \
                scenarios/smoke.yaml --target lab"
            .to_owned();
    };
    let host = if host == "localhost" {
        "127.0.0.1"
    } else {
        &host
    };
    let port = url.port_or_known_default().unwrap_or(8080);
    let at = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let flag = if at == "127.0.0.1:8080" {
        String::new()
    } else {
        format!(" --gateway {at}")
    };
    format!(
        "start the gateway there, or the lab's in its place: `tollgate lab{flag}`, whose base URL is http://{at}/api \
         and whose key is sk-lab"
    )
}
