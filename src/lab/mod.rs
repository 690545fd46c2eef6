//! The stand-ins: a provider whose every delay is known, and a small gateway in front of it.
//!
//! They speak real HTTP on real sockets, and know nothing of whoever measures them: a client that
//! reports what the [`Script`] says, or what the provider [`Seen`] did, has measured right.

mod answer;
mod breakdown;
mod check;
mod chunks;
mod clock;
mod fault;
mod gateway;
mod pattern;
mod provider;
mod script;
mod seen;
mod shape;
mod slots;
mod stream;
mod truth;
mod whole;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use check::ScriptError;
pub use fault::{Action, Fault, Status, When, Window};
pub use gateway::Gateway;
pub use provider::Provider;
pub use script::{Model, Repeats, Script};
pub use seen::{Counts, Seen};
pub use shape::{Comments, Newline, RoleChunk, Shape};
pub use truth::Truth;

use crate::base::{Secret, Seed};

/// The key of the gateway in a [`Lab`]. It is no secret: it opens nothing but a stand-in.
const KEY: &str = "sk-lab";

/// A provider and a gateway at work. They stop when this is dropped.
#[derive(Debug)]
pub struct Lab {
    /// The base URL of the gateway: `http://127.0.0.1:PORT/api`.
    pub gateway_url: String,
    /// The base URL of the provider: `http://127.0.0.1:PORT/v1`.
    pub provider_url: String,
    /// The key that the gateway demands.
    pub key: Secret,
    /// The provider itself, for its record and its counts.
    pub provider: Arc<Provider>,
    tasks: [JoinHandle<io::Result<()>>; 2],
    shutdown: DropGuard,
}

impl Lab {
    /// Starts both on the current runtime. Port 0 takes any free one.
    pub async fn start(
        script: Script,
        seed: Seed,
        provider_addr: SocketAddr,
        gateway_addr: SocketAddr,
    ) -> io::Result<Self> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        script.check().map_err(invalid)?;
        let front = TcpListener::bind(gateway_addr).await?;
        let back = TcpListener::bind(provider_addr).await?;
        let gateway_url = format!("http://{}/api", front.local_addr()?);
        let provider_url = format!("http://{}/v1", back.local_addr()?);
        let key = Secret::new(KEY);
        let mut gateway = Gateway::new(key.clone(), provider_url.clone())?;
        if let Some(key) = &script.key {
            gateway = gateway.with_provider_key(Secret::new(key));
        }
        if let Some(prices) = &script.prices {
            gateway = gateway.with_prices(prices.clone());
        }
        let provider = Arc::new(Provider::new(script, seed));
        let shutdown = CancellationToken::new();
        let tasks = [
            tokio::spawn(Arc::clone(&provider).serve(back, shutdown.clone())),
            tokio::spawn(Arc::new(gateway).serve(front, shutdown.clone())),
        ];
        let shutdown = shutdown.drop_guard();
        Ok(Self {
            gateway_url,
            provider_url,
            key,
            provider,
            tasks,
            shutdown,
        })
    }

    /// Stops both, and waits until all their connections are closed.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.shutdown);
        for task in self.tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    }
}
