//! Bytes to server-sent events and back, with no IO: an event is handed out at the very byte that
//! ends it, borrowed from the read it came in.
//!
//! The rules are the WHATWG standard's ("9.2.6 Interpreting an event stream"), with two liberties:
//! values stay bytes (whoever parses the JSON checks the UTF-8), and comments are handed out too,
//! because a keep-alive is something a measuring client wants to see.
//!
//! Time is linear in the bytes fed, however they are cut: each byte is looked at once for a line
//! end, and copied only if its line, or its event, is not yet over at the end of the read.

use memchr::{memchr, memchr2};

/// How many bytes one line, or the data of one event, may hold unless told otherwise: 1 MiB.
pub const DEFAULT_LINE_CAP: usize = 1 << 20;

const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// Why a stream could not be read on. It is final: feeding the decoder more gives the same error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One line is longer than the cap.
    #[error("a line exceeds {cap} bytes: check that it is an event stream, or raise the cap")]
    LineTooLong {
        /// The cap that was passed, in bytes.
        cap: usize,
    },
    /// The data lines of one event are, together, longer than the cap.
    #[error("an event exceeds {cap} bytes: check that a blank line ends each, or raise the cap")]
    EventTooLong {
        /// The cap that was passed, in bytes.
        cap: usize,
    },
}

/// One event, as it stood when its blank line came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of `event:`; empty means the default, `message`.
    pub event: &'a [u8],
    /// The values of the `data:` lines, joined by LF.
    pub data: &'a [u8],
    /// The last event id of the stream so far: an id holds until another replaces it.
    pub id: &'a [u8],
}

impl Event<'_> {
    /// Whether the event is of type `name`; one that names no type is a `message`.
    pub fn is(&self, name: &str) -> bool {
        self.event == name.as_bytes() || (self.event.is_empty() && name == "message")
    }
}

/// What the decoder hands out, in the order of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A completed event.
    Event(Event<'a>),
    /// The text of a comment line, without the colon and one space after it.
    Comment(&'a [u8]),
}

/// How a stream stood when its last byte was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Whether an event had begun that no blank line ended. The standard drops such an event.
    pub pending: bool,
    /// The data that event had so far, to tell a cut-off answer from a last event that merely
    /// lacks its blank line.
    pub data: &'a [u8],
}

/// Turns the reads of one stream into its events.
#[derive(Clone, Debug)]
pub struct Decoder {
    cap: usize,
    /// The line that was not over at the end of the last read.
    line: Vec<u8>,
    /// The data lines of the unfinished event, each with an LF after it: so it is empty only if
    /// there was none, which is how the standard tells.
    data: Vec<u8>,
    /// The type of the unfinished event.
    event: Vec<u8>,
    id: Vec<u8>,
    retry: Option<u64>,
    /// The last read ended in CR: an LF at the start of the next one belongs to it.
    after_cr: bool,
    /// How many bytes of a byte order mark were seen; 3 also when there is none.
    bom: usize,
    failed: Option<SseError>,
}

