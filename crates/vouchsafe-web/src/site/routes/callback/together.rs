//! Logins that are being finished: all requests with the response of one login share its end.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::finishing::Ended;
use crate::login::once::MAX_LOGINS;
use crate::login::stored::LoginId;

/// Finishes a login, or waits until another request has finished it. Tells whether this is the last request that waits.
///
/// A browser whose person clicks twice gives up the first request, and waits for the second. The work of a request that was given
/// up goes on with the next one. Not every server tells that a request was given up: only the last one certainly has a reader.
pub(super) async fn finish(id: LoginId, work: impl FnOnce() -> BoxFuture<'static, Ended>) -> (Ended, bool) {
    let (Sharing { work, waiting, .. }, _given_up) = {
        let mut under_way = under_way();
        let given_up = under_way.take_given_up();
        let begin = || {
            let work = work();
            let work = async move {
                // Also if the work panics.
                let _forgotten = Forgotten(id);
                work.await
            };
            Sharing { since: Instant::now(), work: work.boxed().shared(), waiting: Arc::default() }
        };
        let is_full = under_way.0.len() >= MAX_LOGINS && !under_way.0.contains_key(&id);
        // Without room, a second request gets no more than a redirect.
        let sharing = if is_full { begin() } else { under_way.0.entry(id).or_insert_with(begin).clone() };
        (sharing, given_up)
    };
    let waiter = Waiter::new(waiting);
    let ended = work.await;
    (ended, waiter.is_last())
}

/// The work under way, by the ids of the logins.
struct UnderWay(BTreeMap<LoginId, Sharing>);

/// The work of a login, and who waits for it.
#[derive(Clone)]
struct Sharing {
    since: Instant,
    work: Shared<BoxFuture<'static, Ended>>,
    waiting: Waiting,
}

/// The numbers of the requests that wait, in the order in which they came.
type Waiting = Arc<Mutex<BTreeSet<u64>>>;

/// A request that waits.
struct Waiter {
    number: u64,
    waiting: Waiting,
}

impl Waiter {
    fn new(waiting: Waiting) -> Self {
        let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.last().map_or(0, |last| last + 1);
        all.insert(number);
        drop(all);
        Self { number, waiting }
    }

    fn is_last(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).last() == Some(&self.number)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl UnderWay {
    /// Takes out the work that a browser gave up, and that no second request went on with. The work is dropped without the lock.
    fn take_given_up(&mut self) -> Vec<Sharing> {
        let is_given_up = |since: &Instant| since.elapsed() > PATIENCE;
        let given_up = self.0.iter().filter(|(_, sharing)| is_given_up(&sharing.since)).map(|(id, _)| *id);
        given_up.collect::<Vec<_>>().iter().filter_map(|id| self.0.remove(id)).collect()
    }
}

/// Forgets a login at the end of its work.
struct Forgotten(LoginId);

impl Drop for Forgotten {
    fn drop(&mut self) {
        let ended = under_way().0.remove(&self.0);
        // Without the lock.
        drop(ended);
    }
}

/// One list for the whole process: an application may make its site anew for each request.
static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay(BTreeMap::new()));

fn under_way() -> MutexGuard<'static, UnderWay> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the work is kept of a request that the browser gave up. A token request does not take longer.
const PATIENCE: Duration = Duration::from_secs(60);
