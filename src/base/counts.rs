//! Times counted at one resolution, so that a time falls into the same bucket wherever it is counted:
//! in a stream, in a second, in a run.
//!
//! The buckets are those of an `HdrHistogram` of 3 significant digits from 1 microsecond: 512 ns wide
//! up to 1 ms, and above that at most a thousandth of the time. Only the pages of buckets that hold
//! something take memory: a kind of time that is steady takes a kilobyte or two, and all that fits an
//! hour 190 KB, or 300 with the room to grow.

/// The widths are 2^9 ns and up.
const UNIT: u32 = 9;
/// Buckets of each doubling of the time. The first two doublings are equally fine.
const HALF: usize = 1 << 10;
/// Buckets of a page.
const PAGE: usize = 16;

/// How often each time came, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct TimeCounts {
    /// For each page's worth of buckets: 0, or one more than the place of its page.
    directory: Vec<u16>,
    pages: Vec<[u64; PAGE]>,
    total: u64,
}

/// Some times that count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest, in nanoseconds.
    pub lowest: u64,
    /// The longest.
    pub highest: u64,
    /// How many came.
    pub count: u64,
}

impl TimeCounts {
    /// Adds a time that came `n` times.
    #[inline]
    pub fn add(&mut self, nanos: u64, n: u64) {
        let (place, k) = (index(nanos) / PAGE, index(nanos) % PAGE);
        self.total += n;
        let page = self
            .directory
            .get(place)
            .map_or(0, |page| usize::from(*page));
        match self.pages.get_mut(page.wrapping_sub(1)) {
            Some(page) => page[k] += n,
            None => self.page(place)[k] += n,
        }
    }

    /// Adds times of the bucket of a number: the public format numbers its buckets alike.
    pub fn add_bucket(&mut self, number: usize, n: u64) {
        self.total += n;
        self.page(number / PAGE)[number % PAGE] += n;
    }

    /// Adds all times of another.
    pub fn merge(&mut self, other: &Self) {
        for (place, page) in (0..).zip(&other.directory) {
            if let Some(theirs) = other.pages.get(usize::from(*page).wrapping_sub(1)) {
                for (mine, theirs) in self.page(place).iter_mut().zip(theirs) {
                    *mine += theirs;
                }
            }
        }
        self.total += other.total;
    }

    /// How many times there are.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The buckets that hold something, the shortest times first.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> {
        let pages = self.directory.iter().enumerate();
        pages
            .filter_map(|(place, page)| {
                Some((place, self.pages.get(usize::from(*page).checked_sub(1)?)?))
            })
            .flat_map(|(place, page)| {
                page.iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                    .map(move |(k, count)| bucket(place * PAGE + k, *count))
            })
    }

    fn page(&mut self, place: usize) -> &mut [u64; PAGE] {
        if place >= self.directory.len() {
            self.directory.resize(place + 1, 0);
        }
        let page = &mut self.directory[place];
        if *page == 0 {
            self.pages.push([0; PAGE]);
            *page = u16::try_from(self.pages.len()).expect("2^64 ns are below 4000 pages");
        }
        &mut self.pages[usize::from(*page) - 1]
    }
}

impl PartialEq for TimeCounts {
    /// The order in which pages came to be is no part of it.
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.buckets().eq(other.buckets())
    }
}

/// The number of the bucket of a time.
const fn index(nanos: u64) -> usize {
    let finest = (HALF as u64 * 2) << UNIT;
    let shift = (nanos | (finest - 1)).ilog2() - HALF.ilog2();
    (shift - UNIT) as usize * HALF + (nanos >> shift) as usize
}

/// The times of a bucket.
const fn bucket(index: usize, count: u64) -> Bucket {
    let doublings = (index / HALF).saturating_sub(1);
    let shift = UNIT + doublings as u32;
    let lowest = ((index - doublings * HALF) as u64) << shift;
    Bucket {
        lowest,
        highest: lowest + ((1 << shift) - 1),
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_buckets_are_those_of_an_hdr_histogram(nanos in prop_oneof![
            0_u64..5_000_000, 0_u64..3_600_000_000_000, any::<u64>().prop_map(|n| n >> 1),
        ]) {
            let mut counts = TimeCounts::default();
            counts.add(nanos, 3);
            let hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1_000, 1 << 63, 3).unwrap();
            let found: Vec<Bucket> = counts.buckets().collect();
            let wanted = Bucket {
                lowest: hdr.lowest_equivalent(nanos),
                highest: hdr.highest_equivalent(nanos),
                count: 3,
            };
            prop_assert_eq!(&found, &[wanted]);
            let mut by_number = TimeCounts::default();
            by_number.add_bucket(index(nanos), 3);
            prop_assert_eq!(by_number.buckets().collect::<Vec<_>>(), found);
        }

        #[test]
        fn counts_merged_are_the_counts_of_all(
            left in proptest::collection::vec(0_u64..100_000_000_000, 0..200),
            right in proptest::collection::vec(0_u64..100_000_000_000, 0..200),
        ) {
            let of = |times: &[u64]| {
                let mut counts = TimeCounts::default();
                for nanos in times {
                    counts.add(*nanos, 1);
                }
                counts
            };
            let mut merged = of(&left);
            merged.merge(&of(&right));
            prop_assert_eq!(merged, of(&[right, left].concat()));
        }
    }
}
