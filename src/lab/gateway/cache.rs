//! Answers that were given before to the very same request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::Instant;

use super::body::Fields;
use super::params::Params;

/// How long an answer is kept where the request does not say: 30 days.
const TTL: Duration = Duration::from_secs(30 * 24 * 3_600);
const MOST_ANSWERS: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;
/// The longest answer that is kept: 4 MiB.
pub(super) const LONGEST: usize = 4 << 20;

/// A whole answer of a provider, and how long it may be given again.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) body: Bytes,
    pub(super) content_type: String,
    /// Who gave it.
    pub(super) provider: String,
    /// The model in the words of who asked first.
    pub(super) name: String,
    expires: Instant,
}

/// Where an answer is to be kept.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: String,
    ttl: Duration,
}

impl Place {
    /// The place of a request's answer, if it asks for the cache. An eager cache asks nobody, and
    /// takes requests as the same that have another marker.
    pub(super) fn of(
        fields: &Fields<'_>,
        params: &Params,
        model: &str,
        eager: bool,
    ) -> Option<Self> {
        if !(params.cache_enabled || eager) {
            return None;
        }
        let options = &params.cache_options;
        let mut hasher = blake3::Hasher::new();
        fields.digest(&mut hasher, eager);
        if options.is_cached_by_model != Some(false) {
            hasher.update(b"\0model\0").update(model.as_bytes());
        }
        if options.cache_by_customer == Some(true) {
            let customer = params.customer.as_deref().unwrap_or_default();
            hasher.update(b"\0customer\0").update(customer.as_bytes());
        }
        let ttl = params.cache_ttl.map_or(TTL, |seconds| {
            Duration::try_from_secs_f64(seconds).map_or(TTL, |ttl| ttl.min(TTL))
        });
        Some(Self {
            key: hasher.finalize().to_hex().to_string(),
            ttl,
        })
    }
}

/// The answers that are kept.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, Cached>,
    /// The keys in the order in which they came.
    order: VecDeque<String>,
    bytes: usize,
}

impl Kept {
    fn remove(&mut self, key: &str) -> Option<Cached> {
        let found = self.answers.remove(key)?;
        self.order.retain(|other| other != key);
        self.bytes -= found.body.len();
        Some(found)
    }
}

impl Cache {
    /// The answer in a place, while it may be given.
    pub(super) fn get(&self, place: &Place) -> Option<Cached> {
        let mut kept = self.lock();
        let found = kept.answers.get(&place.key)?;
        if found.expires <= Instant::now() {
            kept.remove(&place.key);
            return None;
        }
        Some(found.clone())
    }

    /// Keeps an answer; the oldest ones make room.
    pub(super) fn put(&self, place: &Place, body: Bytes, from: (&str, &str), content_type: &str) {
        if body.len() > LONGEST {
            return;
        }
        let mut kept = self.lock();
        kept.remove(&place.key);
        kept.bytes += body.len();
        kept.order.push_back(place.key.clone());
        let cached = Cached {
            body,
            content_type: content_type.to_owned(),
            provider: from.0.to_owned(),
            name: from.1.to_owned(),
            expires: Instant::now() + place.ttl,
        };
        kept.answers.insert(place.key.clone(), cached);
        while kept.order.len() > MOST_ANSWERS || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.order.front().cloned() else {
                break;
            };
            kept.remove(&oldest);
        }
    }

    /// How many answers are kept.
    pub(super) fn len(&self) -> usize {
        self.lock().answers.len()
    }

    /// Forgets all answers; says how many.
    pub(super) fn purge(&self) -> usize {
        std::mem::take(&mut *self.lock()).answers.len()
    }

    /// Forgets these answers; says how many there were.
    pub(super) fn forget<'k>(&self, keys: impl Iterator<Item = &'k str>) -> usize {
        let mut kept = self.lock();
        keys.filter(|key| kept.remove(key).is_some()).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &str, ttl: u64) -> Place {
        Place {
            key: key.to_owned(),
            ttl: Duration::from_secs(ttl),
        }
    }

    fn put(cache: &Cache, place: &Place, size: usize) {
        cache.put(place, vec![0; size].into(), ("openai", "gpt"), "text/plain");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_until_its_time_is_over() {
        let (cache, place) = (Cache::default(), place("a", 10));
        put(&cache, &place, 5);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(cache.get(&place).unwrap().body.len(), 5);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(cache.get(&place).is_none());
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_answers_make_room_and_the_longest_are_not_kept() {
        let cache = Cache::default();
        put(&cache, &place("huge", 10), LONGEST + 1);
        assert_eq!(cache.len(), 0);
        for key in 0..17 {
            put(&cache, &place(&key.to_string(), 10), LONGEST);
        }
        assert_eq!(cache.len(), MOST_BYTES / LONGEST);
        assert!(cache.get(&place("0", 10)).is_none());
        assert_eq!(cache.forget(["16", "none"].into_iter()), 1);
        assert_eq!((cache.purge(), cache.lock().bytes), (15, 0));
    }

    #[test]
    fn the_place_depends_on_the_words_and_where_it_is_asked_on_model_and_customer() {
        let of = |body: &str, options: CacheKey, model: &str, customer: &str| {
            let fields: Fields<'_> = serde_json::from_str(body).unwrap();
            let mut params = Params {
                cache_enabled: true,
                customer: Some(customer.to_owned()),
                ..Params::default()
            };
            params.cache_options.is_cached_by_model = options.0;
            params.cache_options.cache_by_customer = options.1;
            Place::of(&fields, &params, model, false).unwrap().key
        };
        let (plain, any_model, own) = ((None, None), (Some(false), None), (None, Some(true)));
        let key = of(r#"{"x":1,"metadata":{}}"#, plain, "a", "c");
        assert_eq!(key, of(r#"{"x":1,"cache_ttl":3}"#, plain, "a", "d"));
        assert_ne!(key, of(r#"{"x":2}"#, plain, "a", "c"));
        assert_ne!(key, of(r#"{"x":1}"#, plain, "b", "c"));
        let key = of(r#"{"x":1}"#, any_model, "a", "c");
        assert_eq!(key, of(r#"{"x":1}"#, any_model, "b", "c"));
        let key = of(r#"{"x":1}"#, own, "a", "c");
        assert_ne!(key, of(r#"{"x":1}"#, own, "a", "d"));
    }

    type CacheKey = (Option<bool>, Option<bool>);
}
