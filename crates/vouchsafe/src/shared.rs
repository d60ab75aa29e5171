//! A value that is fetched once for all callers that wait, and kept: metadata and keys.
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future;

use crate::error::{ConfigProblem, Error};
use crate::transport::{BoxFuture, Http};

mod together;

pub(crate) use together::{Owner, Together};

/// A value that is fetched at first use, once for all callers that wait, and fetched again when it is old.
///
/// No caller owns the fetch: if a caller is dropped, the fetch goes on for the others, in the background
/// ([`Runtime::spawn`](crate::http::Runtime::spawn)) or with the next caller. If a later fetch fails, the old value stays
/// in use up to its end. If the first fetch fails, all waiting callers get the error, and the next caller tries again.
pub(crate) struct Shared<T> {
    state: Arc<Mutex<State<T>>>,
    http: Http,
}

struct State<T> {
    freshness: Freshness,
    value: Option<Arc<T>>,
    fetched: Option<Instant>,
    /// The number of the fetch that gave the value.
    source: u64,
    /// From when and for how long nothing is fetched: after a failed fetch, or because the provider asks for it.
    rest: Option<(Instant, Duration)>,
    failure: Option<Error>,
    flight: Option<Flight<T>>,
    /// How many fetches have begun.
    begun: u64,
    /// When the forced fetches of each kind ended.
    forced: Vec<((Asker, Turn), Instant)>,
}

/// A fetch under way.
struct Flight<T> {
    number: u64,
    /// It must not own the state that it is kept in.
    outcome: future::Shared<BoxFuture<'static, Result<Arc<T>, Error>>>,
    forced: Option<(Asker, Turn)>,
    /// How many drive it, the background included.
    drivers: usize,
    /// Since when nobody drives it.
    left: Option<Instant>,
}

/// How long a value is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    /// After that time it is fetched again.
    pub(crate) max_age: Duration,
    /// After that time it is no longer used, even if it cannot be fetched again.
    pub(crate) end: Duration,
    /// The minimum time between two forced or failed fetches.
    pub(crate) cool_down: Duration,
}

/// Where the token came from that needs a newer value. Each kind has its own forced fetches, so forged tokens from strangers
/// do not use the fetches that logins need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asker {
    /// From the provider itself, over TLS.
    Provider,
    /// From anybody: the application was given it.
    Anybody,
}

/// Each asker has two forced fetches per cool-down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    Usual,
    /// For callers that joined a fetch which began before they asked.
    Extra,
}

impl<T> State<T> {
    /// The value, unless it is too old to be used at all.
    fn usable(&self) -> Option<&Arc<T>> {
        self.value.as_ref().filter(|_| self.age() < self.freshness.end)
    }

    /// The value, unless it has to be fetched again.
    fn known(&self) -> Option<&Arc<T>> {
        let (age, Freshness { max_age, end, .. }) = (self.age(), self.freshness);
        self.value.as_ref().filter(|_| age < end && (age < max_age || self.is_resting()))
    }

    fn age(&self) -> Duration {
        self.fetched.map_or(Duration::MAX, |at| at.elapsed())
    }

    fn is_resting(&self) -> bool {
        self.rest.is_some_and(|(since, rest)| since.elapsed() < rest)
    }

    /// The fetch that this asker may force now. `joined` says that the caller waited for an older fetch without success. The
    /// extra turn is for such callers, so the usual turn stays for the others.
    fn turn(&self, asker: Asker, joined: bool) -> Option<(Asker, Turn)> {
        let may = |turn: &(Asker, Turn)| {
            !self
                .forced
                .iter()
                .any(|(used, ended)| used == turn && ended.elapsed() < self.freshness.cool_down)
        };
        let extra = Some((asker, Turn::Extra)).filter(|turn| joined && may(turn));
        extra.or(Some((asker, Turn::Usual)).filter(may))
    }

