//! Before the first request: is the target there, and does it take the key?

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

/// Asks the target for its models, which costs nothing. Only no answer, and a refusal of the key, stop
/// the run: many endpoints have no list of models. It is asked with the headers of a request, which may
/// be what lets it in.
pub(super) async fn check(
    endpoint: &Endpoint,
    kind: Kind,
    key_from: &str,
    headers: &Headers,
    scenario: &Scenario,
) -> Result<(), Refused> {
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
        Ok(_) => Ok(()),
        Err(failure) => Err(unreachable(endpoint, &failure)),
    }
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
    Refused {
        problem: format!("{}{by} can't be reached: {said}", endpoint.base_url),
        help: next_step(policy, failure, &said),
    }
}

fn next_step(policy: &Policy, failure: &Failure, said: &str) -> String {
    let step = match (failure, &policy.connect_to) {
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
        _ => {
            "check the URL and that the gateway is running; to try without one, use the embedded lab: tollgate run scenarios/smoke.yaml, or start one with: tollgate lab"
        }
    };
    step.to_owned()
}
