//! What was added: the quantiles through the gateway less those past it, with their intervals.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::record::{Histogram, needed};
use crate::scenario::{ADDED, ADDED_QUANTILES};

/// Blocks of pairs that follow each other in time: within a block they may be alike.
pub(super) const BLOCKS: usize = 20;
/// One side of a two-sided interval of 95 %.
const UPPER: f64 = 0.975;

/// A time that a gateway adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddedTime {
    /// From sending to the first token of a stream, without the provider's own time.
    Ttft,
    /// From the provider's sending of a chunk to its coming.
    Chunk,
    /// From sending to the end of a stream, without the provider's own time.
    E2e,
    /// From sending to the end of an answer in one piece, without the provider's own time.
    PlainE2e,
}

/// What was added to a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// Which time.
    pub time: AddedTime,
    /// Requests, or chunks, through the gateway; as many went past it.
    pub n: u64,
    /// At each quantile that the sample carries.
    pub stats: Vec<AddedStat>,
}

/// What was added at a quantile, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddedStat {
    /// The quantile.
    pub stat: String,
    /// The time through the gateway less that past it.
    pub added_ms: f64,
    /// The lower end of its 95 % interval.
    pub low_ms: f64,
    /// The upper end; `None` where the sample is too small to have one.
    pub high_ms: Option<f64>,
    /// The time through the gateway.
    pub gateway_ms: f64,
    /// The time past it: what the client, the provider and the network between them take.
    pub direct_ms: f64,
}

impl AddedTime {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Ttft, Self::Chunk, Self::E2e, Self::PlainE2e];

    /// The name in files and thresholds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => ADDED[0],
            Self::Chunk => ADDED[1],
            Self::E2e => ADDED[2],
            Self::PlainE2e => ADDED[3],
        }
    }

    /// What it is, in words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Ttft => "added time to first token",
            Self::Chunk => "added time of a chunk on its way",
            Self::E2e => "added time to the end of a stream",
            Self::PlainE2e => "added time of a plain answer",
        }
    }

    /// How it is worked out, where there are no marks of the provider.
    pub const fn formula_of_arms(self) -> &'static str {
        match self {
            Self::Ttft => "first_token - sent, through less past the gateway",
            Self::Chunk => "not known",
            Self::E2e => "end - sent of streams, through less past the gateway",
            Self::PlainE2e => "end - sent of plain answers, through less past the gateway",
        }
    }

    /// How it is worked out, where the provider's marks are there.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Ttft => {
                "(first_token - sent) - (provider: first chunk sent - request received), through less past the gateway"
            }
            Self::Chunk => "chunk read - chunk sent by the provider, through less past the gateway",
            Self::E2e => {
                "(end - sent) - (provider: answer over - request received) of streams, through less past the gateway"
            }
            Self::PlainE2e => {
                "(end - sent) - (provider: answer over - request received) of plain answers, through less past the gateway"
            }
        }
    }
}

/// Times of one side, by block.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    blocks: Vec<Histogram>,
}

