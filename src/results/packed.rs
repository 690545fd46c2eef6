//! A packed histogram of a log, straight to its counts.
//!
//! The public reader makes an array of all buckets for each line, and a page is made of a hundred thousand
//! lines of some ten values each. Ours are numbered as the array is, so each count goes to its place.

use std::io::Read;

use base64::Engine;
use flate2::read::ZlibDecoder;

use crate::record::Histogram;

/// What begins a compressed histogram of version 2, and the one in it.
const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
/// Length of the head of the one in it.
const HEAD: usize = 40;

/// Reads histograms one by one.
#[derive(Default)]
pub(super) struct Unpacker {
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl Unpacker {
    /// Adds a histogram, as a log holds it, to another; `None` where it is cut short or of another kind
    /// than ours. Then nothing is added.
    pub(super) fn add(&mut self, text: &str, to: &mut Histogram) -> Option<()> {
        self.packed.clear();
        let base64 = base64::engine::general_purpose::STANDARD;
        base64.decode_vec(text, &mut self.packed).ok()?;
        let (head, deflated) = self.packed.split_at_checked(8)?;
        if number(head, 0)? != COMPRESSED || number(head, 4)? as usize != deflated.len() {
            return None;
        }
        self.plain.clear();
        ZlibDecoder::new(deflated)
            .read_to_end(&mut self.plain)
            .ok()?;
        let (head, counts) = self.plain.split_at_checked(HEAD)?;
        // Its kind: no shift, 3 digits, from 1 microsecond.
        let ours = [
            number(head, 8)?,
            number(head, 12)?,
            number(head, 16)?,
            number(head, 20)?,
        ];
        let length = number(head, 4)? as usize;
        if number(head, 0)? != PLAIN || length != counts.len() || ours != [0, 3, 0, 1_000] {
            return None;
        }
        each(counts, |_, _| ())?;
        each(counts, |bucket, count| to.record_bucket(bucket, count))
    }
}

/// The number at a place, most significant byte first.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Tells each bucket that holds something. Numbers are in zig-zag and in groups of 7 bits, the least
/// significant first; a ninth byte is whole. One below zero stands for so many empty buckets.
fn each(mut counts: &[u8], mut tell: impl FnMut(usize, u64)) -> Option<()> {
    let mut bucket = 0_usize;
    while !counts.is_empty() {
        let mut zigzag = 0_u64;
        for place in 0..9 {
            let (byte, rest) = counts.split_first()?;
            counts = rest;
            let last = place == 8 || byte & 0x80 == 0;
            let bits = if place == 8 { *byte } else { byte & 0x7f };
            zigzag |= u64::from(bits) << (7 * place);
            if last {
                break;
            }
        }
        let number = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
        match u64::try_from(number) {
            Ok(count) => {
                if count > 0 {
                    tell(bucket, count);
                }
                bucket += 1;
            }
            Err(_) => bucket = bucket.checked_add(number.unsigned_abs() as usize)?,
        }
        if bucket > Histogram::BUCKETS {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use hdrhistogram::Histogram as Hdr;
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    fn packed(hdr: &Hdr<u64>) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(hdr, &mut bytes)
            .unwrap();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    proptest! {
        #[test]
        fn a_histogram_comes_back_as_it_was_written(
            times in proptest::collection::vec((0_u64..3_600_000_000_000, 1_u64..1 << 40), 0..200),
        ) {
            let mut histogram = Histogram::default();
            for (nanos, n) in times {
                histogram.record_n(Duration::from_nanos(nanos), n);
            }
            let text = packed(&histogram.to_hdr());
            let mut back = Histogram::default();
            prop_assert_eq!(Unpacker::default().add(&text, &mut back), Some(()));
            prop_assert_eq!(back, histogram);
        }

        #[test]
        fn what_is_cut_short_or_broken_adds_nothing(at in 0_usize..80, byte in any::<u8>()) {
            let mut histogram = Histogram::default();
            for micros in 0..300 {
                histogram.record(Duration::from_micros(micros * micros));
            }
            let text = packed(&histogram.to_hdr());
            let mut broken = text.clone().into_bytes();
            broken[at] = byte;
            let mut back = Histogram::default();
            if let Ok(broken) = String::from_utf8(broken) {
                let _ = Unpacker::default().add(&broken, &mut back);
            }
            let mut none = Histogram::default();
            prop_assert_eq!(Unpacker::default().add(&text[..at], &mut none), None);
            prop_assert!(none.is_empty());
        }
    }

    #[test]
    fn one_of_another_kind_is_not_taken_for_ours() {
        let mut hdr = Hdr::<u64>::new_with_bounds(1, 3_600_000_000, 2).unwrap();
        hdr.record(5).unwrap();
        let mut none = Histogram::default();
        assert_eq!(Unpacker::default().add(&packed(&hdr), &mut none), None);
        assert!(none.is_empty());
    }
}
