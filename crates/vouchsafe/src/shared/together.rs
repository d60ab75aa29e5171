//! Requests that callers share only while they are under way: nothing is kept afterwards.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::{Freshness, Shared};
use crate::error::Error;
use crate::transport::{BoxFuture, Http};

/// Requests under way, by a key: callers with the same key share one request and its outcome, an error too.
///
/// As with [`Shared`], no caller owns the request. It is never sent again, not even if nobody drove it for a while.
pub(crate) struct Together<T> {
    flights: Arc<Mutex<Flights<T>>>,
    http: Http,
}

type Flights<T> = HashMap<[u8; 32], Weak<Flight<T>>>;

/// One request. It leaves the table when its last caller has gone and the background has ended.
struct Flight<T> {
    shared: Shared<T>,
    key: [u8; 32],
    flights: Arc<Mutex<Flights<T>>>,
}

impl<T: Send + Sync + 'static> Together<T> {
    pub(crate) fn new(http: &Http) -> Self {
        Self { flights: Arc::default(), http: http.clone() }
    }

    /// The outcome of the request under way with that key, or of this one if there is none.
    pub(crate) async fn get(
        &self,
        key: [u8; 32],
        fetch: BoxFuture<'static, Result<T, Error>>,
    ) -> Result<Arc<T>, Error> {
        let flight = self.flight(key);
        // The background, if there is one, keeps the request in the table for callers that come later.
        let seat = flight.shared.seat(
            || fetch,
            flight.clone(),
            |state| match (state.known(), &state.failure) {
                (Some(value), _) => Err(Ok(value.clone())),
                (None, Some(failure)) => Err(Err(failure.clone())),
                (None, None) => Ok(None),
            },
        );
        let outcome = match seat {
            Ok(seat) => seat.outcome().await,
            Err(known) => known,
        };
        if outcome.is_err() {
            // A caller that tries again must not get this error again.
            flight.leave();
        }
        outcome
    }

    fn flight(&self, key: [u8; 32]) -> Arc<Flight<T>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(Weak::upgrade) {
            return flight;
        }
        let shared = Shared::new(None, &self.http, FOR_ALL_CALLERS);
        let flight = Arc::new(Flight { shared, key, flights: self.flights.clone() });
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }
}

impl<T> Flight<T> {
    /// Leaves the table. Callers that wait still get the outcome.
    fn leave(&self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request with that key may have begun already.
        if flights.get(&self.key).is_some_and(|known| std::ptr::eq(known.as_ptr(), self)) {
            flights.remove(&self.key);
        }
    }
}

impl<T> Drop for Flight<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The outcome is there for each caller that waits, however late it looks.
const FOR_ALL_CALLERS: Freshness =
    Freshness { max_age: Duration::MAX, end: Duration::MAX, cool_down: Duration::ZERO };

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::error::ConfigProblem;
    use crate::transport::{HttpClient, Limits, Request, Response, Runtime};

    /// A transport that never sends. What runs in its background is kept here.
    #[derive(Clone, Default)]
    struct Idle(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

    impl HttpClient for Idle {
        fn send(
            &self,
            _: Request,
            _: Limits,
        ) -> BoxFuture<'_, Result<Response, crate::error::TransportError>> {
            Box::pin(std::future::pending())
        }
    }

    impl Runtime for Idle {
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
            self.0.lock().unwrap().push(task);
            Ok(())
        }
    }

    fn poll<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// A provider whose requests end when it is open, and how many have begun.
    #[derive(Clone, Default)]
    struct Provider {
        open: Arc<AtomicBool>,
        fails: bool,
        begun: Arc<AtomicU32>,
    }

    impl Provider {
        fn request(&self) -> BoxFuture<'static, Result<u32, Error>> {
            let Self { open, fails, begun } = self.clone();
            Box::pin(async move {
                let number = begun.fetch_add(1, Relaxed);
                let is_open =
                    |_: &mut Context<'_>| if open.load(Relaxed) { Poll::Ready(()) } else { Poll::Pending };
                std::future::poll_fn(is_open).await;
                if fails { Err(Error::config(ConfigProblem::Random, "failed")) } else { Ok(number) }
            })
        }
    }

    const KEY: [u8; 32] = [1; 32];

    #[test]
    fn callers_share_a_request_and_nothing_is_kept_of_it() {
        for fails in [false, true] {
            let together = Together::new(&Http::from(Idle::default()));
            let provider = Provider { fails, ..Provider::default() };
            {
                let mut one = pin!(together.get(KEY, provider.request()));
                let mut other = pin!(together.get(KEY, provider.request()));
                let mut third = pin!(together.get([2; 32], provider.request()));
                assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
                assert!(poll(third.as_mut()).is_pending());
                assert_eq!(provider.begun.load(Relaxed), 2, "one for each key");
                provider.open.store(true, Relaxed);
                for outcome in [poll(one), poll(other)] {
                    match outcome {
                        Poll::Ready(Ok(number)) => assert_eq!((*number, fails), (0, false)),
                        Poll::Ready(Err(_)) => assert!(fails),
                        Poll::Pending => panic!("it has ended"),
                    }
                }
                assert!(poll(third).is_ready());
            }
            assert!(together.flights.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn a_request_that_the_background_drives_is_found_and_then_forgotten() {
        let (idle, provider) = (Idle::default(), Provider::default());
        let together = Together::new(&Http::from(idle.clone()).runtime(idle.clone()));
        // The only caller gives up.
        assert!(poll(pin!(together.get(KEY, provider.request()))).is_pending());
        assert_eq!(together.flights.lock().unwrap().len(), 1);
        provider.open.store(true, Relaxed);
        let outcome = poll(pin!(together.get(KEY, provider.request())));
        assert!(matches!(outcome, Poll::Ready(Ok(number)) if *number == 0));
        for mut task in std::mem::take(&mut *idle.0.lock().unwrap()) {
            assert!(poll(task.as_mut()).is_ready());
        }
        assert!(together.flights.lock().unwrap().is_empty());
    }

    #[test]
    fn a_request_without_callers_and_background_is_forgotten() {
        let together = Together::new(&Http::from(Idle::default()));
        assert!(poll(pin!(together.get(KEY, Provider::default().request()))).is_pending());
        assert!(together.flights.lock().unwrap().is_empty());
    }
}
