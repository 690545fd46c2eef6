//! One request to a log, with the patience that its limits ask for.

use std::time::Duration;

use crate::app::preflight;
use crate::base::Secret;
use crate::dialect::error_message;
use crate::wire::{Answer, Api, Endpoint, Failure};

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a page is asked for that fails in a way which may pass.
const TRIES: u32 = 4;
/// How often a page is asked for that is refused for the rate of requests.
const TRIES_LIMITED: u32 = 5;
/// How long to wait for a log that says too many requests, and not how long.
const LIMITED: f64 = 5.0;
/// A log that asks for a longer wait is not waited for.
const LONGEST_WAIT: f64 = 120.0;

/// Why a log was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It can't be reached, or refuses the key.
    Refused(String),
    /// What it answers can't be used.
    Unusable(String),
}

impl Stop {
    /// What to say.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Refused(said) | Self::Unusable(said) => said,
        }
    }
}

/// A log's endpoints.
pub(super) struct Asker {
    api: Api,
    endpoint: Endpoint,
    secrets: Vec<Secret>,
}

impl Asker {
    pub(super) fn new(endpoint: &Endpoint, secrets: &[Secret]) -> Result<Self, Stop> {
        let refused = |failure| {
            let said = preflight::unreachable(endpoint, &failure);
            Stop::Refused(said.to_string())
        };
        let secrets = secrets.iter().chain(&endpoint.key).cloned();
        Ok(Self {
            api: Api::new(endpoint, PATIENCE).map_err(refused)?,
            endpoint: endpoint.clone(),
            secrets: secrets.collect(),
        })
    }

    /// The base URL as it was given.
    pub(super) fn base_url(&self) -> &str {
        &self.endpoint.base_url
    }

    /// Hides all keys in what a log says.
    pub(super) fn hidden(&self, said: &str) -> String {
        Secret::hide_all(&self.secrets, said).into_owned()
    }

    /// Posts JSON to a path and query below the base URL's host.
    pub(super) async fn post(&self, path: &str, json: &[u8]) -> Result<Answer, Stop> {
        self.ask(path, Some(json)).await
    }

    /// Asks for a path and query below the base URL's host.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Stop> {
        self.ask(path, None).await
    }

    /// Asks until there is an answer with status 200. A path begins with a slash, and stands for all
    /// that follows scheme and host.
    async fn ask(&self, path: &str, json: Option<&[u8]>) -> Result<Answer, Stop> {
        let origin = origin(self.api.base_url());
        let url = format!("{origin}{path}");
        let (mut failed, mut limited) = (0, 0);
        loop {
            let answer = match json {
                Some(json) => self.api.post(&url, json.to_vec()).await,
                None => self.api.get(&url).await,
            };
            let wait = match &answer {
                Ok(answer) if answer.status == 200 => return Ok(answer.clone()),
                Ok(answer) if answer.status == 429 => {
                    limited += 1;
                    let wait = answer.retry_after.unwrap_or(LIMITED);
                    (limited < TRIES_LIMITED && wait <= LONGEST_WAIT).then_some(wait)
                }
                Ok(Answer { status: 500.., .. })
                | Err(Failure::Lost(_) | Failure::Timeout(_) | Failure::Connect(_)) => {
                    failed += 1;
                    (failed < TRIES).then_some(0.25 * f64::from(1 << failed))
                }
                _ => None,
            };
            match wait {
                Some(wait) => tokio::time::sleep(Duration::from_secs_f64(wait)).await,
                None => return Err(self.stop(path, answer)),
            }
        }
    }

    fn stop(&self, path: &str, answer: Result<Answer, Failure>) -> Stop {
        let url = format!("{}{path}", origin(self.base_url()));
        let url = url.split('?').next().unwrap_or_default();
        match answer {
            Ok(answer) => {
                let said = error_message(&answer.body).unwrap_or_default();
                let said = format!("{url} answers status {}: {said}", answer.status);
                let said = self.hidden(&said);
                match answer.status {
                    401 | 403 => Stop::Refused(format!("{said}\nhelp: check the key")),
                    404 | 405 => {
                        Stop::Unusable(format!("{said}\nhelp: check the base URL and --kind"))
                    }
                    _ => Stop::Unusable(said),
                }
            }
            Err(Failure::Malformed(said)) => Stop::Unusable(format!("{url}: {said}")),
            Err(failure) => {
                let said = preflight::unreachable(&self.endpoint, &failure).to_string();
                Stop::Refused(self.hidden(&said))
            }
        }
    }
}

/// Scheme, host and port of a base URL.
pub(super) fn origin(base_url: &str) -> &str {
    let after_scheme = base_url.find("://").map_or(0, |at| at + 3);
    let end = base_url[after_scheme..].find('/');
    &base_url[..end.map_or(base_url.len(), |end| after_scheme + end)]
}

/// The path of a base URL, without a slash at its end.
pub(super) fn base_path(base_url: &str) -> &str {
    &base_url[origin(base_url).len()..]
}