impl Side {
    pub(super) fn push(&mut self, block: usize, nanos: u64) {
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, Histogram::default());
        }
        self.blocks[block].record(Duration::from_nanos(nanos));
    }

    fn whole(&self) -> Histogram {
        let mut whole = Histogram::default();
        for block in &self.blocks {
            whole.merge(block);
        }
        whole
    }

    /// The standard error of the share of times at or below `at`: that of independent times, or that
    /// which the blocks show, where it is more.
    fn share_error(&self, q: f64, at: Duration) -> f64 {
        let n: u64 = self.blocks.iter().map(Histogram::len).sum();
        let n = n as f64;
        let alone = (q * (1.0 - q) / n).sqrt();
        let filled: Vec<&Histogram> = self.blocks.iter().filter(|b| !b.is_empty()).collect();
        if filled.len() < 2 {
            return alone;
        }
        let below = |block: &Histogram| -> u64 {
            let upto = at.as_nanos() as u64;
            let buckets = block.buckets().take_while(|bucket| bucket.highest <= upto);
            buckets.map(|bucket| bucket.count).sum()
        };
        let share = filled.iter().map(|block| below(block)).sum::<u64>() as f64 / n;
        let squares: f64 = filled
            .iter()
            .map(|block| (below(block) as f64 - share * block.len() as f64).powi(2))
            .sum();
        let count = filled.len() as f64;
        let clustered = (squares * count / (count - 1.0)).sqrt() / n;
        alone.max(clustered)
    }

    /// A quantile with its interval, in nanoseconds: the times whose ranks the error of the share leaves
    /// open (Woodruff 1952).
    fn quantile(&self, q: f64) -> Option<Interval> {
        let whole = self.whole();
        let n = whole.len();
        if n < needed(q) {
            return None;
        }
        let at = |share: f64| {
            let rank = (n as f64 * share).ceil().max(1.0) as u64;
            let mut seen = 0;
            let bucket = whole.buckets().find(|bucket| {
                seen += bucket.count;
                seen >= rank
            });
            bucket.map(|bucket| bucket.lowest.midpoint(bucket.highest + 1) as f64)
        };
        let value = at(q)?;
        let error = self.share_error(q, Duration::from_nanos(value as u64));
        let filled = self.blocks.iter().filter(|b| !b.is_empty()).count();
        let student = StudentsT::new(0.0, 1.0, (filled.max(2) - 1) as f64);
        let reach = student.map_or(1.96, |student| student.inverse_cdf(UPPER)) * error;
        Some(Interval {
            value,
            low: at((q - reach).max(0.0)).unwrap_or(value),
            high: (q + reach <= 1.0).then(|| at(q + reach)).flatten(),
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    value: f64,
    low: f64,
    high: Option<f64>,
}

/// What was added to a time; `None` where no quantile can be told.
///
/// The interval of the difference is made of both sides' own (square-and-add, Zou and Donner 2008).
pub(super) fn added(time: AddedTime, gateway: &Side, direct: &Side) -> Option<Added> {
    let ms = |nanos: f64| nanos / 1e6;
    let stat = |(name, q): (&str, f64)| {
        let (through, past) = (gateway.quantile(q)?, direct.quantile(q)?);
        let difference = through.value - past.value;
        let down = |past_high: f64| (through.value - through.low).hypot(past_high - past.value);
        let up = |high: f64| (high - through.value).hypot(past.value - past.low);
        // Where the other side's upper end is not known, its longest time stands for it.
        let past_high = past
            .high
            .unwrap_or_else(|| direct.whole().max().as_nanos() as f64);
        Some(AddedStat {
            stat: name.to_owned(),
            added_ms: ms(difference),
            low_ms: ms(difference - down(past_high)),
            high_ms: through.high.map(|high| ms(difference + up(high))),
            gateway_ms: ms(through.value),
            direct_ms: ms(past.value),
        })
    };
    let stats: Vec<AddedStat> = ADDED_QUANTILES.into_iter().filter_map(stat).collect();
    (!stats.is_empty()).then(|| Added {
        time,
        n: gateway.whole().len(),
        stats,
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, LogNormal, Uniform};

    use super::*;

    const US: f64 = 1e3;

    /// Sides whose noise is alike, and of which one has `delay` on top.
    fn sides(n: usize, seed: u64, delay: impl Fn(&mut rand_pcg::Pcg64) -> f64) -> (Side, Side) {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(seed);
        let noise = Uniform::new(40.0 * US, 160.0 * US).unwrap();
        let (mut gateway, mut direct) = (Side::default(), Side::default());
        for k in 0..n {
            let block = k * BLOCKS / n;
            direct.push(block, noise.sample(&mut rng) as u64);
            let added = delay(&mut rng);
            gateway.push(block, (noise.sample(&mut rng) + added) as u64);
        }
        (gateway, direct)
    }

    #[test]
    fn a_delay_that_is_always_the_same_is_found_at_every_quantile() {
        for delay_ms in [0.0, 0.2, 1.0, 5.0] {
            let (gateway, direct) = sides(4_000, 1, |_| delay_ms * 1e6);
            let found = added(AddedTime::Ttft, &gateway, &direct).unwrap();
            assert_eq!(found.stats.len(), ADDED_QUANTILES.len());
            for stat in &found.stats {
                assert!((stat.added_ms - delay_ms).abs() < 0.01, "{stat:?}");
                assert!(stat.low_ms <= delay_ms, "{stat:?}");
                assert!(stat.high_ms.is_none_or(|high| high >= delay_ms), "{stat:?}");
            }
        }
    }

    #[test]
    fn the_interval_has_the_truth_in_it_about_as_often_as_it_says() {
        let spread = LogNormal::new((2.0 * 1e6_f64).ln(), 0.5).unwrap();
        // Of the sum of both: by a sample that is large enough.
        let truth = |q: f64| {
            let (gateway, direct) = sides(400_000, 99, |rng| spread.sample(rng));
            let of = |side: &Side| side.quantile(q).unwrap().value;
            (of(&gateway) - of(&direct)) / 1e6
        };
        for (stat, q) in [("p50", 0.5), ("p95", 0.95)] {
            let truth = truth(q);
            let runs = 200;
            let covered = (0..runs).filter(|seed| {
                let (gateway, direct) = sides(1_000, *seed, |rng| spread.sample(rng));
                let found = added(AddedTime::Ttft, &gateway, &direct).unwrap();
                let found = found.stats.iter().find(|s| s.stat == stat).unwrap();
                found.low_ms <= truth && found.high_ms.is_none_or(|high| truth <= high)
            });
            let covered = covered.count();
            assert!(
                (180..=200).contains(&covered),
                "{stat}: {covered} of {runs}"
            );
        }
    }

    #[test]
    fn what_the_sample_can_not_carry_is_not_told() {
        let (gateway, direct) = sides(100, 3, |_| 1e6);
        let found = added(AddedTime::Chunk, &gateway, &direct).unwrap();
        let told: Vec<&str> = found.stats.iter().map(|stat| stat.stat.as_str()).collect();
        assert_eq!(told, ["p50", "p90", "p95"]);
        assert_eq!(found.n, 100);
        assert!(added(AddedTime::Chunk, &Side::default(), &Side::default()).is_none());
    }

    #[test]
    fn blocks_that_differ_make_the_interval_wider() {
        let (mut steady, direct) = sides(2_000, 4, |_| 1e6);
        let of = |side: &Side| {
            let found = added(AddedTime::Ttft, side, &direct).unwrap();
            found.stats[0].high_ms.unwrap() - found.stats[0].low_ms
        };
        let narrow = of(&steady);
        // Every other block is half a millisecond slower as a whole.
        for block in (0..BLOCKS).step_by(2) {
            let slow = Duration::from_micros(1_600);
            let n = steady.blocks[block].len();
            steady.blocks[block] = Histogram::default();
            steady.blocks[block].record_n(slow, n);
        }
        assert!(of(&steady) > 3.0 * narrow, "{} {narrow}", of(&steady));
    }
}
