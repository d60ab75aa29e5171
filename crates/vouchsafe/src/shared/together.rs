//! Work that callers share only while it is under way: nothing is kept afterwards.
use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

use crate::error::Error;
use crate::transport::{BoxFuture, Runtime};

/// Work under way, by a key: callers with the same key share it and its outcome, an error too. If a caller is dropped, the work goes
/// on for the others, in the background or with the next caller.
pub(crate) struct Together<K: Eq + Hash, T> {
    table: Arc<Mutex<Table<K, T>>>,
    owner: Owner,
}

/// Who keeps work alive that nothing drives in the background.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// Its callers: it is dropped with the last of them. A caller that comes before all of them have its outcome gets this
    /// outcome too, unless it is an error.
    Callers,
    /// The table, until it has ended: it stays for the next caller. A caller that comes after its end begins new work.
    Table,
}

struct Table<K: Eq + Hash, T> {
    begun: u64,
    flights: HashMap<K, Flight<K, T>>,
}

struct Flight<K: Eq + Hash, T> {
    number: u64,
    work: WeakShared<Work<K, T>>,
    _owned: Option<Shared<Work<K, T>>>,
}

type Work<K, T> = BoxFuture<'static, (Result<T, Error>, Arc<Seat<K, T>>)>;

/// A place in the table. The work has it, and then its outcome: it is left when both are gone.
struct Seat<K: Eq + Hash, T> {
    /// The work must not own the place in which it is kept.
    table: Weak<Mutex<Table<K, T>>>,
    key: K,
    number: u64,
}

impl<K, T> Together<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(owner: Owner) -> Self {
        let table = Table { begun: 0, flights: HashMap::new() };
        Self { table: Arc::new(Mutex::new(table)), owner }
    }

    /// The outcome of the work under way with this key, or of new work. Returns whether something in the background drives it.
    /// If the work panics, the outcome is `panicked`.
    pub(crate) fn join(
        &self,
        key: K,
        runtime: Option<&dyn Runtime>,
        begin: impl FnOnce() -> BoxFuture<'static, Result<T, Error>>,
        panicked: fn() -> Error,
    ) -> (BoxFuture<'static, Result<T, Error>>, bool) {
        let outcome = |work: Shared<Work<K, T>>| work.map(|(outcome, _)| outcome).boxed();
        let mut table = lock(&self.table);
        if let Some(work) = table.flights.get(&key).and_then(|flight| flight.work.upgrade()) {
            return (outcome(work), runtime.is_some());
        }
        table.begun += 1;
        let (owner, number) = (self.owner, table.begun);
        let seat = Seat { table: Arc::downgrade(&self.table), key: key.clone(), number };
        let work = AssertUnwindSafe(begin()).catch_unwind();
        let work = async move {
            let outcome = work.await.unwrap_or_else(|_| Err(panicked()));
            if owner == Owner::Table || outcome.is_err() {
                seat.leave();
            }
            (outcome, Arc::new(seat))
        };
        let work = work.boxed().shared();
        if let Some(weak) = work.downgrade() {
            let owned = (owner == Owner::Table).then(|| work.clone());
            table.flights.insert(key, Flight { number, work: weak, _owned: owned });
        }
        drop(table);
        let task = work.clone().map(drop).boxed();
        let is_driven = runtime.is_some_and(|runtime| runtime.spawn(task).is_ok());
        (outcome(work), is_driven)
    }
}

impl<K: Eq + Hash, T> Seat<K, T> {
    fn leave(&self) {
        let Some(table) = self.table.upgrade() else { return };
        let mut table = lock(&table);
        // Other work with that key may have begun already.
        let is_own = table.flights.get(&self.key).is_some_and(|flight| flight.number == self.number);
        let left = is_own.then(|| table.flights.remove(&self.key));
        // Dropped after the lock is released.
        drop(table);
        drop(left);
    }
}

impl<K: Eq + Hash, T> Drop for Seat<K, T> {
    fn drop(&mut self) {
        self.leave();
    }
}

