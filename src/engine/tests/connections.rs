//! What the engine tells a wire of its users, and when it has connections opened ahead.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::{millis, phase, scenario};
use crate::base::Offset;
use crate::dialect::Dialect;
use crate::engine::sink::Sink;
use crate::engine::team::Team;
use crate::engine::worker::Worker;
use crate::engine::{Control, Event, Gauges};
use crate::plan::Plan;
use crate::scenario::{Kind, Place, Policy, Shape};
use crate::schedule::Share;
use crate::shot::{Shot, Shots};
use crate::wire::{Clock, Failure, Preopened, Reading, Wire};

/// A wire that notes who asks, and what is to be opened ahead, which takes half a second.
struct Noting {
    clock: Clock,
    users: Arc<Mutex<Vec<Option<u32>>>>,
    wanted: Arc<Mutex<Vec<u32>>>,
}

impl Wire for Noting {
    async fn send(
        &self,
        _: &Shot,
        user: Option<u32>,
        reading: &mut Reading,
    ) -> Result<(), Failure> {
        reading.sent(self.clock.now());
        self.users.lock().unwrap().push(user);
        tokio::time::sleep(millis(10)).await;
        Err(Failure::Lost("it only notes".to_owned()))
    }

    async fn preopen(&self, wanted: u32) -> Preopened {
        self.wanted.lock().unwrap().push(wanted);
        tokio::time::sleep(millis(500)).await;
        Preopened {
            wanted,
            ..Preopened::default()
        }
    }
}

/// What a worker of two tells its wire of a closed loop of five users, and when the loop began.
async fn noted(preopen: u32) -> (Vec<Option<u32>>, Vec<u32>, Offset) {
    let users = Shape::Closed {
        concurrency: 5,
        think: None,
    };
    let mut scenario = scenario(vec![phase("users", users, Some(20), None)]);
    scenario.arms[0].target.place = Place::Gateway {
        url: "http://a.test".to_owned(),
        kind: Kind::Openai,
        api_key: None,
        key_written: None,
        dialect: Dialect::OpenaiChat,
        readings: Arc::default(),
        policy: Policy {
            preopen,
            ..Policy::default()
        },
    };
    let plan = Arc::new(Plan::new(scenario));
    let clock = Clock::start();
    let (sender, mut events) = mpsc::unbounded_channel();
    let (users, wanted) = (Arc::default(), Arc::default());
    let wire = Noting {
        clock,
        users: Arc::clone(&users),
        wanted: Arc::clone(&wanted),
    };
    let team = Arc::new(Team::new(&plan, 1, clock));
    let share = Share { index: 0, of: 2 };
    let (control, gauges) = (Control::default(), Arc::new(Gauges::default()));
    let sink = Sink::new(&plan, 0, sender, gauges, control.stop.clone());
    let shots = Arc::new(Shots::new(&plan));
    Worker::new(shots, vec![wire], team, share, control, sink)
        .run()
        .await;
    let mut started = None;
    while let Some(event) = events.recv().await {
        if let Event::PhaseStarted(_, at) = event {
            started = Some(at);
        }
    }
    let users = users.lock().unwrap().clone();
    let wanted = wanted.lock().unwrap().clone();
    (users, wanted, started.unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_user_of_a_worker_is_known_by_a_number_of_its_own() {
    let (users, wanted, started) = noted(0).await;
    assert_eq!(users[..3], [Some(0), Some(1), Some(2)]);
    for number in 0..3 {
        let asked = users.iter().filter(|user| **user == Some(number));
        assert!((6..=7).contains(&asked.count()), "{users:?}");
    }
    assert_eq!((wanted, started), (vec![], Offset::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_phase_begins_once_its_connections_are_open_and_no_more_are_asked_for_than_it_has_users()
{
    let (_, wanted, started) = noted(64).await;
    assert_eq!(wanted, [3]);
    assert!(started.elapsed() >= Duration::from_millis(500));
    let (_, wanted, _) = noted(2).await;
    assert_eq!(wanted, [1]);
}
