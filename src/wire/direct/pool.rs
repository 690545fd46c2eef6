//! Idle connections, and who may take them.
//!
//! A shared one goes to whoever comes next, the one used last first, so that no more are open than were
//! in flight at once. Where each user has its own, it waits for its user, from phase to phase.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::DirectWire;
use super::http1::Connection;
use crate::scenario::Sharing;
use crate::wire::Preopened;

/// Connections that are opened ahead at the same time: few, so that they don't overflow the queue in
/// which a server keeps the ones that it has not accepted yet.
const BATCH: usize = 8;
/// The pause between two such batches, in which a server may accept them.
const PAUSE: Duration = Duration::from_millis(1);

/// The idle connections of a wire.
#[derive(Debug)]
pub(super) struct Pool {
    sharing: Sharing,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    shared: Vec<Connection>,
    own: HashMap<u32, Connection>,
}

impl Pool {
    pub(super) fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            idle: Mutex::default(),
        }
    }

    /// Whether a connection is to be used once, which a request says in its head.
    pub(super) fn is_once(&self) -> bool {
        self.sharing == Sharing::New
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Nothing is left half done in it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user whose own connection it is, where users have their own.
    fn owner(&self, user: Option<u32>) -> Option<u32> {
        user.filter(|_| self.sharing == Sharing::PerUser)
    }

    /// An idle connection that still lives, if there is one.
    pub(super) async fn take(&self, user: Option<u32>) -> Option<Connection> {
        loop {
            let mut connection = match self.owner(user) {
                Some(user) => self.idle().own.remove(&user),
                None => self.idle().shared.pop(),
            }?;
            if connection.is_idle().await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection that can be used again.
    pub(super) fn give(&self, user: Option<u32>, connection: Connection) {
        match self.owner(user) {
            Some(user) => drop(self.idle().own.insert(user, connection)),
            None => self.idle().shared.push(connection),
        }
    }

    /// For whom connections are missing until `wanted` are idle. Those that have died are let go.
    async fn missing(&self, wanted: u32) -> Vec<Option<u32>> {
        let Idle { shared, own } = std::mem::take(&mut *self.idle());
        let shared = shared.into_iter().map(|connection| (None, connection));
        let own = own
            .into_iter()
            .map(|(user, connection)| (Some(user), connection));
        for (user, mut connection) in shared.chain(own) {
            if connection.is_idle().await {
                self.give(user, connection);
            }
        }
        let idle = self.idle();
        if self.sharing == Sharing::PerUser {
            let alone = |user: &u32| !idle.own.contains_key(user);
            return (0..wanted).filter(alone).map(Some).collect();
        }
        let missing = (wanted as usize).saturating_sub(idle.shared.len());
        vec![None; missing]
    }
}

/// Opens connections until `wanted` are idle, a few at a time. Where none of a few can be opened the
/// rest is not tried.
pub(super) async fn preopen(wire: &DirectWire, wanted: u32) -> Preopened {
    let began = Instant::now();
    if wire.pool.is_once() || wanted == 0 {
        return Preopened::default();
    }
    let missing = wire.pool.missing(wanted).await;
    let mut left = missing.len();
    for batch in missing.chunks(BATCH) {
        let opening = batch.iter().map(async |user| {
            let opening = wire.connector.open(&wire.stamping);
            match timeout(wire.timeouts.connect, opening).await {
                Ok(Ok(opened)) => {
                    wire.pool.give(*user, wire.begin(opened));
                    true
                }
                _ => false,
            }
        });
        let opened = join_all(opening).await;
        let opened = opened.into_iter().filter(|opened| *opened).count();
        left -= opened;
        if opened == 0 {
            break;
        }
        sleep(PAUSE).await;
    }
    Preopened {
        wanted,
        idle: wanted - u32::try_from(left).expect("no more are missing than are wanted"),
        took: began.elapsed(),
    }
}
