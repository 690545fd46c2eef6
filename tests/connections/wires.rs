//! A wire to the target of a scenario.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tollgate::dialect::Dialect;
use tollgate::plan::ArrivalId;
use tollgate::scenario::{self, Overrides, Place, Problem, Scenario, Timeouts};
use tollgate::shot::{Headers, Shot};
use tollgate::wire::{Clock, DirectWire, Endpoint, Exchange, Reading, ReqwestWire, Stamping, Wire};

pub(crate) const CLOSED: &str = "{ name: users, closed: { concurrency: 4, requests: 8 } }";
pub(crate) const CLIENTS: [&str; 2] = ["direct", "reqwest"];

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    first_token: Duration::from_secs(10),
    idle: Duration::from_secs(10),
    request: Duration::from_secs(20),
};

/// The scenario of a target with these settings, in a file in `folder`.
pub(crate) fn load(
    folder: &Path,
    client: &str,
    target: &str,
    phase: &str,
) -> Result<Scenario, Vec<Problem>> {
    let text = format!(
        "name: t\nclient: {client}\nload: [ {phase} ]\n\
         mix: [ {{ name: a, chat: {{ model: m, prompt: {{ text: hi }} }} }} ]\n\
         targets:\n  gw:\n    gateway: {{ {target} }}\n"
    );
    let path = folder.join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    scenario::load(&path, &|_| None, &[], &Overrides::default())
}

/// The endpoint of a target, its address looked up as the scenario says.
pub(crate) async fn endpoint(folder: &Path, client: &str, target: &str) -> Endpoint {
    let scenario = load(folder, client, target, CLOSED)
        .unwrap_or_else(|problems| panic!("{}", scenario::render(&problems, false)));
    let policy = scenario.target().policy();
    let Place::Gateway { url, .. } = scenario.target().place.clone() else {
        panic!("it is a gateway");
    };
    let mut endpoint = Endpoint {
        base_url: url,
        policy,
        ..Endpoint::default()
    };
    endpoint.look_up().await.unwrap();
    endpoint
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

enum Either {
    Direct(Box<DirectWire>),
    Reqwest(Box<ReqwestWire>),
}

/// A wire and its clock.
pub(crate) struct Client {
    wire: Either,
    clock: Clock,
}

impl Client {
    pub(crate) async fn new(folder: &Path, client: &str, target: &str) -> Self {
        Self::of(client, endpoint(folder, client, target).await)
    }

    pub(crate) fn of(client: &str, endpoint: Endpoint) -> Self {
        let clock = Clock::start();
        let wire = if client == "direct" {
            let wire = DirectWire::new(&endpoint, PATIENT, clock).unwrap();
            Either::Direct(Box::new(wire))
        } else {
            Either::Reqwest(Box::new(
                ReqwestWire::new(endpoint, PATIENT, clock).unwrap(),
            ))
        };
        Self { wire, clock }
    }

    /// The direct client, its reads counted by `stamping`.
    pub(crate) fn stamped(endpoint: &Endpoint, stamping: &Stamping) -> Self {
        let clock = Clock::start();
        let wire = DirectWire::new(endpoint, PATIENT, clock).unwrap();
        let wire = Either::Direct(Box::new(wire.with_stamping(stamping)));
        Self { wire, clock }
    }

    /// What becomes of one request of a user.
    pub(crate) async fn send(&self, user: Option<u32>) -> Exchange {
        let shot = Shot {
            id: ArrivalId::default(),
            dialect: Dialect::OpenaiChat,
            headers: Headers::default(),
            path: Dialect::OpenaiChat.path().into(),
            body: Bytes::from_static(b"{}"),
            stream: false,
        };
        let mut reading = Reading::new(shot.dialect, shot.stream);
        let result = match &self.wire {
            Either::Direct(wire) => wire.send(&shot, user, &mut reading).await,
            Either::Reqwest(wire) => wire.send(&shot, user, &mut reading).await,
        };
        reading.finish(result, self.clock.now())
    }

    /// The direct wire.
    pub(crate) fn direct(&self) -> &DirectWire {
        match &self.wire {
            Either::Direct(wire) => wire,
            Either::Reqwest(_) => panic!("it is the other client"),
        }
    }
}
