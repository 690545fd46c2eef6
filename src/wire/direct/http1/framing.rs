//! Where the body of an answer ends: by its length, by its chunks, or with its connection.
//!
//! Nothing is copied and nothing is kept but the place within a chunk: bytes come in as they were
//! read, and those of the body go out as slices of them. RFC 9112, sections 6 and 7.

use crate::wire::Failure;

/// The most bytes of chunk extensions, or of trailers, that an answer may have: nobody reads them.
const EXTRAS_CAP: u32 = 16 << 10;

/// How the rest of a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes more.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All bytes until the connection ends.
    UntilClose,
}

/// A place within a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    /// What is left of the chunk's data; while its size is read, the size so far.
    left: u64,
    extras: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first digit of a size.
    Size,
    Digits,
    /// After the digits, in white space or in an extension that nobody reads.
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a trailer, or of the empty line that ends the body.
    Trailer,
    InTrailer,
    EndLf,
    Over,
}

/// The chunks are no chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadChunk {
    #[error("a chunk's size is no hexadecimal number")]
    Size,
    #[error("a chunk's size is too large")]
    TooLarge,
    #[error("a chunk does not end where its size says")]
    End,
    #[error("the chunks' extensions or trailers are too long")]
    Extras,
}

impl Framing {
    pub(super) const CHUNKED: Self = Self::Chunked(Chunked {
        at: At::Size,
        left: 0,
        extras: 0,
    });

    /// Whether the body has been read to its end. One that goes until the close never has.
    pub(super) const fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => matches!(chunked.at, At::Over),
            Self::UntilClose => false,
        }
    }

    /// Finds the body's bytes in what was read, and hands them to `take` piece by piece. What follows
    /// the body is left: returns how many bytes were the body's, with its delimiters.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        match self {
            Self::Length(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= here as u64;
                take(&bytes[..here])?;
                Ok(here)
            }
            Self::Chunked(chunked) => chunked.feed(bytes, take),
            Self::UntilClose => {
                take(bytes)?;
                Ok(bytes.len())
            }
        }
    }
}

impl Chunked {
    fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<usize, Failure> {
        let mut next = 0;
        while next < bytes.len() && self.at != At::Over {
            if self.at == At::Data {
                let rest = &bytes[next..];
                let here = usize::try_from(self.left).map_or(rest.len(), |n| n.min(rest.len()));
                self.left -= here as u64;
                next += here;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
                take(&rest[..here])?;
            } else {
                self.step(bytes[next])
                    .map_err(|bad| Failure::Malformed(bad.to_string()))?;
                next += 1;
            }
        }
        Ok(next)
    }

    /// One byte outside the data.
    fn step(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.at = match (self.at, byte) {
            (At::Size | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let size = self.left.checked_mul(16).ok_or(BadChunk::TooLarge)?;
                self.left = size + u64::from(digit);
                At::Digits
            }
            (At::Digits | At::Extension, b'\r') => At::SizeLf,
            (At::Digits, b' ' | b'\t' | b';') => At::Extension,
            (At::Size | At::Digits, _) => return Err(BadChunk::Size),
            (At::Extension, b'\n') => return Err(BadChunk::End),
            (At::Extension, _) => {
                self.extra()?;
                At::Extension
            }
            (At::SizeLf, b'\n') if self.left == 0 => At::Trailer,
            (At::SizeLf, b'\n') => At::Data,
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::EndLf,
            (At::InTrailer, b'\n') => At::Trailer,
            (At::Trailer | At::InTrailer, _) => {
                self.extra()?;
                At::InTrailer
            }
            (At::EndLf, b'\n') => At::Over,
            (At::SizeLf | At::DataCr | At::DataLf | At::EndLf | At::Data | At::Over, _) => {
                return Err(BadChunk::End);
            }
        };
        Ok(())
    }

    fn extra(&mut self) -> Result<(), BadChunk> {
        self.extras += 1;
        if self.extras > EXTRAS_CAP {
            return Err(BadChunk::Extras);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body in these reads, how many bytes were its own, and whether it came to its end.
    fn read(framing: Framing, reads: &[&[u8]]) -> Result<(Vec<u8>, usize, bool), Failure> {
        let (mut framing, mut body, mut used) = (framing, Vec::new(), 0);
        for bytes in reads {
            used += framing.feed(bytes, |piece| {
                body.extend_from_slice(piece);
                Ok(())
            })?;
        }
        Ok((body, used, framing.is_over()))
    }

    #[test]
    fn a_body_of_a_length_leaves_what_follows_it() {
        let (body, used, over) = read(Framing::Length(5), &[b"he", b"llo, more"]).unwrap();
        assert_eq!(
            (body.as_slice(), used, over),
            (b"hello".as_slice(), 5, true)
        );
        assert!(!read(Framing::Length(5), &[b"hell"]).unwrap().2);
    }

    #[test]
    fn chunks_may_have_extensions_and_trailers() {
        let chunks = b"5;a=b\r\nhello\r\n1 \r\n!\r\n000\r\nx-cost: 1\r\ny: 2\r\n\r\nHTTP/1.1";
        let (body, used, over) = read(Framing::CHUNKED, &[chunks]).unwrap();
        assert_eq!(body, b"hello!");
        assert_eq!(&chunks[used..], b"HTTP/1.1");
        assert!(over);
    }

    #[test]
    fn what_is_no_chunk_is_told_as_one() {
        let long = format!("1;{}", "x".repeat(20_000));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(5_000));
        for (bad, error) in [
            ("zz\r\n", BadChunk::Size),
            ("\r\n", BadChunk::Size),
            ("-1\r\n", BadChunk::Size),
            ("1\n", BadChunk::Size),
            ("1\rx", BadChunk::End),
            ("1;\n", BadChunk::End),
            ("10000000000000000\r\n", BadChunk::TooLarge),
            ("1\r\nab\r\n", BadChunk::End),
            ("1\r\na\n", BadChunk::End),
            ("0\r\n\rx", BadChunk::End),
            (&long, BadChunk::Extras),
            (&trailers, BadChunk::Extras),
        ] {
            let error = Err(Failure::Malformed(error.to_string()));
            assert_eq!(read(Framing::CHUNKED, &[bad.as_bytes()]), error, "{bad}");
        }
    }

    #[test]
    fn a_taker_that_fails_stops_the_feeding() {
        let mut framing = Framing::CHUNKED;
        let fed = framing.feed(b"1\r\na\r\n1\r\nb\r\n", |_| Err(Failure::Cancelled));
        assert_eq!(fed, Err(Failure::Cancelled));
    }

    proptest! {
        #[test]
        fn chunks_cut_anywhere_are_one_body(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut encoded = Vec::new();
            for piece in &pieces {
                encoded.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                encoded.extend_from_slice(piece);
                encoded.extend_from_slice(b"\r\n");
            }
            encoded.extend_from_slice(b"0\r\n\r\n");
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(encoded.len())).collect();
            places.extend([0, encoded.len()]);
            places.sort_unstable();
            let reads: Vec<&[u8]> = places.windows(2).map(|w| &encoded[w[0]..w[1]]).collect();
            let (body, used, over) = read(Framing::CHUNKED, &reads).unwrap();
            prop_assert_eq!(body, pieces.concat());
            prop_assert_eq!((used, over), (encoded.len(), true));
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(Framing::CHUNKED, &[&bytes]);
        }
    }
}
