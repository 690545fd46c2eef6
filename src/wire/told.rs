//! What a gateway tells of a request beyond its answer, where a scenario says that it does.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::exchange::Exchange;
use crate::base::Money;
use crate::dialect::Found;
use crate::scenario::{At, Only, Readings, Reads, Spot};

/// A text that is longer is no name and no id.
const LONGEST: usize = 200;

/// What a gateway told of a request, in its own words: claims, not measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How much time it claims to have added.
    pub overhead: Option<Duration>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// Whether the answer came from its cache.
    pub cache_status: Option<String>,
    /// How often it asked a provider.
    pub attempts: Option<u32>,
}

/// Whether what a gateway says of its cache means that the answer came from it.
pub fn is_cache_hit(status: &str) -> bool {
    let mut words = status.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| word.eq_ignore_ascii_case("hit") || word.eq_ignore_ascii_case("true"))
}

/// Looks for what one gateway tells.
#[derive(Debug)]
pub(super) struct Teller {
    readings: Arc<Readings>,
    /// The place that each was found at, counted from 1; 0 where it was not.
    found: [u16; Reads::COUNT],
    of_body: bool,
    of_words: bool,
}

impl Teller {
    pub(super) fn new(readings: &Arc<Readings>) -> Option<Self> {
        (!readings.is_empty()).then(|| Self {
            of_body: readings.of_body(),
            of_words: readings.of_words(),
            readings: Arc::clone(readings),
            found: [0; Reads::COUNT],
        })
    }

    /// Whether this was told, so that no other word for it counts.
    pub(super) const fn has(&self, what: Reads) -> bool {
        self.found[what as usize] > 0
    }

    /// Whether something may be told where the words of a stream stand.
    pub(super) const fn of_words(&self) -> bool {
        self.of_words
    }

    /// Looks into the headers.
    pub(super) fn headers<'h>(
        &mut self,
        header: impl Fn(&str) -> Option<&'h str>,
        as_stream: bool,
        exchange: &mut Exchange,
    ) {
        self.look(as_stream, exchange, |at| match at {
            At::Header(name) => {
                let text = header(name).map(str::trim);
                let text = text.filter(|text| !text.is_empty());
                text.map(|text| Found::Text(text.into()))
            }
            At::Pointer(_) => None,
        });
    }

    /// Looks into a chunk of a stream, or into an answer in one piece.
    pub(super) fn body(&mut self, json: &[u8], as_stream: bool, exchange: &mut Exchange) {
        if self.of_body {
            self.look(as_stream, exchange, |at| match at {
                At::Pointer(pointer) => pointer.find(json),
                At::Header(_) => None,
            });
        }
    }

    /// Keeps what is found at each place, unless an earlier place told the same.
    fn look<'f>(
        &mut self,
        as_stream: bool,
        exchange: &mut Exchange,
        find: impl Fn(&At) -> Option<Found<'f>>,
    ) {
        for (spot, rank) in self.readings.spots().iter().zip(1..) {
            let best = &mut self.found[spot.what as usize];
            let is_better = *best == 0 || rank <= *best;
            let is_read = match spot.only {
                Some(Only::Stream) => as_stream,
                Some(Only::Whole) => !as_stream,
                None => true,
            };
            if is_better
                && is_read
                && let Some(found) = find(&spot.at)
                && keep(spot, &found, exchange).is_some()
            {
                *best = rank;
            }
        }
    }
}

/// Keeps what was found; `None` where it makes no sense.
fn keep(spot: &Spot, found: &Found<'_>, exchange: &mut Exchange) -> Option<()> {
    let number = || {
        let number = match found {
            Found::Text(text) => text.trim().parse().ok()?,
            Found::Number(number) => *number,
            Found::Whole(number) => *number as f64,
            Found::Truth(_) => return None,
        };
        let number = number * spot.times + spot.plus;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    let told = &mut exchange.told;
    match spot.what {
        Reads::Cost => exchange.cost_reported = Some(Money::from_dollars(number()?)?),
        Reads::Overhead => {
            let overhead = Duration::try_from_secs_f64(number()? / 1e3).ok()?;
            told.overhead = Some(overhead);
        }
        Reads::Attempts => {
            let whole = |n: &f64| n.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(n);
            told.attempts = Some(number().filter(whole)? as u32);
        }
        Reads::RequestId => set(&mut exchange.request_id, found)?,
        Reads::CacheStatus => set(&mut told.cache_status, found)?,
        Reads::Provider => set(&mut told.provider, found)?,
        Reads::Model => set(&mut exchange.model, found)?,
    }
    Some(())
}

/// Keeps a text, without a new allocation where it is the same again.
fn set(kept: &mut Option<String>, found: &Found<'_>) -> Option<()> {
    let text: Cow<'_, str> = match found {
        Found::Text(text) => text.as_ref().into(),
        Found::Number(number) => number.to_string().into(),
        Found::Whole(number) => number.to_string().into(),
        Found::Truth(truth) => if *truth { "true" } else { "false" }.into(),
    };
    if text.len() > LONGEST {
        return None;
    }
    if kept.as_deref() != Some(&text) {
        *kept = Some(text.into_owned());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gateways_say_of_a_cached_answer_is_a_hit() {
        for hit in ["HIT", "hit", "SEMANTIC HIT", "semantic-hit", "true", "True"] {
            assert!(is_cache_hit(hit), "{hit}");
        }
        for miss in ["MISS", "miss", "false", "REFRESH", "DISABLED", "", "white"] {
            assert!(!is_cache_hit(miss), "{miss}");
        }
    }
}
