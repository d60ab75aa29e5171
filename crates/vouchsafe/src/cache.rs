//! What is fetched once and kept: metadata and keys.
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A value that is fetched at first use, by one caller for all who wait, and renewed when it is old. When a renewal
/// fails the old value stays; when the first fetch fails, all who waited are told, and the next caller tries again.
pub(crate) struct Cached<T> {
    state: Mutex<State<T>>,
    flight: futures_util::lock::Mutex<()>,
}

struct State<T> {
    value: Option<Arc<T>>,
    fetched: Option<Instant>,
    /// Since when and for how long nothing is fetched: after a renewal that failed, or because the provider asks for it.
    rest: Option<(Instant, Duration)>,
    /// When a renewal was last forced.
    forced: Option<Instant>,
    /// How many fetches have ended, to know whether one did while a caller waited.
    ended: u64,
    failure: Option<Error>,
}

/// How long a value is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    /// After that time it is fetched anew.
    pub(crate) max_age: Duration,
    /// How long after a forced or failed renewal the next one may be.
    pub(crate) cool_down: Duration,
}

impl<T> State<T> {
    fn known(&self, max_age: Duration) -> Option<&Arc<T>> {
        self.value
            .as_ref()
            .filter(|_| self.fetched.is_some_and(|at| at.elapsed() < max_age) || self.is_resting())
    }

    fn is_resting(&self) -> bool {
        self.rest.is_some_and(|(since, rest)| since.elapsed() < rest)
    }
}

impl<T> Cached<T> {
    pub(crate) fn empty() -> Self {
        let state = State { value: None, fetched: None, rest: None, forced: None, ended: 0, failure: None };
        Self { state: Mutex::new(state), flight: futures_util::lock::Mutex::new(()) }
    }

    pub(crate) fn with(value: T) -> Self {
        let cached = Self::empty();
        {
            let mut state = cached.state();
            state.value = Some(Arc::new(value));
            state.fetched = Some(Instant::now());
        }
        cached
    }

    /// The value, if it is there and not old.
    pub(crate) fn known(&self, max_age: Duration) -> Option<Arc<T>> {
        self.state().known(max_age).cloned()
    }

