//! What a gateway told beyond its answers, counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::{Exchange, is_cache_hit};

/// The most names that are counted apart: a gateway that gives each answer a name of its own must not
/// fill the memory.
const MOST_NAMES: usize = 100;

/// What was told of the rows of one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TellTally {
    /// Rows of which the gateway told its cache's part.
    pub cache_told: u64,
    /// Of these, the ones that came from it.
    pub cache_hits: u64,
    /// Rows of which it told how often it asked a provider.
    pub attempts_told: u64,
    /// Of these, the ones with more than one attempt.
    pub retried: u64,
    models: Names,
    providers: Names,
}

/// Rows by a name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    counts: BTreeMap<String, u64>,
    /// Rows with a name when there were too many.
    others: u64,
}

impl Names {
    fn add(&mut self, name: &str, n: u64) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += n;
        } else if self.counts.len() < MOST_NAMES {
            self.counts.insert(name.to_owned(), n);
        } else {
            self.others += n;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            self.add(name, *count);
        }
        self.others += other.others;
    }

    /// The names, most frequent first.
    fn summary(&self) -> Vec<NameCount> {
        let count = |(name, count): (&String, &u64)| NameCount {
            name: name.clone(),
            count: *count,
        };
        let mut names: Vec<NameCount> = self.counts.iter().map(count).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.count));
        if self.others > 0 {
            names.push(NameCount {
                name: NameCount::OTHERS.to_owned(),
                count: self.others,
            });
        }
        names
    }
}

impl TellTally {
    /// Adds a row.
    pub fn push(&mut self, exchange: &Exchange) {
        let told = &exchange.told;
        if let Some(status) = &told.cache_status {
            self.cache_told += 1;
            self.cache_hits += u64::from(is_cache_hit(status));
        }
        if let Some(attempts) = told.attempts {
            self.attempts_told += 1;
            self.retried += u64::from(attempts > 1);
        }
        if let Some(model) = &exchange.model {
            self.models.add(model, 1);
        }
        if let Some(provider) = &told.provider {
            self.providers.add(provider, 1);
        }
    }

    /// Changes what was told of names, to hide what is nobody's business. Names that become the same are
    /// counted together.
    pub fn hide(&mut self, hide: &impl Fn(&str) -> Option<String>) {
        for names in [&mut self.models, &mut self.providers] {
            let hidden = names
                .counts
                .keys()
                .filter_map(|name| Some((name.clone(), hide(name)?)));
            for (name, hidden) in hidden.collect::<Vec<_>>() {
                if let Some(count) = names.counts.remove(&name) {
                    names.add(&hidden, count);
                }
            }
        }
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.cache_told += other.cache_told;
        self.cache_hits += other.cache_hits;
        self.attempts_told += other.attempts_told;
        self.retried += other.retried;
        self.models.merge(&other.models);
        self.providers.merge(&other.providers);
    }
}

/// What the gateway told of the requests of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellSummary {
    /// Requests of which the gateway told its cache's part.
    pub cache_told: u64,
    /// Of these, the ones that came from it.
    pub cache_hits: u64,
    /// Requests of which it told how often it asked a provider.
    pub attempts_told: u64,
    /// Of these, the ones with more than one attempt.
    pub retried: u64,
    /// The models that answered, most frequent first.
    pub models: Vec<NameCount>,
    /// The providers that answered, most frequent first.
    pub providers: Vec<NameCount>,
}

/// How many requests told a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCount {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl NameCount {
    /// Stands for all names beyond the first hundred.
    pub const OTHERS: &str = "(others)";
}

impl TellSummary {
    pub(super) fn new(tally: &TellTally) -> Self {
        Self {
            cache_told: tally.cache_told,
            cache_hits: tally.cache_hits,
            attempts_told: tally.attempts_told,
            retried: tally.retried,
            models: tally.models.summary(),
            providers: tally.providers.summary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Told;

    fn exchange(model: &str, cache: Option<&str>, attempts: Option<u32>) -> Exchange {
        Exchange {
            model: Some(model.to_owned()),
            told: Told {
                cache_status: cache.map(str::to_owned),
                attempts,
                ..Told::default()
            },
            ..Exchange::default()
        }
    }

    #[test]
    fn what_is_told_is_counted_and_what_is_not_is_no_miss() {
        let mut tally = TellTally::default();
        tally.push(&exchange("a", Some("HIT"), Some(1)));
        tally.push(&exchange("b", Some("MISS"), Some(3)));
        tally.push(&exchange("b", None, None));
        let mut twice = tally.clone();
        twice.merge(&tally);
        let summary = TellSummary::new(&twice);
        assert_eq!((summary.cache_hits, summary.cache_told), (2, 4));
        assert_eq!((summary.retried, summary.attempts_told), (2, 4));
        let models: Vec<_> = summary
            .models
            .iter()
            .map(|m| (m.name.as_str(), m.count))
            .collect();
        assert_eq!(models, [("b", 4), ("a", 2)]);
        assert!(summary.providers.is_empty());
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut tally = TellTally::default();
        for k in 0..1_000 {
            tally.push(&exchange(&format!("m{k}"), None, None));
        }
        let models = TellSummary::new(&tally).models;
        assert_eq!(models.len(), MOST_NAMES + 1);
        let last = models.last().unwrap();
        assert_eq!((last.name.as_str(), last.count), (NameCount::OTHERS, 900));
    }
}