    fn record(&mut self, flight: &Flight<T>, outcome: &Result<Arc<T>, Error>) {
        let now = Instant::now();
        if let Some(turn) = flight.forced {
            self.forced.retain(|(used, _)| *used != turn);
            self.forced.push((turn, now));
        }
        match outcome {
            Ok(value) => {
                self.fetched = Some(now);
                self.source = flight.number;
                self.rest = None;
                self.failure = None;
                self.value = Some(value.clone());
            }
            Err(error) => {
                // Without a usable value, the next caller waits only if the provider asked for that, and no longer than a
                // cool-down: the next request may reach another server of the provider.
                let cool_down = self.freshness.cool_down;
                let asked = error.retry_after().map(|wait| wait.min(cool_down));
                let rest = if self.usable().is_some() { Some(cool_down) } else { asked };
                self.rest = rest.map(|rest| (now, rest));
                self.failure = Some(error.clone());
            }
        }
    }
}

impl<T: Send + Sync + 'static> Shared<T> {
    /// Without a value, it is fetched at first use.
    pub(crate) fn new(value: Option<T>, http: &Http, freshness: Freshness) -> Self {
        let state = State {
            freshness,
            fetched: value.is_some().then(Instant::now),
            value: value.map(Arc::new),
            source: 0,
            rest: None,
            failure: None,
            flight: None,
            begun: 0,
            forced: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), http: http.clone() }
    }

    /// The value, if it is there and not old.
    pub(crate) fn known(&self) -> Option<Arc<T>> {
        lock(&self.state).known().cloned()
    }

    /// The value, however old it is.
    pub(crate) fn latest(&self) -> Option<Arc<T>> {
        lock(&self.state).value.clone()
    }

    /// How many fetches have begun: a caller that asks from now on can say so to [`Shared::newer`].
    pub(crate) fn begun(&self) -> u64 {
        lock(&self.state).begun
    }

    /// The value, fetched if there is none or if it is too old.
    pub(crate) async fn get(
        &self,
        fetch: impl Fn() -> BoxFuture<'static, Result<T, Error>>,
    ) -> Result<Arc<T>, Error> {
        loop {
            let seat = self.seat(&fetch, |state| {
                if let Some(value) = state.known() {
                    return Err(Ok(value.clone()));
                }
                match state.failure.as_ref().filter(|_| state.is_resting()) {
                    Some(failure) => Err(Err(failure.clone())),
                    None => Ok(None),
                }
            });
            let seat = match seat {
                Ok(seat) => seat,
                Err(known) => return known,
            };
            match seat.outcome().await {
                Ok(value) => return Ok(value),
                // A fetch that nobody drove for a while may have failed because of that alone.
                Err(_) if seat.was_left => {}
                Err(error) => return lock(&self.state).usable().cloned().ok_or(error),
            }
        }
    }

    /// Fetches a newer value than `old`, at most once per cool-down for each kind of asker. `None` if there is none.
    ///
    /// A caller that finds a fetch under way waits for it. That fetch began before the caller asked, so its value may still be
    /// too old. Then the caller asks again with the same `asked`, and there is one more fetch for all such callers.
    pub(crate) async fn newer(
        &self,
        old: &Arc<T>,
        asker: Asker,
        asked: &mut Option<u64>,
        fetch: impl Fn() -> BoxFuture<'static, Result<T, Error>>,
    ) -> Option<Arc<T>> {
        loop {
            let seat = self.seat(&fetch, |state| {
                let joined = asked.is_some();
                let asked = *asked.get_or_insert(state.begun);
                if let Some(value) = state.value.as_ref().filter(|value| !Arc::ptr_eq(value, old)) {
                    return Err(Some(value.clone()));
                }
                // Its fetch began after the caller asked: another fetch would give the same value.
                if state.source > asked {
                    return Err(None);
                }
                if state.flight.is_some() {
                    return Ok(None);
                }
                state.turn(asker, joined).map(Some).ok_or(None)
            });
            let seat = match seat {
                Ok(seat) => seat,
                Err(known) => return known,
            };
            match seat.outcome().await {
                Ok(value) => return Some(value),
                Err(_) if seat.was_left => {}
                Err(_) => return None,
            }
        }
    }

    /// Joins the fetch under way or begins a new one, unless `decide` says that none is needed.
    fn seat<O>(
        &self,
        fetch: impl FnOnce() -> BoxFuture<'static, Result<T, Error>>,
        decide: impl FnOnce(&mut State<T>) -> Result<Option<(Asker, Turn)>, O>,
    ) -> Result<Seat<T>, O> {
        // Dropped after the lock is released, because it runs code of the transport.
        let _stale;
        let (seat, begins) = {
            let mut guard = lock(&self.state);
            let state = &mut *guard;
            let stall = self.http.time_limit();
            let is_stale = |flight: &mut Flight<T>| flight.left.is_some_and(|left| left.elapsed() >= stall);
            _stale = state.flight.take_if(is_stale);
            let forced = decide(state)?;
            let next = state.begun + 1;
            let flight = state.flight.get_or_insert_with(|| Flight {
                number: next,
                outcome: without_panic(fetch()).boxed().shared(),
                forced,
                drivers: 0,
                left: None,
            });
            state.begun = state.begun.max(flight.number);
            let was_left = flight.left.take().is_some();
            flight.drivers += 1;
            let (state, number, outcome) = (self.state.clone(), flight.number, flight.outcome.clone());
            (Seat { state, number, outcome, was_left, is_background: false }, number == next)
        };
        if begins {
            // Without a background the next caller drives it.
            let (state, number, outcome) = (seat.state.clone(), seat.number, seat.outcome.clone());
            let _ = self.http.spawn(Box::pin(to_its_end(state, number, outcome)));
        }
        Ok(seat)
    }
}

