//! The head of an answer: its status, its headers, and how its body is delimited.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use super::framing::Framing;
use crate::wire::Failure;

/// The most headers of an answer.
const HEADERS: usize = 100;
/// The most bytes of a head.
pub(super) const HEAD_CAP: usize = 64 << 10;

/// What the head says of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The bytes of the head.
    pub(super) length: usize,
    pub(super) framing: Framing,
    /// Whether the server would take another request after this one.
    pub(super) keeps: bool,
}

/// Parses the head at the start of `bytes`, past any interim answers; `None`: more bytes are needed.
/// `tell` is told the status and given the headers, once the head is there.
pub(super) fn parse(
    bytes: &[u8],
    tell: impl FnOnce(u16, &Headers<'_, '_>),
) -> Result<Option<Head>, Failure> {
    let mut before = 0;
    loop {
        let mut room = [MaybeUninit::<Header<'_>>::uninit(); HEADERS];
        let mut response = Response::new(&mut []);
        let rest = &bytes[before..];
        let parsed = ParserConfig::default()
            .parse_response_with_uninit_headers(&mut response, rest, &mut room)
            .map_err(|error| Failure::Malformed(format!("the answer's head: {error}")))?;
        let Status::Complete(length) = parsed else {
            return if bytes.len() > HEAD_CAP {
                let said = format!("the answer's head is larger than {HEAD_CAP} bytes");
                Err(Failure::Malformed(said))
            } else {
                Ok(None)
            };
        };
        let status = response.code.unwrap_or_default();
        if matches!(status, 100 | 102..200) {
            before += length;
            continue;
        }
        let headers = Headers(response.headers);
        let mut head = headers.delimit(status, response.version == Some(1))?;
        head.length = before + length;
        tell(status, &headers);
        return Ok(Some(head));
    }
}

/// The headers of an answer.
pub(super) struct Headers<'h, 'b>(&'h [Header<'b>]);

impl<'b> Headers<'_, 'b> {
    /// The first header of a lower-case name, where it is text.
    pub(super) fn get(&self, name: &str) -> Option<&'b str> {
        self.all(name)
            .find_map(|value| std::str::from_utf8(value).ok())
    }

    /// All of them, in order, names in lower case.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let text = |header: &Header<'_>| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        };
        self.0.iter().map(text).collect()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named = self
            .0
            .iter()
            .filter(move |h| h.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value)
    }

    /// The items of a header that is a list, over all its lines.
    fn items(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let split = |value: &'b [u8]| value.split(|byte| *byte == b',');
        self.all(name).flat_map(split).map(<[u8]>::trim_ascii)
    }

    /// How the body of an answer to a POST is delimited: RFC 9112, section 6.3.
    fn delimit(&self, status: u16, is_1_1: bool) -> Result<Head, Failure> {
        let says = |what: &str| {
            self.items("connection")
                .any(|item| item.eq_ignore_ascii_case(what.as_bytes()))
        };
        let keeps = if is_1_1 {
            !says("close")
        } else {
            says("keep-alive")
        };
        let coding = self.items("transfer-encoding").last();
        let length = self.content_length()?;
        let (framing, keeps) = match (status, coding, length) {
            // The protocol is another one from here on.
            (101, ..) => (Framing::Length(0), false),
            (204 | 304, ..) => (Framing::Length(0), keeps),
            (_, Some(_), _) if !is_1_1 => {
                let said = "an answer in HTTP/1.0 has a transfer-encoding";
                return Err(Failure::Malformed(said.to_owned()));
            }
            // With both, somebody on the way may have understood the other one: not to be used again.
            (_, Some(coding), length) if coding.eq_ignore_ascii_case(b"chunked") => {
                (Framing::CHUNKED, keeps && length.is_none())
            }
            (_, Some(_), _) | (_, None, None) => (Framing::UntilClose, false),
            (_, None, Some(length)) => (Framing::Length(length), keeps),
        };
        Ok(Head {
            length: 0,
            framing,
            keeps,
        })
    }

    fn content_length(&self) -> Result<Option<u64>, Failure> {
        let mut found = None;
        for item in self.items("content-length") {
            let digits = !item.is_empty() && item.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(item).ok().filter(|_| digits);
            let length: Option<u64> = length.and_then(|text| text.parse().ok());
            let Some(length) = length.filter(|length| found.is_none_or(|found| found == *length))
            else {
                let said = "the answer's content-length is no number, or two of them";
                return Err(Failure::Malformed(said.to_owned()));
            };
            found = Some(length);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status and the head of an answer whose first line is to be completed.
    fn read(head: &str) -> Result<Option<(u16, Head)>, Failure> {
        let mut status = 0;
        let head = parse(head.as_bytes(), |code, _| status = code)?;
        Ok(head.map(|head| (status, head)))
    }

    fn framed(head: &str) -> (Framing, bool) {
        let (_, head) = read(&format!("HTTP/1.1 {head}\r\n\r\n")).unwrap().unwrap();
        (head.framing, head.keeps)
    }

    #[test]
    fn the_body_is_delimited_by_what_the_head_says() {
        for (head, framing, keeps) in [
            ("200 OK\r\ncontent-length: 5", Framing::Length(5), true),
            ("200 OK\r\nContent-Length: 5, 5", Framing::Length(5), true),
            (
                "200 \r\nconnection: x, Close\r\ncontent-length: 5",
                Framing::Length(5),
                false,
            ),
            (
                "200 OK\r\ntransfer-encoding: Chunked",
                Framing::CHUNKED,
                true,
            ),
            (
                "200 OK\r\ntransfer-encoding: gzip, chunked",
                Framing::CHUNKED,
                true,
            ),
            (
                "200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5",
                Framing::CHUNKED,
                false,
            ),
            (
                "200 OK\r\ntransfer-encoding: gzip",
                Framing::UntilClose,
                false,
            ),
            ("200 OK", Framing::UntilClose, false),
            ("204 No\r\ncontent-length: 5", Framing::Length(0), true),
            ("101 Switch\r\nupgrade: x", Framing::Length(0), false),
        ] {
            assert_eq!(framed(head), (framing, keeps), "{head}");
        }
    }

    #[test]
    fn http_1_0_keeps_a_connection_only_where_it_says_so() {
        for (said, keeps) in [("", false), ("connection: keep-alive\r\n", true)] {
            let head = format!("HTTP/1.0 200 OK\r\n{said}content-length: 0\r\n\r\n");
            assert_eq!(read(&head).unwrap().unwrap().1.keeps, keeps);
        }
    }

    #[test]
    fn interim_answers_are_part_of_no_head() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n";
        assert_eq!(read(interim), Ok(None));
        let whole = format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
        let (status, head) = read(&whole).unwrap().unwrap();
        assert_eq!((status, head.length), (200, whole.len() - 1));
    }

    #[test]
    fn lengths_that_are_none_are_malformed() {
        for length in [
            "many",
            "",
            "+5",
            "-5",
            "5, 6",
            "5,",
            "99999999999999999999",
            "0x5",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            assert!(
                matches!(read(&head), Err(Failure::Malformed(_))),
                "{length}"
            );
        }
    }
}
