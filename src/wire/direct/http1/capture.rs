//! One exchange, kept as it came: for whoever wants to look at it, outside of any measurement.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::framing::Framing;
use super::{Preamble, READ, head, lost};
use crate::base::Offset;
use crate::dialect::Dialect;
use crate::scenario::{Timeouts, Timestamps};
use crate::shot::Shot;
use crate::wire::direct::connect::{Connector, Opened};
use crate::wire::direct::{DirectError, Stamping};
use crate::wire::{Clock, Connecting, Endpoint, Exchange, Failure, Reading, TimeoutKind};

/// The most bytes of a body that are kept.
const CAP: usize = 16 << 20;

/// One exchange as it came. The request's head holds the key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captured {
    /// The head of the request, as it was sent.
    pub request_head: String,
    /// How the connection was opened.
    pub connecting: Option<Connecting>,
    /// When the request was sent.
    pub sent: Option<Offset>,
    /// The status of the answer; `None` where there was none.
    pub status: Option<u16>,
    /// Its headers, in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// When they were read.
    pub headers_at: Option<Offset>,
    /// The body in the pieces in which it came, and when each came.
    pub pieces: Vec<(Offset, Vec<u8>)>,
    /// When it ended.
    pub ended: Option<Offset>,
    /// Why it ended before its end.
    pub failure: Option<Failure>,
}

impl Captured {
    /// The body.
    pub fn body(&self) -> Vec<u8> {
        let pieces = self.pieces.iter().flat_map(|(_, piece)| piece);
        pieces.copied().collect()
    }

    /// The first header of a lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// What it is read as: the same reading as in a run.
    pub fn read(&self, dialect: Dialect, wants_stream: bool) -> Exchange {
        let mut reading = Reading::new(dialect, wants_stream);
        reading.connected(self.connecting);
        if let Some(sent) = self.sent {
            reading.sent(sent);
        }
        if let (Some(status), Some(at)) = (self.status, self.headers_at) {
            reading.head(status, |name| self.header(name), at);
        }
        let mut result = self.failure.clone().map_or(Ok(()), Err);
        for (at, piece) in &self.pieces {
            if let Err(failure) = reading.bytes(piece, *at) {
                result = Err(failure);
                break;
            }
        }
        reading.finish(result, self.ended.unwrap_or_default())
    }
}

/// Sends a request over a connection of its own, in HTTP/1.1, and keeps all that comes back.
pub async fn capture(
    endpoint: &Endpoint,
    timeouts: Timeouts,
    clock: Clock,
    shot: &Shot,
) -> Result<Captured, DirectError> {
    let url = || DirectError::Url(endpoint.base_url.clone());
    let base: http::Uri = endpoint.base_url.parse().map_err(|_| url())?;
    let connector = Connector::new(endpoint, clock)?.ok_or_else(url)?;
    let key = endpoint.key.as_ref();
    let authorization = key.map(|key| format!("Bearer {}", key.expose()));
    let checked = authorization.as_deref().map(http::HeaderValue::try_from);
    checked.transpose().map_err(|_| DirectError::Key)?;
    let preamble = Preamble::new(
        base.path().trim_end_matches('/'),
        connector.host_header(),
        authorization.as_deref(),
        true,
    );
    let head = preamble.head(shot, 0);
    let mut captured = Captured {
        request_head: String::from_utf8_lossy(&head).into_owned(),
        ..Captured::default()
    };
    let stamping = Stamping::new(Timestamps::default());
    let opening = tokio::time::timeout(timeouts.connect, connector.open(&stamping));
    let whole = async {
        let opened = opening
            .await
            .map_err(|_| Failure::Timeout(TimeoutKind::Connect))??;
        let asking = converse(opened, clock, &head, shot, &mut captured);
        tokio::time::timeout(timeouts.request, asking)
            .await
            .unwrap_or(Err(Failure::Timeout(TimeoutKind::Request)))
    };
    let result = whole.await;
    captured.failure = result.err();
    captured.ended = Some(clock.now());
    Ok(captured)
}

async fn converse(
    opened: Opened,
    clock: Clock,
    head: &[u8],
    shot: &Shot,
    captured: &mut Captured,
) -> Result<(), Failure> {
    let Opened {
        mut transport,
        stamps,
        phases,
    } = opened;
    captured.connecting = Some(phases);
    captured.sent = Some(clock.now());
    let request = [head, &shot.body].concat();
    let written = transport.write_all(&request).await;
    written.map_err(|error| lost(&error))?;
    transport.flush().await.map_err(|error| lost(&error))?;
    let (mut room, mut kept, mut framing) = (vec![0; READ], Vec::new(), None::<Framing>);
    while !framing.as_ref().is_some_and(Framing::is_over) {
        let count = transport.read(&mut room).await.map_err(|e| lost(&e))?;
        let at = stamps.last_read();
        if count == 0 {
            return match framing {
                Some(Framing::UntilClose) => Ok(()),
                _ => Err(Failure::Lost("the connection ended too early".to_owned())),
            };
        }
        let mut bytes = room[..count].to_vec();
        if framing.is_none() {
            kept.extend_from_slice(&bytes);
            let parsed = head::parse(&kept, |status, headers| {
                captured.status = Some(status);
                captured.headers = headers.texts();
                captured.headers_at = Some(at);
            })?;
            let Some(parsed) = parsed else { continue };
            framing = Some(parsed.framing);
            bytes = kept.split_off(parsed.length);
        }
        let framing = framing.as_mut().expect("the head was read");
        framing.feed(&bytes, |piece| {
            if !piece.is_empty() {
                captured.pieces.push((at, piece.to_vec()));
            }
            Ok(())
        })?;
        let size: usize = captured.pieces.iter().map(|(_, piece)| piece.len()).sum();
        if size > CAP {
            let said = format!("the answer is larger than {CAP} bytes");
            return Err(Failure::Malformed(said));
        }
    }
    Ok(())
}
