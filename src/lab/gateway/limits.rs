//! How much is answered in a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::errors::Refusal;

const MINUTE: Duration = Duration::from_secs(60);
/// How many customers are counted at once.
const MOST_COUNTED: usize = 10_000;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// All calls to models.
    Calls,
    /// The calls of a customer.
    Customer(String),
    /// All requests to other endpoints.
    Other,
    /// Bulk uploads.
    Bulk,
}

/// The minutes that run, each from its first request.
#[derive(Debug, Default)]
pub(super) struct Minutes(Mutex<HashMap<Whose, (Instant, u32)>>);

impl Minutes {
    /// Counts one request, unless `most` were in the last minute.
    pub(super) fn take(&self, whose: Whose, most: Option<u32>) -> Result<(), Refusal> {
        let Some(most) = most else { return Ok(()) };
        let now = Instant::now();
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.len() >= MOST_COUNTED && !minutes.contains_key(&whose) {
            minutes.retain(|_, (since, _)| now - *since < MINUTE);
            if minutes.len() >= MOST_COUNTED {
                minutes.clear();
            }
        }
        let (since, count) = minutes.entry(whose).or_insert((now, 0));
        let mut left = MINUTE.saturating_sub(now - *since);
        if left.is_zero() {
            (*since, *count, left) = (now, 0, MINUTE);
        }
        if *count >= most {
            return Err(Refusal::rate_limit(left));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_counts_from_its_first_request_and_each_customer_has_their_own() {
        let minutes = Minutes::default();
        let take = |name: &str| minutes.take(Whose::Customer(name.to_owned()), Some(2));
        assert!(take("a").is_ok());
        tokio::time::advance(Duration::from_secs(50)).await;
        assert!(take("a").is_ok() && take("b").is_ok());
        let refusal = take("a").unwrap_err();
        assert_eq!(refusal, Refusal::rate_limit(Duration::from_secs(10)));
        assert_eq!(refusal.status, 429);
        assert!(take("b").is_ok(), "another's minute");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(take("a").is_ok());
        assert!(minutes.take(Whose::Calls, None).is_ok());
    }
}