    /// The value, fetched if there is none or if it is too old.
    pub(crate) async fn get<F: Future<Output = Result<T, Error>>>(
        &self,
        freshness: Freshness,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error> {
        let ended = {
            let state = self.state();
            if let Some(value) = state.known(freshness.max_age) {
                return Ok(value.clone());
            }
            if let Some(failure) = state.failure.as_ref().filter(|_| state.is_resting()) {
                return Err(failure.clone());
            }
            state.ended
        };
        self.fetch(ended, freshness, fetch).await
    }

    /// A value newer than `old`, at most once in a cool-down; none where that is not to be had.
    pub(crate) async fn newer<F: Future<Output = Result<T, Error>>>(
        &self,
        old: &Arc<T>,
        freshness: Freshness,
        fetch: impl FnOnce() -> F,
    ) -> Option<Arc<T>> {
        let ended = {
            let mut state = self.state();
            if state.value.as_ref().is_some_and(|value| !Arc::ptr_eq(value, old)) {
                return state.value.clone();
            }
            let now = Instant::now();
            if state.forced.is_some_and(|at| now.duration_since(at) < freshness.cool_down) {
                return None;
            }
            state.forced = Some(now);
            state.ended
        };
        let value = self.fetch(ended, freshness, fetch).await.ok()?;
        (!Arc::ptr_eq(&value, old)).then_some(value)
    }

    async fn fetch<F: Future<Output = Result<T, Error>>>(
        &self,
        ended: u64,
        freshness: Freshness,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error> {
        let _flight = self.flight.lock().await;
        {
            // Somebody fetched while this caller waited: their outcome is shared, so that a provider in trouble
            // is not asked once for everybody who waits.
            let state = self.state();
            if state.ended != ended {
                return match (&state.value, &state.failure) {
                    (Some(value), _) => Ok(value.clone()),
                    (None, Some(failure)) => Err(failure.clone()),
                    (None, None) => unreachable_outcome(),
                };
            }
        }
        let outcome = fetch().await.map(Arc::new);
        let mut state = self.state();
        state.ended += 1;
        match outcome {
            Ok(value) => {
                state.fetched = Some(Instant::now());
                state.rest = None;
                state.failure = None;
                state.value = Some(value.clone());
                Ok(value)
            }
            Err(error) => {
                // Where there is nothing to go on with, only the provider's own word keeps the next caller waiting, and
                // not for long: it may have been one server of many.
                let asked = error.retry_after().map(|wait| wait.min(freshness.cool_down));
                let rest = if state.value.is_some() { Some(freshness.cool_down) } else { asked };
                state.rest = rest.map(|rest| (Instant::now(), rest));
                state.failure = Some(error.clone());
                state.value.clone().ok_or(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A fetch ends with a value or a failure; this stands for the third that there is not.
fn unreachable_outcome<T>() -> Result<T, Error> {
    Err(Error::config("cache", "a fetch ended without an outcome"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use futures_util::future::join_all;

    use super::*;

    const LONG: Freshness =
        Freshness { max_age: Duration::from_secs(3600), cool_down: Duration::from_secs(30) };
    const OLD_AT_ONCE: Freshness = Freshness { max_age: Duration::ZERO, ..LONG };

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        futures_util::pin_mut!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
        }
    }

    /// Gives way once, so that others come to wait.
    async fn give_way() {
        let mut gave = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut gave, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }

    fn failure() -> Error {
        Error::config("test", "no")
    }

    #[test]
    fn one_fetch_serves_all_who_wait() {
        let (cached, fetched) = (Cached::empty(), AtomicU32::new(0));
        let get = || {
            cached.get(LONG, || async {
                give_way().await;
                Ok(fetched.fetch_add(1, Relaxed))
            })
        };
        let values = block_on(join_all((0..50).map(|_| get())));
        assert!(values.into_iter().all(|v| *v.unwrap() == 0));
        assert_eq!(fetched.load(Relaxed), 1);
    }

    #[test]
    fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_the_next() {
        let (cached, fetched) = (Cached::<u32>::empty(), AtomicU32::new(0));
        let fail = || {
            cached.get(LONG, || async {
                give_way().await;
                fetched.fetch_add(1, Relaxed);
                Err(failure())
            })
        };
        let values = block_on(join_all((0..50).map(|_| fail())));
        assert!(values.into_iter().all(|v| v.is_err()));
        assert_eq!(fetched.load(Relaxed), 1);
        assert_eq!(*block_on(cached.get(LONG, || async { Ok(7) })).unwrap(), 7);
    }

    #[test]
    fn the_last_good_value_outlives_a_failed_renewal() {
        let cached = Cached::empty();
        assert_eq!(*block_on(cached.get(OLD_AT_ONCE, || async { Ok(1) })).unwrap(), 1);
        assert_eq!(*block_on(cached.get(OLD_AT_ONCE, || async { Err(failure()) })).unwrap(), 1);
    }

    #[test]
    fn a_failed_renewal_is_not_repeated_within_a_cool_down() {
        let (cached, fetched) = (Cached::with(1), AtomicU32::new(0));
        let fail = || async {
            fetched.fetch_add(1, Relaxed);
            Err(failure())
        };
        for _ in 0..5 {
            assert_eq!(*block_on(cached.get(OLD_AT_ONCE, fail)).unwrap(), 1);
        }
        assert_eq!(fetched.load(Relaxed), 1);
        let restless = Freshness { cool_down: Duration::ZERO, ..OLD_AT_ONCE };
        let cached = Cached::with(1);
        for _ in 0..5 {
            assert_eq!(*block_on(cached.get(restless, fail)).unwrap(), 1);
        }
        assert_eq!(fetched.load(Relaxed), 6);
    }

    #[test]
    fn a_provider_that_asks_to_wait_is_not_asked_for_a_first_value_either() {
        let (cached, fetched) = (Cached::<u32>::empty(), AtomicU32::new(0));
        let busy = |seconds| {
            let error =
                Error::status_of(crate::error::Operation::Discovery, "https://a.example".to_owned(), 503);
            let error = error.after(Some(Duration::from_secs(seconds)));
            fetched.fetch_add(1, Relaxed);
            async { Err(error) }
        };
        for _ in 0..5 {
            let error = block_on(cached.get(LONG, || busy(3600))).unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
        }
        assert_eq!(fetched.load(Relaxed), 1);
        // It does not rest for longer than a cool-down, whatever was asked for.
        let restless = Freshness { cool_down: Duration::ZERO, ..LONG };
        let cached = Cached::<u32>::empty();
        assert!(block_on(cached.get(restless, || busy(3600))).is_err());
        assert_eq!(*block_on(cached.get(restless, || async { Ok(7) })).unwrap(), 7);
    }

    #[test]
    fn a_newer_value_is_fetched_once_in_a_cool_down() {
        let (cached, fetched) = (Cached::empty(), AtomicU32::new(0));
        let fetch = || async { Ok(fetched.fetch_add(1, Relaxed)) };
        let old = block_on(cached.get(LONG, fetch)).unwrap();
        let newer = block_on(cached.newer(&old, LONG, fetch)).unwrap();
        assert_eq!(*newer, 1);
        assert!(block_on(cached.newer(&newer, LONG, fetch)).is_none());
        assert_eq!(
            *block_on(cached.newer(&old, LONG, fetch)).unwrap(),
            1,
            "what another renewed is given to all"
        );
        assert_eq!(fetched.load(Relaxed), 2);
    }
}