/// The values of the unfinished event that still lie in the read at hand. `data` is the event's
/// first and only data line so far: at a second one, both go to the decoder's buffer.
#[derive(Default)]
struct Held<'r> {
    event: Option<&'r [u8]>,
    data: Option<&'r [u8]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the default cap.
    pub fn new() -> Self {
        Self::with_line_cap(DEFAULT_LINE_CAP)
    }

    /// A decoder that fails at a line, or at an event's data, of more than `bytes` bytes.
    pub fn with_line_cap(bytes: usize) -> Self {
        Self {
            cap: bytes,
            line: Vec::new(),
            data: Vec::new(),
            event: Vec::new(),
            id: Vec::new(),
            retry: None,
            after_cr: false,
            bom: 0,
            failed: None,
        }
    }

    /// Feeds one read; calls `on` for each event and each comment it completes, in order. What an
    /// item borrows (its id aside) lies in `bytes`, unless the event or line began in an earlier
    /// read or the event has several data lines.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Item<'_>)) -> Result<(), SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.read(bytes, &mut on);
        self.failed = result.err();
        result
    }

    /// How the stream stands if no more is to come. Changes nothing.
    pub fn finish(&self) -> Ending<'_> {
        let in_line = self.line.first().is_some_and(|&first| first != b':');
        let in_bom = self.bom == 1 || self.bom == 2;
        let begun = !self.data.is_empty() || !self.event.is_empty();
        let data = match self.data.split_last() {
            Some((_, lines)) => lines,
            None => self
                .line
                .strip_prefix(b"data:")
                .map_or(&[][..], without_space),
        };
        Ending {
            pending: self.failed.is_some() || begun || in_line || in_bom,
            data,
        }
    }

    /// The last reconnection time the stream asked for with `retry:`, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry
    }

    fn read(&mut self, bytes: &[u8], on: &mut impl FnMut(Item<'_>)) -> Result<(), SseError> {
        let mut rest = self.after_last_read(bytes);
        if !self.line.is_empty() {
            let Some(end) = find_line_end(rest) else {
                return self.carry(rest);
            };
            self.carry(&rest[..end])?;
            // Taken, not copied: the line must not be borrowed from the decoder that digests it.
            let line = std::mem::take(&mut self.line);
            let mut held = Held::default();
            self.digest(&line, &mut held, on)?;
            self.keep(&held);
            self.line = line;
            self.line.clear();
            rest = self.past_line_end(rest, end);
        }
        let mut held = Held::default();
        while let Some(&first) = rest.first() {
            // The blank line that ends nearly every event is worth a look before a search.
            if first == b'\n' || first == b'\r' {
                self.dispatch(&mut held, on);
                rest = self.past_line_end(rest, 0);
                continue;
            }
            let Some(end) = find_line_end(rest) else {
                break;
            };
            if end > self.cap {
                return Err(SseError::LineTooLong { cap: self.cap });
            }
            self.digest(&rest[..end], &mut held, on)?;
            rest = self.past_line_end(rest, end);
        }
        self.keep(&held);
        self.carry(rest)
    }

    /// Takes off what the start of a read may owe to the reads before it: the LF of a CRLF, and
    /// the rest of a byte order mark.
    fn after_last_read<'r>(&mut self, mut rest: &'r [u8]) -> &'r [u8] {
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while self.bom < BOM.len() {
            match rest.split_first() {
                Some((&byte, tail)) if byte == BOM[self.bom] => {
                    self.bom += 1;
                    rest = tail;
                }
                Some(_) => {
                    // Not a mark after all: what looked like one starts the first line.
                    self.line.extend_from_slice(&BOM[..self.bom]);
                    self.bom = BOM.len();
                }
                None => break,
            }
        }
        rest
    }

    /// Adds to the line that is not over yet.
    fn carry(&mut self, part: &[u8]) -> Result<(), SseError> {
        if self.line.len() + part.len() > self.cap {
            return Err(SseError::LineTooLong { cap: self.cap });
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// What follows the line end at `end`. A CR is an end at once: waiting for its LF would date
    /// the event by the next read.
    fn past_line_end<'r>(&mut self, bytes: &'r [u8], end: usize) -> &'r [u8] {
        let rest = &bytes[end + line_end_len(&bytes[end..])..];
        self.after_cr = rest.is_empty() && bytes.ends_with(b"\r");
        rest
    }

    /// Digests one whole line that is not blank.
    fn digest<'r>(
        &mut self,
        line: &'r [u8],
        held: &mut Held<'r>,
        on: &mut impl FnMut(Item<'_>),
    ) -> Result<(), SseError> {
        if let Some(value) = line.strip_prefix(b"data:") {
            return self.data_line(without_space(value), held);
        }
        let colon = memchr(b':', line).unwrap_or(line.len());
        let value = without_space(line.get(colon + 1..).unwrap_or_default());
        match &line[..colon] {
            b"" => on(Item::Comment(value)),
            b"data" => self.data_line(value, held)?,
            b"event" => held.event = Some(value),
            b"id" if memchr(0, value).is_none() => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            _ => {}
        }
        Ok(())
    }

    fn data_line<'r>(&mut self, value: &'r [u8], held: &mut Held<'r>) -> Result<(), SseError> {
        if self.data.is_empty() && held.data.is_none() {
            held.data = Some(value);
            return Ok(());
        }
        if let Some(first) = held.data.take() {
            self.keep_data(first);
        }
        if self.data.len() + value.len() > self.cap {
            return Err(SseError::EventTooLong { cap: self.cap });
        }
        self.keep_data(value);
        Ok(())
    }

    /// Ends the event at its blank line. One without a data line is none, by the standard.
    fn dispatch(&mut self, held: &mut Held<'_>, on: &mut impl FnMut(Item<'_>)) {
        let Held { event, data } = std::mem::take(held);
        if let Some(data) = data.or(self.data.split_last().map(|(_, lines)| lines)) {
            on(Item::Event(Event {
                event: event.unwrap_or(&self.event),
                data,
                id: &self.id,
            }));
        }
        self.data.clear();
        self.event.clear();
    }

    /// Copies what lies in a read that is about to go.
    fn keep(&mut self, held: &Held<'_>) {
        if let Some(event) = held.event {
            self.event.clear();
            self.event.extend_from_slice(event);
        }
        if let Some(data) = held.data {
            self.keep_data(data);
        }
    }

    fn keep_data(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.data.push(b'\n');
    }
}

