//! What requests cost, by the model that answered them and by its provider.

use std::collections::BTreeMap;

use crate::base::Money;
use crate::sample::{PricedBy, Sample};

/// Names that are told apart. A server that makes up a name for each answer must not fill the memory.
const NAMES: usize = 64;

/// Answers that name no model, and requests without an answer.
pub const UNNAMED: &str = "(unnamed)";
/// Requests whose provider nobody tells.
pub const UNKNOWN: &str = "unknown";
/// All names beyond the first ones.
const OTHERS: &str = "(others)";

/// What some requests cost, and what they gave for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests.
    pub requests: u64,
    /// Whole answers within every SLO.
    pub good: u64,
    /// Output tokens of the requests whose cost is known.
    pub output_tokens: u64,
    /// The known cost.
    pub cost: Money,
    /// Requests whose cost is unknown.
    pub unknown: u64,
    /// Requests whose cost is by the price of the model that was asked, for want of the other's.
    pub priced_by_asked: u64,
}

/// What requests cost, by a name, such as that of the model that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpentBy(BTreeMap<String, Spent>);

impl Spent {
    /// The mean cost of a request whose cost is known.
    pub fn per_request(&self) -> Option<Money> {
        self.cost.per(self.requests - self.unknown)
    }

    /// The cost for 1000 output tokens, of the requests whose cost is known.
    pub fn per_1k_output(&self) -> Option<Money> {
        let tokens = i128::from(self.output_tokens);
        let thousandfold = i128::from(self.cost.nanos()) * 1_000;
        let nanos = (thousandfold + tokens / 2).checked_div(tokens)?;
        i64::try_from(nanos).ok().map(Money::from_nanos)
    }

    /// The whole cost for each good request. Unknown where any cost is: it would be too low.
    pub fn per_good(&self) -> Option<Money> {
        self.cost.per(self.good).filter(|_| self.unknown == 0)
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.good += other.good;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
        self.unknown += other.unknown;
        self.priced_by_asked += other.priced_by_asked;
    }
}

impl SpentBy {
    /// Adds a row.
    pub fn push(&mut self, name: &str, sample: &Sample) {
        let known = sample.cost.is_some();
        let tokens = sample.output_tokens().filter(|_| known);
        let spent = Spent {
            requests: 1,
            good: u64::from(sample.good),
            output_tokens: tokens.map_or(0, |(tokens, _)| tokens),
            cost: sample.cost.unwrap_or_default(),
            unknown: u64::from(!known),
            priced_by_asked: u64::from(sample.bill.priced_by == Some(PricedBy::Asked)),
        };
        self.entry(name).add(&spent);
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        for (name, spent) in &other.0 {
            self.entry(name).add(spent);
        }
    }

    /// Puts other names in the place of those for which `hide` has one.
    pub fn hide(&mut self, hide: &impl Fn(&str) -> Option<String>) {
        if !self.0.keys().any(|name| hide(name).is_some()) {
            return;
        }
        for (name, spent) in std::mem::take(&mut self.0) {
            self.entry(&hide(&name).unwrap_or(name)).add(&spent);
        }
    }

    /// Name by name, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Spent)> {
        self.0.iter().map(|(name, spent)| (name.as_str(), spent))
    }

    /// All of them together.
    pub fn total(&self) -> Spent {
        let mut total = Spent::default();
        for spent in self.0.values() {
            total.add(spent);
        }
        total
    }

    fn entry(&mut self, name: &str) -> &mut Spent {
        let full = self.0.len() >= NAMES && !self.0.contains_key(name);
        let name = if full { OTHERS } else { name };
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Spent::default());
        }
        self.0.get_mut(name).expect("it was put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(nanos: i64, requests: u64, good: u64, output_tokens: u64, unknown: u64) -> Spent {
        let cost = Money::from_nanos(nanos);
        Spent {
            requests,
            good,
            output_tokens,
            cost,
            unknown,
            priced_by_asked: 0,
        }
    }

    #[test]
    fn a_cost_for_each_thing_is_that_of_the_requests_whose_cost_is_known() {
        let spent = spent(6_000, 5, 2, 40, 2);
        assert_eq!(spent.per_request(), Some(Money::from_nanos(2_000)));
        assert_eq!(spent.per_1k_output(), Some(Money::from_nanos(150_000)));
        assert_eq!(spent.per_good(), None, "it would be too low");
        let known = Spent {
            unknown: 0,
            ..spent
        };
        assert_eq!(known.per_good(), Some(Money::from_nanos(3_000)));
    }

    #[test]
    fn what_has_no_cost_or_gave_nothing_is_unknown_and_never_zero() {
        let unknown = spent(0, 3, 3, 0, 3);
        let given = [
            unknown.per_request(),
            unknown.per_1k_output(),
            unknown.per_good(),
        ];
        assert_eq!(given, [None; 3]);
        assert_eq!(spent(10, 1, 0, 0, 0).per_good(), None);
    }

    #[test]
    fn a_server_that_makes_up_names_does_not_fill_the_memory() {
        let mut models = SpentBy::default();
        for n in 0..1_000 {
            models.entry(&n.to_string()).add(&spent(1, 1, 1, 1, 0));
        }
        assert_eq!(models.0.len(), NAMES + 1);
        assert_eq!(models.0[OTHERS].requests, 1_000 - NAMES as u64);
        assert_eq!(models.total(), spent(1_000, 1_000, 1_000, 1_000, 0));
    }
}
