//! Waits until a gateway answers.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::base::Secret;
use crate::scenario::Timeouts;
use crate::shot::Headers;
use crate::wire::{Endpoint, probe};

/// How often it is asked.
const NAP: Duration = Duration::from_millis(40);
/// How long one question may take.
const ASKING: Duration = Duration::from_secs(1);

/// What is asked, and what is taken for ready.
pub(super) struct Asked {
    pub(super) host: String,
    pub(super) port: u16,
    /// The path; a connection is enough where there is none.
    pub(super) path: Option<String>,
    pub(super) status: Vec<u16>,
    pub(super) key: Option<Secret>,
}

impl Asked {
    /// Waits until it is ready; what was said last, where it never is.
    pub(super) async fn until_ready(&self, within: Duration) -> Result<(), String> {
        let patience = Instant::now() + within;
        loop {
            let said = match self.ask().await {
                Ok(()) => return Ok(()),
                Err(said) => said,
            };
            if Instant::now() + NAP > patience {
                return Err(said);
            }
            sleep(NAP).await;
        }
    }

    async fn ask(&self) -> Result<(), String> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        match timeout(ASKING, connecting).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(format!("port {}: {error}", self.port)),
            Err(_) => return Err(format!("port {}: no answer", self.port)),
        }
        let Some(path) = &self.path else {
            return Ok(());
        };
        let endpoint = Endpoint {
            base_url: format!("http://{}:{}", self.host, self.port),
            key: self.key.clone(),
            ..Endpoint::default()
        };
        let timeouts = Timeouts {
            connect: ASKING,
            first_token: ASKING,
            idle: ASKING,
            request: ASKING,
        };
        let below = path.trim_start_matches('/');
        match probe(&endpoint, below, &Headers::default(), &timeouts).await {
            Ok((status, _)) if self.status.contains(&status) => Ok(()),
            Ok((status, _)) => Err(format!("GET {path} answered status {status}")),
            Err(failure) => Err(format!("GET {path} was not answered: {failure:?}")),
        }
    }
}