/// The one search the decoder does over its input, so that a test can count what it looks at.
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr2(b'\n', b'\r', bytes);
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + end.map_or(bytes.len(), |end| end + 1));
    end
}

fn line_end_len(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

/// One space after the colon is not part of the value; a second one is.
fn without_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// Digits only, as the standard has it; a number too big for the type is as good as for ever.
fn milliseconds(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u64, digit: &u8| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    };
    Some(value.iter().fold(0, add))
}

/// How the lines of an encoded stream end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newline {
    /// `\n`, as nearly every server does.
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl Newline {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
        }
    }
}

/// Appends one event with its blank line. Each line of `data` becomes a `data:` line, so line ends
/// of any kind come back as LF. An event type is one line: what follows a line end in it is left
/// out.
pub fn encode_event(out: &mut Vec<u8>, event: Option<&str>, data: &str, newline: Newline) {
    if let Some(event) = event {
        let end = memchr2(b'\n', b'\r', event.as_bytes()).unwrap_or(event.len());
        encode_lines(out, b"event: ", &event[..end], newline);
    }
    encode_lines(out, b"data: ", data, newline);
    out.extend_from_slice(newline.bytes());
}

/// Appends a comment, each line of `text` as one, and a blank line, as servers' keep-alives have.
pub fn encode_comment(out: &mut Vec<u8>, text: &str, newline: Newline) {
    encode_lines(out, b": ", text, newline);
    out.extend_from_slice(newline.bytes());
}

fn encode_lines(out: &mut Vec<u8>, field: &[u8], text: &str, newline: Newline) {
    let mut rest = Some(text.as_bytes());
    while let Some(text) = rest {
        let end = memchr2(b'\n', b'\r', text);
        out.extend_from_slice(field);
        out.extend_from_slice(&text[..end.unwrap_or(text.len())]);
        out.extend_from_slice(newline.bytes());
        rest = end.map(|end| &text[end + line_end_len(&text[end..])..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How many bytes `find_line_end` looked at, in this test's thread.
        pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_line_fed_byte_by_byte_is_looked_at_once_per_byte() {
        for size in [1 << 10, 1 << 19, DEFAULT_LINE_CAP - 5] {
            let stream = [b"data:", "x".repeat(size).as_bytes(), b"\n\n"].concat();
            LOOKED_AT.set(0);
            let (mut decoder, mut items) = (Decoder::new(), 0);
            for byte in stream.chunks(1) {
                decoder.feed(byte, |_| items += 1).unwrap();
            }
            assert_eq!(items, 1);
            assert!(LOOKED_AT.get() <= stream.len(), "{} looks", LOOKED_AT.get());
        }
    }
}
