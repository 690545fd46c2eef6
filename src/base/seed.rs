//! One source of randomness: a value is a function of the seed, what it is for, and its index.
//!
//! Because no generator is ever shared, the prompt of arrival 7 is the same whichever worker sends
//! it, and adding a recipe never shifts the draws of another.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The seed of a run: with the plan it decides every byte that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a random draw is for. Two lanes never share a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Gaps between arrivals; indexed by phase.
    Arrivals,
    /// Which recipe an arrival uses; indexed by arrival.
    Mix,
    /// The prompt of an arrival; indexed by arrival.
    Prompt,
    /// How long a user thinks; indexed by arrival.
    Think,
    /// What a stand-in does; indexed by its request.
    Lab,
    /// Which requests a stand-in's fault hits; indexed by its request.
    Fault,
    /// Which way a stand-in's gateway goes; indexed by its call.
    Route,
    /// The order of the arms of a comparison; indexed by the first arrival of a block.
    Arms,
    /// Which labels are swapped to see what chance gives; indexed by what is compared.
    Swap,
    /// Who gets which label where A is compared with A; indexed by deal.
    Deal,
}

impl Seed {
    /// A generator for one purpose and one index, the same on every machine and in every release.
    pub fn rng(self, lane: Lane, index: u64) -> Pcg64 {
        let mut key = [0_u8; 32];
        let words = [
            mix(self.0 ^ 0x746f_6c6c_6761_7465),
            mix(self.0.rotate_left(32) ^ index),
            mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            mix(lane as u64 + 1),
        ];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Pcg64::from_seed(key)
    }
}

/// The finaliser of `SplitMix64`: spreads neighbouring indexes over the whole state.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt};

    #[test]
    fn a_draw_depends_on_seed_lane_and_index_only() {
        let draw = |seed, lane, index| Seed(seed).rng(lane, index).next_u64();
        assert_eq!(draw(42, Lane::Mix, 7), draw(42, Lane::Mix, 7));
        assert_ne!(draw(42, Lane::Mix, 7), draw(42, Lane::Mix, 8));
        assert_ne!(draw(42, Lane::Mix, 7), draw(42, Lane::Prompt, 7));
        assert_ne!(draw(42, Lane::Mix, 7), draw(43, Lane::Mix, 7));
    }

    #[test]
    fn a_draw_is_the_same_in_every_release() {
        assert_eq!(Seed(42).rng(Lane::Mix, 0).next_u64(), PINNED);
    }

    #[test]
    fn first_draws_of_neighbouring_indexes_are_spread_evenly() {
        let below_half = (0..10_000)
            .filter(|index| Seed(1).rng(Lane::Mix, *index).random::<f64>() < 0.5)
            .count();
        assert!((4_800..5_200).contains(&below_half), "{below_half}");
    }

    const PINNED: u64 = 7_950_355_128_425_653_359;
}
