//! Requests outside of any measurement to a gateway's other endpoints, such as its log.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::super::retry_after;
use super::{Clock, Endpoint, Failure, ReqwestWire, TimeoutKind, failure};
use crate::scenario::Timeouts;

/// A gateway's endpoints beside its calls to models.
#[derive(Clone, Debug)]
pub struct Api {
    wire: ReqwestWire,
    patience: Duration,
}

/// An answer in one piece.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long the server asks to wait, in seconds, by its headers or its body.
    pub retry_after: Option<f64>,
    /// The body.
    pub body: Bytes,
}

impl Api {
    /// The most bytes of an answer: 64 MiB. A longer one counts as malformed.
    const MOST: usize = 64 << 20;

    /// The endpoints below the base URL of `endpoint`; each request may take `patience` in all.
    pub fn new(endpoint: &Endpoint, patience: Duration) -> Result<Self, Failure> {
        let timeouts = Timeouts {
            connect: patience.min(Duration::from_secs(10)),
            first_token: patience,
            idle: patience,
            request: patience,
        };
        let wire = ReqwestWire::new(endpoint.clone(), timeouts, Clock::start())
            .map_err(|error| Failure::Connect(error.to_string()))?;
        Ok(Self { wire, patience })
    }

    /// The base URL.
    pub fn base_url(&self) -> &str {
        &self.wire.endpoint.base_url
    }

    /// Asks for a URL, which must be of the base URL's own host: the key goes with it.
    pub async fn get(&self, url: &str) -> Result<Answer, Failure> {
        self.answer(self.wire.client.get(url)).await
    }

    /// Posts JSON to a URL, which must be of the base URL's own host: the key goes with it.
    pub async fn post(&self, url: &str, json: Vec<u8>) -> Result<Answer, Failure> {
        let json_only = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ];
        self.post_as(url, &json_only, json).await
    }

    /// Posts a body with these headers to a URL, which must be of the base URL's own host: the key goes with
    /// it.
    pub async fn post_as(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let request = self.wire.client.post(url).body(body);
        let dressed = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        self.answer(dressed).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
        let within = tokio::time::timeout(self.patience, async {
            let request = self.wire.dress(request);
            let mut response = request.send().await.map_err(|error| failure(&error))?;
            let status = response.status().as_u16();
            let headers = response.headers();
            let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
            let in_headers = retry_after::in_headers(&header);
            let mut body = BytesMut::new();
            while let Some(bytes) = response.chunk().await.map_err(|error| failure(&error))? {
                if body.len() + bytes.len() > Self::MOST {
                    let most = Self::MOST >> 20;
                    return Err(Failure::Malformed(format!("an answer of over {most} MiB")));
                }
                body.extend_from_slice(&bytes);
            }
            Ok(Answer {
                status,
                retry_after: in_headers.or_else(|| retry_after::in_body(&body)),
                body: body.freeze(),
            })
        });
        let timed_out = |_| Failure::Timeout(TimeoutKind::Request);
        within.await.map_err(timed_out)?
    }
}
