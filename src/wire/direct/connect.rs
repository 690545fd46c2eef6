//! Opening a connection, phase by phase: name, socket, TLS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::socket::Socket;
use super::stamped::{Stamped, Stamps};
use super::stamping::Stamping;
use crate::base::Offset;
use crate::scenario::Address;
use crate::wire::endpoint::{look_up, plain};
use crate::wire::{Clock, Connecting, Endpoint, Failure, tls};

/// A connection of bytes: a socket, secured or not.
pub(super) type Transport = Either<Stamped, Box<TlsStream<Stamped>>>;

/// A connection that was just opened.
pub(super) struct Opened {
    pub(super) transport: Transport,
    pub(super) stamps: Arc<Stamps>,
    pub(super) phases: Connecting,
}

/// Opens connections to one server.
pub(super) struct Connector {
    route: Route,
    host_header: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Clock,
}

/// The way to a server.
enum Route {
    /// Each connection looks the host up.
    Name(String, u16),
    /// The host was looked up.
    Known(Vec<SocketAddr>),
    Unix(PathBuf),
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Connector({}, tls: {})",
            self.host_header,
            self.tls.is_some()
        )
    }
}

impl Connector {
    /// A connector to the server of an endpoint; `None` where its URL has no host or another scheme.
    pub(super) fn new(endpoint: &Endpoint, clock: Clock) -> Result<Option<Self>, rustls::Error> {
        let Ok(base) = endpoint.base_url.parse::<Uri>() else {
            return Ok(None);
        };
        let (Some(host), Some(authority)) = (base.host(), base.authority()) else {
            return Ok(None);
        };
        let tls = match base.scheme_str() {
            Some("http") => None,
            Some("https") => {
                let Ok(name) = ServerName::try_from(plain(host).to_owned()) else {
                    return Ok(None);
                };
                let config = tls::config(&endpoint.policy)?;
                Some((TlsConnector::from(Arc::new(config)), name))
            }
            _ => return Ok(None),
        };
        let route = match (&endpoint.addresses, endpoint.destination()) {
            (_, Some(Address::Unix(path))) => Route::Unix(path),
            (Some(known), _) => Route::Known(known.clone()),
            (None, Some(Address::Tcp { host, port })) => Route::Name(host, port),
            (None, None) => return Ok(None),
        };
        // What stands before an @ is no part of the header.
        let host_header = authority
            .as_str()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Some(Self {
            route,
            host_header,
            tls,
            clock,
        }))
    }

    pub(super) fn host_header(&self) -> &str {
        &self.host_header
    }

    /// Opens a connection and times its phases.
    pub(super) async fn open(&self, stamping: &Stamping) -> Result<Opened, Failure> {
        let began = self.clock.now();
        let (socket, resolved) = self.reach(began).await?;
        let connected = self.clock.now();
        let (socket, stamps) = Stamped::new(socket, self.clock, stamping);
        let mut phases = Connecting {
            dns: resolved.since(began),
            connect: connected.since(resolved),
            tls: Duration::ZERO,
        };
        let transport = match &self.tls {
            None => Either::Left(socket),
            Some((tls, name)) => {
                let secured = tls.connect(name.clone(), socket).await;
                let secured = secured.map_err(|error| Failure::Tls(error.to_string()))?;
                phases.tls = self.clock.now().since(connected);
                Either::Right(Box::new(secured))
            }
        };
        Ok(Opened {
            transport,
            stamps,
            phases,
        })
    }

    /// A socket to the server, and when its addresses were known.
    async fn reach(&self, began: Offset) -> Result<(Socket, Offset), Failure> {
        match &self.route {
            Route::Unix(path) => Ok((unix(path).await?, began)),
            Route::Known(addresses) => Ok((first_that_answers(addresses).await?, began)),
            Route::Name(host, port) => {
                let addresses = look_up(host, *port).await?;
                let resolved = self.clock.now();
                Ok((first_that_answers(&addresses).await?, resolved))
            }
        }
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Socket, Failure> {
    let socket = tokio::net::UnixStream::connect(path).await;
    let socket = socket.map_err(|error| Failure::of_system(&error, Failure::Connect))?;
    Ok(Socket::Unix(socket))
}

/// A scenario can't ask for it here.
#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<Socket, Failure> {
    let error = io::Error::from(io::ErrorKind::Unsupported);
    Err(Failure::Connect(error.to_string()))
}

/// Tries one address after the other, as resolvers order them.
async fn first_that_answers(addresses: &[SocketAddr]) -> Result<Socket, Failure> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // Requests and chunks are small: waiting to fill a packet would be measured as latency.
                socket
                    .set_nodelay(true)
                    .map_err(|error| Failure::of_system(&error, Failure::Connect))?;
                return Ok(socket.into());
            }
            Err(error) => last = error,
        }
    }
    Err(Failure::of_system(&last, Failure::Connect))
}
