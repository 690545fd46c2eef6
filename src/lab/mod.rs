//! The stand-ins: providers whose every delay is known, and a gateway in front of them.
//!
//! They speak real HTTP on real sockets, and know nothing of whoever measures them: a client that
//! reports what the [`Script`] says, or what the provider [`Seen`] did, has measured right.

mod answer;
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

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use check::ScriptError;
pub use fault::{Action, Fault, Status, When, Window};
pub use gateway::{
    Added, ClientKey, Coalesce, Conduct, Gateway, GatewayScript, Into, Limits, Passed, Rewrite,
    Until, Weighted,
};
pub use provider::Provider;
pub use script::{Behind, Model, Repeats, Script};
pub use seen::{Counts, Seen};
pub use shape::{Comments, Content, Newline, RoleChunk, Shape};
pub use truth::Truth;
pub use wire::listen;

use crate::base::{Secret, Seed};

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
    /// The providers that have a script of their own, by name.
    pub providers: BTreeMap<String, Arc<Provider>>,
    /// The gateway itself.
    pub gateway: Arc<Gateway>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
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
        let key = Secret::new(script.gateway.keys[0].key.as_str());
        let provider_key = script.key.as_ref().map_or_else(|| key.clone(), Secret::new);
        let (rules, url) = ((*script.gateway).clone(), provider_url.clone());
        let mut gateway = Gateway::scripted(rules, seed, url, provider_key)?;
        if let Some(prices) = &script.prices {
            gateway = gateway.with_prices((**prices).clone());
        }
        let shutdown = CancellationToken::new();
        let (mut tasks, mut providers) = (Vec::new(), BTreeMap::new());
        for (name, behind) in &script.providers {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let url = format!("http://{}/v1", listener.local_addr()?);
            let provider_key = behind.key.as_ref().map_or_else(|| key.clone(), Secret::new);
            gateway = gateway.with_provider(name.clone(), url, provider_key);
            let provider = Arc::new(Provider::new(behind.script(), seed));
            tasks.push(tokio::spawn(
                Arc::clone(&provider).serve(listener, shutdown.clone()),
            ));
            providers.insert(name.clone(), provider);
        }
        let (provider, gateway) = (Arc::new(Provider::new(script, seed)), Arc::new(gateway));
        tasks.push(tokio::spawn(
            Arc::clone(&provider).serve(back, shutdown.clone()),
        ));
        tasks.push(tokio::spawn(
            Arc::clone(&gateway).serve(front, shutdown.clone()),
        ));
        let shutdown = shutdown.drop_guard();
        Ok(Self {
            gateway_url,
            provider_url,
            key,
            provider,
            providers,
            gateway,
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
