//! Sends looks to a receiver: each once it is there, again where that may help, and never more of them at a
//! time than a queue holds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::look::Look;
use crate::base::Secret;
use crate::dialect::error_message;
use crate::report::telemetry;
use crate::results::DeliveredInfo;
use crate::wire::{Answer, Api, Endpoint, Failure};

/// The time between two looks that are sent.
const EVERY: Duration = Duration::from_secs(5);
/// The most looks that wait: those of a minute.
const QUEUE: usize = 12;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pauses after a request that failed: the first and the longest; and those at the end of a run.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How long the end of a run waits: for a receiver that took the last request, and for one that did not.
const LAST: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(1)];
/// The longest wait that a receiver can ask for.
const LONGEST_WAIT: f64 = 60.0;

/// How looks are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RemoteWrite,
    Otlp,
}

/// Where looks are sent.
#[derive(Debug)]
pub(super) struct Destination {
    kind: Kind,
    url: String,
    /// The bearer key.
    pub(super) key: Option<Secret>,
    headers: Vec<(String, Secret)>,
    /// What must not be told.
    pub(super) secrets: Vec<Secret>,
}

impl Destination {
    pub(super) fn new(kind: Kind, url: &Url) -> Self {
        Self {
            kind,
            url: url.to_string(),
            key: None,
            headers: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Adds a header, which may be a key.
    pub(super) fn header(&mut self, name: &str, value: &str) {
        self.secrets.push(Secret::new(value));
        self.headers.push((name.to_owned(), Secret::new(value)));
    }
}

/// A look as it is sent: one request or a few.
struct Parcel {
    bodies: VecDeque<Vec<u8>>,
    is_last: bool,
}

/// What waits, and what became of the rest.
#[derive(Default)]
struct State {
    queue: VecDeque<Parcel>,
    /// No further look will come.
    closed: bool,
    told: DeliveredInfo,
    /// What is in the way of the request that is under way.
    held: Option<String>,
}

/// What a request came to.
enum Sent {
    Taken,
    /// Once more, after a while.
    Again(Option<f64>),
    /// It will not be taken.
    Refused,
}

/// Sends looks to a destination.
pub(super) struct Pusher {
    to: Destination,
    state: Mutex<State>,
    news: Notify,
}

impl Pusher {
    pub(super) fn new(mut to: Destination) -> Self {
        to.secrets.extend(to.key.clone());
        // What comes after the path may be a key.
        let url = to
            .url
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let told = DeliveredInfo {
            url,
            ..DeliveredInfo::default()
        };
        Self {
            to,
            state: Mutex::new(State {
                told,
                ..State::default()
            }),
            news: Notify::new(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.to.kind
    }

    /// What became of the looks; those that are left are given up.
    pub(super) fn told(&self) -> DeliveredInfo {
        let state = self.state();
        let mut told = state.told.clone();
        let settled = told.delivered + told.dropped + told.given_up_by.values().sum::<u64>();
        let left = told.looks.saturating_sub(settled);
        if left > 0 {
            let why = state.held.clone().unwrap_or_else(|| "no_time".to_owned());
            *told.given_up_by.entry(why).or_default() += left;
        }
        told.given_up = told.given_up_by.values().sum();
        told
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends looks until the last one is sent, or the end has waited long enough.
    pub(super) async fn push_all(
        &self,
        looks: watch::Receiver<Option<Arc<Look>>>,
        ending: CancellationToken,
    ) {
        let over = async {
            ending.cancelled().await;
            let failing = self.state().held.is_some();
            tokio::time::sleep(LAST[usize::from(failing)]).await;
        };
        let sent = async {
            tokio::join!(self.gather(looks, &ending), self.send_all(&ending));
        };
        tokio::select! {
            () = sent => {}
            () = over => {}
        }
    }

    /// Puts looks into the queue.
    async fn gather(
        &self,
        mut looks: watch::Receiver<Option<Arc<Look>>>,
        ending: &CancellationToken,
    ) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first = true;
        loop {
            tokio::select! {
                biased;
                () = ending.cancelled() => break,
                _ = every.tick() => {}
            }
            let is_new = looks.has_changed().unwrap_or(false);
            let look = looks.borrow_and_update().clone();
            if let Some(look) = look.filter(|_| is_new || first) {
                first = false;
                self.offer(&look, false);
            }
        }
        let last = looks.borrow_and_update().clone();
        if let Some(look) = last {
            self.offer(&look, true);
        }
        self.state().closed = true;
        self.news.notify_one();
    }

    /// Makes a parcel of a look.
    fn offer(&self, look: &Look, is_last: bool) {
        let bodies = self.bodies(look, is_last);
        self.put(Parcel { bodies, is_last });
    }

    /// Puts a parcel into the queue. Where there is no room the oldest one goes: the younger have its sums.
    fn put(&self, parcel: Parcel) {
        let mut state = self.state();
        if state.queue.len() >= QUEUE {
            state.queue.pop_front();
            state.told.dropped += 1;
        }
        state.told.looks += 1;
        state.queue.push_back(parcel);
        drop(state);
        self.news.notify_one();
    }

    fn bodies(&self, look: &Look, is_last: bool) -> VecDeque<Vec<u8>> {
        let (families, at) = (look.families(), look.live.unix_ms);
        match self.to.kind {
            Kind::RemoteWrite => {
                let mut bodies = telemetry::remote_write(&families, at);
                if is_last {
                    // The series end where the next look would have been, so that the last one is seen.
                    let end = at + EVERY.as_millis() as i64;
                    bodies.extend(telemetry::stale(&families, end));
                }
                bodies.into()
            }
            #[cfg(feature = "otlp")]
            Kind::Otlp => [telemetry::otlp(&families, &look.info, &look.live)].into(),
            #[cfg(not(feature = "otlp"))]
            Kind::Otlp => VecDeque::new(),
        }
    }

    /// Sends what is in the queue until no more will come.
    async fn send_all(&self, ending: &CancellationToken) {
        let endpoint = Endpoint {
            base_url: self.to.url.clone(),
            key: self.to.key.clone(),
            ..Endpoint::default()
        };
        let api = match Api::new(&endpoint, PATIENCE) {
            Ok(api) => api,
            Err(failure) => return self.failed("connect", &format!("{failure:?}")),
        };
        let mut pause = PAUSES[0];
        while let Some(mut parcel) = self.next().await {
            let Some(body) = parcel.bodies.front() else {
                self.delivered(parcel.is_last);
                continue;
            };
            match self.read(
                api.post_as(&self.to.url, &self.headers(), body.clone())
                    .await,
            ) {
                Sent::Taken => {
                    parcel.bodies.pop_front();
                    self.state().held = None;
                    self.back(parcel);
                    pause = PAUSES[0];
                }
                Sent::Refused => self.refused(),
                Sent::Again(wait) => {
                    self.back(parcel);
                    let asked = wait.map(|wait| Duration::from_secs_f64(wait.min(LONGEST_WAIT)));
                    if ending.is_cancelled() {
                        tokio::time::sleep(LAST_PAUSE).await;
                    } else {
                        let paused = tokio::time::sleep(asked.unwrap_or(pause));
                        tokio::select! {
                            () = paused => {}
                            () = ending.cancelled() => {}
                        }
                        pause = (pause * 2).min(PAUSES[1]);
                    }
                }
            }
        }
    }

    /// The parcel that is next; `None` where no more will come.
    async fn next(&self) -> Option<Parcel> {
        loop {
            let waiting = self.news.notified();
            {
                let mut state = self.state();
                let next = state.queue.pop_front();
                if next.is_some() || state.closed {
                    return next;
                }
            }
            waiting.await;
        }
    }

    /// Puts a parcel back to the front: it is not settled yet.
    fn back(&self, parcel: Parcel) {
        let mut state = self.state();
        if state.queue.len() >= QUEUE {
            state.told.dropped += 1;
        } else {
            state.queue.push_front(parcel);
        }
    }

    fn delivered(&self, is_last: bool) {
        let mut state = self.state();
        state.told.delivered += 1;
        state.told.last_delivered |= is_last;
    }

    fn refused(&self) {
        let mut state = self.state();
        let why = state.held.take().unwrap_or_else(|| "refused".to_owned());
        *state.told.given_up_by.entry(why).or_default() += 1;
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let own: &[(&str, &str)] = match self.to.kind {
            Kind::RemoteWrite => &[
                ("content-type", "application/x-protobuf"),
                ("content-encoding", "snappy"),
                ("x-prometheus-remote-write-version", "0.1.0"),
            ],
            Kind::Otlp => &[("content-type", "application/json")],
        };
        let agent = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
        let more = self.to.headers.iter();
        let more = more.map(|(name, value)| (name.as_str(), value.expose()));
        let own = own.iter().copied().chain([("user-agent", agent)]);
        own.chain(more).collect()
    }

    /// What a request came to.
    fn read(&self, answer: Result<Answer, Failure>) -> Sent {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                let (why, said) = failure.told();
                self.failed(why, &said);
                return Sent::Again(None);
            }
        };
        let status = answer.status;
        if (200..300).contains(&status) {
            return Sent::Taken;
        }
        let text = || {
            let text = String::from_utf8_lossy(&answer.body);
            text.trim().chars().take(200).collect()
        };
        let said = error_message(&answer.body).unwrap_or_else(text);
        self.failed(&format!("status_{status}"), &said);
        match status {
            // By the protocol only these may be sent again.
            429 | 500.. => Sent::Again(answer.retry_after),
            _ => Sent::Refused,
        }
    }

    /// Notes why a request failed.
    fn failed(&self, why: &str, said: &str) {
        let said = format!("{why}: {}", Secret::hide_all(&self.to.secrets, said));
        let mut state = self.state();
        state.held = Some(why.to_owned());
        state.told.last_error = Some(said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pusher() -> Pusher {
        let url = Url::parse("http://127.0.0.1:1/w?key=hidden").unwrap();
        Pusher::new(Destination::new(Kind::RemoteWrite, &url))
    }

    fn parcel(n: u8) -> Parcel {
        Parcel {
            bodies: [vec![n]].into(),
            is_last: false,
        }
    }

    #[test]
    fn where_the_queue_is_full_the_oldest_looks_go_and_all_are_accounted_for() {
        let pusher = pusher();
        for n in 0..15 {
            pusher.put(parcel(n));
        }
        let oldest = pusher.state().queue.front().unwrap().bodies[0][0];
        assert_eq!(oldest, 3);
        let told = pusher.told();
        assert_eq!((told.looks, told.dropped, told.given_up), (15, 3, 12));
        assert_eq!(told.given_up_by["no_time"], 12);
        assert_eq!(told.url, "http://127.0.0.1:1/w");
    }

    #[tokio::test]
    async fn one_that_is_to_be_sent_again_goes_first_unless_younger_ones_took_its_place() {
        let pusher = pusher();
        pusher.put(parcel(0));
        let first = pusher.next().await.unwrap();
        pusher.put(parcel(1));
        pusher.back(first);
        let first = pusher.next().await.unwrap();
        assert_eq!(first.bodies[0][0], 0);
        for n in 2..=QUEUE as u8 {
            pusher.put(parcel(n));
        }
        pusher.back(first);
        let next = pusher.next().await.unwrap();
        assert_eq!((next.bodies[0][0], pusher.told().dropped), (1, 1));
    }
}
