//! The wire that applications use: `reqwest`, with everything off that it would do by itself.
//!
//! It hides when a connection was ready: `sent` is the instant the request was handed to the client,
//! so connecting counts as service time here.

use std::error::Error;

use tokio::time::timeout_at;

use super::direct::http_failure;
use super::{Clock, Deadline, Endpoint, Failure, Reading, TimeoutKind, Wire};
use crate::scenario::Timeouts;
use crate::shot::Shot;

/// How long to wait for a connection to become reusable after an answer said that it was over.
const LINGER: std::time::Duration = std::time::Duration::from_millis(100);

/// Sends requests with `reqwest` over HTTP/1.1.
#[derive(Clone, Debug)]
pub struct ReqwestWire {
    client: reqwest::Client,
    endpoint: Endpoint,
    timeouts: Timeouts,
    clock: Clock,
}

impl ReqwestWire {
    /// A wire to `endpoint` with a connection pool of its own. Nothing is retried or followed, and no
    /// proxy of the system is used.
    pub fn new(
        endpoint: Endpoint,
        timeouts: Timeouts,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        // Already installed is fine: it is the same provider each time.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(timeouts.connect)
            .pool_max_idle_per_host(usize::MAX)
            .build()?;
        Ok(Self {
            client,
            endpoint,
            timeouts,
            clock,
        })
    }

    fn request(&self, shot: &Shot) -> reqwest::RequestBuilder {
        let accept = if shot.stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        let request = self
            .client
            .post(format!("{}{}", self.endpoint.base_url, shot.path))
            .header("content-type", "application/json")
            .header("accept", accept)
            .body(shot.body.clone());
        match &self.endpoint.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    /// The nearest deadline that is still to come. A server that always has more to say must not
    /// get beyond one: with bytes at hand a timer is never looked at.
    fn deadline(&self, reading: &Reading) -> Result<Deadline, Failure> {
        let now = self.clock.now();
        let deadline = Deadline::nearest(&self.timeouts, reading, now);
        if deadline.at > now {
            Ok(deadline)
        } else {
            Err(Failure::Timeout(deadline.kind))
        }
    }
}

impl Wire for ReqwestWire {
    async fn send(&self, shot: &Shot, reading: &mut Reading) -> Result<(), Failure> {
        let request = self.request(shot);
        reading.sent(self.clock.now());
        let deadline = self.deadline(reading)?;
        let mut response = timeout_at(self.clock.instant(deadline.at), request.send())
            .await
            .map_err(|_| Failure::Timeout(deadline.kind))?
            .map_err(|error| failure(&error))?;
        let headers = response.headers();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        reading.head(response.status().as_u16(), header, self.clock.now());
        while !reading.is_done() {
            let deadline = self.deadline(reading)?;
            let read = timeout_at(self.clock.instant(deadline.at), response.chunk()).await;
            let at = self.clock.now();
            match read.map_err(|_| Failure::Timeout(deadline.kind))? {
                Ok(Some(bytes)) => reading.bytes(&bytes, at)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(failure(&error)),
            }
        }
        // The answer is over; reading on to the end of the body keeps the connection for reuse, and
        // may bring accounts.
        let _ = tokio::time::timeout(LINGER, async {
            while let Ok(Some(bytes)) = response.chunk().await {
                if reading.bytes(&bytes, self.clock.now()).is_err() {
                    break;
                }
            }
        })
        .await;
        Ok(())
    }
}

/// What went wrong, told apart by what `reqwest` says of it and by its causes.
fn failure(error: &reqwest::Error) -> Failure {
    let causes: Vec<&(dyn Error + 'static)> =
        std::iter::successors(error.source(), |&cause| cause.source()).collect();
    // The first cause repeats the URL, which the user knows; the last one says what happened.
    let said = causes
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    // The connector's own words for whatever failed below TLS.
    let below_tls = || causes.iter().any(|c| c.to_string().starts_with("tcp "));
    let secured = || error.url().is_some_and(|url| url.scheme() == "https");
    let system = || {
        causes
            .iter()
            .find_map(|c| c.downcast_ref::<std::io::Error>())
    };
    let http = || causes.iter().find_map(|c| c.downcast_ref::<hyper::Error>());
    match () {
        () if error.is_connect() && error.is_timeout() => Failure::Timeout(TimeoutKind::Connect),
        () if error.is_connect() && error.is_dns() => Failure::Dns(said),
        () if error.is_connect() && secured() && !below_tls() => Failure::Tls(said),
        () if error.is_connect() => match system() {
            Some(error) => Failure::of_system(error, Failure::Connect),
            None => Failure::Connect(said),
        },
        () => http().map_or(Failure::Lost(said), http_failure),
    }
}
