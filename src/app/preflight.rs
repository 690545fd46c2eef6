//! Before the first request: is the target there, and does it take the key?

use crate::base::Secret;
use crate::scenario::{Kind, Timeouts};

/// What a preflight found wrong: a sentence, and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\nhelp: {help}")]
pub(super) struct Refused {
    problem: String,
    help: String,
}

/// Asks the target for its models, which costs nothing. Only no answer, and a refusal of the key, stop
/// the run: many endpoints have no list of models.
pub(super) async fn check(
    url: &str,
    kind: Kind,
    key: Option<&Secret>,
    key_from: &str,
    timeouts: &Timeouts,
) -> Result<(), Refused> {
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
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.connect * 2)
            .build()?;
        let request = client.get(format!("{url}/{path}"));
        let request = match key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        };
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok::<_, reqwest::Error>((status, answer.bytes().await.unwrap_or_default()))
    };
    match answer.await {
        Ok((status @ (401 | 403), body)) if kind != Kind::Respan => {
            let said = crate::dialect::error_message(&body).unwrap_or_default();
            let said = key.map_or(said.as_str().into(), |key| key.hide_in(&said));
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
        Err(error) => {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            let help = "check the URL and that the gateway is running; to try without one, use the embedded lab: tollgate run scenarios/smoke.yaml, or start one with: tollgate lab";
            refused(format!("{url} can't be reached: {cause}"), help.to_owned())
        }
    }
}