fn lock<K: Eq + Hash, T>(table: &Mutex<Table<K, T>>) -> MutexGuard<'_, Table<K, T>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;
    use crate::error::ConfigProblem;

    type Numbers = Together<u8, u32>;
    type Outcome = BoxFuture<'static, Result<u32, Error>>;

    /// What runs in the background is kept here.
    #[derive(Clone, Default)]
    struct Background(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

    impl Runtime for Background {
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
            self.0.lock().unwrap().push(task);
            Ok(())
        }
    }

    /// The number or the problem of an outcome that is there.
    fn poll(outcome: &mut Outcome) -> Option<Result<u32, String>> {
        let known = outcome.now_or_never();
        known.map(|outcome| outcome.map_err(|error| error.code().to_owned()))
    }

    fn panicked() -> Error {
        Error::config(ConfigProblem::Panicked, "panicked")
    }

    /// A provider whose requests end when it is open, and how many have begun.
    #[derive(Clone, Default)]
    struct Provider {
        open: Arc<AtomicBool>,
        fails: bool,
        begun: Arc<AtomicU32>,
    }

    impl Provider {
        fn request(&self) -> Outcome {
            let Self { open, fails, begun } = self.clone();
            Box::pin(async move {
                let number = begun.fetch_add(1, Relaxed);
                let is_open =
                    |_: &mut Context<'_>| if open.load(Relaxed) { Poll::Ready(()) } else { Poll::Pending };
                std::future::poll_fn(is_open).await;
                if fails { Err(Error::config(ConfigProblem::Random, "failed")) } else { Ok(number) }
            })
        }

        fn ask(&self, key: u8, together: &Numbers) -> Outcome {
            together.join(key, None, || self.request(), panicked).0
        }
    }

    fn is_empty(together: &Numbers) -> bool {
        lock(&together.table).flights.is_empty()
    }

    #[test]
    fn callers_share_a_request_and_nothing_is_kept_of_it() {
        for (fails, owner) in
            [(false, Owner::Table), (false, Owner::Callers), (true, Owner::Table), (true, Owner::Callers)]
        {
            let together = Together::new(owner);
            let provider = Provider { fails, ..Provider::default() };
            let mut all = [1, 1, 2].map(|key| provider.ask(key, &together));
            assert!(all.iter_mut().all(|outcome| poll(outcome).is_none()));
            assert_eq!(provider.begun.load(Relaxed), 2, "one for each key");
            provider.open.store(true, Relaxed);
            let [one, other, third] = all.map(|mut outcome| poll(&mut outcome));
            assert_eq!(one, Some(if fails { Err("random".to_owned()) } else { Ok(0) }));
            assert_eq!(other, one);
            assert!(third.is_some());
            assert!(is_empty(&together));
            // A caller that tries again does not get the same outcome again.
            assert!(poll(&mut provider.ask(1, &together)).is_some());
            assert_eq!(provider.begun.load(Relaxed), 3);
        }
    }

    #[test]
    fn a_request_that_the_background_drives_is_found_and_then_forgotten() {
        let (background, provider) = (Background::default(), Provider::default());
        let together = Numbers::new(Owner::Callers);
        let ask = || together.join(1, Some(&background), || provider.request(), panicked);
        // The only caller gives up.
        let (mut outcome, is_driven) = ask();
        assert!(is_driven && poll(&mut outcome).is_none());
        drop(outcome);
        assert!(!is_empty(&together));
        provider.open.store(true, Relaxed);
        assert_eq!(poll(&mut ask().0), Some(Ok(0)));
        for mut task in std::mem::take(&mut *background.0.lock().unwrap()) {
            assert!(task.as_mut().now_or_never().is_some());
        }
        assert!(is_empty(&together));
    }

    #[test]
    fn a_request_without_callers_and_background_is_forgotten_or_kept_for_the_next_caller() {
        for (owner, expected) in [(Owner::Callers, 1), (Owner::Table, 0)] {
            let (together, provider) = (Numbers::new(owner), Provider::default());
            assert!(poll(&mut provider.ask(1, &together)).is_none());
            assert_eq!(is_empty(&together), owner == Owner::Callers);
            provider.open.store(true, Relaxed);
            assert_eq!(poll(&mut provider.ask(1, &together)), Some(Ok(expected)));
            assert!(is_empty(&together));
        }
    }

    #[test]
    fn a_caller_that_comes_after_the_end_gets_an_outcome_that_others_have_not_taken_if_callers_own_it() {
        for (owner, fails, expected) in [
            (Owner::Callers, false, 1),
            (Owner::Callers, true, 2),
            (Owner::Table, false, 2),
            (Owner::Table, true, 2),
        ] {
            let together = Numbers::new(owner);
            let provider = Provider { fails, ..Provider::default() };
            provider.open.store(true, Relaxed);
            let (mut one, mut other) = (provider.ask(1, &together), provider.ask(1, &together));
            assert!(poll(&mut one).is_some());
            assert!(poll(&mut provider.ask(1, &together)).is_some());
            assert_eq!(provider.begun.load(Relaxed), expected, "{owner:?} {fails}");
            assert!(poll(&mut other).is_some());
            drop((one, other));
            assert!(is_empty(&together));
        }
    }

    #[test]
    fn work_that_panics_has_an_outcome_for_all() {
        let together = Numbers::new(Owner::Table);
        let ask = || together.join(1, None, || Box::pin(async { panic!("a test") }), panicked).0;
        let (mut one, mut other) = (ask(), ask());
        assert_eq!(poll(&mut one), Some(Err("panicked".to_owned())));
        assert_eq!(poll(&mut other), Some(Err("panicked".to_owned())));
        assert!(is_empty(&together));
    }
}