/// A share of the fetch: that of a waiting caller, or that of the background. It counts as one driver as long as it lives.
struct Seat<T> {
    state: Arc<Mutex<State<T>>>,
    number: u64,
    outcome: future::Shared<BoxFuture<'static, Result<Arc<T>, Error>>>,
    /// Nobody had driven it for a while.
    was_left: bool,
    is_background: bool,
}

impl<T> Seat<T> {
    /// Waits for the outcome. The first seat that sees it records it.
    async fn outcome(&self) -> Result<Arc<T>, Error> {
        let outcome = self.outcome.clone().await;
        let flight;
        let mut state = lock(&self.state);
        flight = state.flight.take_if(|flight| flight.number == self.number);
        if let Some(flight) = &flight {
            state.record(flight, &outcome);
        }
        drop(state);
        outcome
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        let _lost;
        let mut state = lock(&self.state);
        let Some(flight) = state.flight.as_mut().filter(|flight| flight.number == self.number) else {
            return;
        };
        flight.drivers -= 1;
        if flight.drivers == 0 {
            flight.left = Some(Instant::now());
        }
        // The runtime ended before the fetch, and its connections and timers with it.
        if self.is_background {
            _lost = state.flight.take();
        }
    }
}

/// The task in the background.
async fn to_its_end<T>(
    state: Arc<Mutex<State<T>>>,
    number: u64,
    outcome: future::Shared<BoxFuture<'static, Result<Arc<T>, Error>>>,
) {
    if let Some(flight) = lock(&state).flight.as_mut().filter(|flight| flight.number == number) {
        flight.drivers += 1;
        flight.left = None;
    } else {
        return;
    }
    let _ = Seat { state, number, outcome, was_left: false, is_background: true }.outcome().await;
}

/// Turns a panic of the transport into an error. Otherwise it would be repeated for every caller that waits or comes later.
async fn without_panic<T>(fetch: BoxFuture<'static, Result<T, Error>>) -> Result<Arc<T>, Error> {
    match AssertUnwindSafe(fetch).catch_unwind().await {
        Ok(outcome) => outcome.map(Arc::new),
        Err(_) => Err(client_panicked()),
    }
}

