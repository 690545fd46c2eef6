//! The budget of a run: an upper bound is reserved before each send and settled after it.
//!
//! One number holds all that is spent and all that may still be: while it stays within the budget, so
//! does what is spent, whatever the workers do at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::base::Money;
use crate::plan::Plan;
use crate::sample::Sample;
use crate::scenario::Recipe;
use crate::shot::Shot;

/// What all workers of a run share of its budget. Amounts are in nano-dollars.
#[derive(Debug)]
pub struct Ledger {
    budget: u64,
    /// What is spent, and what is reserved for requests in flight.
    committed: AtomicU64,
    /// Requests that were not sent, for lack of money.
    refused: AtomicU64,
    /// Answers that cost more than they could by their request.
    beyond: AtomicU64,
}

/// An amount that was reserved for one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held(u64);

impl Ledger {
    fn new(budget: Money) -> Self {
        let [committed, refused, beyond] = Default::default();
        Self {
            budget: nanos(budget),
            committed,
            refused,
            beyond,
        }
    }

    /// The ledger of a plan; `None` where it has no budget.
    pub(super) fn of(plan: &Plan) -> Option<Arc<Self>> {
        let budget = plan.scenario().budget?;
        Some(Arc::new(Self::new(budget.usd)))
    }

    /// What is spent; while requests are in flight, also what is reserved for them.
    pub fn committed(&self) -> Money {
        Money::from_nanos(i64::try_from(self.committed.load(Ordering::Relaxed)).unwrap_or(i64::MAX))
    }

    /// Requests that were due and were not sent, for lack of money. Any means that the run was stopped.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Answers that cost more than the bound by which the budget was held.
    pub fn beyond(&self) -> u64 {
        self.beyond.load(Ordering::Relaxed)
    }

    /// Reserves an amount, where the budget still has it. After the first refusal it has none for
    /// anybody: a run that went on with its cheaper requests would be another run.
    fn reserve(&self, amount: u64) -> Option<Held> {
        let order = Ordering::Relaxed;
        let within = |committed: u64| {
            let then = committed.checked_add(amount)?;
            (then <= self.budget).then_some(then)
        };
        let held = self.refused() == 0 && self.committed.fetch_update(order, order, within).is_ok();
        if !held {
            self.refused.fetch_add(1, order);
        }
        held.then_some(Held(amount))
    }

    /// Gives back what a request did not cost. An unknown cost is taken as all that was reserved.
    fn settle(&self, Held(amount): Held, cost: Option<Money>) {
        let cost = cost.map_or(amount, nanos);
        let order = Ordering::Relaxed;
        if cost <= amount {
            self.committed.fetch_sub(amount - cost, order);
        } else {
            self.committed.fetch_add(cost - amount, order);
            self.beyond.fetch_add(1, order);
        }
    }
}

fn nanos(money: Money) -> u64 {
    u64::try_from(money.nanos()).unwrap_or(0)
}

/// A worker's way to the ledger, where there is one.
#[derive(Debug)]
pub(super) struct Purse(Option<(Arc<Ledger>, CancellationToken)>);

impl Purse {
    /// A way to `ledger`; `stop` ends the arrivals of the run.
    pub(super) fn new(ledger: Option<&Arc<Ledger>>, stop: &CancellationToken) -> Self {
        Self(ledger.map(|ledger| (Arc::clone(ledger), stop.clone())))
    }

    /// Reserves the most that `shot` can cost. `None`: it must not be sent, and the run is stopped.
    pub(super) fn hold(&self, plan: &Plan, recipe: &Recipe, shot: &Shot) -> Option<Held> {
        let Some((ledger, stop)) = &self.0 else {
            return Some(Held(0));
        };
        let bound = plan.scenario().bound(recipe, shot.body.len());
        let held = ledger.reserve(bound.map_or(u64::MAX, nanos));
        if held.is_none() {
            stop.cancel();
        }
        held
    }

    /// Settles what was reserved to what it cost.
    pub(super) fn settle(&self, held: Held, sample: &Sample) {
        if let Some((ledger, _)) = &self.0 {
            ledger.settle(held, sample.cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn usd(nanos: u64) -> Money {
        Money::from_nanos(nanos.cast_signed())
    }

    #[test]
    fn threads_never_settle_more_than_the_budget_and_come_close_to_it() {
        const BUDGET: u64 = 10_000_000;
        const BOUND: u64 = 1_000;
        let ledger = Ledger::new(usd(BUDGET));
        let spent: u64 = thread::scope(|scope| {
            let workers: Vec<_> = (0..8_u64)
                .map(|worker| {
                    let ledger = &ledger;
                    scope.spawn(move || {
                        let (mut spent, mut k) = (0, worker);
                        // Four requests of each are in flight, so that reservations overlap.
                        let mut flying = std::collections::VecDeque::new();
                        while let Some(held) = ledger.reserve(BOUND) {
                            flying.push_back(held);
                            if flying.len() == 4 {
                                let held = flying.pop_front().unwrap();
                                k += 1;
                                let cost = (k % 5 > 0).then(|| k * 7 % (BOUND + 1));
                                ledger.settle(held, cost.map(usd));
                                spent += cost.unwrap_or(BOUND);
                                assert!(nanos(ledger.committed()) <= BUDGET);
                            }
                        }
                        for held in flying {
                            ledger.settle(held, Some(usd(BOUND / 2)));
                            spent += BOUND / 2;
                        }
                        spent
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum()
        });
        assert_eq!(nanos(ledger.committed()), spent);
        let in_flight = 8 * 4 * BOUND;
        assert!(spent <= BUDGET && spent >= BUDGET - in_flight, "{spent}");
        assert!(ledger.refused() >= 8);
    }

    #[test]
    fn an_unknown_cost_is_all_that_was_reserved() {
        let ledger = Ledger::new(usd(100));
        let (first, second) = (ledger.reserve(40).unwrap(), ledger.reserve(40).unwrap());
        ledger.settle(first, None);
        ledger.settle(second, Some(usd(0)));
        assert_eq!(ledger.committed(), usd(40));
        assert!(ledger.reserve(60).is_some());
    }

    #[test]
    fn after_the_first_refusal_nothing_is_sent_that_would_still_fit() {
        let ledger = Ledger::new(usd(100));
        let held = ledger.reserve(80).unwrap();
        assert!(ledger.reserve(21).is_none());
        ledger.settle(held, Some(usd(1)));
        assert!(ledger.reserve(1).is_none());
        assert_eq!((ledger.refused(), ledger.committed()), (2, usd(1)));
    }

    #[test]
    fn an_answer_beyond_its_bound_is_counted_and_its_cost_is_not_forgotten() {
        let ledger = Ledger::new(usd(100));
        let held = ledger.reserve(50).unwrap();
        ledger.settle(held, Some(usd(130)));
        assert_eq!((ledger.beyond(), ledger.committed()), (1, usd(130)));
        assert!(ledger.reserve(0).is_none());
    }
}
