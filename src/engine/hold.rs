//! Holding arrivals back by hand: what comes due meanwhile stays due when the plan says, and is sent, late,
//! when the hold ends. So it is no pause of the plan, and nothing is dropped.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether arrivals are held back; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    held: AtomicBool,
    released: Notify,
}

impl Hold {
    /// From here on no arrival is sent, until [`Hold::release`].
    pub fn hold(&self) {
        self.0.held.store(true, Ordering::Relaxed);
    }

    /// Sends what came due meanwhile, and goes on.
    pub fn release(&self) {
        self.0.held.store(false, Ordering::Relaxed);
        self.0.released.notify_waiters();
    }

    /// Whether arrivals are held back.
    pub fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Returns once nothing is held, which may be at once.
    pub(super) async fn released(&self) {
        while self.is_held() {
            let mut released = pin!(self.0.released.notified());
            // A release between the question and the wait must not be missed.
            released.as_mut().enable();
            if self.is_held() {
                released.await;
            }
        }
    }
}
