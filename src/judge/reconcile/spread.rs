//! Times that may be below zero, such as one clock's less another's: all values are kept, and quantiles
//! are exact.

use serde::{Deserialize, Serialize};

use crate::record::needed;

/// Two-sided 95 % of a normal distribution.
const Z95: f64 = 1.959_964;
/// The quantiles that are given.
const STATS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

/// How a time spreads, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many requests have it.
    pub n: u64,
    /// The mean.
    pub mean_ms: f64,
    /// The least.
    pub min_ms: f64,
    /// The largest.
    pub max_ms: f64,
    /// Its quantiles.
    pub quantiles: Vec<SpreadQuantile>,
}

/// One quantile with its 95 % confidence interval, which takes requests as independent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpreadQuantile {
    /// `p50`, `p99`.
    pub stat: String,
    /// The value; absent where there are too few.
    pub value_ms: Option<f64>,
    /// The lower end.
    pub ci_low_ms: Option<f64>,
    /// The upper end.
    pub ci_high_ms: Option<f64>,
    /// Values that it needs to be given.
    pub needs: u64,
}

impl Spread {
    /// Of all values, in milliseconds; `None` where there are none.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (min_ms, max_ms) = (*values.first()?, *values.last()?);
        let n = values.len() as f64;
        let quantile = |(stat, q): (&str, f64)| {
            let (needs, enough) = (needed(q), values.len() as u64 >= needed(q));
            let (rank, spread) = (n * q, Z95 * (n * q * (1.0 - q)).sqrt());
            let at = |rank: f64| enough.then(|| values[rank.clamp(1.0, n) as usize - 1]);
            SpreadQuantile {
                stat: stat.to_owned(),
                value_ms: at(rank.ceil()),
                ci_low_ms: at((rank - spread).floor()),
                ci_high_ms: at((rank + spread).ceil() + 1.0),
                needs,
            }
        };
        Some(Self {
            n: values.len() as u64,
            mean_ms: values.iter().sum::<f64>() / n,
            min_ms,
            max_ms,
            quantiles: STATS.map(quantile).into(),
        })
    }

    /// A quantile by its name, where there are enough values.
    pub fn quantile(&self, stat: &str) -> Option<f64> {
        let found = self.quantiles.iter().find(|found| found.stat == stat)?;
        found.value_ms
    }
}
