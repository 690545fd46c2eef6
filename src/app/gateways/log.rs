//! What a gateway says, kept in a file: redacted, and bounded however much it is.
//!
//! Of a long line the beginning is kept; of a long log the beginning and the end. What is left out is told
//! in bytes.

use std::collections::VecDeque;
use std::io::{self, Write};

use crate::base::Secret;

/// The most bytes of a line that are kept.
const LINE: usize = 4 << 10;
/// The most bytes of a log's beginning that are kept,
const HEAD: u64 = 2 << 20;
/// and of its end.
const TAIL: usize = 256 << 10;
/// How many of the last lines are told of a gateway that ended.
const LAST: usize = 12;

/// A log that is being written.
pub(super) struct Log<W> {
    out: W,
    secrets: Vec<Secret>,
    /// The line that has not ended, as far as it is kept.
    line: Vec<u8>,
    /// Bytes of it beyond that.
    beyond: u64,
    written: u64,
    tail: VecDeque<String>,
    tail_bytes: usize,
    last: VecDeque<String>,
    left_out: u64,
    /// Bytes between the beginning and the end.
    between: u64,
}

impl<W: Write> Log<W> {
    pub(super) fn new(out: W, secrets: Vec<Secret>) -> Self {
        Self {
            out,
            secrets,
            line: Vec::new(),
            beyond: 0,
            written: 0,
            tail: VecDeque::new(),
            tail_bytes: 0,
            last: VecDeque::new(),
            left_out: 0,
            between: 0,
        }
    }

    /// More of what it says.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.extend(&bytes[..end]);
            self.end_line()?;
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
        self.out.flush()
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE - self.line.len();
        let kept = bytes.len().min(room);
        self.line.extend_from_slice(&bytes[..kept]);
        self.beyond += (bytes.len() - kept) as u64;
    }

    fn end_line(&mut self) -> io::Result<()> {
        let mut text = String::from_utf8_lossy(&self.line).into_owned();
        if self.beyond > 0 {
            // The mark of a cut, by which a secret is found that was cut, too.
            text.push('…');
        }
        let mut text = Secret::hide_all(&self.secrets, &text).into_owned();
        if self.beyond > 0 {
            text += &format!(" [{} bytes left out]", self.beyond);
        }
        self.left_out += self.beyond;
        (self.line, self.beyond) = (Vec::new(), 0);
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(plain(&text));
        text.push('\n');
        if self.tail.is_empty() && self.written + text.len() as u64 <= HEAD {
            self.written += text.len() as u64;
            return self.out.write_all(text.as_bytes());
        }
        self.tail_bytes += text.len();
        self.tail.push_back(text);
        while self.tail_bytes > TAIL {
            let gone = self.tail.pop_front().map_or(0, |line| line.len());
            self.tail_bytes -= gone;
            self.between += gone as u64;
        }
        Ok(())
    }

    /// Writes what is still to be written: the last lines, and how many bytes were left out.
    pub(super) fn finish(&mut self) -> io::Result<(Vec<String>, u64)> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        if self.between > 0 {
            writeln!(self.out, "[{} bytes left out]", self.between)?;
        }
        for line in &self.tail {
            self.out.write_all(line.as_bytes())?;
        }
        self.out.flush()?;
        let last = self.last.iter().filter(|line| !line.is_empty());
        Ok((last.cloned().collect(), self.left_out + self.between))
    }
}

/// A line as a terminal can show it: without colours, and as what was drawn last over the others.
fn plain(line: &str) -> String {
    let drawn = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let (mut out, mut letters) = (String::new(), drawn.chars());
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // `ESC [ ... letter`; whatever else follows an escape is one character.
            if letters.next() == Some('[') {
                letters.find(char::is_ascii_alphabetic);
            }
        } else if !letter.is_control() {
            out.push(letter);
        } else if letter == '\t' {
            out.push(' ');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(said: &[&[u8]]) -> (String, Vec<String>, u64) {
        let mut out = Vec::new();
        let mut log = Log::new(&mut out, vec![Secret::new("sk-very-secret")]);
        for piece in said {
            log.feed(piece).unwrap();
        }
        let (last, left_out) = log.finish().unwrap();
        (String::from_utf8(out).unwrap(), last, left_out)
    }

    #[test]
    fn keys_are_hidden_however_the_log_comes_in_pieces() {
        let (text, last, left_out) = kept(&[b"with sk-very", b"-secret\nand", b" more"]);
        assert_eq!(text, "with ***\nand more\n");
        assert_eq!(
            (last.join("|").as_str(), left_out),
            ("with ***|and more", 0)
        );
    }

    #[test]
    fn of_a_long_line_the_beginning_is_kept_and_a_key_that_is_cut_is_hidden() {
        let mut line = vec![b'x'; LINE - 10];
        line.extend_from_slice(b"sk-very-secret and so on\nnext\n");
        let (text, last, left_out) = kept(&[&line]);
        assert!(
            text.contains("xxx***… [14 bytes left out]\nnext\n"),
            "{}",
            &text[LINE - 20..]
        );
        assert_eq!((last.len(), left_out), (2, 14));
        let endless = vec![b'y'; 3 << 20];
        let (text, _, left_out) = kept(&[&endless, &endless]);
        assert!(text.len() < LINE + 64, "{}", text.len());
        assert_eq!(left_out, (6 << 20) - LINE as u64);
    }

    #[test]
    fn of_a_long_log_the_beginning_and_the_end_are_kept() {
        let lines: Vec<String> = (0..200_000)
            .map(|n| format!("this is line {n}\n"))
            .collect();
        let lines = lines.concat();
        let (text, last, left_out) = kept(&[lines.as_bytes()]);
        assert!(text.starts_with("this is line 0\n") && text.ends_with("this is line 199999\n"));
        assert!(text.len() < (HEAD as usize) + TAIL + 64, "{}", text.len());
        let note = format!("[{left_out} bytes left out]\n");
        assert!(left_out > 0 && text.contains(&note));
        assert_eq!(text.len() - note.len() + left_out as usize, lines.len());
        assert_eq!(last.last().unwrap(), "this is line 199999");
    }

    #[test]
    fn the_last_lines_are_told_without_what_a_terminal_would_do() {
        let (_, last, _) = kept(&[b"a\rb\r\x1b[1mdone\x1b[0m\n\n\x1b[31mred\x1b[0m\tx\n"]);
        assert_eq!(last, ["done", "red x"]);
    }
}
