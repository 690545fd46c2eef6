//! The gaps between the token chunks of one answer, in bounded memory.

use std::time::Duration;

use crate::base::TimeCounts;

/// Gaps that are kept one by one.
const FIRST: usize = 1_024;
/// A gap as long as this is kept by itself whatever its place: an hour, where histograms end.
const LONG: u32 = 3_600_000_000;

/// The gap before every token chunk but the first, in microseconds.
///
/// The first 1,024 are kept as they came, four bytes each. Those after them are counted in the buckets of the histograms
/// to which all of them go in the end, so an answer of any length takes four kilobytes and the
/// pages of its gaps: a few more kilobytes where it is steady, and never more than 300.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaps {
    first: Vec<u32>,
    later: Option<Box<TimeCounts>>,
    longest: u32,
}

impl Gaps {
    /// Adds the gap before a chunk.
    pub fn push(&mut self, micros: u32) {
        self.longest = self.longest.max(micros);
        if self.first.len() < FIRST || micros > LONG {
            self.first.push(micros);
        } else {
            let later = self.later.get_or_insert_default();
            later.add(u64::from(micros) * 1_000, 1);
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.first.len() as u64 + self.later().map_or(0, TimeCounts::total)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The longest: how long the answer stood still at most.
    pub fn longest(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(u64::from(self.longest)))
    }

    /// The first 1,024 in the order in which they came, in microseconds.
    pub fn first_us(&self) -> &[u32] {
        &self.first
    }

    /// Those after the first 1,024, but for any longer than an hour, which stand with the first.
    pub fn later(&self) -> Option<&TimeCounts> {
        self.later.as_deref()
    }
}

impl FromIterator<u32> for Gaps {
    fn from_iter<I: IntoIterator<Item = u32>>(micros: I) -> Self {
        let mut gaps = Self::default();
        for micros in micros {
            gaps.push(micros);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millions_of_gaps_take_no_more_memory_than_there_are_buckets() {
        // Over half an hour evenly, so that nearly every bucket is used.
        let of = |gaps: u32| {
            let mut kept = 0;
            let measured = allocation_counter::measure(|| {
                let gaps: Gaps = (0..gaps)
                    .map(|k| k.wrapping_mul(2_654_435_761) >> 1)
                    .collect();
                kept = gaps.len();
                std::mem::forget(gaps);
            });
            assert_eq!(kept, u64::from(gaps));
            measured.bytes_current
        };
        let bytes = of(3_000_000);
        assert!(bytes < 300_000, "{bytes} bytes; one by one they take 12 MB");
    }

    #[test]
    fn the_longest_gap_is_that_of_all_and_the_first_keep_their_order() {
        let gaps: Gaps = (1..=1_000).rev().chain([5_000, 7]).collect();
        assert_eq!(gaps.longest(), Some(Duration::from_millis(5)));
        assert_eq!(gaps.first_us()[..3], [1_000, 999, 998]);
        assert_eq!(gaps.len(), 1_002);
        assert_eq!(Gaps::default().longest(), None);
    }
}
