//! A budget on a paused clock, with requests of which each costs a cent.

use super::*;
use crate::base::Money;
use crate::pricing::{Price, PriceTable};
use crate::scenario::Budget;

const CENT: i64 = 10_000_000;

/// A plan of these phases with a budget of so many cents, less a nano-dollar where it is `just_below`.
fn priced(cents: i64, just_below: bool, phases: Vec<Phase>) -> Arc<Plan> {
    let price = Price {
        per_request: Some("0.01".parse().unwrap()),
        ..Price::default()
    };
    let mut scenario = scenario(phases);
    scenario.prices = Some(PriceTable {
        models: [("openai/gpt-lab".to_owned(), price)].into(),
        ..PriceTable::default()
    });
    scenario.budget = Some(Budget {
        usd: Money::from_nanos(cents * CENT - i64::from(just_below)),
        max_pages: None,
    });
    Arc::new(Plan::new(scenario))
}

fn cost(played: &Played) -> Money {
    played.rows.iter().filter_map(|row| row.cost).sum()
}

#[tokio::test(start_paused = true)]
async fn users_of_several_workers_send_what_the_budget_pays_for_and_no_more() {
    let closed = Shape::Closed {
        concurrency: 5,
        think: None,
    };
    let phases = || vec![phase("users", closed.clone(), Some(1_000), None)];
    for (just_below, sent) in [(false, 23_i64), (true, 22)] {
        let control = Control::default();
        let plan = priced(23, just_below, phases());
        let played = play(&plan, 2, control.clone(), |_| millis(10)).await;
        assert_eq!(played.rows.len(), sent as usize);
        assert!(played.rows.iter().all(Sample::is_ok));
        assert_eq!(cost(&played), Money::from_nanos(sent * CENT));
        assert!(control.stop.is_cancelled() && !control.cut.is_cancelled());
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_stops_at_the_first_arrival_that_no_longer_fits_and_drains() {
    let shape = open(Pace::Constant { rate: 100.0 }, 1_000, None);
    let phases = vec![phase("open", shape, None, Some(Duration::from_secs(60)))];
    let began = tokio::time::Instant::now();
    let played = play(&priced(10, false, phases), 1, Control::default(), |_| {
        Duration::from_secs(1)
    })
    .await;
    assert_eq!(played.ids().len(), 10);
    assert!(played.rows.iter().all(Sample::is_ok));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn what_queues_when_the_money_runs_out_is_not_sent() {
    let shape = open(Pace::Constant { rate: 100.0 }, 2, None);
    let phases = vec![phase("open", shape, None, Some(Duration::from_secs(60)))];
    let played = play(&priced(6, false, phases), 1, Control::default(), |_| {
        millis(100)
    })
    .await;
    assert_eq!(cost(&played), Money::from_nanos(6 * CENT));
    assert_eq!((played.rows.len(), played.most_in_flight), (6, 2));
}
