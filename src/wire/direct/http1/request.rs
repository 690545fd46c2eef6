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

    /// The head of a request.
    pub(super) fn head(&self, shot: &Shot) -> Vec<u8> {
        let accept = if shot.stream {
            "accept: text/event-stream\r\ncontent-length: "
        } else {
            "accept: application/json\r\ncontent-length: "
        };
        let length = shot.body.len().to_string();
        let mut head = [&self.before_path, shot.path, &self.after_path]
            .concat()
            .into_bytes();
        for (name, value) in shot.headers.iter() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        for part in [accept, &length, "\r\n\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
        head
    }
}

/// A request on its way: what of it is not yet written.
pub(super) struct Outgoing {
    head: Bytes,
    body: Bytes,
    begun: bool,
    over: bool,
}

impl Outgoing {
    pub(super) fn new(preamble: &Preamble, shot: &Shot) -> Self {
        Self {
            head: preamble.head(shot).into(),
            body: shot.body.clone(),
            begun: false,
            over: false,
        }
    }

    /// What is to be written next.
    pub(super) fn slices(&self) -> [std::io::IoSlice<'_>; 2] {
        [&self.head, &self.body].map(|bytes| std::io::IoSlice::new(bytes))
    }

    /// Whether all of it was handed to the socket, though that may keep some to itself.
    pub(super) fn is_written(&self) -> bool {
        self.head.is_empty() && self.body.is_empty()
    }

    /// Whether any byte of it was written.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// It is on its way, or no more of it can be sent.
    pub(super) const fn finish(&mut self) {
        self.over = true;
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, count: usize) {
        self.begun |= count > 0;
        let of_head = count.min(self.head.len());
        let _ = self.head.split_to(of_head);
        let _ = self.body.split_to(count - of_head);
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
        let shot = Shot {
            id: ArrivalId::default(),
            dialect: Dialect::OpenaiChat,
            path: "/chat/completions",
            headers: crate::shot::Headers::default(),
            body: Bytes::from_static(b"{}"),
            stream: true,
        };
        let expected = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: host:1\r\nuser-agent: tollgate/{}\r\n\
             content-type: application/json\r\nauthorization: Bearer sk\r\n\
             accept: text/event-stream\r\ncontent-length: 2\r\n\r\n{{}}",
            env!("CARGO_PKG_VERSION")
        );
        for size in [1, 7, 1_000] {
            let mut outgoing = Outgoing::new(&preamble, &shot);
            let mut written = Vec::new();
            assert!(!outgoing.has_begun());
            while !outgoing.is_written() {
                let bytes: Vec<u8> = outgoing.slices().iter().flat_map(|s| s.to_vec()).collect();
                let count = bytes.len().min(size);
                written.extend_from_slice(&bytes[..count]);
                outgoing.advance(count);
                assert!(outgoing.has_begun());
            }
            assert_eq!(written, expected.as_bytes());
        }
    }
}
