//! The lab's provider, behind the gateway.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate::base::Seed;
use tollgate::lab::{Counts, Provider};

/// The tokens of each whole answer.
pub(crate) const TOKENS: u64 = 16;

/// A provider at work on a thread of its own.
pub(crate) struct Upstream {
    /// Its base URL.
    pub(crate) url: String,
    provider: Arc<Provider>,
    served: JoinHandle<io::Result<()>>,
    shutdown: CancellationToken,
    runtime: Runtime,
}

impl Upstream {
    /// Starts one on a free port, with these faults. Half of each prompt it reads from its cache.
    pub(crate) fn start(faults: &Value) -> Self {
        let script = json!({
            "models": [{
                "model": "*",
                "ttft": { "uniform": { "min": "10ms", "max": "40ms" } },
                "pace": { "constant": "2ms" },
                "output_tokens": { "constant": TOKENS },
                "cached": "50%",
            }],
            "faults": faults,
        });
        let script = serde_json::from_value(script).expect("it is a script");
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let provider = Arc::new(Provider::new(script, Seed(7)));
        let shutdown = CancellationToken::new();
        let work = Arc::clone(&provider).serve(listener, shutdown.clone());
        Self {
            url,
            provider,
            served: runtime.spawn(work),
            shutdown,
            runtime,
        }
    }

    /// How it stands.
    pub(crate) fn counts(&self) -> Counts {
        self.provider.counts()
    }

    /// Stops it: nobody listens on its port any more.
    pub(crate) fn stop(self) {
        self.shutdown.cancel();
        self.runtime.block_on(self.served).unwrap().unwrap();
    }
}
