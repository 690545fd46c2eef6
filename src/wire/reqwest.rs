//! The wire that applications use: `reqwest`, with everything off that it would do by itself.
//!
//! It hides when a connection was ready: `sent` is the instant the request was handed to the client,
//! so connecting counts as service time here.

mod api;

use std::error::Error;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONNECTION, HOST};
use tokio::time::timeout_at;

use super::direct::http_failure;
use super::endpoint::look_up;
use super::{Clock, Deadline, Endpoint, Failure, Reading, TimeoutKind, Wire, tls};
use crate::scenario::{Address, Http, Policy, Sharing, Timeouts};
use crate::shot::{Headers, Shot};

pub use api::{Answer, Api};

/// How long to wait for a connection to become reusable after an answer said that it was over.
const LINGER: std::time::Duration = std::time::Duration::from_millis(100);

/// Sends requests with `reqwest`.
#[derive(Clone, Debug)]
pub struct ReqwestWire {
    client: reqwest::Client,
    endpoint: Endpoint,
    /// The Host header, where the base URL had to be changed to connect elsewhere.
    host: Option<String>,
    timeouts: Timeouts,
    clock: Clock,
}

impl ReqwestWire {
    /// A wire to `endpoint` with a connection pool of its own. Nothing is retried or followed, and no
    /// proxy of the system is used. Of the policy it leaves out what this library can't do: connections
    /// for each user, and such as are opened ahead.
    pub fn new(
        mut endpoint: Endpoint,
        timeouts: Timeouts,
        clock: Clock,
    ) -> Result<Self, ReqwestError> {
        let client = client(&endpoint, &timeouts)?;
        let host = elsewhere(&endpoint)?.map(|(base_url, host)| {
            endpoint.base_url = base_url;
            host
        });
        Ok(Self {
            client,
            endpoint,
            host,
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
        let mut request = self
            .client
            .post(format!("{}{}", self.endpoint.base_url, shot.path))
            .header("content-type", "application/json")
            .header("accept", accept)
            .body(shot.body.clone());
        for (name, value) in shot.headers.iter() {
            request = request.header(name, value);
        }
        self.dress(request)
    }

    /// Adds what each request says, whatever it asks.
    fn dress(&self, mut request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let policy = &self.endpoint.policy;
        if let Some(host) = &self.host {
            request = request.header(HOST, host);
        }
        // HTTP/2 has no such header.
        if policy.sharing == Sharing::New && policy.http == Http::One {
            request = request.header(CONNECTION, "close");
        }
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
    async fn send(
        &self,
        shot: &Shot,
        _user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
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

/// Why a wire can't be made for an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum ReqwestError {
    /// The library says so.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    /// The certificates can't be used.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The base URL can't be used.
    #[error("`{0}` is no base URL")]
    Url(String),
}

/// A client that connects as the policy of `endpoint` wants.
fn client(endpoint: &Endpoint, timeouts: &Timeouts) -> Result<reqwest::Client, ReqwestError> {
    // Already installed is fine: it is the same provider each time.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Policy {
        sharing,
        http,
        connect_to,
        ..
    } = &endpoint.policy;
    let url = parse(&endpoint.base_url)?;
    // The library wants one for any URL; that of http is never used, and the system's certificates take
    // longer to read than all else of a start.
    let tls = match url.scheme() {
        "https" => tls::config(&endpoint.policy)?,
        _ => tls::trusting_nobody()?,
    };
    let builder = reqwest::Client::builder()
        .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(timeouts.connect)
        .tls_backend_preconfigured(tls)
        .pool_max_idle_per_host(match sharing {
            Sharing::New => 0,
            Sharing::Pool | Sharing::PerUser => usize::MAX,
        });
    let builder = match http {
        Http::One => builder.http1_only(),
        Http::Two => builder.http2_prior_knowledge(),
    };
    #[cfg(unix)]
    if let Some(Address::Unix(path)) = connect_to {
        return Ok(builder.unix_socket(path.as_path()).build()?);
    }
    // What the library will look up: on https the name in TLS, which is that of the URL.
    let asked = match (url.scheme(), connect_to) {
        ("http", Some(Address::Tcp { host, .. })) => Some(host.as_str()),
        _ => url.host_str(),
    };
    let builder = match (&endpoint.addresses, asked, connect_to) {
        (Some(addresses), Some(asked), _) => builder.resolve_to_addrs(asked, addresses),
        (None, _, Some(Address::Tcp { host, port })) => {
            builder.dns_resolver(Elsewhere(host.clone(), *port))
        }
        _ => builder,
    };
    Ok(builder.build()?)
}

/// Looks up one host, whatever is asked for.
struct Elsewhere(String, u16);

impl Resolve for Elsewhere {
    fn resolve(&self, _asked: Name) -> Resolving {
        let Self(host, port) = self;
        let (host, port) = (host.clone(), *port);
        Box::pin(async move {
            let found = look_up(&host, port).await;
            // The words of a resolver's error are kept.
            let found = found.map_err(|error| match error {
                Failure::Dns(said) => said,
                other => format!("{other:?}"),
            })?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn parse(url: &str) -> Result<url::Url, ReqwestError> {
    url::Url::parse(url).map_err(|_| ReqwestError::Url(url.to_owned()))
}

/// The base URL that makes the library connect elsewhere, and the Host header of the one that was
/// given; `None` where it connects to the URL's own host and port.
///
/// The library takes the port from the URL alone. On https the host stays, as the name in TLS, and the
/// addresses that are found for it are those of the other host.
fn elsewhere(endpoint: &Endpoint) -> Result<Option<(String, String)>, ReqwestError> {
    let Some(Address::Tcp { host, port }) = &endpoint.policy.connect_to else {
        return Ok(None);
    };
    let mut url = parse(&endpoint.base_url)?;
    let wrong = || ReqwestError::Url(endpoint.base_url.clone());
    let authority = url.host_str().ok_or_else(wrong)?.to_owned();
    let authority = match url.port() {
        Some(port) => format!("{authority}:{port}"),
        None => authority,
    };
    url.set_port(Some(*port)).map_err(|()| wrong())?;
    if url.scheme() == "http" {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        url.set_host(Some(&host)).map_err(|_| wrong())?;
    }
    let base_url = url.as_str().trim_end_matches('/').to_owned();
    Ok(Some((base_url, authority)))
}

/// Asks for `path` outside of any measurement, connecting as the policy wants and with the headers that
/// the scenario adds to a request: the status and the body.
pub async fn probe(
    endpoint: &Endpoint,
    path: &str,
    headers: &Headers,
    timeouts: &Timeouts,
) -> Result<(u16, Bytes), Failure> {
    let clock = Clock::start();
    let wire = ReqwestWire::new(endpoint.clone(), *timeouts, clock)
        .map_err(|error| Failure::Connect(error.to_string()))?;
    let url = format!("{}/{path}", wire.endpoint.base_url);
    let mut request = wire
        .dress(wire.client.get(url))
        .timeout(timeouts.connect * 2);
    for (name, value) in headers.iter() {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|error| failure(&error))?;
    let status = answer.status().as_u16();
    Ok((status, answer.bytes().await.unwrap_or_default()))
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
