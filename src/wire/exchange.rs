//! What became of one request: its marks, its outcome, and what the answer said.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Gaps;
use super::Trail;
use super::told::Told;
use crate::base::{Money, Offset, Usage, no_descriptor_left};

/// The instants of one request. A mark that was not reached is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The request was handed to the connection (with `reqwest`: to the client, so that connecting is in it).
    pub sent: Option<Offset>,
    /// The answer's head was read.
    pub headers: Option<Offset>,
    /// The first byte of the body was read.
    pub first_byte: Option<Offset>,
    /// The first event that is no comment was read.
    pub first_event: Option<Offset>,
    /// The first token of any kind was read.
    pub first_token: Option<Offset>,
    /// The first visible token was read.
    pub first_output: Option<Offset>,
    /// The last token was read.
    pub last_token: Option<Offset>,
    /// The answer ended, or failed.
    pub end: Option<Offset>,
}

/// The phases of opening a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connecting {
    /// Resolving the host's name.
    pub dns: Duration,
    /// Connecting the socket.
    pub connect: Duration,
    /// Securing it.
    pub tls: Duration,
}

impl Connecting {
    /// All phases together.
    pub fn total(&self) -> Duration {
        self.dns + self.connect + self.tls
    }
}

/// Everything that is known of one request once it is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// How it ended.
    pub outcome: Outcome,
    /// What was said of a failure, in one line.
    pub error: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Its instants.
    pub marks: Marks,
    /// Whether its connection had been used before; `None` where the wire can't tell.
    pub reused: Option<bool>,
    /// How its connection was opened, where it was for this request.
    pub connecting: Option<Connecting>,
    /// Streamed chunks that held a token.
    pub token_chunks: u32,
    /// Of these, the ones that came in one read with the token chunk before: their gap says nothing.
    pub coalesced_chunks: u32,
    /// The gap before every token chunk but the first.
    pub gaps: Gaps,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// What was used, as the server counted it.
    pub usage: Option<Usage>,
    /// The cost that the server claims.
    pub cost_reported: Option<Money>,
    /// Why the answer ended, in the server's words.
    pub finish: Option<String>,
    /// The model that answered, in the server's words.
    pub model: Option<String>,
    /// The server's name for the answer.
    pub request_id: Option<String>,
    /// How long the server asked to wait before another try, in seconds.
    pub retry_after: Option<f64>,
    /// What a gateway told beyond the answer.
    pub told: Told,
    /// What was kept of the answer for its checks; it is gone once they are through.
    pub kept: Option<Box<Kept>>,
    /// Which numbered words came when, where the request is marked.
    pub trail: Option<Box<Trail>>,
}

/// What is kept of an answer, where its checks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The visible text, up to [`Kept::CAP`] bytes.
    pub content: String,
    /// Whether there was more of it.
    pub is_cut: bool,
    /// The body of an answer in one piece.
    pub answer: Option<Vec<u8>>,
}

impl Kept {
    /// The most bytes of visible text that are kept.
    pub const CAP: usize = 1 << 20;

    /// Adds visible text, as far as there is room.
    pub(super) fn add(&mut self, text: &str) {
        if self.is_cut || self.content.len() + text.len() > Self::CAP {
            self.is_cut = true;
        } else {
            self.content.push_str(text);
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A whole answer.
    Ok,
    /// It queued for longer than the scenario allows and was never sent.
    Shed,
    /// The host's name could not be resolved.
    Dns,
    /// There was no connection.
    Connect,
    /// This machine had no file descriptor, local address or port left for a connection.
    ClientLimit,
    /// The connection could not be secured.
    Tls,
    /// Patience ended.
    Timeout(TimeoutKind),
    /// The connection was lost before the answer's head.
    Reset,
    /// The server refused or failed: any status but 2xx.
    Status(u16),
    /// The answer was a success by its status, and an error by its content.
    StreamError,
    /// The answer ended before it was whole.
    Truncated,
    /// The answer could not be read.
    Malformed,
    /// The answer was read, and was not what the scenario asked of it.
    CheckFailed,
    /// It was stopped by the end of the run.
    #[default]
    Cancelled,
}

/// Which patience ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeoutKind {
    /// Waiting for a connection.
    Connect,
    /// Waiting for the first token.
    FirstToken,
    /// Waiting for the next bytes.
    Idle,
    /// Waiting for the end.
    Request,
}

/// Why a wire stopped before the answer's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host's name could not be resolved.
    Dns(String),
    /// There was no connection.
    Connect(String),
    /// This machine had no file descriptor, local address or port left for a connection.
    ClientLimit(String),
    /// The connection could not be secured.
    Tls(String),
    /// Patience ended.
    Timeout(TimeoutKind),
    /// The connection was lost: before the head it is a reset, after it a truncation.
    Lost(String),
    /// The answer could not be read.
    Malformed(String),
    /// The run ended.
    Cancelled,
    /// It queued for too long.
    Shed,
}

