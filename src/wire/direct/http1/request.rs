//! The bytes of a request: what all requests of a target share is written once.

use bytes::Bytes;

use crate::shot::Shot;

/// What stands before and after the path of each request of a target.
pub(in crate::wire::direct) struct Preamble {
    before_path: String,
    after_path: String,
}

/// Without what it says: the key is in it.
impl std::fmt::Debug for Preamble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preamble").finish_non_exhaustive()
    }
}

impl Preamble {
    /// The preamble of requests below the path `base`, without a slash at its end; with `once` the
    /// server is told to close the connection. What is given holds no line ends: the host comes from
    /// a URL, the authorization is a checked header.
    pub(in crate::wire::direct) fn new(
        base: &str,
        host: &str,
        authorization: Option<&str>,
        once: bool,
    ) -> Self {
        let agent = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
        let mut after_path = format!(
            " HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\ncontent-type: application/json\r\n"
        );
        if let Some(authorization) = authorization {
            after_path += &format!("authorization: {authorization}\r\n");
        }
        if once {
            after_path += "connection: close\r\n";
        }
        Self {
            before_path: format!("POST {base}"),
            after_path,
        }
    }

    /// The head of a request, with room for so much more.
    pub(super) fn head(&self, shot: &Shot, more: usize) -> Vec<u8> {
        let accept = if shot.stream {
            "accept: text/event-stream\r\ncontent-length: "
        } else {
            "accept: application/json\r\ncontent-length: "
        };
        let length = shot.body.len().to_string();
        let mut added = Vec::new();
        for (name, value) in shot.headers.iter() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                added.extend_from_slice(part);
            }
        }
        let parts = [
            self.before_path.as_bytes(),
            shot.path.as_bytes(),
            self.after_path.as_bytes(),
            &added,
            accept.as_bytes(),
            length.as_bytes(),
            b"\r\n\r\n",
        ];
        let size: usize = parts.iter().map(|part| part.len()).sum();
        let mut head = Vec::with_capacity(size + more);
        for part in parts {
            head.extend_from_slice(part);
        }
        head
    }
}

/// A request on its way: what of it is not yet written.
pub(super) struct Outgoing {
    head: Vec<u8>,
    body: Bytes,
    written: usize,
    over: bool,
}

impl Outgoing {
    /// A body up to this size is copied behind its head: one write of one piece costs less than the
    /// kernel's look at two.
    const SMALL: usize = 16 << 10;

    pub(super) fn new(preamble: &Preamble, shot: &Shot) -> Self {
        let small = shot.body.len() <= Self::SMALL;
        let mut head = preamble.head(shot, if small { shot.body.len() } else { 0 });
        if small {
            head.extend_from_slice(&shot.body);
        }
        Self {
            head,
            body: if small {
                Bytes::new()
            } else {
                shot.body.clone()
            },
            written: 0,
            over: false,
        }
    }

    /// What is to be written next.
    pub(super) fn rest(&self) -> &[u8] {
        match self.head.get(self.written..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.body[self.written - self.head.len()..],
        }
    }

    /// Whether all of it was handed to the socket, though that may keep some to itself.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.head.len() + self.body.len()
    }

    /// Whether any byte of it was written.
    pub(super) const fn has_begun(&self) -> bool {
        self.written > 0
    }

    /// It is on its way, or no more of it can be sent: its bytes need not wait for the answer.
    pub(super) fn finish(&mut self) {
        (self.head, self.body, self.written) = (Vec::new(), Bytes::new(), 0);
        self.over = true;
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// So many bytes of the rest were written.
    pub(super) const fn advance(&mut self, count: usize) {
        self.written += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::plan::ArrivalId;

    #[test]
    fn a_request_is_written_in_pieces_of_any_size() {
        let preamble = Preamble::new("/v1", "host:1", Some("Bearer sk"), false);
        let big = "x".repeat(Outgoing::SMALL + 1);
        for body in ["{}", &big] {
            is_written_whole(&preamble, body);
        }
    }

    fn is_written_whole(preamble: &Preamble, body: &str) {
        let shot = Shot {
            id: ArrivalId::default(),
            dialect: Dialect::OpenaiChat,
            path: "/chat/completions".into(),
            headers: crate::shot::Headers::default(),
            body: Bytes::from(body.to_owned()),
            stream: true,
        };
        let expected = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: host:1\r\nuser-agent: tollgate/{}\r\n\
             content-type: application/json\r\nauthorization: Bearer sk\r\n\
             accept: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        for size in [1, 7, 1_000] {
            let mut outgoing = Outgoing::new(preamble, &shot);
            let mut written = Vec::new();
            assert!(!outgoing.has_begun());
            while !outgoing.is_written() {
                let rest = outgoing.rest();
                let count = rest.len().min(size);
                written.extend_from_slice(&rest[..count]);
                outgoing.advance(count);
                assert!(outgoing.has_begun());
            }
            assert_eq!(written, expected.as_bytes());
        }
    }
}
