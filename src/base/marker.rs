//! The marker that a prompt carries, so that a request is known again behind a gateway.
//!
//! Gateways drop headers and rewrite bodies; what they do not touch is the text of a prompt. So the
//! marker stands there, `[[tg-0123456789abcdef]]`, and a stand-in behind the gateway knows the request
//! by it and answers with it.

use std::fmt;

use memchr::memmem;

/// What a marker begins with.
const HEAD: &str = "[[tg-";
/// What it ends with.
const TAIL: &str = "]]";
/// Hexadecimal digits between the two.
const DIGITS: usize = 16;

/// The name of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker(pub u64);

impl Marker {
    /// Bytes of a marker in text.
    pub const LENGTH: usize = HEAD.len() + DIGITS + TAIL.len();

    /// The first marker in `bytes`.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        Self::place(bytes).map(|(marker, _)| marker)
    }

    /// The first marker in `bytes`, and where it begins.
    pub fn place(bytes: &[u8]) -> Option<(Self, usize)> {
        memmem::find_iter(bytes, HEAD).find_map(|at| {
            let digits = bytes.get(at + HEAD.len()..at + HEAD.len() + DIGITS)?;
            let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let rest = &bytes[at + HEAD.len() + DIGITS..];
            if !digits.iter().all(lower) || !rest.starts_with(TAIL.as_bytes()) {
                return None;
            }
            let digits = std::str::from_utf8(digits).ok()?;
            let number = u64::from_str_radix(digits, 16).ok()?;
            Some((Self(number), at))
        })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}{:016x}{TAIL}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_in_any_text_and_is_the_one_that_was_written() {
        for number in [0, 1, 0xdead_beef, u64::MAX] {
            let marker = Marker(number);
            let text = format!("{{\"content\":\"[[tg-{marker} and more\"}}");
            assert_eq!(Marker::find(text.as_bytes()), Some(marker));
            assert_eq!(marker.to_string().len(), Marker::LENGTH);
        }
    }

    #[test]
    fn what_only_looks_like_a_marker_is_none() {
        for text in [
            "",
            "[[tg-",
            "[[tg-0123]]",
            "[[tg-0123456789ABCDEF]]",
            "[[tg-0123456789abcdef]",
        ] {
            assert_eq!(Marker::find(text.as_bytes()), None, "{text}");
        }
    }
}
