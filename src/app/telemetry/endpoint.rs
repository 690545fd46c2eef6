//! The endpoint that a Prometheus scrapes.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::look::Look;
use crate::report::telemetry;

/// What a scrape is answered from.
#[derive(Clone)]
struct Endpoint {
    looks: watch::Receiver<Option<Arc<Look>>>,
    scrapes: Arc<AtomicU64>,
    /// The text of the last look that was asked for: two readers cost no more than one.
    made: Arc<Mutex<Option<Made>>>,
}

/// A look and its text.
type Made = (Arc<Look>, Bytes);

/// Answers until `stop`; nobody where there is no `listener`.
pub(super) async fn serve(
    listener: Option<TcpListener>,
    looks: watch::Receiver<Option<Arc<Look>>>,
    scrapes: Arc<AtomicU64>,
    stop: CancellationToken,
) {
    // It was made non-blocking when it was bound.
    let listener = listener.and_then(|listener| tokio::net::TcpListener::from_std(listener).ok());
    let Some(listener) = listener else { return };
    let routes = Router::new()
        .route(
            "/",
            get(|| async { "tollgate: the figures are at /metrics\n" }),
        )
        .route("/metrics", get(metrics))
        .with_state(Endpoint {
            looks,
            scrapes,
            made: Arc::default(),
        });
    tokio::select! {
        _ = axum::serve(listener, routes) => {}
        () = stop.cancelled() => {}
    }
}

async fn metrics(State(endpoint): State<Endpoint>) -> impl IntoResponse {
    endpoint.scrapes.fetch_add(1, Ordering::Relaxed);
    ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], endpoint.text())
}

impl Endpoint {
    fn text(&self) -> Bytes {
        let Some(look) = self.looks.borrow().clone() else {
            return Bytes::new();
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, text)) = made.as_ref()
            && Arc::ptr_eq(of, &look)
        {
            return text.clone();
        }
        let text = Bytes::from(telemetry::text(&look.families()));
        *made = Some((look, text.clone()));
        text
    }
}