impl Failure {
    /// An error of the operating system: a limit of this machine is told apart from all `otherwise`.
    pub(super) fn of_system(error: &io::Error, otherwise: fn(String) -> Self) -> Self {
        // The system's own error: one without a number is ours, and says that there was no address.
        let no_port =
            error.raw_os_error().is_some() && error.kind() == io::ErrorKind::AddrNotAvailable;
        let limit = no_port || no_descriptor_left(error);
        let failure = if limit { Self::ClientLimit } else { otherwise };
        failure(error.to_string())
    }

    /// Why, in one word, and what was said of it.
    pub(crate) fn told(self) -> (&'static str, String) {
        match self {
            Self::Timeout(_) => ("timeout", "no answer in time".to_owned()),
            Self::Dns(said) => ("dns", said),
            Self::Tls(said) => ("tls", said),
            Self::Lost(said) => ("lost", said),
            Self::Malformed(said) => ("malformed", said),
            Self::Connect(said) | Self::ClientLimit(said) => ("connect", said),
            Self::Cancelled => ("cancelled", "the run ended".to_owned()),
            Self::Shed => ("shed", "it queued for too long".to_owned()),
        }
    }
}

const NAMES: [(Outcome, &str); 16] = [
    (Outcome::Ok, "ok"),
    (Outcome::Shed, "shed"),
    (Outcome::Dns, "dns"),
    (Outcome::Connect, "connect"),
    (Outcome::ClientLimit, "client_limit"),
    (Outcome::Tls, "tls"),
    (Outcome::Timeout(TimeoutKind::Connect), "timeout_connect"),
    (
        Outcome::Timeout(TimeoutKind::FirstToken),
        "timeout_first_token",
    ),
    (Outcome::Timeout(TimeoutKind::Idle), "timeout_idle"),
    (Outcome::Timeout(TimeoutKind::Request), "timeout_request"),
    (Outcome::Reset, "reset"),
    (Outcome::StreamError, "stream_error"),
    (Outcome::Truncated, "truncated"),
    (Outcome::Malformed, "malformed"),
    (Outcome::CheckFailed, "check_failed"),
    (Outcome::Cancelled, "cancelled"),
];

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => f.pad(&format!("status_{status}")),
            _ => f.pad(
                NAMES
                    .iter()
                    .find(|(o, _)| o == self)
                    .map_or("unknown", |(_, name)| name),
            ),
        }
    }
}

/// The text is not the name of an outcome.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no outcome of a request")]
pub struct NoOutcome(String);

impl FromStr for Outcome {
    type Err = NoOutcome;

    fn from_str(text: &str) -> Result<Self, NoOutcome> {
        let status = || text.strip_prefix("status_")?.parse().ok().map(Self::Status);
        NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(outcome, _)| *outcome)
            .or_else(status)
            .ok_or_else(|| NoOutcome(text.to_owned()))
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_from_its_name() {
        let statuses = [Outcome::Status(429), Outcome::Status(500)];
        for outcome in NAMES.iter().map(|(outcome, _)| *outcome).chain(statuses) {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
        assert!("fine".parse::<Outcome>().is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_this_machine_has_no_more_of_is_told_apart_from_a_server_that_refuses() {
        use rustix::io::Errno;
        let failure = |errno: Errno| {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            Failure::of_system(&error, Failure::Connect)
        };
        for errno in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL] {
            let failure = failure(errno);
            assert!(matches!(failure, Failure::ClientLimit(_)), "{failure:?}");
        }
        for errno in [Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::NETUNREACH] {
            let failure = failure(errno);
            assert!(matches!(failure, Failure::Connect(_)), "{failure:?}");
        }
    }
}
