//! Logins that are being finished: all requests with the response of one login share its end.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::finishing::Ended;
use crate::login::stored::LoginId;

/// Finishes a login, or waits until another request has finished it.
///
/// A browser whose person clicks twice gives up the first request, and waits for the second. The work of a request that was given
/// up goes on with the next one.
pub(super) async fn finish<F>(id: LoginId, work: impl FnOnce() -> F) -> Ended
where
    F: Future<Output = Ended> + Send + 'static,
{
    let (work, _given_up) = {
        let mut under_way = under_way();
        let given_up = under_way.take_given_up();
        let is_full = under_way.0.len() >= MAX_LOGINS && !under_way.0.contains_key(&id);
        let begin = || {
            let work = work();
            let work = async move {
                // Also if the work panics.
                let _forgotten = Forgotten(id);
                work.await
            };
            work.boxed().shared()
        };
        // Without room, a second request gets no more than a redirect.
        let work = if is_full { begin() } else { under_way.share(id, begin) };
        (work, given_up)
    };
    work.await
}

/// The work under way, by the ids of the logins, and since when.
struct UnderWay(BTreeMap<LoginId, (Instant, Work)>);

type Work = Shared<BoxFuture<'static, Ended>>;

impl UnderWay {
    fn share(&mut self, id: LoginId, begin: impl FnOnce() -> Work) -> Work {
        self.0.entry(id).or_insert_with(|| (Instant::now(), begin())).1.clone()
    }

    /// Takes out the work that a browser gave up, and that no second request went on with. The work is dropped without the lock.
    fn take_given_up(&mut self) -> Vec<(Instant, Work)> {
        let is_given_up = |since: &Instant| since.elapsed() > PATIENCE;
        let given_up = self.0.iter().filter(|(_, (since, _))| is_given_up(since)).map(|(id, _)| *id);
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
/// The most logins whose end is shared.
const MAX_LOGINS: usize = 4096;