/// The error of a request during which the HTTP client panicked.
pub(crate) fn client_panicked() -> Error {
    let detail = "the HTTP client panicked during a request: see its panic message";
    Error::config(ConfigProblem::HttpClient, detail)
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
    use std::task::{Context, Poll, Waker};

    use futures_util::future::join_all;

    use super::*;
    use crate::error::TransportError;
    use crate::transport::{HttpClient, Limits, Request, Response, Runtime};

    const LONG: Freshness = Freshness {
        max_age: Duration::from_secs(3600),
        end: Duration::from_secs(7200),
        cool_down: Duration::from_secs(30),
    };
    const OLD_AT_ONCE: Freshness = Freshness { max_age: Duration::ZERO, ..LONG };

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            if let Some(value) = poll(future.as_mut()) {
                return value;
            }
        }
    }

    fn poll<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    /// A provider whose fetches end when the gate is open, and what is fetched from it: how many fetches have begun.
    #[derive(Clone, Default)]
    struct Source {
        open: Arc<AtomicBool>,
        fetched: Arc<AtomicU32>,
        /// What runs in the background, once there is one.
        background: Option<Arc<Mutex<Vec<BoxFuture<'static, ()>>>>>,
        limit: Option<Duration>,
    }

    impl Source {
        fn open() -> Self {
            let source = Self::default();
            source.open.store(true, Relaxed);
            source
        }

        fn shared(&self) -> Shared<u32> {
            let http = Http::from(self.clone()).runtime(self.clone());
            let http = match self.limit {
                Some(limit) => http.timeout(limit),
                None => http,
            };
            Shared::new(None, &http, LONG)
        }

        fn fetch(&self) -> BoxFuture<'static, Result<u32, Error>> {
            let (open, number) = (self.open.clone(), self.fetched.clone());
            Box::pin(async move {
                let number = number.fetch_add(1, Relaxed);
                let is_open = |context: &mut Context<'_>| {
                    if open.load(Relaxed) {
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                };
                std::future::poll_fn(is_open).await;
                Ok(number)
            })
        }

        fn fetches(&self) -> u32 {
            self.fetched.load(Relaxed)
        }
    }

    impl HttpClient for Source {
        fn send(&self, _: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
            unreachable!("what is fetched is not sent for here")
        }
    }

    impl Runtime for Source {
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
            match &self.background {
                Some(tasks) => tasks.lock().unwrap().push(task),
                None => return Err(task),
            }
            Ok(())
        }
    }

    fn failure() -> Error {
        Error::config(ConfigProblem::Random, "no")
    }

    fn failing() -> BoxFuture<'static, Result<u32, Error>> {
        Box::pin(async { Err(failure()) })
    }

    fn ready(value: u32) -> BoxFuture<'static, Result<u32, Error>> {
        Box::pin(async move { Ok(value) })
    }

    #[test]
    fn one_fetch_serves_all_who_wait() {
        let source = Source::default();
        let shared = source.shared();
        let mut all = join_all((0..20).map(|_| shared.get(|| source.fetch())));
        assert!(poll(std::pin::Pin::new(&mut all)).is_none());
        source.open.store(true, Relaxed);
        assert!(block_on(all).into_iter().all(|v| *v.unwrap() == 0));
        assert_eq!(source.fetches(), 1);
    }

    #[test]
    fn whoever_hangs_up_leaves_the_fetch_to_the_others() {
        let source = Source::default();
        let shared = source.shared();
        let get = || Box::pin(shared.get(|| source.fetch()));
        let is_left = || lock(&shared.state).flight.as_ref().unwrap().left.is_some();
        let (mut first, mut second) = (get(), get());
        assert!(poll(first.as_mut()).is_none() && poll(second.as_mut()).is_none());
        drop(first);
        assert!(!is_left());
        drop(second);
        assert!(is_left());
        let mut third = get();
        assert!(poll(third.as_mut()).is_none());
        assert!(!is_left());
        source.open.store(true, Relaxed);
        assert_eq!(*block_on(third).unwrap(), 0);
        assert_eq!(source.fetches(), 1);
    }

    #[test]
    fn what_nobody_waits_for_ends_in_the_background() {
        let source = Source { background: Some(Arc::default()), ..Source::default() };
        let shared = source.shared();
        let mut only = Box::pin(shared.get(|| source.fetch()));
        assert!(poll(only.as_mut()).is_none());
        drop(only);
        let mut tasks = std::mem::take(&mut *source.background.as_ref().unwrap().lock().unwrap());
        assert_eq!(tasks.len(), 1);
        assert!(poll(tasks[0].as_mut()).is_none());
        assert!(lock(&shared.state).flight.as_ref().unwrap().left.is_none());
        source.open.store(true, Relaxed);
        block_on(join_all(tasks));
        assert_eq!(shared.known().as_deref(), Some(&0));
    }

    #[test]
    fn a_background_that_ends_takes_its_fetch_along() {
        let source = Source { background: Some(Arc::default()), ..Source::default() };
        let shared = source.shared();
        let get = || Box::pin(shared.get(|| source.fetch()));
        let (mut only, mut other) = (get(), get());
        assert!(poll(only.as_mut()).is_none() && poll(other.as_mut()).is_none());
        let mut tasks = std::mem::take(&mut *source.background.as_ref().unwrap().lock().unwrap());
        assert!(poll(tasks[0].as_mut()).is_none());
        drop(tasks);
        let mut next = get();
        assert!(poll(next.as_mut()).is_none());
        drop(other);
        assert!(lock(&shared.state).flight.as_ref().unwrap().left.is_none(), "the next one is driven");
        source.open.store(true, Relaxed);
        // Who had waited for the lost one may still see its end, which is none of the next one's.
        assert_eq!(*block_on(only).unwrap(), 0);
        assert!(shared.known().is_none());
        assert_eq!(*block_on(next).unwrap(), 1);
    }

    #[test]
    fn a_fetch_that_stood_still_for_too_long_begins_anew() {
        for (limit, fetches) in [(Duration::ZERO, 2), (Duration::from_secs(60), 1)] {
            let source = Source { limit: Some(limit), ..Source::default() };
            let shared = source.shared();
            let mut first = Box::pin(shared.get(|| source.fetch()));
            assert!(poll(first.as_mut()).is_none());
            // One who waits drives it, however long that takes.
            let mut second = Box::pin(shared.get(|| source.fetch()));
            assert!(poll(second.as_mut()).is_none());
            assert_eq!(source.fetches(), 1);
            drop((first, second));
            source.open.store(true, Relaxed);
            block_on(shared.get(|| source.fetch())).unwrap();
            assert_eq!(source.fetches(), fetches);
        }
    }

    #[test]
    fn what_failed_of_standing_still_is_tried_again() {
        let source = Source::default();
        let shared = source.shared();
        let timer = || -> BoxFuture<'static, _> {
            let open = source.open.clone();
            Box::pin(std::future::poll_fn(move |_| match open.load(Relaxed) {
                true => Poll::Ready(Err(failure())),
                false => Poll::Pending,
            }))
        };
        let mut first = Box::pin(shared.get(timer));
        assert!(poll(first.as_mut()).is_none());
        drop(first);
        source.open.store(true, Relaxed);
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        assert_eq!(*old, 0);

        source.open.store(false, Relaxed);
        let newer = |fetch| {
            let (old, shared) = (&old, &shared);
            async move { shared.newer(old, Asker::Provider, &mut None, fetch).await }
        };
        let mut first = Box::pin(newer(&timer as &dyn Fn() -> BoxFuture<'static, _>));
        assert!(poll(first.as_mut()).is_none());
        drop(first);
        source.open.store(true, Relaxed);
        let fetch = || source.fetch();
        // The fetch that failed has used up the usual one: who waited for it has one more.
        assert_eq!(*block_on(newer(&fetch)).unwrap(), 1);
    }

    #[test]
    fn a_panic_is_an_error_for_those_who_waited_and_for_no_others() {
        let shared = Source::open().shared();
        let panics = || -> BoxFuture<'static, Result<u32, Error>> { Box::pin(async { panic!("a test") }) };
        assert_eq!(block_on(shared.get(panics)).unwrap_err().code(), "http_client");
        assert_eq!(*block_on(shared.get(|| ready(7))).unwrap(), 7);
    }

    #[test]
    fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_the_next() {
        let source = Source::default();
        let shared = source.shared();
        let fail = || -> BoxFuture<'static, Result<u32, Error>> {
            let fetch = source.fetch();
            Box::pin(async move { fetch.await.and(Err(failure())) })
        };
        let mut all = join_all((0..20).map(|_| shared.get(fail)));
        assert!(poll(std::pin::Pin::new(&mut all)).is_none());
        source.open.store(true, Relaxed);
        assert!(block_on(all).into_iter().all(|v| v.is_err()));
        assert_eq!(source.fetches(), 1);
        assert_eq!(*block_on(shared.get(|| ready(7))).unwrap(), 7);
    }

    #[test]
    fn the_last_good_value_outlives_a_failed_renewal() {
        let shared = Source::open().shared();
        lock(&shared.state).freshness = OLD_AT_ONCE;
        assert_eq!(*block_on(shared.get(|| ready(1))).unwrap(), 1);
        assert_eq!(*block_on(shared.get(failing)).unwrap(), 1);
    }

    #[test]
    fn no_value_outlives_its_end() {
        let ended = Freshness { end: Duration::ZERO, ..LONG };
        let shared = Shared::new(Some(1), &Http::from(Source::open()), LONG);
        assert!(shared.known().is_some());
        lock(&shared.state).freshness = ended;
        assert!(shared.known().is_none());
        assert!(block_on(shared.get(failing)).is_err());
        // It does not come back while the provider rests either, and the provider is asked again.
        assert!(shared.known().is_none());
        assert_eq!(*block_on(shared.get(|| ready(2))).unwrap(), 2);
    }

    #[test]
    fn a_failed_renewal_is_not_repeated_within_a_cool_down() {
        let source = Source::open();
        let fail = || -> BoxFuture<'static, Result<u32, Error>> {
            let fetch = source.fetch();
            Box::pin(async move { fetch.await.and(Err(failure())) })
        };
        let shared = Shared::new(Some(1), &Http::from(source.clone()), OLD_AT_ONCE);
        for _ in 0..5 {
            assert_eq!(*block_on(shared.get(fail)).unwrap(), 1);
        }
        assert_eq!(source.fetches(), 1);
        let restless = Freshness { cool_down: Duration::ZERO, ..OLD_AT_ONCE };
        let shared = Shared::new(Some(1), &Http::from(source.clone()), restless);
        for _ in 0..5 {
            assert_eq!(*block_on(shared.get(fail)).unwrap(), 1);
        }
        assert_eq!(source.fetches(), 6);
    }

    #[test]
    fn a_provider_that_asks_to_wait_is_not_asked_for_a_first_value_either() {
        let fetched = AtomicU32::new(0);
        let busy = || -> BoxFuture<'static, Result<u32, Error>> {
            let error =
                Error::status_of(crate::error::Operation::Discovery, "https://a.example".to_owned(), 503);
            let error = error.after(Some(Duration::from_secs(3600)));
            fetched.fetch_add(1, Relaxed);
            Box::pin(async { Err(error) })
        };
        let shared = Source::open().shared();
        for _ in 0..5 {
            let error = block_on(shared.get(busy)).unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
        }
        assert_eq!(fetched.load(Relaxed), 1);
        // It does not rest for longer than a cool-down, whatever was asked for.
        let restless = Freshness { cool_down: Duration::ZERO, ..LONG };
        let shared = Source::open().shared();
        lock(&shared.state).freshness = restless;
        assert!(block_on(shared.get(busy)).is_err());
        assert_eq!(*block_on(shared.get(|| ready(7))).unwrap(), 7);
    }

    /// Somebody whose token needs a newer value than that.
    async fn ask(
        shared: &Shared<u32>,
        source: &Source,
        old: &Arc<u32>,
        asker: Asker,
        needed: u32,
    ) -> Option<Arc<u32>> {
        let (mut asked, mut value) = (None, old.clone());
        loop {
            value = shared.newer(&value, asker, &mut asked, || source.fetch()).await?;
            if *value >= needed {
                return Some(value);
            }
        }
    }

    #[test]
    fn a_newer_value_is_fetched_once_in_a_cool_down() {
        let source = Source::open();
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        let newer = block_on(ask(&shared, &source, &old, Asker::Provider, 1)).unwrap();
        assert_eq!(*newer, 1);
        assert!(block_on(ask(&shared, &source, &newer, Asker::Provider, 2)).is_none());
        let given = block_on(ask(&shared, &source, &old, Asker::Provider, 1)).unwrap();
        assert_eq!(*given, 1, "what another renewed is given to all");
        assert_eq!(source.fetches(), 2);
    }

    #[test]
    fn what_strangers_use_up_is_none_of_what_logins_need() {
        let source = Source::open();
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        let newer = block_on(ask(&shared, &source, &old, Asker::Anybody, 1)).unwrap();
        assert!(block_on(ask(&shared, &source, &newer, Asker::Anybody, 2)).is_none());
        let newest = block_on(ask(&shared, &source, &newer, Asker::Provider, 2)).unwrap();
        assert!(block_on(ask(&shared, &source, &newest, Asker::Provider, 3)).is_none());
        assert_eq!(source.fetches(), 3);
    }

    #[test]
    fn a_fetch_under_way_is_joined_whatever_is_used_up() {
        let source = Source::open();
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        let newer = block_on(ask(&shared, &source, &old, Asker::Provider, 1)).unwrap();
        source.open.store(false, Relaxed);
        let mut stranger = Box::pin(ask(&shared, &source, &newer, Asker::Anybody, 2));
        let mut login = Box::pin(ask(&shared, &source, &newer, Asker::Provider, 2));
        assert!(poll(stranger.as_mut()).is_none() && poll(login.as_mut()).is_none());
        source.open.store(true, Relaxed);
        assert_eq!(*block_on(login).unwrap(), 2);
        assert_eq!(source.fetches(), 3);
    }

    #[test]
    fn who_joins_a_fetch_in_vain_has_one_more_and_all_of_them_the_same() {
        let source = Source::open();
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        for asker in [Asker::Provider, Asker::Anybody] {
            let (source, value) =
                (Source { fetched: source.fetched.clone(), ..Source::default() }, source.fetches());
            let old = block_on(shared.get(|| source.fetch())).unwrap_or(old.clone());
            // The first began before the value was there that the others need.
            let mut first = Box::pin(ask(&shared, &source, &old, asker, value));
            assert!(poll(first.as_mut()).is_none());
            let mut others =
                Box::pin(join_all((0..20).map(|_| ask(&shared, &source, &old, asker, value + 1))));
            assert!(poll(others.as_mut()).is_none());
            source.open.store(true, Relaxed);
            assert_eq!(*block_on(first).unwrap(), value);
            assert!(block_on(others).into_iter().all(|found| *found.unwrap() == value + 1));
            assert_eq!(source.fetches(), value + 2, "one fetch, and one more for all who had joined it");
            // Nobody has a third, whatever was joined.
            let known = block_on(shared.get(|| source.fetch())).unwrap();
            assert!(block_on(ask(&shared, &source, &known, asker, value + 2)).is_none());
            assert_eq!(source.fetches(), value + 2);
        }
    }

    #[test]
    fn overlap_costs_one_more_fetch_in_a_cool_down_and_no_more() {
        let source = Source::default();
        source.open.store(true, Relaxed);
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        source.open.store(false, Relaxed);
        let begin = || Box::pin(ask(&shared, &source, &old, Asker::Anybody, u32::MAX));
        // Somebody is always under way when the next one comes.
        let mut under_way = vec![begin()];
        for _ in 0..20 {
            under_way.push(begin());
            source.open.store(true, Relaxed);
            under_way.retain_mut(|asking| poll(asking.as_mut()).is_none());
            source.open.store(false, Relaxed);
            under_way.push(begin());
            under_way.retain_mut(|asking| poll(asking.as_mut()).is_none());
        }
        assert_eq!(source.fetches(), 3, "the first, and two that were forced");
    }

    #[test]
    fn who_waited_for_a_value_in_vain_is_told_so_once_it_is_newer_than_the_question() {
        let source = Source::open();
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        // The fetch that this one began has nothing newer for it: it begins no other.
        lock(&shared.state).freshness = Freshness { cool_down: Duration::ZERO, ..LONG };
        let mut asked = None;
        let newer = block_on(shared.newer(&old, Asker::Provider, &mut asked, || source.fetch()));
        let newer = newer.unwrap();
        let again = block_on(shared.newer(&newer, Asker::Provider, &mut asked, || source.fetch()));
        assert!(again.is_none());
        assert_eq!(source.fetches(), 2);
    }

    #[test]
    fn a_renewal_counts_from_when_it_ended() {
        let source = Source::default();
        source.open.store(true, Relaxed);
        let shared = source.shared();
        let old = block_on(shared.get(|| source.fetch())).unwrap();
        source.open.store(false, Relaxed);
        // Whoever hangs up has used up nothing, and the next one goes on with it.
        for _ in 0..5 {
            let mut stranger = Box::pin(ask(&shared, &source, &old, Asker::Anybody, 1));
            assert!(poll(stranger.as_mut()).is_none());
        }
        source.open.store(true, Relaxed);
        assert_eq!(*block_on(ask(&shared, &source, &old, Asker::Anybody, 1)).unwrap(), 1);
        assert_eq!(source.fetches(), 2);
    }
}
